"""What there is: compared before and after a run that was taken back, and between two runs that ended well."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.system.guest import Guest
from tests.system.installer import virsh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.laboratory import Laboratory
    from tests.system.installer import Site

LISTED: Final = ("datacenters", "clusters", "hosts", "storagedomains", "vms", "disks")
KEPT: Final = re.compile(  # whatever becomes of a run: its log, its answers, its journal, and what leads there
    r"var|var/log|var/lib|var/log/ovirt-hosted-engine-setup(/.*)?"
    r"|var/lib/ovirt-hosted-engine-setup(|/answers|/answers/[^/]+\.conf|/runs|/runs/\.lock|/runs/[^/]+"
    r"|/runs/[^/]+/(journal\.jsonl|events\.jsonl|output\.log|bridge-guard\.log))"
)
_MASKS: Final = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"(?<=<serial>)[0-9a-f-]{20}(?=</serial>)"), "<serial>"),
    (re.compile(r"\b\d{14}-[0-9a-f]{6}\b"), "<run>"),
    (
        re.compile(r"((?<=\nENGINE=)|(?<=\bSHA256=)|(?<=\"sha256\":\"))[0-9a-f]{64}"),
        "<digest>",
    ),  # of CA, UUIDs and times
    (re.compile(r"_old_\d{8}T\d{6}\b"), "_old_<time>"),
    (re.compile(r"(?<=\"time\":\")\d{4}-\d\d-\d\dT[\d:.+]+(?=\")"), "<time>"),
    (re.compile(r"\b(00:16:3e|52:54:00)(:[0-9a-f]{2}){3}\b"), "<mac>"),
    (re.compile(r"\b192\.168\.\d+(?=\.)"), "<subnet>"),
    (re.compile(r"\bvirbr\d+\b"), "<bridge>"),
)
_PORT: Final = re.compile(r"(?<=port[ =])\d+")  # a GlusterFS brick has another one each time it starts


def inventory(lab: Laboratory, *folders: Path) -> dict[str, list[str]]:
    """List what libvirt, the kernel and these folders hold; what a run may leave is not listed."""
    found = {
        "domains": virsh(lab, "list", "--all", "--name").split(),
        "networks": virsh(lab, "net-list", "--all", "--name").split(),
        "pools": virsh(lab, "pool-list", "--all", "--name").split(),
        "secrets": virsh(lab, "secret-list").split()[3:],
        "processes": [_PORT.sub("<port>", line) for line in lab.processes().values()],
        "mounts": [line.split()[1] for line in lab.run(["cat", "/proc/self/mounts"], check=True).stdout.splitlines()],
        "links": [line.split(":")[1] for line in lab.run(["ip", "-o", "link"], check=True).stdout.splitlines()],
        "nvram": [str(path) for path in (lab.root / "var/lib/libvirt/qemu/nvram").glob("*")],
    }
    found |= {str(folder): list(_files(folder)) for folder in folders}
    return {name: sorted(what) for name, what in found.items()}


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        status = path.lstat()
        if not KEPT.fullmatch(name):
            yield f"{name} {stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"


def end_state(site: Site) -> dict[str, str]:
    """Describe a finished deployment, with what differs between two good ones masked."""
    found = {
        "domain": virsh(site.lab, "dumpxml", "--inactive", site.vm_name),
        "network": virsh(site.lab, "net-dumpxml", "--inactive", site.network_name),
        "state": virsh(site.lab, "domstate", site.vm_name),
        "disks": " ".join(" ".join(virsh(site.lab, "domblklist", site.vm_name).splitlines()[2:]).split()),
        "channels": "\n".join(
            re.findall(r"<target type='virtio' name='[^']*'", virsh(site.lab, "dumpxml", site.vm_name))
        ),
        "health": Guest.of(site).health(),
    }
    for folder in (site.root / "etc", site.root / "run", site.storage):
        found |= {str(path): _portrait(site.lab, path) for path in folder.rglob("*")}
    listing = Guest.of(site).listing(*LISTED)
    found |= {f"api/{name}": "\n".join(sorted(map(_entity, items))) for name, items in listing.items()}
    for database in ("engine", "ovirt_engine_history"):
        found[database] = "\n".join(counts(site, database))
    return {_masked(site, name): _masked(site, text) for name, text in found.items()}


def counts(site: Site, database: str) -> list[str]:
    """Give the number of rows of every table."""
    query = (
        "SELECT schemaname || '.' || tablename, (xpath('/row/c/text()', query_to_xml("
        "format('SELECT count(*) AS c FROM %I.%I', schemaname, tablename), false, true, '')))[1]::text "
        "FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1;"
    )
    return Guest.of(site).sql(database, query)


def _entity(item: dict[str, object]) -> str:
    return json.dumps({key: item.get(key) for key in ("name", "status", "type", "address")}, sort_keys=True)


def _portrait(lab: Laboratory, path: Path) -> str:
    status = path.lstat()
    look = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if path.is_dir():
        return look
    if path.parent.parent.name == "images":
        info = disk_info(lab, path)
        return f"{look} {info['format']} {info['virtual-size']} {'backing-filename' in info}"
    return f"{look}\n{path.read_text()}"


def disk_info(lab: Laboratory, path: Path) -> dict[str, object]:
    """Ask qemu-img about a disk that may be in use."""
    done = lab.run(["qemu-img", "info", "--force-share", "--output=json", path], check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _masked(site: Site, text: str) -> str:
    own = {site.folder: "<site>", site.appliance: "<appliance>", site.vm_name: "<vm>", site.network_name: "<net>"}
    for word, mask in own.items():
        text = text.replace(str(word), mask)
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text
