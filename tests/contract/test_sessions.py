"""What open-iscsi is asked and given for a login, and what its answers come to; iscsiadm is a stand-in that fails so.

The real one, and the kernel: tests/system/test_iscsi_kernel.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.adapters import bounded
from hosted_setup.adapters.open_iscsi import OpenIscsi
from hosted_setup.model.secret import Secret
from hosted_setup.ports.initiator import Chap, Portal
from hosted_setup.ports.iscsi_problems import ChapRefused, IscsiFault, PortalDown, PortalHung, TargetMissing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hosted_setup.model.problem import Problem

TARGET: Final = "iqn.2026-01.org.example:engine"
NAME: Final = "iqn.1993-08.org.debian:01:abc"
PORTAL: Final = Portal("192.0.2.31", 3260, 1)
CHAP: Final = Chap("alice", Secret("correct horse/+=€"))
RECORD: Final = """\
# BEGIN RECORD 2.1.8
node.name = iqn.2026-01.org.example:engine
node.tpgt = 1
node.startup = automatic
node.session.auth.authmethod = None
node.conn[0].timeo.login_timeout = 15
# END RECORD
"""
STAND_IN: Final = """\
#!/bin/sh
printf '%s\\n' "$*" >> {top}/asked
case "$*" in
*"--op new") mkdir -p {record}; umask 077; cat {top}/blank > {record}/default;;
*--log*) {login};;
esac
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], OpenIscsi]:
    """Give what makes an adapter whose iscsiadm does that at a login or logout."""
    monkeypatch.setattr(bounded, "search_path", lambda: f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "blank").write_text(RECORD)

    def made(login: str) -> OpenIscsi:
        record = tmp_path / f"nodes/{TARGET}/192.0.2.31,3260,1"
        program = tmp_path / "iscsiadm"
        program.write_text(STAND_IN.format(top=tmp_path, record=record, login=login))
        program.chmod(0o755)
        return OpenIscsi(lambda: NAME, (tmp_path,), within=1.0)

    return made


def test_a_password_is_in_the_record_alone(asked: Callable[[str], OpenIscsi], tmp_path: Path) -> None:
    sessions = asked("exit 0")
    assert not sessions.recorded(PORTAL, TARGET)
    sessions.login(PORTAL, TARGET, CHAP, anew=True)
    assert sessions.recorded(PORTAL, TARGET)
    path = tmp_path / f"nodes/{TARGET}/192.0.2.31,3260,1/default"
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text().splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("# BEGIN RECORD 2.1.8", f"node.name = {TARGET}", "# END RECORD")
    assert {"node.startup = manual", "node.session.auth.authmethod = CHAP", "node.session.auth.username = alice",
            "node.session.auth.password = correct horse/+=€"} <= set(lines)  # fmt: skip
    assert len([line for line in lines if line.startswith("node.startup")]) == 1
    assert [one.name for one in (tmp_path / "nodes").iterdir()] == [TARGET]
    node = f"--mode node --targetname {TARGET} --portal 192.0.2.31:3260"
    assert (tmp_path / "asked").read_text() == f"{node},1 --op new\n{node} --login\n"


def test_a_record_that_is_there_is_used_as_it_is(asked: Callable[[str], OpenIscsi], tmp_path: Path) -> None:
    sessions = asked("exit 15")  # there is a session already
    sessions.login(PORTAL, TARGET, None, anew=True)
    path = tmp_path / f"nodes/{TARGET}/192.0.2.31,3260,1/default"
    path.write_text(RECORD)
    sessions.login(PORTAL, TARGET, CHAP, anew=False)
    assert path.read_text() == RECORD


@pytest.mark.parametrize(
    ("code", "kind"),
    [(4, PortalDown), (8, PortalHung), (19, TargetMissing), (24, ChapRefused), (18, IscsiFault)],
)
def test_what_iscsiadm_says_is_told_apart(asked: Callable[[str], OpenIscsi], code: int, kind: type[Problem]) -> None:
    words = f"initiator reported error ({code} - so it is)"
    sessions = asked(f"echo 'iscsiadm: {words}' >&2; echo 'iscsiadm: Could not log in' >&2; exit {code}")
    for chap in (None, CHAP):
        with pytest.raises(kind) as refused:
            sessions.login(PORTAL, TARGET, chap, anew=True)
        assert refused.value.why == words
        assert (f"allow the initiator {NAME} on" in refused.value.hint) is (kind in {ChapRefused, TargetMissing})


def test_one_that_hangs_is_given_up(asked: Callable[[str], OpenIscsi]) -> None:
    begun = time.monotonic()
    with pytest.raises(PortalHung, match="HE-ISCSI-HUNG"):
        asked("sleep 60").login(PORTAL, TARGET, None, anew=True)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("code", [0, 2, 21])
def test_a_session_that_is_gone_is_ended(asked: Callable[[str], OpenIscsi], code: int) -> None:
    asked(f"exit {code}").logout(PORTAL, TARGET)


def test_no_record_and_no_program_are_told(
    asked: Callable[[str], OpenIscsi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked("exit 0")
    with pytest.raises(IscsiFault) as fault:
        OpenIscsi(lambda: NAME, (tmp_path / "elsewhere",)).login(PORTAL, TARGET, None, anew=True)
    assert fault.value.why == "iscsiadm has made no record"
    (tmp_path / "iscsiadm").unlink()
    monkeypatch.setattr(bounded, "search_path", lambda: str(tmp_path))
    assert OpenIscsi(lambda: NAME).missing() == "the program iscsiadm"
    assert OpenIscsi(lambda: NAME).portals(TARGET) == ()
