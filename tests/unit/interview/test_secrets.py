"""Where secrets may be read from."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from hosted_setup.interview import secrets
from hosted_setup.interview.problems import AnswersUnreadable
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("OVEHOSTED_ENGINE/adminPassword", "ADMIN_PASSWORD"),
        ("OVEHOSTED_VM/cloudinitRootPwd", "CLOUDINIT_ROOT_PWD"),
        ("OVEHOSTED_STORAGE/iSCSIPortalPassword", "ISCSI_PORTAL_PASSWORD"),
        ("OVEHOSTED_STORAGE/iSCSIDiscoverPassword", "ISCSI_DISCOVER_PASSWORD"),
        ("OVEHOSTED_VDSM/passwd", "PASSWD"),
        ("HOSTED_ENGINE/x2Token", "X2_TOKEN"),
    ],
)
def test_variables(key: str, variable: str) -> None:
    assert secrets.variable_of(key) == f"HOSTED_ENGINE_SECRET_{variable}"


def test_the_environment_keeps_none() -> None:
    environ = {"PATH": "/bin", "HOSTED_ENGINE_SECRET_A": "a1b2", "HOSTED_ENGINE_SECRET_B": ""}
    assert secrets.take_from_environment(environ) == {
        "HOSTED_ENGINE_SECRET_A": Secret("a1b2"),
        "HOSTED_ENGINE_SECRET_B": Secret(""),
    }
    assert environ == {"PATH": "/bin"}


def test_a_private_file_is_fit(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("text")
    path.chmod(0o600)
    assert secrets.read(path) == secrets.Content("text", None)
    path.chmod(0o400)
    assert secrets.read(path).unfit is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o666, 0o602])
def test_others_may_not_have_any_right(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "my secrets"
    path.write_text("text")
    path.chmod(mode)
    unfit = secrets.read(path).unfit
    assert unfit
    assert unfit.code == "HE-SECRETS-MODE"
    assert f"{mode:04o}" in unfit.why
    program, *arguments = shlex.split(unfit.command)
    assert shutil.which(program)
    assert arguments == ["600", str(path)]


def test_it_has_to_be_the_caller_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    path.write_text("text")
    path.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    unfit = secrets.read(path).unfit
    assert unfit
    assert unfit.command.startswith("chown ")


def test_a_link_is_read_but_not_fit(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("text")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to("real")
    content = secrets.read(tmp_path / "link")
    assert content.text == "text"
    assert content.unfit
    assert "link" in content.unfit.why


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf[environment:default]")
    assert secrets.read(tmp_path / "a").text == "[environment:default]"


def _missing(path: Path) -> None:
    assert not path.exists()


def _directory(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


def _too_long(path: Path) -> None:
    path.write_bytes(b"#" * (secrets.MOST + 1))


def _loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_missing, "No such file"),
        (_directory, "not a regular file"),
        (_pipe, "not a regular file"),
        (_no_text, "not UTF-8"),
        (_too_long, "longer than"),
        (_loop, "symbolic links"),
    ],
)
def test_unreadable(tmp_path: Path, make: object, why: str) -> None:
    path = tmp_path / "file"
    assert callable(make)
    make(path)
    with pytest.raises(AnswersUnreadable) as caught:
        secrets.read(path)
    assert why in caught.value.why
    assert caught.value.where == str(path)
    assert shutil.which(shlex.split(caught.value.command)[0])


def test_the_longest_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"#" * secrets.MOST)
    assert len(secrets.read(tmp_path / "a").text) == secrets.MOST


def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("text")
    path.chmod(0o644)
    before = path.stat()
    secrets.read(path)
    after = path.stat()
    assert (before.st_mtime_ns, stat.S_IMODE(before.st_mode)) == (after.st_mtime_ns, stat.S_IMODE(after.st_mode))
