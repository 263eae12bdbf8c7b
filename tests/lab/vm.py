"""A VM that is a whole machine: Debian with systemd under Debian's kernel, which boots again when it is told to.

Its disk is `tests/lab/debian_image.py`, with what a test lays over it; what is written lasts until the VM ends. This
machine's Python and the project are there too, to be read, under the names they have here.

    with Vm(gateway, ["systemd-networkd"], {"etc/systemd/network/nic.network": "…"}) as vm:
        vm.run("networkctl"), vm.reboot()
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.lab.debian_image import END, find_or_build
from tests.lab.initrd import ENDS_WITH_ITS_MAKER, newest_kernel, write_initrd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from tests.lab.wire import Machine

MAC: Final = "52:54:00:12:34:56"
TAP: Final = "gw"
"""The other end of the VM's NIC, in the network it is plugged into."""
BOOT_WITHIN: Final = 180.0
RUN_WITHIN: Final = 120.0
_MEMORY: Final = 512  # MiB
_MODULES: Final = ("virtio_pci", "virtio_blk", "virtio_net", "virtiofs", "bridge")
_INIT: Final = """\
mount -t ext4 -o noatime /dev/vda /new
[ -e /new/seeded ] || {{ cp -a /seed/. /new/; touch /new/seeded; }}
mount -t virtiofs -o ro host /lower
for folder in {folders}; do mkdir -p "/new$folder"; mount -o bind "/lower$folder" "/new$folder"; done
umount /proc /sys; mount -o move /dev /new/dev
exec switch_root /new /sbin/init
"""


class VmError(Exception):
    """The VM does not do what it is told; the console's last lines."""


class Vm:
    """The machine, from its start to the end of the `with`."""

    def __init__(self, network: Machine, units: Sequence[str], files: Mapping[str, str]) -> None:
        """Be plugged into `network`; `units` are wanted at each boot, `files` (path: text) are laid over the disk."""
        self._network = network
        self._units = units
        self._files = files
        self._ends = ExitStack()
        self._line = socket.socket(socket.AF_UNIX)
        self._console = Path()

    def __enter__(self) -> Self:
        """Start it, and wait until it has booted."""
        with ExitStack() as ends:
            folder = Path(ends.enter_context(TemporaryDirectory(prefix="he-vm-")))
            self._console = folder / "console"
            for name, text in self._files.items():
                path = folder / "initrd/seed" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                path.chmod(0o600 if path.suffix == ".nmconnection" else 0o644)  # as NetworkManager wants them
            kernel = newest_kernel()
            write_initrd(folder, kernel, _MODULES, _INIT.format(folders=shlex.join(_shared())))
            log = ends.enter_context((folder / "log").open("wb"))
            for command, socket_path in ((_share(folder), "share"), (_emulator(folder, kernel, self._units), "agent")):
                process = self._network.start(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                ends.callback(_end, process)
                _await(folder / socket_path, process, folder / "log")
            ends.enter_context(self._line)
            self._line.connect(str(folder / "agent"))
            self._heard(BOOT_WITHIN)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Switch it off."""
        self._ends.close()

    def run(self, *command: str, within: float = RUN_WITHIN) -> str:
        """Run a command as root and give what it prints; raises VmError where it fails."""
        self._line.sendall(f"{shlex.join(command)}\n".encode())
        text, code = self._heard(within)
        if code:
            raise VmError(f"{shlex.join(command)}: exit code {code}\n{text}")
        return text

    def reboot(self) -> None:
        """Have systemd end everything and boot again."""
        self.cut("systemctl", "reboot")

    def cut(self, *command: str) -> None:
        """Run a command that ends the machine as it is, which boots again."""
        self._line.sendall(f"{shlex.join(command)}; sleep infinity\n".encode())
        self._heard(BOOT_WITHIN)

    def _heard(self, within: float) -> tuple[str, int]:
        """Give the agent's words up to its next full stop, and the code there."""
        deadline = time.monotonic() + within
        heard = b""
        while not heard.endswith(b"\n") or END not in heard.decode(errors="replace"):
            self._line.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                more = self._line.recv(1 << 16)
            except TimeoutError:
                more = b""
            if not more:
                console = self._console.read_text(errors="replace").splitlines()
                raise VmError("\n".join([heard.decode(errors="replace"), "the console:", *console[-30:]]))
            heard += more
        text, _, code = heard.decode(errors="replace").rpartition(END)
        return text, int(code)


def _shared() -> list[str]:
    """Give the folders that the project's Python needs: itself, the environment, the project."""
    folders = {sys.base_prefix, sys.prefix, str(Path(__file__).parents[2])}
    return sorted(folder for folder in folders if not Path("/usr").is_relative_to(folder))


def _share(folder: Path) -> list[str]:
    return [
        *ENDS_WITH_ITS_MAKER, "/usr/lib/qemu/virtiofsd", f"--socket-path={folder / 'share'}", "-o", "source=/",
        "-o", "cache=always", "-o", "sandbox=chroot",
    ]  # fmt: skip


def _emulator(folder: Path, kernel: str, units: Sequence[str]) -> list[str]:
    wanted = [f"systemd.wants={unit}.service" for unit in units]
    return [
        *ENDS_WITH_ITS_MAKER, "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max",
        "-M", "q35,memory-backend=memory", "-m", str(_MEMORY),
        "-object", f"memory-backend-memfd,id=memory,size={_MEMORY}M,share=on", "-nodefaults", "-display", "none",
        "-serial", f"file:{folder / 'console'}",
        "-chardev", f"socket,id=agent,path={folder / 'agent'},server=on,wait=off", "-serial", "chardev:agent",
        "-kernel", f"/boot/vmlinuz-{kernel}", "-initrd", str(folder / "initrd.img"),
        "-append", " ".join(["console=ttyS0 quiet systemd.show_status=0 systemd.getty_auto=0", *wanted]),
        "-drive", f"file={find_or_build()},format=raw,if=virtio,snapshot=on,cache=unsafe",
        "-netdev", f"tap,id=net,ifname={TAP},script=no,downscript=no",
        "-device", f"virtio-net-pci,netdev=net,mac={MAC},romfile=",
        "-chardev", f"socket,id=share,path={folder / 'share'}", "-device", "vhost-user-fs-pci,chardev=share,tag=host",
    ]  # fmt: skip


def _await(path: Path, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + RUN_WITHIN
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise VmError(log.read_text(errors="replace"))
        time.sleep(0.01)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
