"""Hosts on which nothing must be deployed: each reason has its own code, and the host stays as it was."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

import pytest
from msgspec import Raw

from hosted_plugins.checks.steps import PROGRAMS
from hosted_plugins.deploy import DeployRequest
from hosted_setup.pipeline.codec import encode
from hosted_setup.pipeline.journal import FORMAT, End, Head, Intent, Journal, RunLock
from tests.refusal.site import STATE
from tests.refusal.told import Refusal, assert_well_told
from tests.unit.domain.builders import backup, members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.refusal.site import Site
    from tests.refusal.told import Told

RUN: Final = "20260101000000-abcdef"
CONNECTION: Final = "OVEHOSTED_STORAGE__storageDomainConnection"


def _only(refusal: Refusal, code: str, exit_code: int = 3) -> Told:
    assert (refusal.exit_code, refusal.codes) == (exit_code, [code]), refusal.out
    assert_well_told(refusal.told[0])
    return refusal.told[0]


@pytest.fixture
def theirs(site: Site) -> Iterator[Site]:
    """Put a VM, a network and a link of somebody else's on the host, the first two under our names."""
    parts = f"<name>{site.name}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os>"
    with site.lab.libvirt() as connection:
        vm = connection.defineXML(f"<domain type='qemu'>{parts}</domain>")
        network = connection.networkDefineXML(f"<network><name>{site.name}</name></network>")
        site.inside("ip", "link", "add", "theirs", "type", "bridge")
        site.inside("ip", "address", "add", "192.168.77.1/24", "dev", "theirs")
        site.inside("ip", "link", "set", "theirs", "up")
        yield site
        site.inside("ip", "link", "delete", "theirs")
        network.undefine()
        vm.undefine()


def test_all_that_the_checks_refuse_is_told_at_once(theirs: Site) -> None:
    site = theirs
    site.archive.write_bytes(backup(members(version=b"4.5.7\n")))
    (site.inputs / "engine-appliance.conf").write_text(f"version=4.5.6\npath={site.appliance}\n")
    missing = site.folder / "it's not there"
    site.answer(
        OVEHOSTED_VM__vmVCpus="int:4096",
        OVEHOSTED_VM__vmMemSizeMB="int:99999999",
        HOSTED_ENGINE__natSubnet="str:192.168.77.0/24",
        **{CONNECTION: f"str:{missing}"},
    )
    refusal = site.refused()
    assert refusal.exit_code == 3
    told = {(one.code, one.text("What").partition(site.name)[0]) for one in refusal.told}
    assert told >= {
        ("HE-NAME-TAKEN", "libvirt has a VM called "),
        ("HE-NAME-TAKEN", "libvirt has a network called "),
        ("HE-SUBNET-TAKEN", "192.168.77.0/24 overlaps 192.168.77.0/24"),
    }, refusal.out
    assert sorted(refusal.codes) == [
        "HE-CPUS", "HE-MEMORY", "HE-NAME-TAKEN", "HE-NAME-TAKEN", "HE-STORAGE-MISSING", "HE-SUBNET-TAKEN",
        "HE-VERSION-NEWER",
    ]  # fmt: skip
    for one in refusal.told:
        assert_well_told(one)
    assert f"mkdir -p '{str(missing).replace(chr(39), chr(39) + chr(34) + chr(39) + chr(34) + chr(39))}'" in refusal.out


@pytest.mark.parametrize(
    ("answer", "code"),
    [({"OVEHOSTED_VM__vmMemSizeMB": "int:99999999"}, "HE-MEMORY"), ({"OVEHOSTED_VM__vmVCpus": "int:4096"}, "HE-CPUS")],
)
def test_the_host_is_too_small(site: Site, answer: dict[str, str], code: str) -> None:
    site.answer(**answer)
    told = _only(site.refused(), code)
    assert "Answer " in told.text("Next") or "answer " in told.text("Next")


def test_the_name_of_the_vm_is_taken(theirs: Site) -> None:
    theirs.answer(HOSTED_ENGINE__networkName=f"str:{theirs.name}-2")
    told = _only(theirs.refused(), "HE-NAME-TAKEN")
    assert "VM" in told.text("What")


def test_the_name_of_the_network_is_taken(theirs: Site) -> None:
    theirs.answer(HOSTED_ENGINE__vmName=f"str:{theirs.name}-2")
    told = _only(theirs.refused(), "HE-NAME-TAKEN")
    assert "network" in told.text("What")


def test_the_subnet_is_taken(theirs: Site) -> None:
    theirs.answer(
        HOSTED_ENGINE__vmName=f"str:{theirs.name}-2",
        HOSTED_ENGINE__networkName=f"str:{theirs.name}-2",
        HOSTED_ENGINE__natSubnet="str:192.168.77.0/24",
    )
    _only(theirs.refused(), "HE-SUBNET-TAKEN")


def _missing(site: Site) -> Path:
    return site.folder / "nowhere"


def _a_file(site: Site) -> Path:
    return site.archive


@pytest.mark.parametrize("make", [_missing, _a_file])
def test_the_storage_directory_is_missing(site: Site, make: Callable[[Site], Path]) -> None:
    path = make(site)
    site.answer(**{CONNECTION: f"str:{path}"})
    told = _only(site.refused(), "HE-STORAGE-MISSING")
    assert told.text("What") == str(path)


def test_the_storage_directory_is_not_absolute(site: Site) -> None:
    site.answer(**{CONNECTION: "str:srv/engine"})
    told = _only(site.refused(), "HE-ANSWERS-VALUE", 2)
    assert "'srv/engine' is not an absolute path" in told.text("What")


def test_the_storage_directory_is_not_writable(mounted: Site) -> None:
    place = mounted.folder / "mounted"
    mounted.inside("mount", "--bind", mounted.storage, place)
    mounted.inside("mount", "-o", "remount,bind,ro", place)
    mounted.answer(**{CONNECTION: f"str:{place}"})
    told = _only(mounted.refused(), "HE-STORAGE-READONLY")
    assert told.text("Why") == "Read-only file system"


def test_the_storage_directory_is_closed_to_qemu(site: Site) -> None:
    place = site.folder / "closed"
    (place / "storage").mkdir(parents=True)
    place.chmod(0o700)
    site.answer(**{CONNECTION: f"str:{place / 'storage'}"})
    told = _only(site.refused(), "HE-STORAGE-CLOSED")
    assert re.fullmatch(r"its processes run as user [1-9]\d*, group [1-9]\d*", told.text("Why"))
    assert f"namei -l {place / 'storage'}" in told.text("Next").replace("\n", "")


def test_the_storage_directory_is_full(mounted: Site) -> None:
    place, image = mounted.folder / "mounted", mounted.folder / "small.ext4"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    # Else the kernel goes on making the file system while we look whether anything changes.
    mounted.inside("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
    mounted.inside("mount", "-o", "loop", image, place)
    mounted.inside("sync", "--file-system", place)
    mounted.answer(**{CONNECTION: f"str:{place}"})
    told = _only(mounted.refused(), "HE-STORAGE-SPACE")
    assert "0.1 GiB free" in told.text("What") or "0.0 GiB free" in told.text("What")
    assert "2.0 GiB needed" in told.text("What")


def test_libvirt_is_down(site: Site) -> None:
    site.uri = f"qemu+unix:///system?socket={site.folder}/dead.sock"
    told = _only(site.refused(), "HE-LIBVIRT-DOWN")
    assert "dead.sock" in told.text("Why")


def test_programs_are_missing(site: Site) -> None:
    empty = site.folder / "bin"
    empty.mkdir()
    site.environment["PATH"] = str(empty)
    refusal = site.refused()
    assert (refusal.exit_code, set(refusal.codes)) == (3, {"HE-PROGRAM-MISSING"}), refusal.out
    assert [one.command for one in refusal.told] == [f"apt-get install {package}" for package in PROGRAMS.values()]
    for one in refusal.told:
        assert_well_told(one)


def test_an_engine_is_deployed_already(site: Site, runs: Path) -> None:
    (site.etc / "hosted-engine.conf").write_text("fqdn=engine.example.com\n")
    with Journal(runs / RUN / "journal.jsonl") as journal:
        journal.append(Intent(0, "a step", "vm.remove", Raw(b"{}")))
        journal.append(End("done"))
    told = _only(site.refused(), "HE-DEPLOYED")
    assert shlex.split(told.command) == ["hosted-engine", "cleanup", *site.again]


def test_an_engine_is_deployed_already_by_another_program(site: Site) -> None:
    marker = site.etc / "hosted-engine.conf"
    marker.write_text("fqdn=engine.example.com\n")
    told = _only(site.refused(), "HE-DEPLOYED")
    assert told.command == f"cat {marker}"


def test_the_root_lies_too_deep_for_a_socket(site: Site) -> None:
    site.root /= "r" * 60
    site.root.mkdir()
    refusal = Refusal(*site.deploy())
    told = _only(refusal, "HE-ROOT-LONG")
    length = len(f"{site.root}/{STATE}/runs/{RUN}/guest.sock")
    assert f"guest.sock has {length} bytes, and 107 is the most" in told.text("What")
    assert f"by this many bytes: {length - 107};" in told.text("Next")
    assert not site.storage.joinpath("images").exists()


@pytest.fixture
def runs(site: Site) -> Path:
    """Give the folder of runs, with one that has no end."""
    folder = site.root / STATE / "runs"
    (folder / RUN).mkdir(parents=True)
    with Journal(folder / RUN / "journal.jsonl") as journal:
        journal.append(Head(RUN, "deploy", FORMAT, "2026-01-01T00:00:00+00:00", encode(DeployRequest())))
    return folder


def test_an_earlier_run_is_unfinished(site: Site, runs: Path) -> None:
    journal = (runs / RUN / "journal.jsonl").read_bytes()
    refusal = site.refused()
    told = _only(refusal, "HE-RUN-UNFINISHED", 4)
    for command in ("hosted-engine deploy --resume", "hosted-engine deploy --abort"):
        assert command in told.text("Next")
    assert (runs / RUN / "journal.jsonl").read_bytes() == journal
    assert [path.name for path in runs.iterdir()] == [RUN]


@pytest.mark.usefixtures("runs")
def test_another_run_is_at_work(site: Site, runs: Path) -> None:
    lock = RunLock(runs)
    told = _only(site.refused(), "HE-RUN-LOCKED")
    assert shlex.split(told.command) == ["hosted-engine", "run", "status", *site.again]
    site.arguments = ["--resume"]
    _only(site.refused(), "HE-RUN-LOCKED")
    lock.release()
