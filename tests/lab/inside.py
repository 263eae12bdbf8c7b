"""Process 1 of a laboratory: makes its mounts, starts libvirt's daemons, and ends with its starter.

    inside.py FOLDER [MODE]      MODE: mode of /dev/kvm in octal; no such device without it

It runs in fresh mount, network and process namespaces. When its standard input ends, because the test process closed
it or was killed, it ends too, and the kernel takes every other process of the namespace with it.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path

NODES = ("null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun", "loop-control", "vhost-net")
LOOPS = tuple(f"loop{number}" for number in range(8))
PRIVATE = ("var/lib/libvirt", "var/cache/libvirt", "var/log/libvirt")
QEMU_USER = "libvirt-qemu"


def mount(*arguments: str) -> None:
    """Mount, or stop here."""
    subprocess.run(["mount", *arguments], check=True)


def bind(source: Path, target: Path) -> None:
    """Put `source` over `target`."""
    mount("--bind", str(source), str(target))


def private_files(folder: Path) -> None:
    """Give libvirt its own files and a host table without DNS (it would wait 10 s for an answer)."""
    mount("--make-rprivate", "/")
    mount("-t", "proc", "proc", "/proc")
    mount("-t", "sysfs", "sysfs", "/sys")  # shows this network namespace; without cgroups
    mount("-t", "tmpfs", "tmpfs", "/run")
    Path("/run/lock").mkdir()
    for name in PRIVATE:
        (folder / name).mkdir(parents=True)
        bind(folder / name, Path("/", name))
    Path("/var/lib/libvirt/qemu").mkdir()
    shutil.chown("/var/lib/libvirt/qemu", QEMU_USER, QEMU_USER)
    configure(folder)
    hosts = Path("/run/hosts")
    hosts.write_text("127.0.0.1 localhost\n")
    bind(hosts, Path("/etc/hosts"))
    nameservers = Path("/run/resolv.conf")
    nameservers.touch()
    bind(nameservers, Path("/etc/resolv.conf").resolve())


def configure(folder: Path) -> None:
    """Keep the distribution's settings, which is what operators have, not this machine's own VMs and networks.

    Only what namespaces force differs.
    """
    settings = folder / "etc"
    shutil.copytree("/etc/libvirt", settings, ignore=shutil.ignore_patterns("qemu", "secrets", "storage"))
    with (settings / "libvirtd.conf").open("a") as daemon:
        daemon.write(f'\nunix_sock_dir = "{folder}"\nunix_sock_rw_perms = "0700"\nauth_unix_rw = "none"\n')
        daemon.write(f'host_uuid = "{uuid.uuid4()}"\n')  # machines of one image share theirs
    with (settings / "qemu.conf").open("a") as qemu:
        qemu.write("\ncgroup_controllers = []\n")
    bind(settings, Path("/etc/libvirt"))


def private_devices(kvm: str | None) -> None:
    """Make a /dev with its own terminals, and with the /dev/kvm that was asked for."""
    dev = Path("/dev")
    known = {name: (dev / name).stat() for name in (*NODES, *LOOPS) if (dev / name).exists()}
    # Not stacked on the old one: libvirt's qemu namespaces stumble over mount points that are there twice.
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        if f"{line.split()[1]}/".startswith("/dev/"):
            subprocess.run(["umount", "--lazy", line.split()[1]], check=True)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(dev))
    for name in ("pts", "shm", "net"):
        (dev / name).mkdir()
    os.umask(0)
    for name, status in known.items():
        os.mknod(dev / name, status.st_mode, status.st_rdev)
    if kvm is not None:
        os.mknod(dev / "kvm", stat.S_IFCHR | int(kvm, 8), os.makedev(10, 232))
        shutil.chown(dev / "kvm", "root", "kvm")
    os.umask(0o022)
    (dev / "fd").symlink_to("/proc/self/fd")
    (dev / "ptmx").symlink_to("pts/ptmx")
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", str(dev / "pts"))
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(dev / "shm"))


def start(folder: Path, program: str) -> None:
    """Start a daemon in the foreground of nobody, its words in a log."""
    with (folder / f"{program}.log").open("wb") as log:
        subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def reap_until_end_of_input() -> None:
    """Be process 1: bury the orphans (libvirt waits for a qemu to be gone entirely), until the starter lets go."""
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # a default disposition would not wake the poll
    wake, alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(alarm)
    while sys.stdin.fileno() not in select.select([sys.stdin.fileno(), wake], [], [])[0]:
        os.read(wake, 512)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def main() -> None:
    """See the module."""
    folder = Path(sys.argv[1])
    private_files(folder)
    private_devices(sys.argv[2] if len(sys.argv) > 2 else None)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    start(folder, "virtlogd")
    start(folder, "libvirtd")
    reap_until_end_of_input()


if __name__ == "__main__":
    main()
