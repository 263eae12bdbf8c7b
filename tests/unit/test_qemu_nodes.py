"""A disk anywhere in QEMU's words."""

from __future__ import annotations

import json

import pytest

from hosted_setup.adapters.qemu_nodes import filename
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import DeviceAt, FileAt, IscsiAt, Location, NfsAt

TARGET = "iqn.2026-01.com.example:engine"
PLACES: dict[str, tuple[Location, dict[str, object]]] = {
    "file": (FileAt("/a/b"), {"driver": "file", "filename": "/a/b"}),
    "device": (DeviceAt("/dev/sda"), {"driver": "host_device", "filename": "/dev/sda", "cache": {"direct": True}}),
    "nfs": (
        NfsAt("2001:db8::5", "/export/v", 36, 37),
        {
            "driver": "nfs",
            "server": {"type": "inet", "host": "2001:db8::5"},
            "path": "/export/v",
            "user": 36,
            "group": 37,
        },
    ),
    "iscsi": (
        IscsiAt("192.0.2.5:3260", TARGET, 1),
        {"driver": "iscsi", "transport": "tcp", "portal": "192.0.2.5:3260", "target": TARGET, "lun": 1},
    ),
    "iscsi with CHAP": (
        IscsiAt("192.0.2.5:3260", TARGET, 1, "host1", "5ec2e700-0000-4000-8000-000000000009"),
        {
            "driver": "iscsi",
            "transport": "tcp",
            "portal": "192.0.2.5:3260",
            "target": TARGET,
            "lun": 1,
            "user": "host1",
            "password-secret": "chap",
        },
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_bytes_of_every_place(place: str) -> None:
    at, node = PLACES[place]
    assert filename(DiskSource(at, "qcow2")) == "json:" + json.dumps({"driver": "qcow2", "file": node})


def test_a_part_of_a_place_is_of_whole_sectors() -> None:
    told = json.loads(filename(DiskSource(FileAt("/a"), "raw", 1536, 1000)).removeprefix("json:"))
    assert told["file"] == {
        "driver": "raw",
        "offset": 1536,
        "size": 1024,
        "file": {"driver": "file", "filename": "/a"},
    }
