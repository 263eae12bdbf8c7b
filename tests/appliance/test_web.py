"""The web service over real TLS: API rules, single sign-on, health. Long: each rule of the protocol has its case."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from tests.appliance.kit import Cluster, Machine, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API = "/ovirt-engine/api"
HEALTH = "/ovirt-engine/services/health"


class Client:
    """A logged-in client."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.token = machine.token()

    def ask(self, method: str, path: str, body: str | bytes | None = None) -> Reply:
        """Send a request as the SDK does."""
        data = body.encode() if isinstance(body, str) else body
        kind = "application/xml"
        token = f"Bearer {self.token}"
        return self.machine.ask(
            method, API + path, data, Authorization=token, Version="4", Content_Type=kind, Accept=kind
        )

    def get(self, path: str) -> ET.Element:
        """Read something that is there."""
        reply = self.ask("GET", path)
        assert reply.status == 200, reply.text
        assert reply.headers["Content-Type"].startswith("application/xml")
        return ET.fromstring(reply.body)  # noqa: S314 our own server

    def add(self, path: str, body: str) -> ET.Element:
        """Add something."""
        reply = self.ask("POST", path, body)
        assert reply.status == 201, reply.text
        return ET.fromstring(reply.body)  # noqa: S314 our own server

    def fault(self, method: str, path: str, body: str | bytes | None = None) -> tuple[int, str]:
        """Send what is refused; return the status and the detail of the fault."""
        reply = self.ask(method, path, body)
        assert reply.headers["Content-Type"].startswith("application/xml")
        tree = ET.fromstring(reply.body)  # noqa: S314 our own server
        assert (tree.tag, tree.findtext("reason")) == ("fault", "Operation Failed")
        return reply.status, tree.findtext("detail") or ""


@pytest.fixture(scope="module")
def serving(cluster: Cluster, make_machine: Callable[[Cluster], Machine], source: Machine) -> Iterator[Machine]:
    machine = make_machine(cluster)
    machine.setup()
    machine.psql("-q", "-1", "-f", str(source.root / "seed.sql"))
    with machine.serving():
        yield machine


@pytest.fixture(scope="module")
def client(serving: Machine) -> Client:
    return Client(serving)


def test_login_and_logout(serving: Machine) -> None:
    reply = serving.login()
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("application/json")
    answer = json.loads(reply.text)
    assert answer.keys() == {"access_token", "token_type", "scope", "exp"}
    assert answer["token_type"] == "bearer"
    header = {"Authorization": f"Bearer {answer['access_token']}"}
    assert serving.ask("GET", API, **header).status == 200
    out = serving.ask("POST", "/ovirt-engine/services/sso-logout", f"scope=x&token={answer['access_token']}".encode())
    assert (out.status, json.loads(out.text)) == (200, {})
    refused = serving.ask("GET", API, **header)
    assert refused.status == 401
    assert b"<fault>" in refused.body


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("admin@internal", "wrong"),
        ("nobody@internal", "x"),
        ("admin@elsewhere", "x"),
        ("", ""),
        ("admin@internal", "x" * 5000),
    ],
)
def test_a_refused_login(serving: Machine, user: str, password: str) -> None:
    reply = serving.login(user, password)
    answer = json.loads(reply.text)
    assert (reply.status, answer["error"]) == (401, "access_denied")
    assert "Invalid user credentials" in answer["error_description"]


def test_other_grants_are_refused(serving: Machine) -> None:
    for body in (b"grant_type=client_credentials", b"", b"\xff=\xfe", b"grant_type=password&grant_type=password"):
        reply = serving.ask("POST", "/ovirt-engine/sso/oauth/token", body)
        assert (reply.status, json.loads(reply.text)["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic YWRtaW46eA==", "Bearer"])
def test_no_token_no_answer(serving: Machine, header: str | None) -> None:
    for method in ("GET", "POST", "DELETE"):
        reply = serving.ask(method, f"{API}/vms", b"", **({"Authorization": header} if header else {}))
        assert reply.status == 401
        assert b"<fault>" in reply.body
        assert b"vm " not in reply.body


def test_the_entry_point(client: Client) -> None:
    api = client.get("")
    version = api.find("product_info/version")
    assert version is not None
    assert [version.findtext(tag) for tag in ("major", "minor", "build", "full_version")] == ["4", "5", "7", "4.5.7"]
    assert api.findtext("summary/vms/total") == "301"
    assert api.findtext("summary/hosts/total") == "15"


@pytest.mark.parametrize(
    ("path", "tag", "number"),
    [
        ("datacenters", "data_center", 4),
        ("clusters", "cluster", 5),
        ("hosts", "host", 15),
        ("storagedomains", "storage_domain", 9),
        ("vms", "vm", 301),
        ("disks", "disk", 301),
    ],
)
def test_lists_and_their_entities(client: Client, path: str, tag: str, number: int) -> None:
    found = client.get(f"/{path}")
    assert [child.tag for child in found] == [tag] * number
    first = found[0]
    assert first.get("href") == f"{API}/{path}/{first.get('id')}"
    again = client.get(f"/{path}/{first.get('id')}")
    assert ET.tostring(again) == ET.tostring(first)
    name = first.findtext("name") or ""
    (same,) = client.get(f"/{path}?search={quote('name=' + name)}&max=5")
    assert same.get("id") == first.get("id")
    assert len(client.get(f"/{path}?max=2")) == 2
    assert len(client.get(f"/{path}?search=name%3Dno-such-thing")) == 0
    for wrong in ("00000000-0000-0000-0000-00000000dead", "nonsense"):
        assert client.fault("GET", f"/{path}/{wrong}")[0] == 404


def test_searches(client: Client) -> None:
    assert len(client.get("/vms?search=name%3Dweb*")) == 60
    assert len(client.get(f"/vms?search={quote('name=WEB* and cluster=edge')}&case_sensitive=false")) in range(1, 61)
    assert len(client.get("/vms?search=name%3DWEB*")) == 0
    assert len(client.get("/hosts?search=status%3DUp&case_sensitive=false")) == 15
    (center,) = client.get("/datacenters?search=storage.name%3Ddata4")
    assert center.findtext("name")
    for wrong in ("colour=red", "name", "name=a or name=b", "name=a and", "name='; DROP TABLE job; --"):
        status, detail = client.fault("GET", f"/vms?search={quote(wrong)}")
        assert (status, "cannot understand the search" in detail) == (400, True), wrong
    assert client.fault("GET", "/vms?max=many")[0] == 400


def test_text_survives(client: Client) -> None:
    (vm,) = client.get("/vms?search=name%3Ddb001")
    assert vm.findtext("description") == "Virtual machine no. 1 \u2013 Büro"


def test_disk_attachments(client: Client) -> None:
    (vm,) = client.get("/vms?search=name%3DHostedEngine")
    assert vm.findtext("origin") == "managed_hosted_engine"
    (attachment,) = client.get(f"/vms/{vm.get('id')}/diskattachments")
    disk = attachment.find("disk")
    assert disk is not None
    assert client.get(f"/disks/{disk.get('id')}").findtext("alias") == "he_virtio_disk"


def test_what_an_installer_registers(client: Client) -> None:
    center = client.add("/datacenters", "<data_center><name>New DC</name><local>false</local></data_center>")
    assert center.findtext("status") == "uninitialized"
    cluster = client.add(
        "/clusters",
        "<cluster><name>New cluster</name><cpu><type>Intel Icelake Server Family</type></cpu>"
        "<data_center><name>New DC</name></data_center></cluster>",
    )
    assert cluster.find("data_center").get("id") == center.get("id")  # type: ignore[union-attr]
    host = client.add(
        "/hosts",
        "<host><name>new &lt;host&gt;</name><address>192.0.2.9</address><root_password>never-kept</root_password>"
        f'<cluster id="{cluster.get("id")}"/></host>',
    )
    assert host.findtext("name") == "new <host>"
    assert host.findtext("status") == "unassigned"
    domain = client.add(
        "/storagedomains",
        "<storage_domain><name>hosted_new</name><type>data</type><storage><type>nfs</type><address>nas.example.test</address>"
        f'<path>/exports/he</path></storage><host id="{host.get("id")}"/></storage_domain>',
    )
    assert domain.findtext("status") == "unattached"
    assert [domain.findtext(f"storage/{tag}") for tag in ("address", "path")] == ["nas.example.test", "/exports/he"]
    below = f"/datacenters/{center.get('id')}/storagedomains"
    attached = client.add(below, f'<storage_domain id="{domain.get("id")}"/>')
    assert (attached.findtext("status"), attached.findtext("master")) == ("active", "true")
    assert client.get(f"/datacenters/{center.get('id')}").findtext("status") == "up"
    assert [entity.get("id") for entity in client.get(below)] == [domain.get("id")]
    assert client.get(f"{below}/{domain.get('id')}").get("href") == f"{API}{below}/{domain.get('id')}"
    assert client.fault("POST", below, f'<storage_domain id="{domain.get("id")}"/>')[0] == 409
    everything = client.machine.psql("-c", "SELECT string_agg(t::text, ' ') FROM vds t")
    assert "never-kept" not in everything
    events = client.machine.psql("-c", "SELECT message FROM audit_log WHERE log_type_name = 'USER_ADD_HOST'")
    assert events == "Host new <host> was added by admin@internal."


def test_additions_that_are_refused(client: Client) -> None:
    for path, body, status in (
        ("/datacenters", "<data_center><name>Default</name></data_center>", 409),
        ("/datacenters", "<data_center/>", 400),
        ("/datacenters", f"<data_center><name>{'x' * 99}</name></data_center>", 400),
        ("/datacenters", "<cluster><name>x</name></cluster>", 400),
        ("/clusters", "<cluster><name>x</name></cluster>", 400),
        ("/clusters", "<cluster><name>x</name><data_center><name>none</name></data_center></cluster>", 404),
        ("/hosts", "<host><name>x</name></host>", 400),
        ("/hosts", "<host><name>x</name><address>y</address><ssh><port>0</port></ssh></host>", 400),
        ("/storagedomains", "<storage_domain><name>x</name></storage_domain>", 400),
        ("/datacenters/00000000-0000-0000-0000-00000000dead/storagedomains", "<storage_domain/>", 404),
    ):
        assert client.fault("POST", path, body)[0] == status, (path, body)
    assert client.machine.psql("-c", "SELECT count(*) FROM cluster WHERE name = 'x'") == "0"


def test_xml_is_read_strictly(client: Client) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><data_center><name>&a;</name></data_center>'
    outside = '<!DOCTYPE x SYSTEM "file:///etc/passwd"><data_center><name>x</name></data_center>'
    for body in (
        bomb,
        outside,
        '<?xml-stylesheet href="x"?><data_center/>',
        "<data_center>",
        "",
        "{}",
        "<a>" * 30 + "</a>" * 30,
    ):
        assert client.fault("POST", "/datacenters", body)[0] == 400, body
    assert client.fault("POST", "/datacenters", b"\xff\xfe\x00")[0] == 400


def test_a_huge_body_is_not_read(client: Client) -> None:
    with suppress(OSError):  # the connection may be closed before all of it is sent
        refused = client.ask("POST", "/datacenters", b"x" * (1 << 20))
        assert (refused.status, refused.body) == (400, b""), "whoever has read it tells what is wrong with it"


def test_what_is_not_built_says_so(client: Client) -> None:
    for method, path in (
        ("GET", "/roles"),
        ("GET", "/vms/1/snapshots"),
        ("POST", "/vms"),
        ("POST", "/imagetransfers"),
        ("DELETE", "/vms/1"),
        ("PUT", "/vms/1"),
    ):
        status, detail = client.fault(method, path, "<action/>" if method != "GET" else None)
        assert (status, "is not built in this reference engine" in detail) == (501, True)


def test_the_ca_is_handed_out(serving: Machine) -> None:
    path = "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA"
    reply = serving.ask("GET", path)
    assert reply.status == 200
    assert reply.text == (serving.root / "etc/pki/ovirt-engine/ca.pem").read_text()
    assert serving.ask("GET", "/ovirt-engine/services/pki-resource?resource=../../private/ca.pem").status == 404
    assert serving.ask("GET", "/").status == 404


def test_a_silent_client_does_not_keep_others_waiting(serving: Machine) -> None:
    with socket.create_connection(("127.0.0.1", serving.port)):
        assert serving.ask("GET", HEALTH).status == 200


def test_health_follows_the_database(own_cluster: Cluster, make_machine: Callable[[Cluster], Machine]) -> None:
    machine = make_machine(own_cluster)
    machine.setup()
    with machine.serving():
        good = machine.ask("GET", HEALTH)
        assert (good.status, good.text) == (200, "DB Up!Welcome to Health Status!")
        token = machine.token()
        own_cluster.stop()
        start = time.monotonic()
        bad = machine.ask("GET", HEALTH)
        assert time.monotonic() - start < 10
        assert (bad.status, bad.text) == (500, "DB Down!")
        refused = machine.ask("GET", f"{API}/vms", Authorization=f"Bearer {token}")
        assert refused.status == 500
        assert b"<fault>" in refused.body
        assert json.loads(machine.login().text)["error"] == "server_error"
        own_cluster.start()
        assert machine.ask("GET", HEALTH).text == good.text
        assert machine.ask("GET", f"{API}/vms", Authorization=f"Bearer {token}").status == 200


def test_health_is_not_good_without_the_engines_tables(
    own_cluster: Cluster, make_machine: Callable[[Cluster], Machine]
) -> None:
    machine = make_machine(own_cluster)
    machine.setup()
    with machine.serving():
        machine.psql("-c", "DROP TABLE vdc_options")
        assert machine.ask("GET", HEALTH).status == 500


def test_the_log_holds_no_secret(serving: Machine, client: Client) -> None:
    serving.ask("GET", f"{API}/vms?search=name%3Dmarked", Authorization=f"Bearer {client.token}")
    text = (serving.root / "var/log/ovirt-engine/engine.log").read_text()
    assert "GET /ovirt-engine/api/vms 200" in text
    assert "marked" not in text
    assert client.token not in text
