"""An engine appliance as a user brings it: OVA, gzip'd OVA, qcow2 or raw. Long: they share the reading and the checks.

It is looked at before anything is written.

Formats: the tar of an OVA in oVirt's layout (`master/vms/…`, `images/…`) or DMTF's (an `.ovf` and a disk
side by side). Everything in it is untrusted input, and the format of a disk is never left to be probed by
somebody else.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import BinaryIO, Final

from hosted_setup.domain import appliance_problems as problem
from hosted_setup.domain import qcow2
from hosted_setup.domain.appliance_conf import Conf, read_conf
from hosted_setup.domain.inflate import (
    Counted,
    CutShortError,
    DamagedError,
    Progress,
    compression_of,
    inflated,
    quiet,
)
from hosted_setup.domain.ova import HEAD, Contents, SeekingSource, admit, walk
from hosted_setup.domain.ovf import DiskFormat
from hosted_setup.domain.partition import Firmware, firmware_of, has_partition_table
from hosted_setup.domain.tarheader import Kind, TarError, looks_like_tar, next_entry, shown
from hosted_setup.domain.tarstream import Tape
from hosted_setup.model.messages import _

__all__ = ["Appliance", "Firmware", "Form", "check_package", "disk_member", "firmware_of", "look"]

_SECTOR: Final = 512
_FOREIGN: Final = (  # formats that are recognized to be refused by name: where their mark is, the mark, their name
    (0, b"KDMV", "vmdk"),
    (0, b"COWD", "vmdk"),
    (0, b"# Disk DescriptorFile", "vmdk"),
    (0, b"conectix", "vhd"),
    (0, b"vhdxfile", "vhdx"),
    (0x40, b"\x7f\x10\xda\xbe", "vdi"),
    (0, b"LUKS\xba\xbe", "luks"),
)


class Form(Enum):
    """How the appliance is packed."""

    OVA = "ova"
    GZIP_OVA = "ova.gz"
    QCOW2 = "qcow2"
    RAW = "raw"


@dataclass(frozen=True)
class Appliance:
    """What is known of an appliance after a look at it.

    Args:
        path: how the operator named the file.
        form: how it is packed.
        disk_format: real format of the disk inside, to be given to qemu explicitly.
        offset: where the disk begins in the file, bytes; None in a gzip'd OVA, which must be inflated.
        size: bytes of the disk in that format (not the virtual size).
        member: name of the disk's tar member; None for a bare disk.
        virtual_size: bytes the guest sees.
        cpus: virtual CPUs that the OVF proposes; None if it does not.
        memory_mib: memory that the OVF proposes, MiB; None if it does not.
        version: version of the engine inside, if the `.conf` beside the file or the OVF tells.
        description: one line for the operator; may be empty.
        digest: `ALGORITHM:HEX` that the OVA's manifest gives for the disk; None without a manifest.
        package_digest: `sha1:HEX` that the `.conf` gives for the whole file; None without.
        features: what the engine inside can be told to set up, as the `.conf` or else the OVF declares it.
    """

    path: str
    form: Form
    disk_format: DiskFormat
    offset: int | None
    size: int
    member: str | None
    virtual_size: int
    cpus: int | None
    memory_mib: int | None
    version: str | None
    description: str
    digest: str | None = None
    package_digest: str | None = None
    features: tuple[str, ...] = ()


def look(stream: BinaryIO, *, path: str, conf: str | None = None, progress: Progress = quiet) -> Appliance:
    """Tell what `stream`, a seekable file, is.

    A plain OVA's disk is not read. A gzip'd OVA is inflated only as far as the description and the disk's header
    are, but that is all of it if the description comes last.

    Args:
        stream: the file.
        path: how the operator named it, for messages.
        conf: text of the `.conf` beside it, if there is one.
        progress: called every few MiB with the bytes read so far, while a gzip'd OVA is inflated.

    Raises:
        ApplianceProblem: it is no appliance we can deploy; the subclasses are in `appliance_problems`.
    """
    with _told(path):
        described = read_conf(conf) if conf is not None else Conf()
        length = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        start = stream.read(HEAD)
        stream.seek(0)
        if compression_of(start) == "gzip":
            tape = Tape(inflated(Counted(stream, progress)))
            found = _of_ova(Form.GZIP_OVA, walk(tape, to_the_end=False), path)
        elif looks_like_tar(start):
            found = _of_ova(Form.OVA, walk(SeekingSource(stream), to_the_end=True), path)
        else:
            found = _bare(start, length, path)
        return replace(
            found,
            version=described.version or found.version,
            description=described.description or found.description,
            package_digest=described.digest,
            features=found.features if described.features is None else described.features,
        )


def _bare(start: bytes, length: int, path: str) -> Appliance:
    """Describe a bare disk."""
    disk_format = _real_format(start)
    return Appliance(
        path=path,
        form=Form.QCOW2 if disk_format == "qcow2" else Form.RAW,
        disk_format=disk_format,
        offset=0,
        size=length,
        member=None,
        virtual_size=_virtual_size(disk_format, start, length),
        cpus=None,
        memory_mib=None,
        version=None,
        description="",
    )


def _of_ova(form: Form, contents: Contents, path: str) -> Appliance:
    """Describe an OVA whose members have been seen."""
    ovf, member = contents.disk()
    name = ovf.disk
    digests = contents.digests()
    _check_ovf_digest(contents, digests.get(contents.ovf_name))
    disk_format = _real_format(member.head)
    if ovf.disk_format not in {None, disk_format}:
        detail = _(
            "the OVF declares {declared}, {name} is {found}",
            declared=ovf.disk_format,
            name=shown(name),
            found=disk_format,
        )
        raise problem.ApplianceDiskFormat(detail)
    return Appliance(
        path=path,
        form=form,
        disk_format=disk_format,
        offset=member.offset,
        size=member.size,
        member=name,
        virtual_size=_virtual_size(disk_format, member.head, member.size),
        cpus=ovf.cpus,
        memory_mib=ovf.memory_mib,
        version=ovf.version,
        description=ovf.description,
        digest=digests.get(name),
        features=ovf.features,
    )


def _check_ovf_digest(contents: Contents, expected: str | None) -> None:
    """Compare the OVF with the manifest."""
    head = contents.members[contents.ovf_name].head
    for _piece in _verified(iter([head]), expected, contents.ovf_name):
        pass


def _real_format(start: bytes) -> DiskFormat:
    """Tell the disk's format by its first bytes."""
    if start.startswith(qcow2.MAGIC):
        return "qcow2"
    for at, mark, name in _FOREIGN:
        if start.startswith(mark, at):
            raise problem.ApplianceDiskFormat(_("it is {name}; qcow2 and raw can be deployed", name=name))
    if has_partition_table(start):
        return "raw"
    raise problem.ApplianceFormat(_("no known mark in its first bytes, and no partition table"))


def _virtual_size(disk_format: DiskFormat, start: bytes, size: int) -> int:
    """Give the bytes that the guest sees."""
    if disk_format == "qcow2":
        return qcow2.virtual_size(start, size)
    if size % _SECTOR:
        raise problem.ApplianceTruncated(_("{size} bytes are no whole sectors", size=size))
    return size


def disk_member(stream: BinaryIO, appliance: Appliance, *, progress: Progress = quiet) -> Iterator[bytes]:
    """Give the disk's bytes in order, of any form; a gzip'd OVA is inflated on the way.

    Only when the iterator has ended normally are checksums known to be right, and no second disk of that name to
    follow: what a caller has written before that must not be used yet.

    Args:
        stream: the file that `look` described, seekable.
        appliance: that description.
        progress: called every few MiB with the bytes read of the file.

    Raises:
        OvaTruncated: the file ends before the disk does, or before the gzip stream does.
        OvaFormat: the gzip stream or the tar is damaged.
        OvaDuplicate: a second disk of that name follows.
        ApplianceDigest: the disk is not what the manifest says.
    """
    with _told(appliance.path):
        stream.seek(appliance.offset or 0)
        counted = Counted(stream, progress)
        if appliance.form is Form.GZIP_OVA:
            chunks = _inflated_disk(Tape(inflated(counted)), appliance)
        else:
            chunks = Tape(iter(counted)).pieces(appliance.size)
        yield from _verified(chunks, appliance.digest, appliance.member or "")


def _inflated_disk(tape: Tape, appliance: Appliance) -> Iterator[memoryview]:
    """Give the disk of a gzip'd OVA, and read on to the end."""
    names: set[str] = set()
    while entry := next_entry(tape.read):
        name = admit(entry, names)
        if name == appliance.member and entry.kind is Kind.FILE:
            if entry.size != appliance.size:
                raise problem.OvaFormat(
                    _(
                        "{name} has changed: {size} bytes, not {before}",
                        name=shown(name),
                        size=entry.size,
                        before=appliance.size,
                    )
                )
            yield from tape.content(entry)
        else:
            for _piece in tape.content(entry):
                pass
    if appliance.member not in names:
        raise problem.OvfReference(shown(str(appliance.member)))
    tape.finish()


def check_package(stream: BinaryIO, appliance: Appliance, *, progress: Progress = quiet) -> None:
    """Compare the whole file with the checksum that its `.conf` gives; nothing without one.

    Args:
        stream: the file that `look` described, seekable.
        appliance: that description.
        progress: called every few MiB with the bytes read.

    Raises:
        ApplianceDigest: they differ.
    """
    if appliance.package_digest is None:
        return
    with _told(appliance.path):
        stream.seek(0)
        for _piece in _verified(iter(Counted(stream, progress)), appliance.package_digest, _("the file")):
            pass


def _verified(chunks: Iterator[bytes | memoryview], expected: str | None, what: str) -> Iterator[bytes]:
    """Give `chunks`, and refuse them at the end if their digest is not `ALGORITHM:HEX`."""
    algorithm, _colon, digest = (expected or "sha256:").partition(":")
    hashing = hashlib.new(algorithm, usedforsecurity=False)
    for chunk in chunks:
        if expected:
            hashing.update(chunk)
        yield bytes(chunk)
    if expected and hashing.hexdigest() != digest:
        raise problem.ApplianceDigest(
            _(
                "{what}: {algorithm} is {found}, should be {digest}",
                what=what,
                algorithm=algorithm,
                found=hashing.hexdigest(),
                digest=digest,
            )
        )


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Tell errors of the layers below as problems of the file `path`."""
    try:
        yield
    except CutShortError as error:
        raise problem.OvaTruncated(str(error)).located(path) from error
    except (DamagedError, TarError) as error:
        raise problem.OvaFormat(str(error)).located(path) from error
    except problem.ApplianceProblem as found:
        found.located(path)
        raise
