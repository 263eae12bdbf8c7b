"""The guest's channel: every line from the first, and an answer."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.channel import LINE_LIMIT, PATH_LIMIT, TOTAL_LIMIT, UnixGuests
from hosted_setup.testing.state import Domain, Guest
from hosted_setup.testing.world import World
from tests.contract.bench import Bench, eventually
from tests.contract.echo_guest import disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hosted_setup.ports.guest import Channel

GREETING = "|- hello from the guest"
ANSWER = json.dumps({"ping": "pong"})
SERIAL = """\
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{folder}/boot'/>
  <target dev='vda' bus='virtio'/></disk>
<serial type='unix'><source mode='bind' path='{folder}/guest.sock'/><log file='{folder}/guest.log' append='on'/>
  <target port='0'/></serial>
"""


@pytest.fixture
def reopen(bench: Bench, tmp_path: Path) -> Callable[[], Channel]:
    """Start a guest that greets and echoes; give what opens its channel, as each new process would."""
    if bench.kind == "fake":
        world = World(tmp_path / "world", World.reopen(tmp_path / "world").behaviour)
        socket_, log = tmp_path / "guest.sock", tmp_path / "guest.log"
        ends = f"<source path='{socket_}'/><log file='{log}'/><target type='virtio' name='x'/>"
        live = f"<domain><devices><channel type='unix'>{ends}</channel></devices></domain>"
        guest = Guest((GREETING, "?ping", ANSWER))
        world.hypervisor.keep(Domain("u", "n", live, live=live, guest=guest))
        return lambda: World.reopen(tmp_path / "world").guests.open(socket_, log)
    folder = bench.folder
    (folder / "boot").write_bytes(disk(f"{GREETING}\n".encode()))
    made = bench.domain(SERIAL.format(folder=folder))
    bench.hypervisor.define(made.xml)
    bench.hypervisor.start(made.uuid, {})
    return lambda: UnixGuests().open(folder / "guest.sock", folder / "guest.log")


def test_the_longest_path_of_a_socket(tmp_path: Path) -> None:
    longest = tmp_path / ("s" * (PATH_LIMIT - len(os.fsencode(tmp_path)) - 1))
    with socket.socket(socket.AF_UNIX) as listening:
        with pytest.raises(OSError, match="path too long"):
            listening.bind(f"{longest}s")
        listening.bind(str(longest))


def collect(channel: Channel, wanted: str) -> list[str]:
    """Read until a line with `wanted` has come."""
    lines: list[str] = []

    def come() -> bool:
        lines.extend(channel.read())
        return any(wanted in line for line in lines)

    eventually(come)
    return lines


def test_lines_come_and_an_answer_goes(reopen: Callable[[], Channel]) -> None:
    first = reopen()
    assert collect(first, GREETING)[0] == GREETING
    first.send(ANSWER)
    assert collect(first, ANSWER)[-1] == ANSWER
    first.close()
    second = reopen()
    lines = collect(second, ANSWER)
    assert lines[0] == GREETING
    assert second.read() == ()
    second.close()


def test_an_installer_that_dies_loses_nothing(reopen: Callable[[], Channel]) -> None:
    child = os.fork()
    if child == 0:
        channel = reopen()
        collect(channel, GREETING)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    channel = reopen()
    assert collect(channel, GREETING)[0] == GREETING
    channel.send(ANSWER)
    assert collect(channel, ANSWER)[-1] == ANSWER
    channel.close()


# What follows is the real adapter's alone: a guest is not to be trusted, and logs are rotated.


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give the place of a log."""
    return tmp_path / "guest.log"


def test_before_the_guest_there_is_silence(tmp_path: Path, log: Path) -> None:
    channel = UnixGuests().open(tmp_path / "none.sock", log)
    assert channel.read() == ()
    channel.send("into the void")
    log.write_bytes(b"late\n")
    assert channel.read() == ("late",)
    channel.close()


def test_what_a_guest_may_not_say(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"a\x1b[31mb\x00c\r\n\xff\xfe\ttab\n" + b"x" * (LINE_LIMIT * 3) + b"\nnext\nhalf")
    channel = UnixGuests().open(tmp_path / "none.sock", log)
    escaped, broken, long, following = channel.read()
    assert escaped == "a?[31mb?c"
    assert broken == "\ufffd\ufffd\ttab"
    assert long == "x" * LINE_LIMIT
    assert following == "next"
    with log.open("ab") as stream:
        stream.write(b" and half\n")
    assert channel.read() == ("half and half",)
    channel.close()


def test_a_flood_ends(tmp_path: Path, log: Path) -> None:
    with log.open("wb") as stream:
        stream.write(b"x" * 1023 + b"\n")
        stream.truncate(TOTAL_LIMIT * 2)
    channel = UnixGuests().open(tmp_path / "none.sock", log)
    taken = 0
    for _ in range(200):
        taken += sum(map(len, channel.read()))
    assert taken == 1023
    channel.close()


def test_a_rotated_log_is_read_to_the_last_byte(tmp_path: Path, log: Path) -> None:
    written = 0

    def write(count: int) -> None:
        nonlocal written
        with log.open("a") as stream:
            stream.writelines(f"line {written + number}\n" for number in range(count))
        written += count

    def rotate() -> None:
        for number in (1, 0):
            old = log.with_name(f"{log.name}.{number}")
            if old.exists():
                old.rename(log.with_name(f"{log.name}.{number + 1}"))
        log.rename(log.with_name(f"{log.name}.0"))

    write(10)
    rotate()
    write(10)
    channel = UnixGuests().open(tmp_path / "none.sock", log)
    lines = list(channel.read())
    write(5)
    rotate()
    write(5)
    rotate()
    write(5)
    lines.extend(channel.read())
    rotate()
    write(5)
    lines.extend(channel.read())
    assert lines == [f"line {number}" for number in range(written)]
    channel.close()


def test_a_socket_that_nobody_serves_any_more(tmp_path: Path, log: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        channel = UnixGuests().open(path, log)
        served, _ = listener.accept()
        served.close()
        channel.read()
    channel.send("nobody hears this")
    channel.read()
    channel.close()
