"""Those who answer a deploy's questions: somebody at a terminal, and a program; both give the same answers."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema

from hosted_plugins import COMMANDS, FEATURES
from hosted_plugins.deploy.work import plan_of, sections_of
from hosted_setup.model.question import questions_of
from hosted_setup.registry import Registry
from tests.dialog.tmux import Tmux, asks, question
from tests.system.installer import ADMIN_PASSWORD, PROGRAM, ROOT_PASSWORD, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ASKED_WITHIN: Final = 120.0
WORK_WITHIN: Final = 900.0
CONFIRM: Final = "Please confirm installation settings"
SCHEMA: Final = Path(__file__).parents[2] / "docs/machine-dialect.json"
DOUBT: Final = "Continue with it?"
PAGE: Final = "Page "


class AskedSite(Site):
    """A host on which the answers are asked for: what never is has its default, and that is a name of libvirt's too."""

    @property
    def vm_name(self) -> str:
        """Give the VM's name."""
        return "HostedEngine"

    @property
    def network_name(self) -> str:
        """Give the network's name."""
        return "hosted-engine"


def replies(site: Site) -> dict[str, str]:
    """Give what is replied, by key; every other question is answered by its default."""
    return {
        "OVEHOSTED_STORAGE/storageDomainConnection": str(site.storage),
        "OVEHOSTED_VM/ovfArchive": str(site.appliance),
        "OVEHOSTED_VM/vmVCpus": "2",
        "OVEHOSTED_VM/vmMemSizeMB": "1536",
        "OVEHOSTED_VM/vmMACAddr": "00:16:3e:4b:1d:02",  # else each of the runs would propose one of its own
        "OVEHOSTED_VM/cloudinitRootPwd": ROOT_PASSWORD,
        "OVEHOSTED_ENGINE/appHostName": "lab-host",
        "OVEHOSTED_ENGINE/adminPassword": ADMIN_PASSWORD,
    }


def words(site: Site, *more: str) -> list[str | Path]:
    """Give the command line of a deploy that asks for its answers."""
    assert site.archive is not None
    where = (f"--root={site.root}", f"--libvirt-uri={site.lab.uri}")
    return [PROGRAM, "deploy", f"--restore-from-file={site.archive}", *more, *where]


def terminal(site: Site, name: str) -> Tmux:
    """Give a terminal in the laboratory."""
    folder = site.folder / name
    folder.mkdir()
    return Tmux(folder, site.lab.argv)


class Reader:
    """Somebody who reads the screen and replies to the question that stands there.

    Args:
        tmux: the terminal.
        given: the replies by key.
        barred: whether a question has a bar below it, as the wizard's have.
    """

    def __init__(self, tmux: Tmux, given: Mapping[str, str], *, barred: bool) -> None:
        """See the class."""
        self.tmux = tmux
        self._given = given
        self._barred = barred

    def first(self) -> str:
        """Give the screen with the first question."""
        return self._next("")

    def answer_all(self) -> str:
        """Answer everything that is asked; give the screen with the confirmation."""
        screen = self.first()
        while not (asked := self._question(screen)).startswith(CONFIRM):
            own = "yes" if asked.startswith(DOUBT) else ""
            reply = self._given.get(_key_of(asked), own)
            screen = self.reply(reply)
        return screen

    def reply(self, text: str) -> str:
        """Reply to the question that stands there; give the screen with the next one."""
        before = self._question(self.tmux.screen())
        self.tmux.type(text, "Enter")
        return self._next(before)

    def _next(self, before: str) -> str:
        return self.tmux.wait_for(lambda screen: self._question(screen) not in ("", before), ASKED_WITHIN)

    def _question(self, screen: str) -> str:
        """Give the words of the question that stands there; nothing when none does."""
        if not asks(screen, barred=self._barred):
            return ""
        asked = question(screen)
        return asked if asked.startswith((CONFIRM, DOUBT, PAGE)) or _key_of(asked) else ""


@cache
def _prompts() -> Mapping[str, str]:
    """Give the key of every question by its prompt."""
    sections = sections_of(plan_of(Registry((*COMMANDS, *FEATURES), third_parties=False)))
    return {one.prompt: one.key for section in sections for one in questions_of(section)}


def _key_of(asked: str) -> str:
    """Find the question whose prompt stands there, or as much of it as fits on a line; the longest one counts."""
    found = [one for one in _prompts() if asked.startswith(one) or (len(asked) > 60 and one.startswith(asked))]
    return _prompts()[max(found, key=len)] if found else ""


class Client:
    """A program that speaks the machine dialect as it is published: everything that is said is held against it."""

    def __init__(self, site: Site, given: Mapping[str, str]) -> None:
        """Start a deploy."""
        self.told: list[dict[str, Any]] = []
        self._given = given
        self._schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
        self._errors = site.folder / "client.errors"
        with self._errors.open("wb") as errors:
            self._process = site.lab.spawn(
                words(site, "--dialect=machine"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8",
            )  # fmt: skip

    def run(self) -> int:
        """Read and reply until nothing more comes; give the exit code."""
        stdin = self._process.outer.stdin
        assert stdin is not None
        for message in self._messages():
            reply = self._reply(message)
            if reply is not None:
                self._schema.validate(reply)
                stdin.write(json.dumps(reply) + "\n")
                stdin.flush()
        stdin.close()
        code = self._process.wait(60)
        assert self._errors.read_bytes() == b""
        return code

    def _messages(self) -> Iterator[dict[str, Any]]:
        assert self._process.outer.stdout is not None
        with self._process.outer.stdout as stdout:
            for line in stdout:
                message = json.loads(line)
                self._schema.validate(message)
                self.told.append(message)
                yield message

    def _reply(self, message: dict[str, Any]) -> dict[str, Any] | None:
        replies: dict[str, Callable[[], dict[str, Any]]] = {
            "question": lambda: {"answer": _typed(message, self._given.get(message["key"]))},
            "review": lambda: {"confirm": True},
        }
        assert message["type"] not in ("rejected", "confirm", "failed"), message
        return replies[message["type"]]() if message["type"] in replies else None


def _typed(message: Mapping[str, Any], text: str | None) -> str | int | None:
    """Give an answer in the question's own type; a doubtful one is meant."""
    if message["warning"]:
        return True
    return int(text) if text is not None and message["kind"] == "integer" else text
