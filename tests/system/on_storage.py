"""What the deployments on each kind of storage have in common: what qemu has open, and a reboot."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tests.system.guest import GOOD, Guest
from tests.system.installer import FQDN, Site, virsh
from tests.system.world import inventory

if TYPE_CHECKING:
    from pathlib import Path

BLOCK: Final = 64 << 10


def blocks(site: Site, driver: str) -> str:
    """Ask the running qemu what its nodes of that driver lie on."""
    words = ("qemu-monitor-command", site.vm_name, json.dumps({"execute": "query-named-block-nodes"}))
    nodes: list[dict[str, Any]] = json.loads(virsh(site.lab, *words))["return"]
    return " ".join(json.dumps(one["image"]) for one in nodes if one["drv"] == driver)


def rebooted(site: Site) -> None:
    """Cut the VM's power, start it and await its engine."""
    virsh(site.lab, "destroy", site.vm_name)
    virsh(site.lab, "start", site.vm_name)
    began = time.monotonic()
    while time.monotonic() - began < 300:
        with suppress(OSError):
            if GOOD in Guest.of(site).health():
                return
        time.sleep(1)
    raise AssertionError("the engine did not come back")


def a_second_host_joins_and_leaves(site: Site) -> None:
    """Set a further host up for the engine of `site`, and take it out again."""
    same = {"HOSTED_ENGINE/vmName": f"str:{site.vm_name}", "HOSTED_ENGINE/additionalHost": "bool:True"}
    second = Site.make(site.lab, f"{site.name}2", site.appliance, None, {**site.answers, **same})
    second.secrets.write_text(site.secrets.read_text())
    before = inventory(second.lab, second.root, second.storage)
    done = second.run(*second.deploy_words())
    assert done.code == 0, done.text
    assert f"https://{FQDN}/ovirt-engine/" in done.text
    assert "\nhost_id=2\n" in (second.paths.etc / "hosted-engine.conf").read_text()
    assert f"fqdn : {FQDN}" in second.run("get-shared-config", "fqdn", "--type=he_shared").text
    refused = site.run("cleanup", "--yes")
    assert (refused.code, "HE-DOMAIN-SHARED" in refused.text) == (3, True), refused.text
    assert GOOD in Guest.of(site).health(), "nothing was taken back"
    done = second.run("cleanup", "--yes")
    assert done.code == 0, done.text
    assert inventory(second.lab, second.root, second.storage) == before


def digest(path: Path) -> str:
    """Hash what of a file is not zero, with its places."""
    found, at = hashlib.blake2b(), 0
    with path.open("rb") as file:
        while True:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return found.hexdigest()
            at -= at % BLOCK
            piece = os.pread(file.fileno(), BLOCK, at)
            if any(piece):
                found.update(at.to_bytes(8, "big") + piece)
            at += BLOCK
