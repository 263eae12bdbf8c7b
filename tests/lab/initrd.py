"""The beginning of a VM under Debian's own kernel: an initrd of busybox, the modules asked for, and an init."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDS_WITH_ITS_MAKER: Final = ("setpriv", "--pdeathsig", "KILL")
_MODULES: Final = Path("/lib/modules")
_BUSYBOX: Final = Path("/bin/busybox")
_FIRST: Final = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for module in {modules}; do insmod "/modules/$module"; done
"""


def newest_kernel() -> str:
    """Give the release of this machine's newest Debian kernel, /boot/vmlinuz-RELEASE."""
    versions = sorted(path.name for path in _MODULES.glob("*-cloud-amd64"))
    return versions[-1]


def write_initrd(folder: Path, kernel: str, modules: Sequence[str], init: str) -> Path:
    """Pack `folder`/initrd.img: what loads the modules, in the order of their dependencies, and goes on with `init`."""
    root = folder / "initrd"
    for name in ("bin", "modules", "proc", "sys", "dev", "lower", "rw", "new"):
        (root / name).mkdir(parents=True)
    (root / "bin/busybox").write_bytes(_BUSYBOX.read_bytes())
    files = _files_of(_MODULES / kernel, modules)
    for file in files:
        (root / "modules" / file.name).write_bytes(file.read_bytes())
    first = root / "init"
    first.write_text(_FIRST.format(modules=" ".join(file.name for file in files)) + init)
    for program in (first, root / "bin/busybox"):
        program.chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    packed = folder / "initrd.img"
    with packed.open("wb") as image:
        subprocess.run(
            ["cpio", "--quiet", "--create", "--format=newc"], cwd=root, input=names.encode(), stdout=image, check=True
        )
    return packed


def _files_of(folder: Path, modules: Sequence[str]) -> list[Path]:
    """Give the modules' files and those they depend on, each after what it needs; built-in ones have none."""
    needs: dict[str, list[str]] = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        file, _, others = line.partition(":")
        needs[file] = others.split()
    by_name = {Path(file).name.partition(".")[0].replace("-", "_"): file for file in needs}
    built_in = {Path(line).stem.replace("-", "_") for line in (folder / "modules.builtin").read_text().splitlines()}
    wanted = [by_name[name] for name in (one.replace("-", "_") for one in modules) if name not in built_in]
    ordered = [file for one in wanted for file in (*reversed(needs[one]), one)]
    return [folder / file for file in dict.fromkeys(ordered)]
