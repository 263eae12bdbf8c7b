"""Passwords that begin or end in a blank: taken as they stand, or refused, whichever place they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hosted_setup.testing.behaviour import SETUP_FAILS
from hosted_setup.testing.machine import FakeMachine
from tests.flow.program import ADMIN, ROOT, SECRETS

if TYPE_CHECKING:
    from tests.flow.program import Program

BLANKS = (" {}", "{} ", "\u00a0{}\u00a0")


def given(
    program: Program, monkeypatch: pytest.MonkeyPatch, place: str, *, admin: str = ADMIN, root: str = ROOT
) -> None:
    """Give both passwords in the secrets file, or in the environment alone."""
    if place == "file":
        program.inputs.secrets.write_text(SECRETS.replace(ADMIN, admin).replace(ROOT, root))
        return
    program.inputs.secrets.write_text("[environment:default]\n")
    monkeypatch.setenv("HOSTED_ENGINE_SECRET_ADMIN_PASSWORD", admin)
    monkeypatch.setenv("HOSTED_ENGINE_SECRET_CLOUDINIT_ROOT_PWD", root)


@pytest.mark.parametrize("blanks", BLANKS)
@pytest.mark.parametrize("place", ["file", "environment"])
def test_the_guest_gets_the_root_password_as_it_stands(
    program: Program, monkeypatch: pytest.MonkeyPatch, place: str, blanks: str
) -> None:
    root = blanks.format(ROOT)
    given(program, monkeypatch, place, root=root)
    program.world.behaviour.guest.setup = ("?admin-password", *SETUP_FAILS)  # so that the seed is still there
    assert program.deploy().code == 4
    (seed,) = program.world.root.rglob("seed.iso")
    assert FakeMachine(program.world.behaviour).hash_password(root).encode() in seed.read_bytes()


@pytest.mark.parametrize("blanks", BLANKS)
@pytest.mark.parametrize("place", ["file", "environment"])
def test_engine_setup_could_not_take_such_a_password(
    program: Program, monkeypatch: pytest.MonkeyPatch, place: str, blanks: str
) -> None:
    given(program, monkeypatch, place, admin=blanks.format(ADMIN))
    done = program.deploy()
    assert done.code == 2
    assert "HE-ANSWERS-VALUE" in done.out
    assert "it must not begin or end in a blank: engine-setup would drop the blank" in done.out
    assert ADMIN not in done.out
