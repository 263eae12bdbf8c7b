"""Files fetched by SSH, from the one machine that holds the known host key."""

from __future__ import annotations

import logging
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import paramiko
import pytest

from hosted_setup.adapters.paramiko_shell import ParamikoShells
from hosted_setup.model.secret import Secret
from hosted_setup.ports.problems import HostKeyWrong, ShellUnreachable
from hosted_setup.ports.shell import ShellAddress, Shells
from hosted_setup.testing.behaviour import HOST_KEY, Behaviour
from hosted_setup.testing.machine import FakeShells
from tests.contract.ssh_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = Secret("secret")


@dataclass(frozen=True)
class ShellBench:
    """An adapter, an address that works and one that does not."""

    shells: Shells
    address: ShellAddress
    nowhere: tuple[Shells, ShellAddress]
    logs: tuple[str, ...]


def text_of(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"


@pytest.fixture(params=["fake", "real"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ShellBench]:
    """Give pretended SSH, then paramiko with a server of its own."""
    logs = (str(tmp_path / "remote" / "engine.log"), str(tmp_path / "remote" / "it's here"))
    if request.param == "fake":
        address = ShellAddress("192.0.2.2", HOST_KEY)
        yield ShellBench(FakeShells(Behaviour()), address, (FakeShells(Behaviour(ssh=False)), address), logs)
        return
    (tmp_path / "remote").mkdir()
    for name in logs:
        with open(name, "w") as stream:  # noqa: PTH123 - a name as the remote machine knows it
            stream.write(f"real {name}\n")
    key = paramiko.ECDSAKey.generate()
    with serving(key, GOOD.reveal()) as port:
        address = ShellAddress("127.0.0.1", text_of(key), port=port)
        shells = ParamikoShells()
        yield ShellBench(shells, address, (shells, replace(address, port=1)), logs)


def test_fetch(bench: ShellBench, tmp_path: Path) -> None:
    into = tmp_path / "logs.tar"
    bench.shells.fetch(bench.address, GOOD, bench.logs, into, 1 << 20)
    assert into.stat().st_mode & 0o777 == 0o600
    with tarfile.open(into) as tar:
        assert [member.name for member in tar] == [name.lstrip("/") for name in bench.logs]
    with pytest.raises(FileExistsError):
        bench.shells.fetch(bench.address, GOOD, bench.logs, into, 1 << 20)


def test_the_limit_holds(bench: ShellBench, tmp_path: Path) -> None:
    bench.shells.fetch(bench.address, GOOD, bench.logs, tmp_path / "logs.tar", 1000)
    assert (tmp_path / "logs.tar").stat().st_size == 1000


def test_another_host_key(bench: ShellBench, tmp_path: Path) -> None:
    for key in (text_of(paramiko.ECDSAKey.generate()), HOST_KEY.replace("J3h5", "J3h6"), "garbage", ""):
        with pytest.raises(HostKeyWrong):
            bench.shells.fetch(replace(bench.address, host_key=key), GOOD, bench.logs, tmp_path / "x", 1000)
    assert not (tmp_path / "x").exists()


def test_nobody_there(bench: ShellBench, tmp_path: Path) -> None:
    shells, address = bench.nowhere
    with pytest.raises(ShellUnreachable):
        shells.fetch(address, GOOD, bench.logs, tmp_path / "x", 1000)
    assert not (tmp_path / "x").exists()


# What follows is the real adapter's alone.


@pytest.fixture
def server() -> Iterator[ShellAddress]:
    """Give a running server."""
    key = paramiko.ECDSAKey.generate()
    with serving(key, GOOD.reveal()) as port:
        yield ShellAddress("127.0.0.1", text_of(key), port=port)


def test_a_wrong_password(server: ShellAddress, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ShellUnreachable) as caught:
        ParamikoShells().fetch(server, Secret("not-the-word"), ("/etc/hostname",), tmp_path / "x", 1000)
    assert "Authentication failed" in caught.value.why
    assert "not-the-word" not in caplog.text + caught.value.why


def test_what_is_missing_is_left_out(server: ShellAddress, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    remote = (str(tmp_path / "missing"), str(tmp_path / "there"), "--checkpoint-action=exec=false")
    ParamikoShells().fetch(server, GOOD, remote, tmp_path / "logs.tar", 1 << 20)
    with tarfile.open(tmp_path / "logs.tar") as tar:
        assert [member.name for member in tar] == [str(tmp_path / "there").lstrip("/")]
