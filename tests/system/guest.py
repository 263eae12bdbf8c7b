"""The engine VM seen from the host: its web service over TLS, its inside over SSH."""

from __future__ import annotations

import base64
import json
import shlex
import socket
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import paramiko
from defusedxml import ElementTree

from tests.system.installer import ADMIN_PASSWORD, FQDN, ROOT_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from tests.lab.laboratory import Laboratory
    from tests.system.installer import Site

PSQL = "/usr/share/ovirt-engine/dbscripts/engine-psql.sh"
HISTORY = ("runuser", "-u", "postgres", "--", "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", "ovirt_engine_history")
GOOD = "DB Up!Welcome to Health Status!"


@dataclass(frozen=True)
class Reply:
    """What the web service answered."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """Read it."""
        return json.loads(self.body)


class _Connection(HTTPSConnection):
    """Connects to an address while naming the engine's FQDN; the certificate is verified for the latter."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        super().__init__(FQDN, 443, timeout=30, context=context)
        self._address = address
        self._tls = context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, 443), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=FQDN)


@dataclass(frozen=True)
class Guest:
    """One engine VM."""

    lab: Laboratory
    address: str
    ca: Path

    @classmethod
    def of(cls, site: Site) -> Guest:
        """Find the engine VM of a site."""
        return cls(site.lab, site.network_facts[1], site.paths.etc / "ca.pem")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Send one request over TLS that is verified against the engine's own CA."""
        link = _Connection(self.address, ssl.create_default_context(cafile=str(self.ca)))
        with self.lab.network():
            try:
                link.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
                answer = link.getresponse()
                return Reply(answer.status, answer.read())
            finally:
                link.close()

    def health(self) -> str:
        """Give the health page."""
        return self.ask("GET", "/ovirt-engine/services/health").body.decode()

    def token(self) -> str:
        """Log in."""
        fields = {
            "grant_type": "password",
            "scope": "ovirt-app-api",
            "username": "admin@internal",
            "password": ADMIN_PASSWORD,
        }
        kind = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        reply = self.ask("POST", "/ovirt-engine/sso/oauth/token", urlencode(fields).encode(), **kind)
        assert reply.status == 200, reply
        return str(reply.json["access_token"])

    def listing(self, *collections: str) -> dict[str, list[dict[str, Any]]]:
        """Give the entities of collections of the REST API."""
        token = self.token()
        found = {}
        for name in collections:
            path = f"/ovirt-engine/api/{name}"
            reply = self.ask("GET", path, Authorization=f"Bearer {token}", Accept="application/xml")
            assert reply.status == 200, (name, reply)
            found[name] = [_read(entity) for entity in ElementTree.fromstring(reply.body)]
        return found

    @contextmanager
    def shell(self) -> Iterator[paramiko.SSHClient]:
        """Log in as root over SSH."""
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_Any())
        with self.lab.network():
            wire = socket.create_connection((self.address, 22), 30)
        try:
            client.connect(
                self.address, username="root", password=ROOT_PASSWORD, sock=wire, look_for_keys=False,
                allow_agent=False, timeout=60, banner_timeout=60, auth_timeout=60,
            )  # fmt: skip
            yield client
        finally:
            client.close()
            wire.close()

    def host_key(self) -> str:
        """Give the SSH host key that the guest shows."""
        with self.shell() as client:
            transport = client.get_transport()
            assert transport is not None
            key = transport.get_remote_server_key()
        return f"{key.get_name()} {base64.b64encode(key.asbytes()).decode()}"

    def output(self, *command: str, text: str = "", fine: tuple[int, ...] = (0,)) -> bytes:
        """Run a command as root in the guest; give what it prints."""
        with self.shell() as client:
            stdin, stdout, stderr = client.exec_command(shlex.join(command), timeout=300)
            stdin.write(text)
            stdin.channel.shutdown_write()
            printed = stdout.read()
            code = stdout.channel.recv_exit_status()
            assert code in fine, (command, code, stderr.read()[-2000:])
            return printed

    def sql(self, database: str, text: str) -> list[str]:
        """Run SQL on one of the two databases as its tools do; give the lines."""
        program = (PSQL,) if database == "engine" else HISTORY
        return self.output(*program, "-q", "-A", "-t", text=text).decode().splitlines()


def _read(element: Element) -> Any:  # noqa: ANN401 - text, or parts by name
    parts = {child.tag: _read(child) for child in element}
    own = {"id": element.get("id")} if "id" in element.keys() else {}  # noqa: SIM118 - not a dict
    return own | parts if own or parts else element.text


class _Any(paramiko.MissingHostKeyPolicy):
    """The tests compare the key themselves."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        pass
