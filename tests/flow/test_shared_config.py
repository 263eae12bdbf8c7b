"""The configuration of a deployed engine, looked at and changed key by key, on files and on a LUN."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from hosted_setup.domain.settings import changed, settings
from hosted_setup.testing.portrait import changes, portrait

if TYPE_CHECKING:
    from tests.flow.program import Program


@pytest.fixture(params=["files", "LUN"])
def deployed(request: pytest.FixtureRequest, program: Program) -> Program:
    """Deploy an engine."""
    if request.param == "LUN":
        program.on_iscsi()
    assert program.deploy().code == 0
    return program


def says(program: Program, line: str, *arguments: str) -> None:
    done = program(*arguments)
    assert (done.code, done.out) == (0, f"[ INFO  ] {line}\n")


def test_every_type_is_shown_changed_and_cleaned_up(deployed: Program) -> None:
    here = deployed.world.paths.etc / "hosted-engine.conf"
    says(deployed, "fqdn : engine.example.com, type : he_local", "get-shared-config", "fqdn")
    says(deployed, "ca_subject : /C=ZZ O, type : he_shared", "set-shared-config", "ca_subject", "/C=ZZ O",
         "--type=he_shared")  # fmt: skip
    says(deployed, "ca_subject : /C=ZZ O, type : he_shared", "get-shared-config", "ca_subject", "--type=he_shared")
    assert "/C=ZZ O" not in here.read_text()
    says(deployed, "mnt_options : soft,timeo=100, type : he_local", "set-shared-config", "mnt_options",
         "soft,timeo=100")  # fmt: skip
    assert "\nmnt_options=soft,timeo=100\n" in here.read_text()
    assert here.stat().st_mode & 0o777 == 0o600
    says(deployed, "smtp-server : mail.example.com, type : broker", "set-shared-config", "smtp-server",
         "mail.example.com")  # fmt: skip
    says(deployed, "smtp-server : mail.example.com, type : broker", "get-shared-config", "smtp-server")
    says(deployed, "local_maintenance : False, type : ha", "get-shared-config", "local_maintenance")
    says(deployed, "local_maintenance : True, type : ha", "set-shared-config", "local_maintenance", "True")
    says(deployed, "local_maintenance : True, type : ha", "get-shared-config", "local_maintenance", "--type=ha")
    done = deployed("cleanup", "--yes")
    assert done.code == 0, done.out
    assert not here.exists()
    assert not deployed.world.paths.ha_state.exists()
    assert deployed("get-shared-config", "fqdn").code == 1


def test_an_unknown_key_is_refused_with_a_suggestion(program: Program) -> None:
    assert program.deploy().code == 0
    before = portrait(program.world)
    for command in (["get-shared-config", "fdqn"], ["set-shared-config", "fdqn", "x", "--type=he_shared"]):
        done = program(*command)
        assert done.code == 2
        assert "HE-CONFIG-KEY" in done.out
        assert "Did you mean fqdn?" in done.out
        (shown,) = re.findall(r"hosted-engine (get-shared-config .*)", done.out)
        assert program(*[one for one in shlex.split(shown) if not one.startswith("--root")]).code == 0
    done = program("get-shared-config", "fqdn", "--type=broker")
    assert (done.code, "Show one that there is with:" in done.out) == (2, True)
    assert changes(before, portrait(program.world)) == {}


def test_what_is_no_line_is_refused(program: Program) -> None:
    assert program.deploy().code == 0
    before = portrait(program.world)
    done = program("set-shared-config", "gateway", "192.0.2.1\nfqdn=evil.example.com")
    assert done.code == 2
    assert "HE-CONFIG-VALUE" in done.out
    assert changes(before, portrait(program.world)) == {}


def test_without_a_deploy_there_is_none(program: Program) -> None:
    done = program("set-shared-config", "gateway", "192.0.2.1")
    assert done.code == 1
    assert "HE-NOT-DEPLOYED" in done.out
    assert "You must run deploy first" in done.out
    assert "hosted-engine deploy" in done.out


def test_a_file_of_an_agent_survives_the_cleanup(program: Program) -> None:
    assert program.deploy().code == 0
    conf = program.world.paths.ha_state / "ha.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("local_maintenance=False\nlocal_maintenance_manual=False\n")
    assert program("set-shared-config", "local_maintenance", "True", "--type=ha").code == 0
    assert program("cleanup", "--yes").code == 0
    assert conf.read_text() == "local_maintenance=True\nlocal_maintenance_manual=False\n"


@pytest.mark.parametrize("value", ["", "plain", "two words", "it's", '"', "$HOME", "a=b"])
def test_every_value_comes_back(value: str) -> None:
    text = changed("[email]\n# a=1\na=1\nb='two words'\n", "a", value, quoted=True)
    assert settings(text, quoted=True) == {"a": value, "b": "two words"}
    assert settings(changed("a = 1\n", "b", value, quoted=False), quoted=False) == {"a": "1", "b": value}


def test_a_line_with_an_open_quote_is_read_as_it_is() -> None:
    assert settings("a='b\n", quoted=True) == {"a": "'b"}
