"""The XML given to libvirt: as a whole, valid by libvirt's own schema, and no value can break out of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from defusedxml.ElementTree import fromstring

from hosted_plugins.backup import Backup
from hosted_plugins.network.steps import create_network
from hosted_plugins.virt import Virtualisation
from hosted_plugins.vm.steps import start_vm
from hosted_setup.domain.templates import render_xml
from hosted_setup.ports.hypervisor import HypervisorFacts
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import DeviceAt, DirectoryHome, FileAt, IscsiAt, NfsAt
from hosted_setup.storage.domain import StorageDomain
from tests.golden import products

if TYPE_CHECKING:
    from hosted_setup.ports.locations import Location
    from tests.golden.plugin import Golden

HOSTILE = "/srv/a&b'\"<c>]]>-- {{ 7 * 7 }}"

NO_BACKUP = Backup()
OVA = DiskSource(FileAt("/a/engine.ova"), "qcow2", 1536, 700000)
TARGET = "iqn.2026-01.com.example:engine"
SECRET = "5ec2e700-0000-4000-8000-000000000009"


@dataclass(frozen=True)
class Variant:
    """A way a VM is started."""

    virt_type: str = "kvm"
    firmware: str = "bios"
    backing: DiskSource | None = None
    backup: Backup = NO_BACKUP
    disk: DiskSource = products.SOURCE
    facts: HypervisorFacts = products.FACTS
    domain: StorageDomain = products.DOMAIN


VARIANTS = {
    "ova-restore": Variant(backing=OVA, backup=products.BACKUP),
    "bare-uefi": Variant(backing=DiskSource(FileAt("/a/engine.raw"), "raw"), firmware="uefi", virt_type="qemu"),
    "whole-disk": Variant(backup=products.BACKUP),
    "lun": Variant(backing=OVA, disk=DiskSource(DeviceAt("/dev/mapper/36001405abc"), "qcow2", 1 << 30, 64 << 30)),
    "nfs": Variant(backing=OVA, disk=DiskSource(NfsAt("2001:db8::5", "/export/5d/images/v/v", 36, 36), "qcow2")),
    "iscsi": Variant(disk=DiskSource(IscsiAt("192.0.2.5:3260", TARGET, 1), "qcow2", 1 << 30, 64 << 30)),
    "iscsi-chap": Variant(disk=DiskSource(IscsiAt("[2001:db8::5]:3261", TARGET, 2, "host1", SECRET), "qcow2")),
}


def first_boot(variant: Variant, **answers: Any) -> tuple[str, dict[str, Path]]:  # noqa: ANN401 - of the VM
    keeping = products.Keeping()
    with patch("hosted_plugins.vm.steps.remember_boot"):  # the paths in the text are an operator's, nothing is there
        start_vm(
            products.vm_answers(**answers),
            Virtualisation(variant.virt_type),
            products.disk(
                backing=variant.backing, firmware=variant.firmware, source=variant.disk, domain=variant.domain
            ),
            products.NETWORK,
            products.SEED,
            variant.backup,
            variant.facts,
            products.host(keeping),
            products.NoUndo(),
        )
    (xml,) = keeping.definitions
    return xml, keeping.files


def network() -> str:
    keeping = products.Keeping()
    host = products.host(keeping)
    create_network(products.NETWORK_CHOICE, products.NETWORK_ANSWERS, products.vm_answers(), host, products.NoUndo())
    (xml,) = keeping.definitions
    (uuid,) = (element.text for element in fromstring(xml).iter("uuid"))
    return xml.replace(str(uuid), products.NETWORK.uuid)


def assert_valid(xml: str, folder: Path) -> None:
    path = folder / "checked.xml"
    path.write_text(xml)
    done = subprocess.run(["virt-xml-validate", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", VARIANTS)
def test_the_first_boot(name: str, golden: Golden, tmp_path: Path) -> None:
    xml, _ = first_boot(VARIANTS[name])
    assert_valid(xml, tmp_path)
    golden.check(f"xml/first-boot-{name}.xml", xml)


def test_files_are_handed_over_by_the_names_in_the_xml() -> None:
    xml, files = first_boot(VARIANTS["ova-restore"])
    assert files == {
        "he-seed": Path(products.SEED.path),
        "he-backup": Path("/backup/engine.tar.gz"),
        "he-appliance": Path("/a/engine.ova"),
    }
    groups = {source.get("fdgroup"): source.get("file") for source in fromstring(xml).iter("source")}
    assert {name: Path(str(groups[name])) for name in files} == files


def test_copies_stand_in_for_files_that_cannot_be_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("seed.iso", "backup.tar"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(products, "SEED", replace(products.SEED, path=str(tmp_path / "seed.iso")))
    domain = StorageDomain(products.DOMAIN.uuid, DirectoryHome(tmp_path, -1, -1))
    beside = tmp_path / domain.uuid / "images" / products.disk().volume
    beside.mkdir(parents=True)
    backup = replace(products.BACKUP, path=str(tmp_path / "backup.tar"))
    variant = Variant(backup=backup, facts=replace(products.FACTS, passes_files=False), domain=domain)
    xml, files = first_boot(variant)
    assert files == {}
    assert "fdgroup" not in xml
    assert_valid(xml, tmp_path)
    sources = [source.get("file") for source in fromstring(xml).iter("source") if source.get("file")]
    assert sources == [str(products.SOURCE.at), str(beside / "he-seed"), str(beside / "he-backup")]
    assert (beside / "he-backup").read_text() == "backup.tar"
    assert (beside / "he-backup").stat().st_mode & 0o777 == 0o600


def test_the_network(golden: Golden, tmp_path: Path) -> None:
    assert_valid(network(), tmp_path)
    golden.check("xml/network.xml", network())


def test_a_value_cannot_break_out_of_the_domain(tmp_path: Path) -> None:
    there = {"at": {"type": "file", "path": HOSTILE}, "format": "raw", "offset": None, "size": None}
    lent = {"disk": there, "handed_over": True}
    values: dict[str, object] = {
        "virt_type": "kvm", "name": HOSTILE, "uuid": products.disk().vm, "run_id": HOSTILE, "memory_mib": 1,
        "vcpus": 1, "machine": "q35", "firmware": "bios", "disk": there,
        "disk_serial": "serial", "mac": "00:16:3e:01:02:03", "network": HOSTILE, "bridge": "",
        "uncached": True, "backing": there, "seed": lent,
        "payload": lent, "channel": {"socket": HOSTILE, "log": HOSTILE}, "console_log": HOSTILE,
    }  # fmt: skip
    root = fromstring(render_xml("domain.xml.j2", **values))
    assert root.findtext("name") == HOSTILE
    assert [one.get("file") for one in root.iter("source") if one.get("file")] == [HOSTILE] * 4
    assert [one.get("file") for one in root.iter("log")] == [HOSTILE] * 2
    assert root.find("devices/interface/source").get("network") == HOSTILE  # type: ignore[union-attr]
    bridged = fromstring(render_xml("domain.xml.j2", **{**values, "bridge": HOSTILE}))
    assert bridged.find("devices/interface/source").attrib == {"bridge": HOSTILE}  # type: ignore[union-attr]
    plain = fromstring(render_xml("domain.xml.j2", **{**values, "name": "plain"}))
    assert len(list(root.iter())) == len(list(plain.iter()))


@pytest.mark.parametrize(
    ("hostile", "plain"),
    [
        (DeviceAt(HOSTILE), DeviceAt("/dev/a")),
        (NfsAt(HOSTILE, HOSTILE, 36, 36), NfsAt("a", "/b", 36, 36)),
        (IscsiAt(f"{HOSTILE}:1", HOSTILE, 1, HOSTILE, HOSTILE), IscsiAt("a:1", "b", 1, "c", SECRET)),
    ],
    ids=lambda at: type(at).__name__,
)
def test_a_place_cannot_break_out_of_the_domain(hostile: Location, plain: Location) -> None:
    first, second = (fromstring(first_boot(Variant(disk=DiskSource(at, "raw")))[0]) for at in (hostile, plain))
    assert len(list(first.iter())) == len(list(second.iter()))
    told = " ".join(value for element in first.find("devices/disk").iter() for value in element.attrib.values())  # type: ignore[union-attr]
    assert told.count(HOSTILE) == repr(hostile).count(repr(HOSTILE)[1:-1])


def test_a_value_cannot_break_out_of_the_network() -> None:
    names = ("name", "uuid", "run_id", "gateway", "address", "mac", "fqdn")
    root = fromstring(render_xml("network.xml.j2", **dict.fromkeys(names, HOSTILE)))
    assert root.findtext("name") == HOSTILE
    assert [one.text for one in root.iter("hostname")] == [HOSTILE]
    plain = fromstring(render_xml("network.xml.j2", **dict.fromkeys(names, "plain")))
    assert len(list(root.iter())) == len(list(plain.iter()))
