"""OVF: what an appliance says of itself, in oVirt's dialect or in DMTF's.

oVirt's namespace ends in a slash, DMTF's does not; oVirt's elements have no namespace of their own. In oVirt's
dialect `ovf:volume-format` tells the format and `ovf:format` is a constant without meaning; in DMTF's, `ovf:format`
is a URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hosted_setup.domain.appliance_conf import feature_words
from hosted_setup.domain.appliance_problems import (
    ApplianceDiskFormat,
    OvfDisks,
    OvfDtd,
    OvfFormat,
    OvfNoDisk,
    OvfReference,
)
from hosted_setup.domain.tarheader import escapes
from hosted_setup.domain.version import Version, VersionUnreadable
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

DiskFormat = Literal["qcow2", "raw"]

OVF_LIMIT: Final = 1 << 20
"""Bytes of an OVF; a real one has a few thousand."""

_ELEMENTS_LIMIT: Final = 10_000
_NAMESPACES: Final = ("http://schemas.dmtf.org/ovf/envelope/1/", "http://schemas.dmtf.org/ovf/envelope/1")
_CPU, _MEMORY = "3", "4"  # CIM resource types
_UNITS: Final[Mapping[str, int]] = {
    "": 1,
    "MegaBytes": 1,
    "MB": 1,
    "byte * 2^20": 1,
    "GigaBytes": 1024,
    "GB": 1024,
    "byte * 2^30": 1024,
}
_FEATURES: Final = "hosted-engine.features"
_CPU_LIMIT: Final = 4096
_MEMORY_LIMIT: Final = 64 << 20  # MiB
_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_VOLUME_FORMATS: Final[Mapping[str, DiskFormat]] = {"COW": "qcow2", "RAW": "raw"}
_FORMAT_URLS: Final = (("vmdk", "vmdk"), ("qcow", "qcow2"), ("wiki/Byte", "raw"))


@dataclass(frozen=True)
class Ovf:
    """What is used of an OVF.

    Args:
        disk: name of the tar member with the disk.
        disk_format: the format it is declared to have; None if not declared.
        cpus: proposed virtual CPUs, if any are.
        memory_mib: proposed memory, if any is.
        version: version of the product, if there is one.
        description: one line.
        features: words for what the engine inside can be told to set up.
    """

    disk: str
    disk_format: DiskFormat | None
    cpus: int | None
    memory_mib: int | None
    version: str | None
    description: str
    features: tuple[str, ...] = ()


def read_ovf(name: str, content: bytes) -> Ovf:
    """Read an OVF.

    Args:
        name: the tar member it is; its folder matters for where the disk is.
        content: its bytes.

    Raises:
        OvfDtd: it declares a DTD, entities, or refers to something outside.
        OvfFormat: it is no OVF, or says something that cannot be.
        OvfNoDisk: it has no disk.
        OvfDisks: it has more than one.
        OvfReference: its disk's name leads out of the OVA.
        ApplianceDiskFormat: the declared format is none that can be deployed.
    """
    root = _parsed(content)
    elements = list(root.iter())
    disk = _the_disk(elements)
    dialect_of_ovirt = not _named(elements, "VirtualSystem")
    return Ovf(
        disk=_member(name, disk, elements, dialect_of_ovirt=dialect_of_ovirt),
        disk_format=_declared(disk),
        cpus=_cpus(elements),
        memory_mib=_memory(elements),
        version=_version(elements),
        description=_description(elements),
        features=_features(elements),
    )


def _parsed(content: bytes) -> Element:
    """Parse the XML, without DTD and entities, of bounded size."""
    if len(content) > OVF_LIMIT:
        raise OvfFormat(_("it has {size} bytes, and at most {most} are read", size=len(content), most=OVF_LIMIT))
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise OvfDtd(_("no OVF needs one; it begins with a DOCTYPE")) from error
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding nobody knows
        raise OvfFormat(_("it is no XML"), why=str(error)) from error
    if _local(root) != "Envelope" or not root.tag.startswith(tuple(f"{{{one}}}" for one in _NAMESPACES)):
        raise OvfFormat(_("its root is {tag!a}", tag=root.tag[:120]))
    if sum(1 for _ in root.iter()) > _ELEMENTS_LIMIT:
        raise OvfFormat(_("it has more than {most} elements", most=_ELEMENTS_LIMIT))
    return root


def _local(element: Element) -> str:
    """Give an element's name without namespace."""
    return str(element.tag).rpartition("}")[2]


def _named(elements: list[Element], name: str) -> list[Element]:
    """Give the elements of that name, in whatever namespace."""
    return [element for element in elements if _local(element) == name]


def _attribute(element: Element, name: str) -> str:
    """Give an attribute in any of the namespaces; "" if absent."""
    qualified = (*(f"{{{one}}}{name}" for one in _NAMESPACES), name)
    return next((element.attrib[key] for key in qualified if key in element.attrib), "").strip()


def _child(element: Element, name: str) -> str:
    """Give the text of the first child of that name; "" if absent."""
    return next((child.text or "" for child in element if _local(child) == name), "").strip()


def _the_disk(elements: list[Element]) -> Element:
    """Give the one disk that refers to a file."""
    disks = [disk for disk in _named(elements, "Disk") if _attribute(disk, "fileRef")]
    if not disks:
        raise OvfNoDisk(_("no Disk with a fileRef"))
    if len(disks) > 1:
        raise OvfDisks(_("there are {count}", count=len(disks)))
    return disks[0]


def _member(name: str, disk: Element, elements: list[Element], *, dialect_of_ovirt: bool) -> str:
    """Give the name of the tar member that holds the disk: under `images/` by oVirt, beside the OVF by DMTF."""
    reference = _attribute(disk, "fileRef")
    files = [file for file in _named(elements, "File") if _attribute(file, "id") == reference]
    reference = _attribute(files[0], "href") if files else reference
    folder = "images/" if dialect_of_ovirt else name[: name.rfind("/") + 1]
    if not reference or escapes(reference):
        raise OvfReference(f"{reference[:200]!a}")
    return folder + reference.removeprefix("./")


def _declared(disk: Element) -> DiskFormat | None:
    """Give the format that a disk is declared to have."""
    if volume := _attribute(disk, "volume-format"):
        if volume not in _VOLUME_FORMATS:
            raise ApplianceDiskFormat(_("the OVF declares {volume!a}", volume=volume[:40]))
        return _VOLUME_FORMATS[volume]
    url = _attribute(disk, "format")
    kind = next((kind for part, kind in _FORMAT_URLS if part in url), None)
    if kind == "vmdk":
        raise ApplianceDiskFormat(_("the OVF declares vmdk"))
    return "qcow2" if kind == "qcow2" else "raw" if kind == "raw" else None


def _items(elements: list[Element], kind: str) -> Iterator[Element]:
    """Give the hardware items of a resource type."""
    return (item for item in _named(elements, "Item") if _child(item, "ResourceType") == kind)


def _number(item: Element, name: str, limit: int) -> int:
    """Give a number in an item."""
    text = _child(item, name)
    if not _NUMBER.fullmatch(text) or not 0 < int(text) <= limit:
        raise OvfFormat(_("{name} is {text!a}", name=name, text=text[:40]))
    return int(text)


def _cpus(elements: list[Element]) -> int | None:
    """Give the proposed CPUs: sockets by cores where they are told, else their plain number."""
    for item in _items(elements, _CPU):
        if _child(item, "num_of_sockets"):
            sockets = _number(item, "num_of_sockets", _CPU_LIMIT)
            return sockets * _number(item, "cpu_per_socket", _CPU_LIMIT)
        return _number(item, "VirtualQuantity", _CPU_LIMIT)
    return None


def _memory(elements: list[Element]) -> int | None:
    """Give the proposed memory in MiB."""
    for item in _items(elements, _MEMORY):
        unit = _child(item, "AllocationUnits")
        if unit not in _UNITS:
            raise OvfFormat(_("memory in units of {unit!a}", unit=unit[:40]))
        return _number(item, "VirtualQuantity", _MEMORY_LIMIT) * _UNITS[unit]
    return None


def _version(elements: list[Element]) -> str | None:
    """Give the product's version, if it is one that the version rule can use."""
    for section in _named(elements, "ProductSection"):
        try:
            return Version(_child(section, "Version")).text
        except VersionUnreadable:  # free text: no version then
            continue
    return None


def _features(elements: list[Element]) -> tuple[str, ...]:
    """Give the words of the product's property for them."""
    values = (_attribute(one, "value") for one in _named(elements, "Property") if _attribute(one, "key") == _FEATURES)
    return feature_words(" ".join(values))


def _description(elements: list[Element]) -> str:
    """Give one line about the machine: its description, else its name."""
    for machine in (*_named(elements, "Content"), *_named(elements, "VirtualSystem")):
        for name in ("Description", "Name"):
            if text := " ".join(_child(machine, name).split()):
                return text[:200]
    return ""
