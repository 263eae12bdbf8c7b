"""iSCSI servers and LUNs that cannot be used: each reason by its own code, in time, and not a byte is changed."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.model.values import GIB, MIB
from hosted_setup.ports.locations import DeviceAt, LunHome
from hosted_setup.storage.block_layout import BlockLayout
from hosted_setup.testing.images import FakeImages
from tests.lab.iscsi_server import ADDRESS, IscsiServer
from tests.lab.lvm import on_device
from tests.refusal.told import Told, assert_well_told
from tests.system.on_storage import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.refusal.site import Site

PORT: Final = 3263
IN_TIME: Final = 10.0
"""Seconds for the looking; the program's own start and end come on top."""
AROUND: Final = 5.0
USER, PASSWORD = "host", "correct-horse"
SIZE: Final = 30 * GIB
UUID: Final = "8d0e6c0f-2a4a-4f7e-9a3e-000000000000"
IQN: Final = "iqn.1993-08.org.debian:01:lab"


@pytest.fixture(scope="module")
def server(lab: Laboratory) -> Iterator[IscsiServer]:
    with IscsiServer(lab, PORT) as running:
        running.account("finder", "finders-keepers")
        running.target("guarded", chap=(USER, PASSWORD))
        running.lun("iqn.2026-01.org.example:guarded", SIZE)
        running.target("others", initiator="iqn.2026-01.org.example:another-host")
        running.target("without")
        yield running


@pytest.fixture
def ready(site: Site, server: IscsiServer) -> Site:
    """Give a site with this host's name, answers for the server, and a LUN of its own name to choose."""
    named = site.root / "etc/iscsi/initiatorname.iscsi"
    named.parent.mkdir(parents=True)
    named.write_text(f"InitiatorName={IQN}\n")
    return site


def answer(site: Site, target: str, lun: str, **changes: str) -> None:
    site.answer(**{
        "OVEHOSTED_STORAGE__storageDomainConnection": "",
        "OVEHOSTED_STORAGE__domainType": "str:iscsi",
        "OVEHOSTED_STORAGE__iSCSIPortalIPAddress": f"str:{ADDRESS}",
        "OVEHOSTED_STORAGE__iSCSIPortalPort": f"str:{PORT}",
        "OVEHOSTED_STORAGE__iSCSITargetName": f"str:iqn.2026-01.org.example:{target}",
        "OVEHOSTED_STORAGE__LunID": f"str:{lun}",
        "OVEHOSTED_STORAGE__imgSizeGB": "int:25",
    } | changes)  # fmt: skip


def stored(lab: Laboratory) -> dict[str, str]:
    """Hash what is on all LUNs."""
    return {path.name: digest(path) for path in lab.root.glob("iscsi-*/*-[0-9]")}


def refused(site: Site, code: str) -> Told:
    before, begun = stored(site.lab), time.monotonic()
    refusal = site.refused()
    assert time.monotonic() - begun < IN_TIME + AROUND
    assert before
    assert stored(site.lab) == before
    assert (refusal.exit_code, refusal.codes) == (3, [code]), refusal.out
    assert_well_told(refusal.told[0])
    return refusal.told[0]


def test_a_server_that_is_down(ready: Site) -> None:
    answer(ready, "guarded", "3600", OVEHOSTED_STORAGE__iSCSIPortalPort="int:3999")
    assert "refused" in refused(ready, "HE-ISCSI-PORTAL").text("Why")


def test_a_server_that_hangs(ready: Site, server: IscsiServer) -> None:
    answer(ready, "guarded", "3600")
    with server.hung():
        refused(ready, "HE-ISCSI-HUNG")


def test_one_of_two_portals_is_enough_to_be_told_what_is_missing(ready: Site) -> None:
    answer(
        ready, "missing", "3600", OVEHOSTED_STORAGE__iSCSIPortalIPAddress=f"str:127.0.0.9,{ADDRESS}",
    )  # fmt: skip
    refused(ready, "HE-ISCSI-TARGET")


@pytest.mark.parametrize("target", ["missing", "others"])
def test_a_target_that_is_not_shown_tells_the_name_to_allow(ready: Site, target: str) -> None:
    answer(ready, target, "3600")
    assert IQN in refused(ready, "HE-ISCSI-TARGET").text("Next")


def test_a_wrong_discovery_password(ready: Site, server: IscsiServer) -> None:
    answer(ready, "guarded", "3600", OVEHOSTED_STORAGE__iSCSIDiscoverUser="str:finder")
    with ready.secrets.open("a") as secrets:
        secrets.write("OVEHOSTED_STORAGE/iSCSIDiscoverPassword=str:wrong-wrong-wrong\n")
    with server.discovery_by("finder"):
        refused(ready, "HE-ISCSI-DISCOVERY-CHAP")


@pytest.mark.parametrize("user", ["", USER])
def test_a_wrong_login(ready: Site, user: str) -> None:
    answer(ready, "guarded", "3600", OVEHOSTED_STORAGE__iSCSIPortalUser=f"str:{user}" if user else "")
    if user:
        with ready.secrets.open("a") as secrets:
            secrets.write("OVEHOSTED_STORAGE/iSCSIPortalPassword=str:wrong-wrong-wrong\n")
    refused(ready, "HE-ISCSI-CHAP")


def test_a_target_without_luns(ready: Site) -> None:
    answer(ready, "without", "3600")
    told = refused(ready, "HE-ISCSI-LUN")
    assert ("none" in told.text("Why"), IQN in told.text("Next")) == (True, True)


def _domain_of_another_engine(path: Path) -> None:
    home = LunHome(DeviceAt(str(path)), path.stat().st_size)
    BlockLayout(UUID, home, FakeImages(), UtilLinux()).create("hosted_storage", "20260101000000-bbbbbb")


def _volume_group(*tags: str) -> Callable[[Path], None]:
    """Copy what LVM wrote elsewhere: making it takes a block device."""

    def put(path: Path) -> None:
        device = subprocess.run(
            ["losetup", "-f", "--show", path], check=True, capture_output=True, text=True
        ).stdout.strip()
        words = [word for tag in tags for word in ("--addtag", tag)]
        try:
            for command in (["pvcreate", "-ff", "-y"], ["vgcreate", *words, UUID]):
                whole, environment = on_device(device, path.parent / "lvm", *command, device)
                subprocess.run(whole, check=True, capture_output=True, env=environment)
        finally:
            subprocess.run(["losetup", "-d", device], check=True)

    return put


def _by(*command: str, say: str = "") -> Callable[[Path], None]:
    def put(path: Path) -> None:
        words = [one.format(path) for one in command]
        subprocess.run(words, check=True, capture_output=True, input=say, text=True)

    return put


def _data(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(300 * 1024)
        file.write(b"nobody knows what this is")


USES: Final = {
    "file-system": (_by("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,nodiscard", "{}"), "ext4"),
    "swap": (_by("mkswap", "{}"), "swap"),
    "partitions": (_by("sfdisk", "-q", "{}", say="label: gpt\n"), "a partition table (gpt)"),
    "lvm": (_volume_group("mine"), f"LVM, volume group {UUID}"),
    "ovirt": (_volume_group("RHAT_storage_domain"), f"the oVirt storage domain {UUID}"),
    "another-engine": (_domain_of_another_engine, "the storage domain hosted_storage"),
    "lockspace": (_by("sanlock", "direct", "init", "-s", "theirs:0:{}:0"), "the sanlock lockspace theirs"),
    "data": (_data, "data of an unknown kind"),
}


@pytest.mark.parametrize("use", USES)
def test_a_lun_in_use(ready: Site, server: IscsiServer, use: str) -> None:
    put, words = USES[use]
    target = server.target(f"used-{use}")
    path = server.lun(target, SIZE)
    put(path)
    answer(ready, f"used-{use}", server.wwid(target, 1))
    assert words in refused(ready, "HE-LUN-USED").text("Why")


UNFIT: Final[dict[str, tuple[int, dict[str, int], str]]] = {
    "small": (20 * GIB, {}, "HE-LUN-SMALL"),
    "tiny": (10 * MIB, {}, "HE-LUN-SMALL"),
    "read-only": (SIZE, {"read_only": True}, "HE-LUN-READONLY"),
    "blocks": (SIZE, {"block": 4096}, "HE-LUN-BLOCKS"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_lun_that_will_not_do(ready: Site, server: IscsiServer, name: str) -> None:
    size, options, code = UNFIT[name]
    target = server.target(name)
    server.lun(target, size, **options)  # type: ignore[arg-type]
    answer(ready, name, server.wwid(target, 1))
    refused(ready, code)


def test_a_lun_that_is_not_there(ready: Site, server: IscsiServer) -> None:
    target = server.target("there")
    server.lun(target, SIZE)
    answer(ready, "there", "3600140500000000000000000000000000")
    assert server.wwid(target, 1) in refused(ready, "HE-ISCSI-LUN").text("Why")
