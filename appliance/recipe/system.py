"""Turn the bare Debian tree into the appliance: units, locale, PostgreSQL cluster, our own files."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from appliance.recipe.cache import SOURCE
from appliance.recipe.host import run

PROGRAM = Path("usr/share/ovirt-engine")  # where the engine's own code lives in the guest

MASKED = (
    # The network is up when cloud-init says so; nothing else waits for it.
    "systemd-networkd-wait-online.service",
    # Maintenance that a short-lived appliance does not need and that would compete with its first boot.
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer"),
    *("dpkg-db-backup.timer", "e2scrub_reap.service", "systemd-update-utmp.service"),
    # Hardware a virtual machine does not have.
    *("systemd-backlight@.service", "systemd-rfkill.service", "systemd-pstore.service"),
    *("modprobe@drm.service", "modprobe@fuse.service", "modprobe@dm_mod.service", "modprobe@loop.service"),
    *("modprobe@configfs.service", "modprobe@efi_pstore.service", "getty@tty1.service"),
    *("sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "proc-sys-fs-binfmt_misc.automount"),
    # Debian's wrapper units; ours is etc/systemd/system/postgresql.service.
    "postgresql@15-main.service",
    "cloud-init-hotplugd.socket",
)
ENABLED = ("systemd-networkd.service", "ssh.service", "qemu-guest-agent.service", "postgresql.service")

# The coldplug of all devices is a visible part of the boot, and most rules are for other machines.
UDEV_RULES = re.compile(
    r"50-|60-block|60-cdrom_id|60-persistent-storage\.rules|60-serial|73-special|75-net-description|80-drivers"
    r"|80-net-setup-link|90-vconsole|99-systemd|.*qemu"
)

# What a virtual machine may need, from a kernel package that brings much more.
KERNEL_MODULES = re.compile(
    r"virtio|virtiofs|/fs/(fuse|isofs|fat|nls|xfs|nfs|lockd|autofs|configfs|overlayfs)|/net/sunrpc|grace|cdrom|sr_mod"
    r"|scsi_mod|scsi_common|sd_mod|libahci|ahci|libata|ata_piix|failover|crc|hw_random|9p|nf_|nft_|nfnetlink"
    r"|loop\.ko|t10-pi|qemu_fw_cfg|i6300esb|ghash|aes|cryptd|crypto_simd|sha|serio|efi|bridge|stp|llc|bonding|8021q|dm-"
)

POSTGRES = "/etc/postgresql/15/main"


def configure(root: Path) -> str:
    """Make the tree an appliance and return the name of its kernel."""
    kernel = _kernel(root)
    _program(root)
    overlay(SOURCE / "rootfs", root)
    _units(root)
    _udev(root)
    _locale(root)
    _accounts(root)
    _database_cluster(root)
    _forget(root)
    return kernel


def chroot(root: Path, *argv: str) -> str:
    """Run a program of the tree in the tree."""
    return run(["chroot", root, *argv])


def overlay(source: Path, root: Path) -> None:
    """Lay our files over the tree: owner root, mode by the executable bit alone."""
    root.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.rglob("*")):
        target = root / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif "__pycache__" not in path.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def _program(root: Path) -> None:
    target = root / PROGRAM
    overlay(SOURCE / "engine", target / "engine")
    overlay(SOURCE / "dbscripts", target / "dbscripts")
    shutil.copyfile(SOURCE / "version", target / "version")
    # Compiled once here: the guest's first start of each tool would otherwise pay for it.
    chroot(root, "python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", f"/{PROGRAM}")


def _kernel(root: Path) -> str:
    modules = next((root / "lib/modules").iterdir())
    for path in modules.glob("kernel/**/*.ko"):
        if not KERNEL_MODULES.search(str(path.relative_to(modules))):
            path.unlink()
    chroot(root, "depmod", modules.name)
    for pattern in ("boot/initrd.img-*", "boot/System.map-*", "initrd.img*", "vmlinuz*"):
        for path in root.glob(pattern):
            path.unlink()
    return modules.name


def _units(root: Path) -> None:
    units = root / "etc/systemd/system"
    for name in MASKED:
        target = units / name
        target.unlink(missing_ok=True)
        target.symlink_to("/dev/null")
    chroot(root, "systemctl", "enable", "--quiet", *ENABLED)
    chroot(root, "systemctl", "set-default", "--quiet", "multi-user.target")


def _udev(root: Path) -> None:
    for path in (root / "usr/lib/udev/rules.d").iterdir():
        if not UDEV_RULES.match(path.name):
            path.unlink()
    (root / "usr/lib/udev/hwdb.bin").unlink(missing_ok=True)


def _locale(root: Path) -> None:
    # engine-backup insists on lc_messages = en_US.UTF-8, as it reads PostgreSQL's messages.
    chroot(root, "localedef", "-i", "en_US", "-f", "UTF-8", "en_US.UTF-8")
    shutil.rmtree(root / "usr/share/i18n")


def _accounts(root: Path) -> None:
    chroot(
        root,
        *("useradd", "--system", "--uid", "108", "--user-group", "--no-create-home"),
        *("--home-dir", "/var/lib/ovirt-engine", "--shell", "/usr/sbin/nologin", "ovirt"),
    )
    for folder in ("var/log/ovirt-engine", "var/lib/ovirt-engine"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        chroot(root, "chown", "ovirt:ovirt", f"/{folder}")
    chroot(root, "usermod", "--lock", "root")


def _database_cluster(root: Path) -> None:
    chroot(
        root,
        *("pg_createcluster", "15", "main", "--locale=C.UTF-8", "--encoding=UTF8"),
        *("--", "--wal-segsize=1", "--auth-local=peer", "--auth-host=scram-sha-256"),
    )
    # Read last, so that what stands in conf.d/ovirt-engine.conf wins.
    with (root / POSTGRES.lstrip("/") / "postgresql.conf").open("a") as configuration:
        configuration.write("include_dir = 'conf.d'\n")


def _forget(root: Path) -> None:
    """Drop what must differ from machine to machine, and what the build left behind."""
    # cloud-init checks its schema with it if it is there: half a second at each of its four starts.
    shutil.rmtree(root / "usr/lib/python3/dist-packages/jsonschema")
    (root / "etc/machine-id").write_text("")
    for path in [*root.glob("etc/ssh/ssh_host_*"), root / "etc/hostname", root / "var/lib/dbus/machine-id"]:
        path.unlink(missing_ok=True)
    for path in [
        *root.glob("etc/ssl/private/ssl-cert-snakeoil.key"),
        *root.glob("etc/ssl/certs/ssl-cert-snakeoil.pem"),
    ]:
        path.unlink()
    for folder in ("var/lib/apt/lists", "var/cache/apt", "var/log/apt"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for folder in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial"):
        (root / folder).mkdir(parents=True)
    for path in (root / "var/log").glob("*.log"):
        path.unlink()
