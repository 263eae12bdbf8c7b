"""The root file tree from Debian packages."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from appliance.recipe.host import isolated, run

SUITE = "bookworm"

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "linux-image-cloud-amd64", "busybox-static"),
    *("iproute2", "netbase", "procps", "locales", "ca-certificates", "openssl", "xz-utils", "bzip2"),
    *("openssh-server", "cloud-init", "e2fsprogs", "qemu-guest-agent"),
    *("postgresql-15", "python3-minimal", "python3-psycopg2", "python3-tornado"),
)

# What a headless guest never reads. libLLVM goes with PostgreSQL's JIT, which the configuration turns off.
LEFT_OUT = (
    *("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/lintian/*"),
    *("/usr/share/locale/*", "/usr/share/zoneinfo/right/*", "/usr/lib/udev/hwdb.d/*"),
    *("/usr/lib/x86_64-linux-gnu/libLLVM*", "/usr/lib/llvm-14/*", "/usr/lib/x86_64-linux-gnu/libz3.so*"),
    *("/usr/lib/postgresql/15/lib/bitcode/*", "/usr/lib/postgresql/15/lib/llvmjit*"),
    "/lib/systemd/system-generators/postgresql-generator",  # the image has a plain unit of its own
)

# The cluster is created later, with our own options.
_BEFORE_PACKAGES = (
    'mkdir -p "$1/etc/postgresql-common"',
    'echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"',
)


STALE_AFTER = 7 * 86400  # seconds: security updates reach a new build within a week


def bootstrap(root: Path, cache: Path, *, anew: bool = False) -> None:
    """Make ``root`` from packages, or from the packed tree of an earlier build that had the same ones.

    Most builds follow a change of our own files, and the packages are four fifths of a build's time.
    """
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:20]
    packed = cache / f".packages-{digest}.tar"
    if not anew and packed.exists() and time.time() - packed.stat().st_mtime < STALE_AFTER:
        root.mkdir()
        run(["tar", "-C", root, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", packed])
        return
    install(root)
    beside = root.with_name("packages.tar")
    run(["tar", "-C", root, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-cpf", beside, "."])
    for old in cache.glob(".packages-*.tar"):
        old.unlink()
    beside.rename(packed)


def install(root: Path) -> None:
    """Install the packages into ``root``.

    In namespaces of its own, so that neither a mount nor a process of it can outlive it.
    """
    excludes = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    run(
        [
            *isolated(),
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory"),
            f"--include={','.join(PACKAGES)}",
            '--aptopt=Apt::Install-Recommends "false"',
            *excludes,
            f"--essential-hook={'; '.join(_BEFORE_PACKAGES)}",
            SUITE,
            root,
        ]
    )
