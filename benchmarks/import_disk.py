"""Import of the appliance's disk against untar + `qemu-img convert`, from a plain and from a gzip'd OVA."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.inputs import appliance_folder
from benchmarks.pairs import Benchmark, Pair, command, timed
from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.domain.appliance import disk_member, look
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import FileAt


def product(ova: Path, folder: Path) -> None:
    """Import as the product does: in place from a plain OVA, inflated straight into the target from a gzip'd one."""
    images = QemuImages()
    (folder / "disk").touch()
    disk = DiskSource(FileAt(str(folder / "disk")), "qcow2")
    with ova.open("rb", buffering=0) as stream:
        found = look(stream, path=str(ova))
        if found.offset is None:
            images.write(disk, disk_member(stream, found))
        else:
            source = DiskSource(FileAt(str(ova)), found.disk_format, found.offset, found.size)
            images.convert(source, disk, lambda _percent: None)


def baseline(ova: Path, folder: Path) -> None:
    """Import as a script would."""
    command("tar", "-xf", ova, "-C", folder)()
    disk = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    command("qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", disk, folder / "disk")()


@contextmanager
def prepare(folder: Path) -> Iterator[Pair]:
    """Both end with the disk in the folder; removing it is not measured."""
    ovas = {name: appliance_folder() / file for name, file in (("plain", "engine.ova"), ("gzip", "engine-gz.ova"))}

    def measured(work: Callable[[Path, Path], None]) -> dict[str, float]:
        took: dict[str, float] = {}
        for name, ova in ovas.items():
            place = folder / "place"
            place.mkdir()
            took[name] = timed(lambda: work(ova, place))["whole"]  # noqa: B023 - called at once
            shutil.rmtree(place)
        return took

    yield Pair(product=lambda: measured(product), baseline=lambda: measured(baseline), bounds={})


BENCHMARK = Benchmark("import of the appliance's disk against untar + qemu-img convert", prepare)
