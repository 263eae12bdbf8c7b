"""What the discovery shows of each kind of thing, on a terminal of 80 columns and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from hosted_setup.interview.dialect import as_it_is
from hosted_setup.model.problem import Problem
from hosted_setup.ports.iscsi_problems import ChapRefused
from hosted_setup.storage.discovery import (
    Content,
    Discovery,
    Export,
    Found,
    Lun,
    Place,
    Portal,
    Target,
    Volume,
    as_json,
    table,
    told,
)
from hosted_setup.storage.layout import LunUsed

if TYPE_CHECKING:
    from tests.golden.plugin import Golden

GIB: Final = 1 << 30


def lun(number: int | None, path: str | None = None, *, used: Problem | None = None, up: int = 2) -> Lun:
    contents = (Content("signature", "ext4", "ext4 6e1b41eb-eb8e-4a82-94ad-ec247cb9b681"),) if used else ()
    return Lun(
        answer=f"360000000000000000e0000000001000{number or 9}", number=number, path=path, size=64 * GIB, block=512,
        vendor="ACME", product="Virtual Disk", serial="SN-4711-0815-with-many-letters-in-it", read_only=False,
        paths_up=up, paths=2, contents=contents, unfit=told(used),
    )  # fmt: skip


USED: Final = LunUsed("360000000000000000e00000000010002", why="ext4", hint="Look at it with:", command="lsblk")
REFUSED: Final = ChapRefused("iqn.2026-01.org.example:guarded", why="Authentication failure(513)")
FOUND: Final = (
    Export(answer="nas.example.com:/exports/engine", clients=("192.0.2.0/24", "@hosts", "host1.example.org")),
    Export(answer="nas.example.com:/srv", clients=()),
    Volume(
        answer="gluster1.example.com:/engine", uuid="b2088929-248b-4fed-9f91-5fb89fd14ee3", started=True, replica=3,
        bricks=("gluster1:/b", "gluster2:/b", "gluster3:/b"), missing={},
    ),
    Volume(
        answer="gluster1.example.com:/dispersed", uuid="b2088929-248b-4fed-9f91-5fb89fd14ee4", started=False, replica=0,
        bricks=(), missing={"network.ping-timeout": "30", "storage.owner-uid": "36"},
    ),
    Target(
        answer="iqn.2026-01.org.example:engine", luns=(lun(1), lun(2, used=USED, up=1)),
        portals=(Portal("192.0.2.5", 3260, 1), Portal("2001:db8::5", 3260, 1)),
    ),
    Target(
        answer="iqn.2026-01.org.example:guarded", luns=(), portals=(Portal("192.0.2.5", 3260, 1),), unfit=told(REFUSED)
    ),
    lun(None, "/dev/mapper/mpatha"),
    Place(answer="/cluster", description="a file system that every host has"),
)  # fmt: skip


def test_the_tables(golden: Golden) -> None:
    lines = [line for one in (FOUND[:2], FOUND[2:4], FOUND[4:6], FOUND[6:]) for line in (*table(one), "")]
    assert [line for line in lines if len(line) > 80] == []
    golden.check("discovery/tables.txt", "\n".join(lines))


def test_the_json(golden: Golden) -> None:
    whole = Discovery(kind="iscsi", found=FOUND, notes=("a note",), problems=told(REFUSED))
    text = as_json(whole, as_it_is)
    assert text.count("\n") == 1
    golden.check("discovery/found.json", json.dumps(json.loads(text), indent=2) + "\n")


def test_nothing_is_shown_of_nothing() -> None:
    nothing: tuple[Found, ...] = ()
    assert list(table(nothing)) == []
