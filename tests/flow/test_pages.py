"""The pages on storage: every command in them is run, and the tables in them say what the program does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_plugins.storage import glusterfs, nfs
from hosted_setup.model.problem import Problem
from hosted_setup.ports import gluster_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.flow.program import Program

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("nfs.md", "glusterfs.md", "storage-discovery.md", "luns.md")


def commands(page: str) -> list[str]:
    """Give the commands of a page."""
    return re.findall(r"^ {4}(hosted-engine .*)$", (DOCS / page).read_text(), re.MULTILINE)


def prepared(program: Program, kind: str) -> None:
    """Have the storage that the pages speak of, and the operator's files."""
    ready: dict[str, Callable[[], object]] = {
        "nfs": program.on_mounted_nfs, "glusterfs": program.on_gluster, "iscsi": program.on_iscsi, "fc": program.on_fc,
    }  # fmt: skip
    ready[kind]()


def as_here(program: Program, words: Iterable[str]) -> list[str]:
    """Give the words of a command with the operator's files in the place of those on the page."""
    files = {
        "nfs.conf": program.inputs.answers, "glusterfs.conf": program.inputs.answers,
        "secrets.conf": program.inputs.secrets, "chap.conf": program.inputs.secrets,
    }  # fmt: skip
    found = []
    for word in words:
        name, _equals, file = word.partition("=")
        found.append(f"{name}={files[file]}" if file in files else word)
    return found


@pytest.mark.parametrize("command", [one for page in PAGES for one in commands(page)])
def test_a_command_of_a_page(program: Program, command: str) -> None:
    _hosted_engine, *words = shlex.split(command)
    kinds = ("nfs", "glusterfs", "iscsi", "fc")
    kind = next(one for one in kinds if one in words or f"--config-append={one}.conf" in words)
    prepared(program, kind)
    if kind == "iscsi":  # what the page's file holds
        secrets = program.inputs.secrets
        secrets.write_text(f"{secrets.read_text()}OVEHOSTED_STORAGE/iSCSIPortalUser=str:host\n")
    done = program(*as_here(program, words))
    assert done.code == 0, done.out


def test_there_are_commands() -> None:
    assert [len(commands(page)) for page in PAGES] == [3, 3, 4, 2]


def test_the_options_on_the_page_are_those_that_are_wanted() -> None:
    rows = re.findall(r"^\| (`.*`) \| `(\w+)` \|$", (DOCS / "glusterfs.md").read_text(), re.MULTILINE)
    told = {name: value for names, value in rows for name in re.findall(r"`([^`]+)`", names)}
    assert told == glusterfs.WANTED


@pytest.mark.parametrize("page", ["nfs.md", "glusterfs.md"])
def test_the_codes_on_a_page_are_all_there_are(page: str) -> None:
    module = {"nfs.md": nfs, "glusterfs.md": glusterfs}[page]
    told = set(re.findall(r"`(HE-[A-Z-]+)`", (DOCS / page).read_text()))
    own = {one.code for one in vars(module).values() if isinstance(one, type) and issubclass(one, Problem)
           and one.__module__ == module.__name__}  # fmt: skip
    assert told <= set(Problem.registry) | {one.code for one in vars(gluster_problems).values() if hasattr(one, "code")}
    assert own - told <= {"HE-NFS-WAY"}


def test_the_mount_options_on_the_page_are_those_of_the_mount() -> None:
    assert f"`{','.join(one for one in nfs.OPTIONS if one != 'retry=0')}`" in (DOCS / "nfs.md").read_text()
