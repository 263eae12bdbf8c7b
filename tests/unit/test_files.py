"""Files that are written whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hosted_setup.files import fingerprint, passes_cache, private, put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    return tmp_path / ".file.new"


def test_a_new_file(path: Path, beside: Path) -> None:
    beside.write_text("longer, and half-way written by a process that was killed")
    put(path, b"text", 0o600, beside=beside)
    assert path.read_bytes() == b"text"
    assert not beside.exists()


def test_a_new_file_replaces_none(path: Path, beside: Path) -> None:
    path.write_text("theirs")
    with pytest.raises(FileExistsError):
        put(path, b"text", 0o600, beside=beside)
    assert path.read_text() == "theirs"


def test_another_one_takes_the_place(path: Path, beside: Path) -> None:
    path.write_text("older")
    put(path, b"text", 0o640, beside=beside, new=False)
    assert path.read_bytes() == b"text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not beside.exists()


def test_no_link_is_followed(path: Path, beside: Path) -> None:
    beside.symlink_to(path)
    with pytest.raises(OSError, match="symbolic links"):
        put(path, b"text", 0o600, beside=beside)
    assert not path.exists()


def test_a_private_file(path: Path) -> None:
    with open(path, "xb", opener=private):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_not_every_file_can_be_read_past_the_cache(path: Path) -> None:
    path.write_text("text")
    assert passes_cache(path)
    assert not passes_cache(Path("/proc/self/status"))


def test_a_file_is_known_again(path: Path, beside: Path) -> None:
    path.write_text("one")
    before = fingerprint(path.stat())
    assert fingerprint(path.stat()) == before
    put(path, b"two", 0o644, beside=beside, new=False)
    assert fingerprint(path.stat()) != before
