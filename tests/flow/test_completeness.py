"""Whatever the project declares is exercised: a new step, check, question, undo, problem or hook without a test fails.

Of the texts, `tests/house/test_messages.py` tells, at the end of `make test`, which ones no test has met.
"""

from __future__ import annotations

import ast
import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import pytest

import hosted_plugins
import hosted_setup
from hosted_plugins import COMMANDS, FEATURES
from hosted_plugins.deploy.work import FLOWS, plan_of
from hosted_setup.hooks import Hooks
from hosted_setup.interview import keys
from hosted_setup.interview.confirmation import Confirmation
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import questions_of
from hosted_setup.pipeline.journal import Done, Intent
from hosted_setup.pipeline.plan import Ask, checks_of
from hosted_setup.pipeline.step import Step, step_of
from hosted_setup.pipeline.undo import Undo
from hosted_setup.registry import Registry
from hosted_setup.testing.crash import Counter
from hosted_setup.testing.trees import export_file
from hosted_setup.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosted_setup.pipeline.plan import Item
    from tests.flow.program import Program

TESTS = Path(__file__).parents[1]
PROJECT = ("hosted_setup.", "hosted_plugins.")
REGISTRY = Registry((*COMMANDS, *FEATURES), third_parties=False)


def ours(kind: type[object]) -> bool:
    return kind.__module__.startswith(PROJECT)


@cache
def modules() -> tuple[str, ...]:
    """Import every module of the product, so that all it declares is known."""
    names = [
        found.name
        for package in (hosted_setup, hosted_plugins)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for name in names:
        import_module(name)
    return tuple(names)


def codes() -> list[str]:
    modules()
    return sorted(code for code, kind in Problem.registry.items() if ours(kind))


@cache
def asserted() -> str:
    """Give every text that stands in an assertion or in a table of some test."""
    texts: list[str] = []
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            # a docstring is an expression of its own; what is in an assertion, a table or a call is not
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                node.value.value = ""
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


@pytest.mark.parametrize("code", codes())
def test_every_problem_is_asserted_by_its_code(code: str) -> None:
    assert any(code in line.replace(",", " ").replace(":", " ").split() for line in asserted().splitlines())


def named(code: CodeType) -> Iterator[str]:
    """Give the names that a function uses, those in its comprehensions too."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from named(inner)


def codes_of(check: Step) -> set[str]:
    """Give the codes of the problems that a check, or a function of ours that it reaches, can make."""
    found = set[str]()
    seen, left = set[FunctionType](), [check.function]
    while left:
        function = left.pop()
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        for value in (function.__globals__.get(name) for name in named(function.__code__)):
            if isinstance(value, type) and issubclass(value, Problem) and "code" in vars(value):
                found.add(value.code)
            elif isinstance(value, FunctionType) and value.__module__.startswith(PROJECT):
                left.append(value)
    return found


@pytest.mark.parametrize(
    "check",
    dict.fromkeys(one for flow in FLOWS.values() for one in checks_of(plan_of(REGISTRY, flow))),
    ids=lambda check: check.label,
)
def test_every_check_refuses_by_codes_that_are_asserted(check: Step) -> None:
    words = set(re.findall(r"[A-Z-]+", asserted()))
    assert codes_of(check)
    assert codes_of(check) <= words


@pytest.fixture
def run(program: Program) -> Counter:
    """Deploy with a restore, on a host with an older deploy's answers."""
    older = program.world.paths.etc / "answers.conf"
    older.parent.mkdir(parents=True)
    older.write_text("# of an older deploy\n")
    program.observe = Counter()
    assert program.restore().code == 0
    return program.observe


def test_every_step_and_check_is_done(run: Counter, program: Program) -> None:
    assert program("cleanup", "--yes").code == 0
    for choose in (program.on_iscsi, program.on_fc, program.on_mounted_nfs, program.on_gluster):  # one kind's alone
        choose()
        assert program.restore().code == 0
        assert program("cleanup", "--yes").code == 0
    join(program)
    done = {record.step for record in run.records if isinstance(record, Done)}
    assert done == {step_of(function).name for function in REGISTRY.steps()}
    assert done == {item.name for item in every_item() if isinstance(item, Step)}


def join(program: Program) -> None:
    """Deploy two engines, then have an additional host join one of them."""
    program.answer()
    assert program.restore().code == 0
    storage, root = program.world.storage, program.world.root
    (domain,) = storage.iterdir()
    there = {"OVEHOSTED_STORAGE__storageDomainConnection": f"str:{storage}"}
    program.world = World.make(root.with_name("beside"))
    program.answer(**there, HOSTED_ENGINE__additionalHost="bool:False")
    assert program.deploy().code == 0
    program.world = World.make(root.with_name("additional"))
    program.answer(
        **there, HOSTED_ENGINE__additionalHost="bool:True", OVEHOSTED_STORAGE__sdUUID=f"str:{domain.name}",
        OVEHOSTED_VM__ovfArchive="", OVEHOSTED_NETWORK__fqdn="",
    )  # fmt: skip
    assert program.deploy().code == 0


def every_item() -> tuple[Item, ...]:
    """Give the items of all flows."""
    return tuple(item for flow in FLOWS.values() for item in plan_of(REGISTRY, flow))


def test_every_undo_is_recorded(run: Counter, program: Program) -> None:
    modules()
    assert program("cleanup", "--yes").code == 0
    program.answer(HOSTED_ENGINE__networkMode="str:bridge")
    interfaces = program.world.paths.root / "etc/network/interfaces"
    interfaces.parent.mkdir(parents=True)
    interfaces.write_text("auto eno1\niface eno1 inet static\n    address 192.0.2.10/24\n    gateway 192.0.2.1\n")
    assert program.restore().code == 0
    assert program("cleanup", "--yes").code == 0
    program.on_iscsi()
    assert program.restore().code == 0
    assert program("cleanup", "--yes").code == 0
    program.on_mounted_nfs()
    assert program.restore().code == 0
    assert program("cleanup", "--yes").code == 0
    program.on_gluster(tuned={"network.ping-timeout": ""}, HOSTED_ENGINE__setGlusterOptions="bool:True")
    assert program.restore().code == 0
    assert program("cleanup", "--yes").code == 0
    join(program)
    recorded = {record.undo for record in run.records if isinstance(record, Intent)}
    assert recorded == {name for name, kind in Undo.registry.items() if ours(kind)}


def test_every_question_is_answered_and_kept(run: Counter, program: Program) -> None:
    assert program("cleanup", "--yes").code == 0
    program.answer(
        HOSTED_ENGINE__networkMode="str:bridge", OVEHOSTED_VM__cloudinitVMStaticCIDR="str:192.0.2.5/24",
        OVEHOSTED_NETWORK__network_test="str:tcp", OVEHOSTED_NETWORK__network_test_tcp_address="str:192.0.2.80",
        OVEHOSTED_NETWORK__network_test_tcp_port="int:443", OVEHOSTED_VM__applyOpenScapProfile="bool:True",
        OVEHOSTED_VM__OpenScapProfileName="str:pci-dss", OVEHOSTED_STORAGE__domainType="str:nfs",
        OVEHOSTED_STORAGE__storageDomainConnection="str:nas.example.com:/engine",
        HOSTED_ENGINE__storageServer="str:nas.example.com",
    )  # fmt: skip
    beside = program.inputs.appliance.with_name("engine-appliance.conf")
    beside.write_text(f"path={program.inputs.appliance}\nfeatures=keycloak openscap fips\n")
    export_file(program.world.exports, "nas.example.com", "/engine").mkdir(parents=True)
    assert program.deploy().code == 0  # what is not asked when a backup is restored on a NAT network
    assert program("cleanup", "--yes").code == 0
    nobodys = "str:36001405"
    program.on_iscsi(discovery=True, HOSTED_ENGINE__wipeLun=nobodys, HOSTED_ENGINE__wipeLunTyped=nobodys)
    assert program.deploy().code == 0  # what only one kind of storage asks
    assert program("cleanup", "--yes").code == 0
    program.on_gluster(tuned={"network.ping-timeout": ""}, HOSTED_ENGINE__setGlusterOptions="bool:True")
    assert program.deploy().code == 0
    folders = [program.world.paths.state / "answers"]
    assert program("cleanup", "--yes").code == 0
    join(program)
    folders.append(program.world.paths.state / "answers")
    kept_answers = [path for folder in folders for path in folder.glob("*.conf")]
    lines = [line for path in kept_answers for line in path.read_text().splitlines()]
    asked = [one for item in every_item() if isinstance(item, Ask) for one in questions_of(item.section)]
    kept = {line.partition("=")[0] for line in lines if line and line[0] not in "#["}
    assert kept == {one.key for one in asked if not one.secret}
    for one in asked:
        assert one.secret == any(line.startswith(f"# {one.key} is secret") for line in lines)


def test_every_key_of_the_original_is_used_or_named_in_a_notice(program: Program) -> None:
    used = {one.key for item in every_item() if isinstance(item, Ask) for one in questions_of(item.section)}
    used |= {one.key for one in questions_of(Confirmation)}
    rest = sorted(keys.ORIGINAL - used)
    assert len(keys.ORIGINAL) == 144
    program.answer(**dict.fromkeys(rest, "str:x"))
    program.inputs.answers.chmod(0o600)  # some are secret
    done = program.deploy("--precheck")
    assert done.code == 0, done.out
    (notice,) = (line for line in done.out.splitlines() if "known keys without effect here: " in line)
    assert notice.partition("known keys without effect here: ")[2].split(", ") == [*rest]


@pytest.mark.parametrize("hook", [name for name in vars(Hooks) if name.startswith("hosted_setup_")])
def test_every_hook_is_exercised_by_a_third_partys_plugin(hook: str) -> None:
    assert f"def {hook}(" in (TESTS / "unit/registry/test_registry.py").read_text()


def test_every_question_that_is_asked_has_a_line_of_help_or_a_pick_list() -> None:
    sections = [item.section for item in every_item() if isinstance(item, Ask)]
    bare = [
        one.key for section in sections for one in questions_of(section) if one.asked and not (one.help or one.offer)
    ]
    assert not bare
