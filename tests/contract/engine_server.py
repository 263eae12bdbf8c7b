"""A tiny engine behind real TLS with its own CA, for the REST adapter's contract tests."""

from __future__ import annotations

import datetime as dt
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FQDN: Final = "engine.example.org"
TOKEN: Final = "token-of-a-session"
DAY: Final = dt.timedelta(days=1)


@dataclass
class Engine:
    """What the server answers from."""

    password: str = "secret"
    health: str = "DB Up!Welcome to Health Status!"
    version: str = "4.5.6-1"
    refused: list[str] = field(default_factory=list)
    broken: int = 0
    """A status with a page of HTML for every request, as a proxy or a starting engine gives."""
    entities: list[tuple[str, str, str]] = field(default_factory=list)
    """Collection, id and name."""
    bodies: list[bytes] = field(default_factory=list)
    logged_out: bool = False


@dataclass(frozen=True)
class Authority:
    """A CA."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """Give its certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, fqdn: str, folder: Path) -> Path:
        """Write a key and a certificate for `fqdn` into one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(fqdn)])
        certificate = _builder(fqdn, self.certificate.subject, key).add_extension(names, critical=False)
        signed = certificate.sign(self.key, hashes.SHA256())
        path = folder / f"{uuid4().hex}.pem"
        path.write_bytes(_private(key) + signed.public_bytes(serialization.Encoding.PEM))
        return path


def authority(name: str = "Engine CA") -> Authority:
    """Make a CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    basic = x509.BasicConstraints(ca=True, path_length=0)
    return Authority(key, _builder(name, subject, key).add_extension(basic, critical=True).sign(key, hashes.SHA256()))


@contextmanager
def serving(engine: Engine, certificate: Path) -> Iterator[int]:
    """Serve `engine` on 127.0.0.1; gives the port."""

    class Handler(_Handler):
        state = engine

    server = _Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that refuses the certificate is what some tests want."""


class _Handler(BaseHTTPRequestHandler):
    state: Engine
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if self.state.broken:
            self._answer(self.state.broken, "text/html", "<html><body>Service Unavailable</body>")
        elif url.path == "/ovirt-engine/services/health":
            self._answer(200, "text/plain", self.state.health)
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, "text/html", "")
        elif url.path == "/ovirt-engine/api":
            version = f"<version><full_version>{self.state.version}</full_version></version>"
            self._answer(200, "application/xml", f"<api><product_info>{version}</product_info></api>")
        else:
            self._list(url.path.removeprefix("/ovirt-engine/api/"), parse_qs(url.query))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.state.broken:
            self._answer(self.state.broken, "text/html", "<html><body>Service Unavailable</body>")
        elif self.path == "/ovirt-engine/sso/oauth/token":
            self._token(parse_qs(body.decode()))
        elif self.path == "/ovirt-engine/services/sso-logout":
            self.state.logged_out = True
            self._answer(200, "application/json", "{}")
        else:
            self.state.bodies.append(body)
            self._add(self.path.removeprefix("/ovirt-engine/api/"), body)

    def _token(self, form: dict[str, list[str]]) -> None:
        if form["username"] == ["admin@internal"] and form["password"] == [self.state.password]:
            self._answer(200, "application/json", f'{{"access_token": "{TOKEN}", "token_type": "bearer"}}')
        else:
            said = '{"error": "access_denied", "error_description": "access_denied: Cannot authenticate user."}'
            self._answer(400, "application/json", said)

    def _list(self, collection: str, query: dict[str, list[str]]) -> None:
        # oVirt's search takes a name as a prefix would: the client has to compare.
        wanted = query.get("search", ["name="])[0].removeprefix("name=")
        rows = [
            f"<x id='{uuid}'><name>{escape(name)}</name></x>"
            for where, uuid, name in self.state.entities
            if where == collection and name.lower().startswith(wanted.lower())
        ]
        self._answer(200, "application/xml", f"<xs>{''.join(rows)}</xs>")

    def _add(self, collection: str, body: bytes) -> None:
        element = fromstring(body)
        uuid = element.get("id") or str(uuid4())
        known = {identifier: name for _, identifier, name in self.state.entities}
        name = element.findtext("name") or known.get(uuid, "")
        if collection in self.state.refused:
            detail = "[Cannot add. The engine is told to refuse it.]"
            fault = f"<fault><reason>Operation Failed</reason><detail>{detail}</detail></fault>"
            self._answer(409, "application/xml", fault)
            return
        self.state.entities.append((collection, uuid, name))
        self._answer(201, "application/xml", f"<x id='{uuid}'><name>{escape(name)}</name></x>")

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base class's
        """Say nothing."""


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
