"""The baseline of the whole deploy: the least script that does the same work one thing after the other.

It reads and hashes the archive, untars the OVA, converts the disk, then boots it with the same seed and the same guest
script, answers the guest, waits for its health over verified TLS and registers the same four objects in the engine. It
checks nothing else, asks nothing, keeps no journal and undoes nothing.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libvirt
import pycdlib

from benchmarks.pairs import FirstLine, Seconds, command, pipeline
from hosted_setup.domain.templates import render, render_xml, source

FQDN = "engine.example.test"
NAME = "hosted-engine-baseline"
SUBNET = "192.168.231"
MAC = "52:54:00:7a:11:01"
PATIENCE = 900
CONSOLE = "console.log"


@dataclass(frozen=True)
class Inputs:
    """What is deployed, and where to."""

    ova: Path
    archive: Path
    folder: Path  # reachable for qemu's user
    uri: str


def deploy(inputs: Inputs) -> Seconds:
    """Deploy and restore; give the seconds until the guest's first line, until its first report, and until the end."""
    begun = time.perf_counter()
    console = FirstLine(lambda: [inputs.folder / CONSOLE])
    pipeline(["gzip", "-dc", inputs.archive], ["sha256sum"])()
    command("tar", "-xf", inputs.ova, "-C", inputs.folder)()
    source_disk = max((one for one in inputs.folder.rglob("*") if one.is_file()), key=lambda one: one.stat().st_size)
    disk, payload = inputs.folder / "disk", inputs.folder / "backup"
    command("qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", source_disk, disk)()
    command("qemu-img", "resize", "-q", "-f", "qcow2", disk, "25G")()
    command("cp", inputs.archive, payload)()
    password = secrets.token_urlsafe(16)
    write_seed(inputs.folder / "seed.iso", password, inputs.archive.stat().st_size)
    connection = libvirt.open(inputs.uri)
    start(connection, inputs.folder)
    first, certificate = follow(inputs.folder / "guest.sock", password)
    session = Engine(certificate)
    wait_for_health(session)
    register(session, password)
    connection.close()
    end = time.perf_counter()
    return {"first line": console.seconds(begun), "first report": first - begun, "whole": end - begun}


def write_seed(path: Path, password: str, length: int) -> None:
    """Write the NoCloud image."""
    hashing = ["openssl", "passwd", "-6", "-stdin"]
    hashed = subprocess.run(hashing, input=password, check=True, capture_output=True, text=True).stdout.strip()
    restore = {
        "length": length,
        "log": "/var/log/ovirt-engine/restore.log",
        "host_name": "baseline",
        "host_uuid": str(uuid.uuid4()),
        "storage_name": "hosted_storage",
        "storage_renamed": "hosted_storage_old",
    }
    settings = [f"OVESETUP_CONFIG/fqdn=str:{FQDN}", "OVESETUP_PKI/organization=str:example.test"]
    config = {"token": "baseline", "restore": restore, "settings": settings}
    files = {
        "user-data": render(
            "user-data.j2",
            root_password_hash=hashed,
            root_ssh_key=None,
            root_ssh_access="yes",
            fqdn=FQDN,
            timezone="UTC",
            script=source("guest.py"),
            config=base64.b64encode(json.dumps(config).encode()).decode(),
        ),
        "meta-data": render("meta-data.j2", run_id="baseline", fqdn=FQDN),
        "network-config": render("network-config.j2", mac=MAC),
    }
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for name, text in files.items():
        data = text.encode()
        short = f"/{name.upper().replace('-', '_')}.;1"
        image.add_fp(io.BytesIO(data), len(data), short, rr_name=name, joliet_path=f"/{name}")
    image.write(str(path))
    image.close()


def start(connection: libvirt.virConnect, folder: Path) -> None:
    """Define and start network and domain."""
    network = render_xml(
        "network.xml.j2",
        name=NAME,
        uuid=str(uuid.uuid4()),
        run_id="baseline",
        gateway=f"{SUBNET}.1",
        address=f"{SUBNET}.2",
        mac=MAC,
        fqdn=FQDN,
    )
    connection.networkDefineXML(network).create()
    domain = render_xml(
        "domain.xml.j2",
        virt_type="qemu",
        name=NAME,
        uuid=str(uuid.uuid4()),
        run_id="baseline",
        memory_mib=2048,
        vcpus=2,
        machine="q35",
        firmware="bios",
        disk=str(folder / "disk"),
        disk_format="qcow2",
        disk_serial="baseline",
        mac=MAC,
        network=NAME,
        backing=None,
        seed={"path": str(folder / "seed.iso"), "handed_over": False},
        payload={"path": str(folder / "backup"), "handed_over": False},
        channel={"socket": str(folder / "guest.sock"), "log": str(folder / "guest.log")},
        console_log=str(folder / CONSOLE),
    )
    connection.defineXML(domain).create()


def follow(address: Path, password: str) -> tuple[float, str]:
    """Answer the guest; give the time of its first line, and the engine's CA."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(PATIENCE)
        channel.connect(str(address))
        certificate, first, said = "", 0.0, []
        for line in lines(channel):
            if line.startswith("|- "):
                first = first or time.perf_counter()
                said.append(line)
                if line.endswith("_FAIL"):
                    raise RuntimeError("\n".join(said))
                continue
            message: dict[str, Any] = json.loads(line.removeprefix("HE_GUEST "))
            if message["event"] == "ask" and message["what"] == "admin-password":
                channel.sendall(json.dumps({"admin-password": password}).encode() + b"\n")
            elif message["event"] == "ready":
                certificate = message["ca"]
                channel.sendall(json.dumps({"finish": "yes"}).encode() + b"\n")
            elif message["event"] == "bye":
                return first, certificate
    raise RuntimeError("the guest went away")


def lines(channel: socket.socket) -> Iterator[str]:
    """Give what comes over the channel, line by line."""
    rest = b""
    while data := channel.recv(65536):
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode(errors="replace").strip() for line in whole)


class Engine:
    """The engine by its address, verified by its name."""

    def __init__(self, certificate: str) -> None:
        self._context = ssl.create_default_context(cadata=certificate)
        self.token = ""

    def ask(self, method: str, path: str, body: str = "", kind: str = "application/xml") -> tuple[int, str]:
        """Send one request; give status and text."""
        connection = http.client.HTTPSConnection(FQDN, context=self._context, timeout=30)
        raw = socket.create_connection((f"{SUBNET}.2", 443), timeout=30)
        connection.sock = self._context.wrap_socket(raw, server_hostname=FQDN)
        headers = {"Content-Type": kind}
        if self.token:
            headers |= {"Authorization": f"Bearer {self.token}", "Accept": "application/xml"}
        connection.request(method, f"/ovirt-engine/{path}", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


def wait_for_health(session: Engine) -> None:
    """Ask until the engine is well."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if "DB Up!Welcome to Health Status!" in session.ask("GET", "services/health")[1]:
                return
        except ConnectionError:
            pass
        time.sleep(1)
    raise TimeoutError("the engine's health")


def register(session: Engine, password: str) -> None:
    """Log in and add what the product adds."""
    form = {"grant_type": "password", "scope": "ovirt-app-api", "username": "admin@internal", "password": password}
    kind = "application/x-www-form-urlencoded"
    session.token = json.loads(session.ask("POST", "sso/oauth/token", urllib.parse.urlencode(form), kind)[1])[
        "access_token"
    ]
    mark = secrets.token_hex(4)
    center = add(session, "datacenters", f"<data_center><name>dc-{mark}</name><local>true</local></data_center>")
    cluster = add(session, "clusters", f'<cluster><name>cluster-{mark}</name><data_center id="{center}"/></cluster>')
    host = add(
        session,
        "hosts",
        f'<host><name>host-{mark}</name><address>{SUBNET}.1</address><cluster id="{cluster}"/>'
        f"<hardware_information><uuid>{uuid.uuid4()}</uuid></hardware_information></host>",
    )
    storage = add(
        session,
        "storagedomains",
        f'<storage_domain id="{uuid.uuid4()}"><name>storage-{mark}</name><type>data</type><host id="{host}"/>'
        "<storage><type>localfs</type><path>/storage</path></storage></storage_domain>",
    )
    add(session, f"datacenters/{center}/storagedomains", f'<storage_domain id="{storage}"/>')


def add(session: Engine, collection: str, body: str) -> str:
    """Add one object and give its id."""
    status, text = session.ask("POST", f"api/{collection}", body)
    found = re.search(r'^<\w+[^>]*? id="([^"]+)"', text.partition("?>")[2].strip() or text)
    if status not in (200, 201, 202) or found is None:
        message = f"{collection}: {status} {text}"
        raise RuntimeError(message)
    return found[1]


def clean(uri: str) -> None:
    """Remove what `deploy` made in libvirt."""
    environment = {**os.environ, "LC_ALL": "C"}
    for words in (["destroy"], ["undefine", "--nvram"], ["net-destroy"], ["net-undefine"]):
        subprocess.run(
            ["virsh", "--connect", uri, *words, NAME], check=False, capture_output=True, env=environment
        )  # fmt: skip
