"""The kernel tier: runs a program of this machine under Debian's own kernel, for what the kernel here may lack.

A VM in software emulation, up in a few seconds. Its root is this machine's, read through virtiofs; what it writes goes
to its memory and ends with it. Bonding, VLANs, NFS, iSCSI: name the modules. Servers here are reached at 10.0.2.2.

    done = run_in_kernel([sys.executable, "tests/system/bridge_over.py", "bond"], modules=["bonding"])
"""

from __future__ import annotations

import shlex
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, Final
from uuid import uuid4

from tests.lab.initrd import ENDS_WITH_ITS_MAKER, newest_kernel, write_initrd

if TYPE_CHECKING:
    from collections.abc import Sequence

WITHIN: Final = 120.0
_BASE: Final = ("virtio_pci", "virtiofs", "overlay", "virtio_net")
_INIT: Final = """\
mount -t virtiofs -o ro host /lower && mount -t tmpfs tmpfs /rw && mkdir /rw/upper /rw/work &&
mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work overlay /new &&
for folder in proc sys dev; do mount -o bind "/$folder" "/new/$folder"; done
mkdir -p /new/dev/pts /new/dev/shm; ln -s /proc/self/fd /new/dev/fd
mount -t devpts devpts /new/dev/pts; mount -t tmpfs tmpfs /new/dev/shm; mount -t tmpfs tmpfs /new/run
ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2
stty -F /dev/ttyS1 raw
chroot /new /bin/sh {script} </dev/null >/dev/ttyS1 2>&1
printf '\\n{token} %s\\n' "$?" >/dev/ttyS1
poweroff -f
"""


@dataclass(frozen=True)
class Outcome:
    """How the program ended: its exit code, and all it wrote to both streams."""

    code: int
    output: str


class KernelTierError(Exception):
    """The VM did not come so far as to run the program, or the program did not end in time."""


def run_in_kernel(
    command: Sequence[str],
    modules: Sequence[str] = (),
    *,
    within: float = WITHIN,
    memory_mib: int = 768,
    devices: Sequence[str] = (),
) -> Outcome:
    """Run `command` as root in this process's working directory, after loading `modules` with what they need.

    Args:
        command: program and arguments, as this machine knows them.
        modules: names of the kernel's modules (`8021q`), in the order they are loaded.
        within: seconds for the VM's start and the program together.
        memory_mib: of the VM; what the program writes to files is in it too.
        devices: further arguments of QEMU, for disks that outlive the VM.

    Raises:
        KernelTierError: with the console's last lines.
    """
    kernel = newest_kernel()
    token = uuid4().hex
    with TemporaryDirectory(prefix="he-kernel-") as name:
        folder = Path(name)
        script = folder / "script"
        script.write_text(_script(command))
        write_initrd(folder, kernel, (*_BASE, *modules), _INIT.format(script=script, token=token))
        text = _boot(folder, kernel, memory_mib, within, devices)
        output, found, rest = text.rpartition(f"\n{token} ")
        if not found:
            console = (folder / "console").read_text(errors="replace").splitlines()
            message = "\n".join(["the program did not end; the console's last lines:", *console[-20:], "---", text])
            raise KernelTierError(message)
        return Outcome(int(rest), output)


def _script(command: Sequence[str]) -> str:
    lines = (
        "export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"cd {shlex.quote(str(Path.cwd()))} && exec {shlex.join(command)}",
    )
    return "\n".join((*lines, ""))


def _boot(folder: Path, kernel: str, memory_mib: int, within: float, devices: Sequence[str]) -> str:
    """Run the VM until it switches itself off, and give what the program wrote."""
    socket, output = folder / "virtiofs.sock", folder / "output"
    share = [
        *ENDS_WITH_ITS_MAKER, "/usr/lib/qemu/virtiofsd", f"--socket-path={socket}", "-o", "source=/",
        "-o", "cache=always", "-o", "sandbox=chroot",
    ]  # fmt: skip
    machine = [
        *ENDS_WITH_ITS_MAKER, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
        "-M", "q35,memory-backend=memory", "-m", str(memory_mib),
        "-object", f"memory-backend-memfd,id=memory,size={memory_mib}M,share=on",
        "-nodefaults", "-display", "none", "-no-reboot",
        "-serial", f"file:{folder / 'console'}", "-serial", f"file:{output}",
        "-kernel", f"/boot/vmlinuz-{kernel}", "-initrd", str(folder / "initrd.img"),
        "-append", "console=ttyS0 quiet panic=-1 no_timer_check",  # a busy machine is late with the timer
        "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
        "-chardev", f"socket,id=share,path={socket}", "-device", "vhost-user-fs-pci,chardev=share,tag=host",
        *devices,
    ]  # fmt: skip
    deadline = time.monotonic() + within
    with (folder / "log").open("wb") as log, _started(share, log) as daemon:
        try:
            while not socket.exists() and daemon.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            with _started(machine, log) as emulator:
                with suppress(subprocess.TimeoutExpired):  # what there is of the output tells
                    emulator.wait(max(0.0, deadline - time.monotonic()))
                emulator.kill()
        finally:
            daemon.kill()
    if not output.exists():
        raise KernelTierError((folder / "log").read_text(errors="replace"))
    return output.read_text(errors="replace")


def _started(command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
