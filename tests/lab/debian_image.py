"""A small Debian with systemd and the three that may run its network, none of them enabled: a disk, made once and kept.

It has neither kernel nor boot loader: `tests/lab/vm.py` starts it with this machine's own Debian kernel.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from appliance.recipe.cache import cache_root, locked, prune, publishing
from appliance.recipe.host import isolated, run

_SUITE: Final = "bookworm"
_PACKAGES: Final = (
    *("systemd", "systemd-sysv", "udev", "dbus", "iproute2", "procps", "python3"),
    *("network-manager", "ifupdown", "isc-dhcp-client"),
)
_LEFT_OUT: Final = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/lib/udev/hwdb.d/*")
_OFF: Final = (
    *("NetworkManager.service", "NetworkManager-wait-online.service", "networking.service", "getty@.service"),
    *("e2scrub_reap.service", "systemd-pstore.service", "remote-fs.target"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"),
)
"""What Debian enables; a test enables what runs the network, the rest has nothing to do here."""
_MASKED: Final = (
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@configfs.service",
    "systemd-logind.service",
)
_SIZE: Final = "1G"
_KEPT: Final = 2
END: Final = "\x1e"
"""The agent's full stop, before an exit code; 0 when it has booted."""
_AGENT: Final = """\
#!/bin/sh
# Obeys a test at the other end of a serial line: a command a line.
stty raw -echo
printf '\\036%s\\n' 0
while read -r line; do
    sh -c "$line" </dev/null 2>&1
    printf '\\036%s\\n' $?
done
"""
_UNIT: Final = """\
[Unit]
Description=Agent of the test
After=network.target
[Service]
ExecStart=/usr/local/sbin/agent
KillSignal=SIGKILL
Environment=PAGER=cat TERM=dumb
StandardInput=tty-force
StandardOutput=tty
TTYPath=/dev/ttyS1
[Install]
WantedBy=multi-user.target
"""


def find_or_build() -> Path:
    """Give the file system, ext4 without partitions; nobody writes to it."""
    root = cache_root().with_name("lab")
    final = root / hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:20]
    with locked(root):
        if not final.is_dir():
            with publishing(final) as result:
                _build(result / "root.img", result.parent / "tree")
            prune(root, _KEPT)
    return final / "root.img"


def _build(image: Path, tree: Path) -> None:
    options = ['--aptopt=Apt::Install-Recommends "false"', *(f"--dpkgopt=path-exclude={one}" for one in _LEFT_OUT)]
    run([
        *isolated(),
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory"),
        f"--include={','.join(_PACKAGES)}", *options, _SUITE, tree,
    ])  # fmt: skip
    agent = tree / "usr/local/sbin/agent"
    agent.write_text(_AGENT)
    agent.chmod(0o755)
    (tree / "etc/systemd/system/agent.service").write_text(_UNIT)
    for change, units in (("disable", _OFF), ("mask", _MASKED), ("enable", ("agent.service",))):
        run(["systemctl", "--quiet", f"--root={tree}", change, *units])
    run(["systemctl", "--quiet", f"--root={tree}", "set-default", "multi-user.target"])
    (tree / "etc/fstab").write_text("/dev/vda / ext4 defaults,noatime 0 0\n")
    (tree / "etc/hostname").write_text("host1\n")
    (tree / "etc/machine-id").write_text(f"{hashlib.md5(image.name.encode(), usedforsecurity=False).hexdigest()}\n")
    for folder in ("var/lib/apt/lists", "var/cache/apt"):
        shutil.rmtree(tree / folder)
    tuning = "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0"
    run(["mke2fs", "-q", "-t", "ext4", "-m", "0", "-J", "size=8", "-E", tuning, "-d", tree, image, _SIZE])
    shutil.rmtree(tree)
