"""An undisturbed deploy with restore: what it says, what it leaves, what it leaves alone."""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import re
import ssl
import stat
from typing import TYPE_CHECKING

import pytest
from defusedxml import ElementTree

from hosted_setup.domain.seal import TEXT
from tests.system.conftest import portrait
from tests.system.guest import GOOD
from tests.system.installer import FQDN, virsh
from tests.system.on_storage import blocks
from tests.system.world import disk_info

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.system.conftest import Deployed

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


def conf(path: Path) -> dict[str, str]:
    """Read KEY=VALUE lines."""
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line and line[0] != "#")
    return {key.strip(): value.strip() for key, _, value in lines}


def definition(deployed: Deployed, *options: str) -> Any:  # noqa: ANN401 - untyped library
    """Give libvirt's definition of the engine VM."""
    return ElementTree.fromstring(virsh(deployed.site.lab, "dumpxml", *options, deployed.site.vm_name))


def test_it_ends_well_and_the_vm_runs(deployed: Deployed) -> None:
    assert deployed.installer.code == 0, deployed.installer.text
    assert virsh(deployed.site.lab, "domstate", deployed.site.vm_name).strip() == "running"
    assert GOOD in deployed.guest.health()


def test_the_operator_sees_the_guest_at_work(deployed: Deployed) -> None:
    said = deployed.installer.text
    shown = [
        "Validating backup file", "Create the network", "Start the engine VM", "|- ",
        "Engine backup successfully restored",
        "Engine-setup successfully completed", f"Engine replied: {GOOD}", "Hosted Engine successfully deployed",
    ]  # fmt: skip
    places = [said.find(text) for text in shown]
    assert -1 not in places, dict(zip(shown, places, strict=True))
    assert places == sorted(places)
    assert "ERROR" not in said
    times = [time for time, line in deployed.installer.lines if "|- " in line]
    assert len({round(time) for time in times}) > 5, "the guest's lines came all at once"


def test_the_summary_names_what_the_engine_shows(deployed: Deployed) -> None:
    said = deployed.installer.text
    said = said[said.rindex("Hosted Engine successfully") :]
    summary = dict(re.findall(r"^ +([A-Z][^:\n]*): +(.*)$", said, re.MULTILINE))
    assert summary["Engine"] == f"https://{FQDN}/ovirt-engine/"
    assert summary["Address"] == deployed.guest.address
    assert summary["Version"].startswith("4.5.7")
    assert summary["Administrator"] == "admin@internal"
    with deployed.site.lab.network():
        shown = ssl.PEM_cert_to_DER_cert(deployed.guest.ask("GET", CA).body.decode())
    assert summary["CA (SHA-256)"].replace(":", "").lower() == hashlib.sha256(shown).hexdigest()
    kind, _, blob = deployed.guest.host_key().partition(" ")
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")
    assert summary["SSH host key"] == f"{kind} SHA256:{digest}"
    assert summary["Configuration"] == str(deployed.site.paths.etc / "hosted-engine.conf")
    assert summary["Storage domain"] == str(deployed.site.domain_folder)


CA = "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA"


def test_the_files_are_there_for_root_alone(deployed: Deployed) -> None:
    paths, shared = deployed.site.paths, deployed.site.domain_folder / "conf"
    private = [paths.etc / "hosted-engine.conf", paths.etc / "answers.conf", paths.ha_run / "vm.conf"]
    private += sorted((paths.state / "answers").iterdir()) + sorted(paths.logs.iterdir())
    private += [shared / name for name in ("hosted-engine.conf", "vm.conf", "fhanswers.conf", "broker.conf", "version")]
    assert {str(path): oct(stat.S_IMODE(path.stat().st_mode)) for path in private} == {
        str(path): "0o600" for path in private
    }
    assert stat.S_IMODE((paths.etc / "ca.pem").stat().st_mode) == 0o644
    copies = {
        "hosted-engine.conf": paths.etc / "hosted-engine.conf",
        "vm.conf": paths.ha_run / "vm.conf",
        "fhanswers.conf": paths.etc / "answers.conf",
    }
    for name, copy in copies.items():
        assert TEXT.take((shared / name).read_bytes()) == copy.read_bytes()


def test_the_files_say_what_libvirt_says(deployed: Deployed) -> None:
    site, xml = deployed.site, definition(deployed)
    pointer = json.loads((site.domain_folder / "images/current.json").read_text())
    volume, disk = pointer["volume"], xml.find("devices/disk[@device='disk']/source").get("file")
    assert disk == str(site.domain_folder / "images" / volume / volume)
    engine = conf(site.paths.etc / "hosted-engine.conf")
    assert engine["fqdn"] == FQDN
    assert engine["vmid"] == xml.findtext("uuid")
    assert engine["vm_disk_id"] == volume
    assert engine["sdUUID"] == site.domain_folder.name
    assert engine["storage"] == str(site.storage)
    machine = conf(site.paths.ha_run / "vm.conf")
    assert machine["vmId"] == xml.findtext("uuid")
    assert machine["vmName"] == site.vm_name
    assert machine["memSize"] == "1536"
    assert machine["smp"] == "2"
    text = (site.paths.ha_run / "vm.conf").read_text()
    assert xml.find("devices/interface/mac").get("address") in text
    assert volume in text


def test_the_disk_stands_alone(deployed: Deployed) -> None:
    pointer = json.loads((deployed.site.domain_folder / "images/current.json").read_text())
    folder = deployed.site.domain_folder / "images" / pointer["volume"]
    assert [path.name for path in folder.iterdir()] == [pointer["volume"]], "nothing is beside the disk"
    info = disk_info(deployed.site.lab, folder / pointer["volume"])
    assert info["format"] == pointer["format"] == "qcow2"
    assert "backing-filename" not in info
    assert str(folder) in blocks(deployed.site, "file"), "it is what qemu has open"


def test_the_operators_files_are_as_they_were(deployed: Deployed, cache: Path) -> None:
    assert {name: portrait(cache / name) for name in deployed.files} == deployed.files


@pytest.mark.parametrize("options", [(), ("--inactive",)])
def test_the_vm_has_nothing_of_the_installer_left(deployed: Deployed, options: tuple[str, ...]) -> None:
    xml = definition(deployed, *options)
    assert [disk.find("target").get("dev") for disk in xml.findall("devices/disk")] == ["vda"]
    assert xml.find("devices/disk/backingStore/source") is None
    if options:  # a running VM keeps its channel until the next start
        names = [channel.find("target").get("name") for channel in xml.findall("devices/channel")]
        assert names == ["org.qemu.guest_agent.0"]
        assert str(deployed.site.paths.runs) not in virsh(deployed.site.lab, "dumpxml", *options, deployed.site.vm_name)


def test_no_one_time_file_is_left(deployed: Deployed) -> None:
    left = {path.name for path in deployed.site.paths.runs.glob("*/*")}
    assert left <= {"journal.jsonl", "events.jsonl", "output.log", "boot", "guest.log", "guest.sock", "console.log"}


def test_the_deployment_is_registered_in_the_engine(deployed: Deployed) -> None:
    found = deployed.guest.listing("datacenters", "clusters", "hosts", "storagedomains", "vms")
    names = {kind: [item["name"] for item in items] for kind, items in found.items()}
    assert names["datacenters"].count("Default") == 1
    assert names["clusters"].count("Default") == 1
    (host,) = [item for item in found["hosts"] if item["name"] == "lab-host"]
    assert host["address"] == deployed.site.network_facts[0]
    (domain,) = [item for item in found["storagedomains"] if item["name"] == "hosted_storage"]
    assert domain["id"] == deployed.site.domain_folder.name
    assert domain["storage"]["path"] == str(deployed.site.storage)
    (center,) = [item for item in found["datacenters"] if item["name"] == "Default"]
    attached = deployed.guest.listing(f"datacenters/{center['id']}/storagedomains")
    assert "hosted_storage" in [item["name"] for item in next(iter(attached.values()))]
    assert [name for name in names["storagedomains"] if re.fullmatch(r"hosted_storage_old_\d{8}T\d{6}", name)]
    assert "HostedEngine" not in names["vms"]


def test_the_answers_deploy_again(deployed: Deployed) -> None:
    answers = configparser.ConfigParser(interpolation=None)
    answers.optionxform = str  # type: ignore[assignment,method-assign]
    answers.read(deployed.site.paths.etc / "answers.conf")
    (section,) = answers.sections()
    assert answers[section]["OVEHOSTED_NETWORK/fqdn"] == f"str:{FQDN}"
    assert "OVEHOSTED_ENGINE/adminPassword" not in answers[section]


def test_a_second_deploy_is_refused(deployed: Deployed) -> None:
    again = deployed.site.run(*deployed.site.deploy_words())
    assert again.code == 3, again.text
    assert "HE-DEPLOYED" in again.text
    assert "hosted-engine cleanup" in again.text
