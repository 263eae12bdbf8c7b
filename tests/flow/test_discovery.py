"""`hosted-engine storage discover` on a pretended world: what it lists, as tables and as JSON, and what it refuses."""

from __future__ import annotations

import errno
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.ports.gluster import GlusterVolume
from hosted_setup.ports.initiator import Portal, Target
from hosted_setup.ports.iscsi_problems import PortalDown
from hosted_setup.ports.locations import DeviceAt, LunHome
from hosted_setup.ports.trees import Exported, Exports
from hosted_setup.storage.block_layout import BlockLayout
from hosted_setup.storage.discovery import schema
from hosted_setup.testing.images import FakeImages, lun_file
from hosted_setup.testing.initiator import FakeInitiator
from hosted_setup.testing.luns import FakeLuns
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.trees import FakeTrees, export_file
from tests.flow.program import CHAP, ISCSI_TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hosted_setup.ports.initiator import Chap, Lun
    from tests.flow.program import Program


GIB = 1 << 30
UUID = "8d0e6c0f-2a4a-4f7e-9a3e-000000000001"
ENGINE = "8d0e6c0f-2a4a-4f7e-9a3e-000000000000"


def discover(program: Program, *words: str) -> tuple[int, str]:
    """Discover, and show that nothing has changed."""
    before = portrait(program.world)
    done = program("storage", "discover", *words)
    assert changes(before, portrait(program.world)) == {}
    assert all(len(line) <= 80 or line.startswith(("{", " ", "[")) for line in done.out.splitlines()), done.out
    return done.code, done.out


def as_json(program: Program, *words: str) -> dict[str, Any]:
    """Discover, and hold what was told against the schema."""
    _code, out = discover(program, *words, "--json")
    told: dict[str, Any] = json.loads(out)
    Draft202012Validator(schema()).validate(told)
    assert told["v"] == 1
    return told


def lun(path: Path, size: int = 30 * GIB) -> Path:
    """Have a LUN."""
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.truncate(size)
    return path


def with_a_domain(path: Path) -> None:
    """Have an engine's storage domain on a LUN."""
    home = LunHome(DeviceAt(str(path)), path.stat().st_size)
    BlockLayout(ENGINE, home, FakeImages(), UtilLinux()).create("hosted_storage", "20260101000000-bbbbbb")


def test_a_host_without_luns(program: Program) -> None:
    assert discover(program, "fc") == (0, "[ INFO  ] No storage of the kind fc was found\n")
    assert as_json(program, "fc")["found"] == []


def test_the_exports_of_an_nfs_server(program: Program) -> None:
    for path in ("/exports/engine", "/exports/home"):
        export_file(program.world.exports, "nas.example.com", path).mkdir(parents=True)
    code, out = discover(program, "nfs", "nas.example.com")
    assert (code, out.splitlines()) == (
        0,
        [
            "EXPORT                           FOR",
            "nas.example.com:/exports/engine  192.0.2.0/24",
            "nas.example.com:/exports/home    192.0.2.0/24",
        ],
    )
    told = as_json(program, "nfs", "nas.example.com")
    answers = [one["answer"] for one in told["found"]]
    assert answers == ["nas.example.com:/exports/engine", "nas.example.com:/exports/home"]


def test_a_server_that_has_no_mount_service(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeTrees, "exports", lambda *_: Exports((Exported("/engine"),), told=False))
    code, out = discover(program, "nfs", "2001:db8::5")
    assert (code, "NFS version 4 alone" in out, "[2001:db8::5]:/engine  *" in out) == (0, True, True)
    told = as_json(program, "nfs", "2001:db8::5")
    assert (told["found"][0]["clients"], "version 4 alone" in told["notes"][0]) == ([], True)


def test_a_server_that_is_down(program: Program) -> None:
    code, out = discover(program, "nfs", "nas.example.com")
    assert (code, "HE-NFS-UNREACHABLE" in out, "rpcinfo nas.example.com" in out) == (3, True, True)
    told = as_json(program, "nfs", "nas.example.com")
    assert (told["found"], told["problems"][0]["code"]) == ([], "HE-NFS-UNREACHABLE")


def test_the_volumes_of_a_glusterfs_server(program: Program) -> None:
    program.on_gluster()
    for name, started, copies in (("bare", True, 1), ("two", True, 2), ("stopped", False, 3)):
        program.world.gluster.add(GlusterVolume(name, UUID, started=started, replica=copies, bricks=("gluster1:/b",)))
    code, out = discover(program, "glusterfs", "gluster1.example.com")
    assert code == 0
    assert "gluster1.example.com:/engine   3       started\n" in out
    assert "(HE-GLUSTER-REPLICA)" in out
    assert "stopped  " in out
    assert "(HE-GLUSTER-STOPPED)" in out
    found = {one["answer"].rpartition("/")[2]: one for one in as_json(program, "glusterfs", "gluster1")["found"]}
    assert found["engine"] | {"missing": {}, "unfit": []} == found["engine"]
    assert found["bare"]["missing"]["network.ping-timeout"] == "30"
    assert [one["code"] for one in found["two"]["unfit"]] == ["HE-GLUSTER-REPLICA"]


def test_the_targets_of_a_portal_and_their_luns(program: Program) -> None:
    path = program.on_iscsi(discovery=True)
    with_a_domain(lun(lun_file(path.parent, ISCSI_TARGET, 2)))
    with lun(lun_file(path.parent, "iqn.2026-01.org.example:free", 1)).open("r+b") as file:
        file.seek(300 << 10)
        file.write(b"what")
    files = (f"--config-append={program.inputs.answers}", f"--secrets-file={program.inputs.secrets}")
    words = ("iscsi", "192.0.2.5", *files)
    code, out = discover(program, *words)
    assert code == 0, out
    assert CHAP not in out
    assert "    192.0.2.5:3260, portal group 1\n" in out
    assert "the storage domain" in out
    told = as_json(program, *words)
    engine, free = told["found"]
    assert (engine["answer"], engine["portals"]) == (
        ISCSI_TARGET, [{"address": "192.0.2.5", "port": 3260, "group": 1}],
    )  # fmt: skip
    first, second = engine["luns"]
    assert (first["number"], first["size"], first["paths_up"], first["paths"]) == (1, 64 * GIB, 1, 1)
    assert (first["contents"], first["unfit"]) == ([], [])
    assert [one["kind"] for one in second["contents"]] == ["domain"]
    assert [one["code"] for one in second["unfit"]] == ["HE-LUN-USED"]
    assert free["luns"][0]["contents"][0]["kind"] == "data"


def test_portals_that_name_each_other_are_no_more_than_they_are(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.on_iscsi()
    group = (Portal("192.0.2.5", 3260, 1), Portal("192.0.2.6", 3260, 1))
    monkeypatch.setattr(FakeInitiator, "discover", lambda *_: (Target(ISCSI_TARGET, group),))
    files = (f"--config-append={program.inputs.answers}", f"--secrets-file={program.inputs.secrets}")
    (target,) = as_json(program, "iscsi", "192.0.2.5,192.0.2.6", *files)["found"]
    assert [one["address"] for one in target["portals"]] == ["192.0.2.5", "192.0.2.6"]
    assert (target["luns"][0]["paths_up"], target["luns"][0]["paths"]) == (2, 2)


def test_a_path_that_is_down_is_counted(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def luns(initiator: FakeInitiator, portal: Portal, target: str, chap: Chap | None) -> tuple[Lun, ...]:
        if portal.address == "192.0.2.5":
            raise PortalDown(str(portal), why="Connection refused")
        return whole(initiator, portal, target, chap)

    program.on_iscsi()
    whole = FakeInitiator.luns
    monkeypatch.setattr(FakeInitiator, "luns", luns)
    files = (f"--config-append={program.inputs.answers}", f"--secrets-file={program.inputs.secrets}")
    told = as_json(program, "iscsi", "192.0.2.5,192.0.2.6", *files)
    assert (told["found"][0]["luns"][0]["paths_up"], told["found"][0]["luns"][0]["paths"]) == (1, 2)
    assert told["problems"] == []


def test_each_lun_is_listed_with_the_portals_of_the_groups_that_show_it(program: Program) -> None:
    path = program.on_iscsi()
    lun(lun_file(path.parent, ISCSI_TARGET, 2))
    program.world.behaviour.portal_groups = {"192.0.2.6:3260": 2}
    program.world.behaviour.hidden_luns = {1: (2,)}
    program.world.save()
    files = (f"--config-append={program.inputs.answers}", f"--secrets-file={program.inputs.secrets}")
    (target,) = as_json(program, "iscsi", "192.0.2.5,192.0.2.6", *files)["found"]
    assert [one["group"] for one in target["portals"]] == [1, 2]
    assert [(one["number"], one["paths_up"], one["paths"]) for one in target["luns"]] == [(1, 2, 2), (2, 1, 1)]


def test_a_target_that_refuses_the_login_is_listed_with_its_reason(program: Program) -> None:
    program.on_iscsi()
    code, out = discover(program, "iscsi", "192.0.2.5")
    assert (code, f"{ISCSI_TARGET}  (HE-ISCSI-CHAP)" in out) == (3, True), out
    assert "Why:   Authentication failure(513)" in out
    told = as_json(program, "iscsi", "192.0.2.5")
    assert [one["code"] for one in told["problems"]] == ["HE-ISCSI-CHAP"]
    (target,) = told["found"]
    assert (target["luns"], [one["code"] for one in target["unfit"]]) == ([], ["HE-ISCSI-CHAP"])


def test_the_luns_of_this_host(program: Program) -> None:
    path = program.on_fc()
    with_a_domain(lun(path.with_name("36001405bb")))
    code, out = discover(program, "fc")
    assert code == 0
    assert out.splitlines()[:2] == ["LUN         GIB   PATHS  FREE TO TAKE", "36001405aa  64.0  2/2    yes"]
    assert f"    {path}, ACME Virtual Disk, serial 05aa" in re.sub(",\n *", ", ", out)
    assert "36001405bb  30.0  2/2    no (HE-LUN-USED)\n" in out
    assert "    on it: the storage domain hosted_storage\n" in out
    (free, used) = as_json(program, "fc")["found"]
    assert (free["number"], free["path"], free["unfit"]) == (None, str(path), [])
    assert [one["code"] for one in used["unfit"]] == ["HE-LUN-USED"]


def test_a_lun_that_cannot_be_read_is_no_obstacle_to_the_others(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(luns: FakeLuns, path: str, regions: Sequence[tuple[int, int]]) -> tuple[bytes, ...]:
        if path.endswith("bb"):
            raise OSError(errno.EIO, "Input/output error")
        return whole(luns, path, regions)

    path = program.on_fc()
    lun(path.with_name("36001405bb"))
    whole = FakeLuns.read
    monkeypatch.setattr(FakeLuns, "read", read)
    code, out = discover(program, "fc")
    assert (code, "36001405bb  30.0  2/2    no (HE-LUN-UNREADABLE)\n" in out, "2/2    yes\n" in out) == (0, True, True)
    (unfit,) = as_json(program, "fc")["found"][1]["unfit"]
    assert (unfit["why"], unfit["command"]) == ("Input/output error", f"lsblk {path.with_name('36001405bb')}")
    program.answer(OVEHOSTED_STORAGE__domainType="str:fc", OVEHOSTED_STORAGE__LunID="str:36001405bb")
    done = program.deploy()
    assert (done.code, "HE-LUN-UNREADABLE" in done.out) == (3, True), done.out


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["localfs"], "HE-DISCOVER-KIND", "nfs, glusterfs, iscsi, fc"),
        (["isci"], "HE-DISCOVER-KIND", "hosted-engine storage discover iscsi"),
        (["fc", "192.0.2.5"], "HE-DISCOVER-ADDRESS", "hosted-engine storage discover fc"),
        (["nfs"], "HE-ANSWERS-MISSING", "HOSTED_ENGINE/storageServer"),
        (["iscsi"], "HE-ANSWERS-MISSING", "iSCSIPortalIPAddress"),
        (["iscsi", "nas.example.com"], "HE-ANSWERS-VALUE", "ADDRESS"),
        (["nfs", "a b"], "HE-ANSWERS-VALUE", "neither a domain name nor an address"),
        (["glusterfs", "--secrets-file=/nowhere"], "HE-ANSWERS-UNREADABLE", "/nowhere"),
    ],
)
def test_what_cannot_be_looked_for(program: Program, words: list[str], code: str, text: str) -> None:
    status, out = discover(program, *words)
    assert (status, code in out, text in out) == (2, True, True), out
    assert as_json(program, *words)["problems"][0]["code"] == code
