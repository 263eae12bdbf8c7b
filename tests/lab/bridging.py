"""An installer that makes a bridge on trial and does nothing more: to be killed, or stopped."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.network import BridgeChange
    from tests.lab.wire import Machine

_PROGRAM: Final = """
import sys, time
from pathlib import Path
import msgspec
from hosted_setup.adapters.netlink_network import NetlinkNetwork
from hosted_setup.ports.network import BridgeChange
change = msgspec.json.decode(sys.stdin.read(), type=BridgeChange)
trial = NetlinkNetwork().make_bridge(change, Path(sys.argv[1]), float(sys.argv[2]))
print("made", flush=True)
time.sleep(600)
"""


def installer(host: Machine, change: BridgeChange, folder: Path, within: float) -> subprocess.Popen[str]:
    """Start one in the host's network, and give it once the bridge is made; arguments as of `make_bridge`."""
    command = [sys.executable, "-c", _PROGRAM, str(folder), str(within)]
    started = host.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdin is not None
    assert started.stdout is not None
    with started.stdin as words:
        words.write(msgspec.json.encode(change).decode())
    started.stdin = None  # said and done: communicate() need not flush it
    assert started.stdout.readline() == "made\n"
    return started
