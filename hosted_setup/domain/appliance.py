"""An engine appliance as a user brings it, looked at before anything is written: OVA, gzip'd OVA, qcow2 or raw.

Formats: the tar of an OVA in oVirt's layout (`master/vms/…`, `images/…`) or DMTF's (an `.ovf` and a disk
side by side). Everything in it is untrusted input, and the format of a disk is never left to be probed by
somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator


class Form(Enum):
    """How the appliance is packed."""

    OVA = "ova"
    GZIP_OVA = "ova.gz"
    QCOW2 = "qcow2"
    RAW = "raw"


class Firmware(Enum):
    """What the disk boots from."""

    BIOS = "bios"
    UEFI = "uefi"


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
    """

    path: str
    form: Form
    disk_format: Literal["qcow2", "raw"]
    offset: int | None
    size: int | None
    member: str | None
    virtual_size: int
    cpus: int | None
    memory_mib: int | None
    version: str | None
    description: str
    digest: str | None = None
    package_digest: str | None = None


def look(stream: BinaryIO, *, path: str, conf: str | None = None) -> Appliance:
    """Tell what `stream`, a seekable file, is.

    Args:
        stream: the file.
        path: how the operator named it, for messages.
        conf: text of the `.conf` beside it, if there is one.

    Raises:
        ApplianceProblem: it is no appliance we can deploy; the subclasses are in `appliance_problems`.
    """
    raise NotImplementedError


def disk_member(stream: BinaryIO, appliance: Appliance) -> Iterator[bytes]:
    """Give the disk's bytes, in order, from any form; the gzip'd OVA is inflated on the way.

    The last chunk is only followed by a normal end when checksums were right and no second disk of that name
    followed, so a caller that writes into the final place must not use it before the iterator has ended.

    Raises:
        OvaTruncated: the file ends before the disk does.
    """
    raise NotImplementedError


def firmware_of(first_mebibyte: bytes) -> Firmware:
    """Tell from the partition table in the disk's first MiB what firmware it wants."""
    raise NotImplementedError
