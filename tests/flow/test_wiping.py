"""A LUN with something on it is taken only if it is named and typed, and never while somebody lives there."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from hosted_setup.pipeline.journal import Confirmed
from hosted_setup.testing.initiator import FakeInitiator, pretended_wwid
from hosted_setup.testing.luns import FakeLuns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hosted_setup.pipeline.journal import Record
    from hosted_setup.ports.initiator import Chap, Portal
    from tests.flow.program import Done, Program

PLACE = 152
"""Of the time stamp in a lease (`struct leader_record`)."""


@pytest.fixture
def lun(program: Program) -> Path:
    """Give the LUN, a host's swap space."""
    path = program.on_iscsi()
    subprocess.run(["mkswap", path], check=True, capture_output=True)
    return path


def wiping(program: Program, lun: Path, typed: str | None = None) -> Done:
    """Deploy with the option; what is typed comes from the answers, since nobody is there."""
    program.on_iscsi(HOSTED_ENGINE__wipeLunTyped="" if typed is None else f"str:{typed}")
    return program.restore(f"--wipe-lun={pretended_wwid(lun)}")


def signed(lun: Path) -> bool:
    """Tell whether the swap space is still there."""
    with lun.open("rb") as file:
        file.seek(4086)
        return file.read(10) == b"SWAPSPACE2"


def test_it_is_not_taken_without_the_option(program: Program, lun: Path) -> None:
    done = program.restore()
    assert (done.code, "HE-LUN-USED" in done.out, signed(lun)) == (3, True, True)


def test_it_is_not_taken_untyped(program: Program, lun: Path) -> None:
    done = wiping(program, lun)
    assert (done.code, "HOSTED_ENGINE/wipeLunTyped" in done.out, signed(lun)) == (2, True, True)


def test_it_is_not_taken_when_another_is_typed(program: Program, lun: Path) -> None:
    done = wiping(program, lun, "36001405")
    assert (done.code, "so nothing is wiped" in done.out, signed(lun)) == (2, True, True)


def test_it_is_wiped_and_the_preview_has_said_so(program: Program, lun: Path) -> None:
    done = wiping(program, lun, pretended_wwid(lun))
    assert done.code == 0, done.out
    assert f"the LUN {pretended_wwid(lun)} is wiped: swap" in done.out
    assert not signed(lun)


def leased(program: Program, lun: Path) -> None:
    """Have host 3 hold a lease on the LUN."""
    plain = program.world.root / "lun"  # sanlock's words have colons between them
    plain.symlink_to(lun)
    subprocess.run(["sanlock", "direct", "init", "-s", f"theirs:0:{plain}:0"], check=True, capture_output=True)
    stamp(lun, 100)


def lives_there(program: Program, lun: Path, patch: pytest.MonkeyPatch, renews: Callable[[], bool]) -> None:
    """Have host 3 hold a lease on the LUN, and renew it at each look while `renews` says so."""
    leased(program, lun)
    read = FakeInitiator.read

    def renewing(  # noqa: PLR0913 - the port's
        self: FakeInitiator, portal: Portal, target: str, chap: Chap | None, number: int,
        regions: Sequence[tuple[int, int]],
    ) -> tuple[bytes, ...]:  # fmt: skip
        if renews():
            stamp(lun, stamped(lun) + 20)
        return read(self, portal, target, chap, number, regions)

    patch.setattr(FakeInitiator, "read", renewing)


@pytest.mark.parametrize("living", [True, False])
def test_a_lease_that_is_renewed_forbids_it(
    program: Program,
    lun: Path,
    living: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lives_there(program, lun, monkeypatch, lambda: living)
    done = wiping(program, lun, pretended_wwid(lun))
    assert (done.code, "HE-LUN-LEASE" in done.out) == ((3, True) if living else (0, False)), done.out
    if living:
        assert "hosts renew their leases on it: 3" in done.out


@pytest.mark.parametrize("living", [True, False])
def test_a_lease_on_a_lun_of_this_host_forbids_it_in_the_precheck_too(
    program: Program,
    living: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lun = program.on_fc()
    leased(program, lun)
    read = FakeLuns.read

    def renewing(self: FakeLuns, path: str, regions: Sequence[tuple[int, int]]) -> tuple[bytes, ...]:
        if living:
            stamp(lun, stamped(lun) + 20)
        return read(self, path, regions)

    monkeypatch.setattr(FakeLuns, "read", renewing)
    program.on_fc(HOSTED_ENGINE__wipeLunTyped=f"str:{lun.name}")
    for words in (["--precheck"], []):
        done = program.restore(f"--wipe-lun={lun.name}", *words)
        assert (done.code, "HE-LUN-LEASE" in done.out) == ((3, True) if living else (0, False)), done.out
        assert ("hosts renew their leases on it: 3" in done.out) is living


def test_a_host_that_comes_to_live_there_after_the_confirmation_forbids_it(
    program: Program, lun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Record] = []
    program.observe = lambda _when, record: seen.append(record)
    lives_there(program, lun, monkeypatch, lambda: any(isinstance(record, Confirmed) for record in seen))
    done = wiping(program, lun, pretended_wwid(lun))
    assert (done.code, "HE-LUN-LEASE" in done.out) == (4, True), done.out
    assert stamped(lun) > 100, "it is still there"


def stamp(lun: Path, value: int) -> None:
    with lun.open("r+b") as file:
        file.seek(2 * 512 + PLACE)
        file.write(struct.pack("<Q", value))


def stamped(lun: Path) -> int:
    with lun.open("rb") as file:
        file.seek(2 * 512 + PLACE)
        return int(struct.unpack("<Q", file.read(8))[0])
