"""Names: the pretended ones, and the system's resolver with a real name server beside it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hosted_setup.testing.behaviour import Behaviour
from hosted_setup.testing.names import FakeNames
from tests.lab.wire import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINE, HOST = "engine.example.com", "host1.example.org"
SERVER = "127.0.0.1"
CALL = """
import json, sys
from hosted_setup.adapters.system_names import SystemNames
from hosted_setup.model.problem import Problem
method, *arguments = json.loads(sys.argv[1])
try:
    print(json.dumps(getattr(SystemNames(), method)(*arguments)))
except Problem as problem:
    print(json.dumps(problem.code))
"""


class Real:
    """`SystemNames` in a network and with files of its own: a name server, its names, and nothing else."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine, self._folder = machine, folder
        machine.ip("link set lo up")
        (folder / "hosts").write_text("127.0.0.1 localhost\n")
        (folder / "resolv.conf").write_text(f"nameserver {SERVER}\noptions timeout:1 attempts:1\n")
        self.server = machine.start(
            [
                "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root",
                "--pid-file=", f"--listen-address={SERVER}", "--bind-interfaces", "--log-facility=-",
                f"--host-record={ENGINE},192.0.2.20,2001:db8::20", f"--host-record={HOST},192.0.2.10",
                "--local=/example.com/", "--local=/example.org/", "--local=/nowhere/", "--local=/in-addr.arpa/",
            ],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def silence(self) -> None:
        """Let this machine answer no ping."""
        with self._machine.inside():
            Path("/proc/sys/net/ipv4/icmp_echo_ignore_all").write_text("1")

    def call(self, *words: object) -> Any:  # noqa: ANN401 - what the method gives
        """Call a method in a process that sees these files."""
        files = {"hosts": "/etc/hosts", "resolv.conf": "$(realpath /etc/resolv.conf)"}
        binds = " && ".join(f"mount --bind {self._folder}/{name} {place}" for name, place in files.items())
        script = f'{binds} && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", CALL, json.dumps(words)]
        out, _ = self._machine.start(command, stdout=subprocess.PIPE).communicate(timeout=60)
        return json.loads(out)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    machine = Machine()
    made = Real(machine, tmp_path)
    while made.call("server_fault", SERVER, ENGINE, 1.0):
        assert made.server.poll() is None
    yield made
    made.server.kill()
    made.server.wait()
    machine.close()


@pytest.fixture(params=["fake", "real"])
def names(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 - either
    """Give what calls methods, of a pretended world and of a real one."""
    if request.param == "real":
        return request.getfixturevalue("real").call
    behaviour = Behaviour(names={ENGINE: ("192.0.2.20", "2001:db8::20"), HOST: ("192.0.2.10",)})
    behaviour.at_fault["192.0.2.9"] = behaviour.at_fault["127.0.0.1:9"] = "unreachable"
    behaviour.at_fault["ping 192.0.2.9"] = "unreachable"
    return lambda method, *words: getattr(FakeNames(behaviour), method)(*words)


def test_names(names: Any) -> None:  # noqa: ANN401 - either
    assert sorted(names("addresses", ENGINE)) == ["192.0.2.20", "2001:db8::20"]
    assert list(names("addresses", "other.example.com")) == []
    assert list(names("names", "192.0.2.10")) == [HOST]
    assert list(names("names", "192.0.2.77")) == []


def test_servers(names: Any) -> None:  # noqa: ANN401 - either
    assert names("server_fault", SERVER, ENGINE, 2.0) == ""
    assert names("server_fault", SERVER, "other.example.com", 2.0) == ""
    assert names("server_fault", "192.0.2.9", ENGINE, 0.5) != ""
    assert names("tcp_fault", SERVER, 53, 2.0) == ""
    assert names("tcp_fault", SERVER, 9, 2.0) != ""


def test_pings(names: Any) -> None:  # noqa: ANN401 - either
    assert names("ping_fault", SERVER, 2.0) == ""
    assert names("ping_fault", "::1", 2.0) == ""
    assert names("ping_fault", "192.0.2.9", 0.5) != ""


def test_a_machine_that_answers_no_ping(real: Real) -> None:
    real.silence()
    begun = time.monotonic()
    assert real.call("ping_fault", SERVER, 0.7) == "no reply within 0.7 s"
    assert time.monotonic() - begun < 20


def test_a_server_that_hangs(real: Real) -> None:
    real.server.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    assert "timed out" in real.call("server_fault", SERVER, ENGINE, 0.5)
    assert real.call("addresses", ENGINE) == "HE-RESOLVER"
    assert time.monotonic() - begun < 20


def test_a_server_that_refuses(real: Real) -> None:
    assert real.call("server_fault", SERVER, "www.example.net", 2.0) == "it answers REFUSED"
