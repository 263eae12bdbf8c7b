"""What the adapter reads out of libvirt's XML and the little it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import tostring  # writing only; reading is defusedxml's

from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_RUN: Final = "{https://ovirt.example/hosted-engine-setup/1}run"


def identity(xml: str) -> tuple[str, str]:
    """Give name and UUID of a domain's or network's XML; empty where there is none."""
    root = _read(xml)
    return (root.findtext("name") or "").strip(), (root.findtext("uuid") or "").strip()


def mark(xml: str) -> str:
    """Give the run id that our templates put into a domain's or network's metadata; empty for another's."""
    return (_read(xml).findtext(f"metadata/{_RUN}") or "").strip()


def targets_with_medium(xml: str) -> tuple[str, ...]:
    """Give the targets of the disks that have a source; an emptied drive keeps one that says `index` alone."""
    return tuple(_target(disk) for disk in _disks(xml) if any(key != "index" for key in _source(disk)))


def has_backing(xml: str, target: str) -> bool:
    """Tell whether a disk's backing chain has a further image."""
    disk = _find(xml, target)
    return disk is not None and disk.find("backingStore/source") is not None


def disk_xml(xml: str, target: str) -> str | None:
    """Give a disk's own element, to hand back to libvirt; None when the domain has no such disk."""
    disk = _find(xml, target)
    return None if disk is None else tostring(disk, encoding="unicode")


def edited(xml: str, target: str, without: tuple[str, ...]) -> str:
    """Give the domain's XML with some children of a disk's element left out."""
    root = _read(xml)
    for disk in root.findall("devices/disk"):
        if _target(disk) == target:
            for child in [child for name in without for child in disk.findall(name)]:
                disk.remove(child)
    return tostring(root, encoding="unicode")


def host_arch(capabilities: str) -> tuple[str, tuple[str, ...]]:
    """Give the emulator for guests like the host and the virtualisation types libvirt claims for them."""
    root = _read(capabilities)
    arch = root.findtext("host/cpu/arch") or ""
    for guest in root.findall("guest"):
        node = guest.find("arch")
        if guest.findtext("os_type") == "hvm" and node is not None and node.get("name") == arch:
            kinds = tuple(domain.get("type", "") for domain in node.findall("domain"))
            return (node.findtext("emulator") or "").strip(), kinds
    return "", ()


def base_label(capabilities: str) -> tuple[int, int] | None:
    """Give uid and gid of qemu's processes (`+64055:+64055`), None where libvirt leaves them alone."""
    for model in _read(capabilities).findall("host/secmodel"):
        label = (model.findtext("baselabel") or "").replace("+", "")
        uid, colon, gid = label.partition(":")
        if model.findtext("model") == "dac" and colon and uid.isdigit() and gid.isdigit():
            return int(uid), int(gid)
    return None


def _read(xml: str) -> Element:
    return fromstring(xml)


def _disks(xml: str) -> list[Element]:
    return _read(xml).findall("devices/disk")


def _target(disk: Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("dev", "")


def _source(disk: Element) -> dict[str, str]:
    source = disk.find("source")
    return {} if source is None else source.attrib


def _find(xml: str, target: str) -> Element | None:
    return next((disk for disk in _disks(xml) if _target(disk) == target), None)
