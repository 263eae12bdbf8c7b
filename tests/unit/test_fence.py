"""The fence around unit tests is closed."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

TRESPASS = pytest.fail.Exception


def test_no_program_is_started() -> None:
    with pytest.raises(TRESPASS, match=r"subprocess\.Popen"):
        subprocess.run(["true"], check=True)


def test_no_process_is_forked() -> None:
    with pytest.raises(TRESPASS, match=r"os\.fork"):
        os.fork()


def test_nothing_is_connected_to() -> None:
    with socket.socket() as client, pytest.raises(TRESPASS, match=r"socket\.connect"):
        client.connect(("127.0.0.1", 9))


def test_nothing_is_written_elsewhere() -> None:
    with pytest.raises(TRESPASS, match="must not write"):
        Path(__file__).with_name("trespass").write_text("")


def test_the_tests_own_folder_is_free(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert (tmp_path / "file").read_text() == "mine"
