"""Reading and adding entities, each call one transaction in the engine's database."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from psycopg2.extras import RealDictCursor

from .. import db
from .entities import API, DATA_CENTERS, STORAGE_DOMAINS, STORAGE_TYPE, Kind, Row, disk_attachment
from .search import to_sql
from .strictxml import text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ..conf import Database

MOST = 10_000  # entities in one answer


class StoreError(Exception):
    """The request cannot be carried out; the status is that of the answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Store:
    """The engine's database as the API sees it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def _rows(self, sql: str, values: list[Any]) -> list[Row]:
        link = db.connect(self.database)
        try:
            with link, link.cursor(cursor_factory=RealDictCursor) as work:
                work.execute(sql, values)
                return [dict(row) for row in work.fetchall()]
        finally:
            link.close()

    def alive(self) -> bool:
        """Ask the database something that only a working engine schema can answer."""
        rows = self._rows("SELECT count(*) AS options FROM vdc_options WHERE option_value IS NOT NULL", [])
        return bool(rows[0]["options"] > 0)

    def find(self, kind: Kind, search: str, limit: int | None, *, case_sensitive: bool) -> list[Element]:
        """Return the entities a search finds."""
        condition, values = to_sql(search, kind.keys, case_sensitive=case_sensitive)
        rows = self._rows(
            f"SELECT * FROM ({kind.source}) AS found WHERE {condition} ORDER BY name, id LIMIT %s",  # noqa: S608 constants
            [*values, MOST if limit is None else min(limit, MOST)],
        )
        return [kind.render(row) for row in rows]

    def get(self, kind: Kind, identifier: str) -> Element:
        """Return one entity."""
        return kind.render(self._row(kind, identifier))

    def _row(self, kind: Kind, identifier: str) -> Row:
        rows = self._rows(
            f"SELECT * FROM ({kind.source}) AS found WHERE id = %s",  # noqa: S608 constants
            [_uuid(identifier)],
        )
        if not rows:
            raise StoreError(404, f"Entity not found: {kind.tag} {identifier}")
        return rows[0]

    def disk_attachments(self, vm: str) -> list[Element]:
        """Return the disks of a virtual machine."""
        rows = self._rows(
            "SELECT d.*, row_number() OVER (ORDER BY b.disk_alias) = 1 AS bootable FROM vm_device d"
            " JOIN base_disks b ON b.disk_id = d.device_id WHERE d.vm_id = %s AND d.device = 'disk'",
            [_uuid(vm)],
        )
        return [disk_attachment(row) for row in rows]

    def attached(self, data_center: str) -> list[Element]:
        """Return the storage domains of a data center."""
        rows = self._rows(
            f"SELECT * FROM ({STORAGE_DOMAINS.source}) AS found WHERE storage_pool_id = %s ORDER BY name",  # noqa: S608
            [_uuid(data_center)],
        )
        return [_below(STORAGE_DOMAINS.render(row), data_center) for row in rows]

    def attached_one(self, data_center: str, identifier: str) -> Element:
        """Return one storage domain of a data center."""
        row = self._row(STORAGE_DOMAINS, identifier)
        if str(row["storage_pool_id"]) != _uuid(data_center):
            raise StoreError(404, f"Entity not found: storage_domain {identifier}")
        return _below(STORAGE_DOMAINS.render(row), data_center)

    def counts(self) -> Row:
        """Return the numbers of the summary."""
        return self._rows(
            "SELECT (SELECT count(*) FROM vds) AS hosts, (SELECT count(*) FROM vds WHERE status = 3) AS hosts_up,"
            " (SELECT count(*) FROM storage_domain_static) AS domains,"
            " (SELECT count(*) FROM storage_pool_iso_map WHERE status = 3) AS domains_active,"
            " (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM vms) AS vms,"
            " (SELECT count(*) FROM vms WHERE status = 1) AS vms_up",
            [],
        )[0]

    def account(self, name: str) -> str | None:
        """Return the password hash of an account that may log in."""
        rows = self._rows(
            "SELECT password FROM aaa_jdbc.users WHERE name = %s AND NOT disabled AND password_valid_to > now()",
            [name],
        )
        return str(rows[0]["password"]) if rows else None

    def add(self, kind: Kind, body: Element, user: str) -> Element:
        """Add an entity and return it."""
        if body.tag != kind.tag:
            raise StoreError(400, f"a <{kind.tag}> is expected, not a <{body.tag[:60]}>")
        name = _required(body, "name", kind)
        new = str(uuid.uuid4())
        if kind is STORAGE_DOMAINS and body.get("id"):
            new = _uuid(body.get("id") or "")  # a domain that exists already is imported under its own id
        with db.session(self.database) as work:
            ADD[kind.path](work, new, name, body)
            what = f"{kind.tag.replace('_', ' ').title()} {name} was added by {user}."
            _audit(work, f"USER_ADD_{kind.tag.upper()}", what, user)
        return self.get(kind, new)

    def attach(self, data_center: str, body: Element, user: str) -> Element:
        """Attach a storage domain to a data center."""
        self._row(DATA_CENTERS, data_center)
        if body.tag != "storage_domain":
            raise StoreError(400, f"a <storage_domain> is expected, not a <{body.tag[:60]}>")
        with db.session(self.database) as work:
            domain = _reference(work, body, "storage_domain_static", "id", "storage_name", "storage domain")
            work.execute("SELECT storage_pool_id FROM storage_pool_iso_map WHERE storage_id = %s", [domain])
            if work.fetchone():
                raise StoreError(409, "Cannot attach Storage. The Storage Domain is already attached to a Data Center.")
            work.execute(
                "INSERT INTO storage_pool_iso_map (storage_id, storage_pool_id, status) VALUES (%s, %s, 3)",
                [domain, data_center],
            )
            # The first domain of a data center becomes its master and brings it up.
            work.execute(
                "UPDATE storage_domain_static SET storage_domain_type = 0 WHERE id = %s AND NOT EXISTS"
                " (SELECT 1 FROM storage_domains WHERE storage_pool_id = %s AND storage_domain_type = 0)",
                [domain, data_center],
            )
            work.execute("UPDATE storage_pool SET status = 1 WHERE id = %s", [data_center])
            _audit(work, "USER_ATTACH_STORAGE_DOMAIN_TO_POOL", f"Storage Domain {domain} was attached.", user)
        return self.attached_one(data_center, domain)


def _below(domain: Element, data_center: str) -> Element:
    domain.set("href", f"{API}/datacenters/{data_center}/storagedomains/{domain.get('id')}")
    return domain


def _uuid(given: str) -> str:
    try:
        return str(uuid.UUID(given))
    except ValueError:
        raise StoreError(404, f"Entity not found: {given[:80]}") from None


def _required(body: Element, path: str, kind: Kind) -> str:
    value = text(body, path)
    if value is None:
        raise StoreError(400, f"{kind.tag} [{path}] required for add")
    return value


def _reference(work: Any, body: Element | None, table: str, key: str, name: str, what: str) -> str:  # noqa: ANN401, PLR0913
    """Find the entity that a body refers to by id or by name."""
    given = body.get("id") if body is not None else None
    word = text(body, "name") if body is not None else None
    if not given and not word:
        raise StoreError(400, f"{what} [id|name] required for add")
    column, value = (key, _uuid(given)) if given else (name, word)
    work.execute(f"SELECT {key} FROM {table} WHERE {column} = %s", [value])  # noqa: S608 constants
    found = work.fetchone()
    if found is None:
        raise StoreError(404, f"Entity not found: {what} {given or word}")
    return str(found[0])


def _add_data_center(work: Any, new: str, name: str, body: Element) -> None:  # noqa: ANN401
    work.execute(
        "INSERT INTO storage_pool (id, name, description, free_text_comment, is_local) VALUES (%s, %s, %s, %s, %s)",
        [new, name, text(body, "description") or "", text(body, "comment") or "", text(body, "local") == "true"],
    )


def _add_cluster(work: Any, new: str, name: str, body: Element) -> None:  # noqa: ANN401
    center = _reference(work, body.find("data_center"), "storage_pool", "id", "name", "data center")
    work.execute(
        "INSERT INTO cluster (cluster_id, name, description, free_text_comment, cpu_name, storage_pool_id)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [
            *(new, name, text(body, "description") or "", text(body, "comment") or ""),
            *(text(body, "cpu/type"), center),
        ],
    )


def _add_host(work: Any, new: str, name: str, body: Element) -> None:  # noqa: ANN401
    address = text(body, "address")
    if address is None:
        raise StoreError(400, "host [address] required for add")
    where = body.find("cluster")
    default = "SELECT cluster_id FROM cluster ORDER BY name = 'Default' DESC, name LIMIT 1"
    if where is None:
        work.execute(default)
        cluster = str(work.fetchone()[0])
    else:
        cluster = _reference(work, where, "cluster", "cluster_id", "name", "cluster")
    work.execute(
        "INSERT INTO vds_static (vds_id, vds_name, host_name, ssh_port, cluster_id, free_text_comment, vds_unique_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            *(new, name, address, _port(text(body, "ssh/port")), cluster, text(body, "comment") or ""),
            text(body, "hardware_information/uuid"),
        ],
    )
    # Unassigned: known, and not contacted. This engine stores hosts and does not drive them.
    work.execute("INSERT INTO vds_dynamic (vds_id, status) VALUES (%s, 0)", [new])
    work.execute("INSERT INTO vds_statistics (vds_id) VALUES (%s)", [new])


def _port(given: str | None) -> int:
    value = given or "22"
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 1 << 16):
        raise StoreError(400, f"'{value[:20]}' is not a port")
    return int(value)


def _add_storage_domain(work: Any, new: str, name: str, body: Element) -> None:  # noqa: ANN401
    kinds = {word: number for number, word in STORAGE_TYPE.items()}
    kind = text(body, "storage/type")
    if kind not in kinds:
        raise StoreError(400, f"storage domain [storage.type] must be one of {', '.join(sorted(kinds))}")
    if text(body, "type") not in {None, "data"}:
        raise StoreError(501, "only storage domains of the type data are supported")
    _reference(work, body.find("host"), "vds_static", "vds_id", "vds_name", "host")
    address, path = text(body, "storage/address"), text(body, "storage/path")
    connection = ":".join(part for part in (address, path) if part)
    if kind not in {"iscsi", "fcp"} and not path:
        raise StoreError(400, "storage domain [storage.path] required for add")
    work.execute(
        "INSERT INTO storage_server_connections (connection, storage_type, nfs_version, mount_options)"
        " VALUES (%s, %s, %s, %s) RETURNING id",
        [
            connection,
            kinds[kind],
            (text(body, "storage/nfs_version") or "")[:4] or None,
            text(body, "storage/mount_options"),
        ],
    )
    stored = str(work.fetchone()[0])
    work.execute(
        "INSERT INTO storage_domain_static"
        " (id, storage, storage_name, storage_description, storage_comment, storage_domain_type, storage_type)"
        " VALUES (%s, %s, %s, %s, %s, 1, %s)",
        [new, stored, name, text(body, "description") or "", text(body, "comment") or "", kinds[kind]],
    )
    work.execute("INSERT INTO storage_domain_dynamic (id) VALUES (%s)", [new])


ADD = {
    "datacenters": _add_data_center,
    "clusters": _add_cluster,
    "hosts": _add_host,
    "storagedomains": _add_storage_domain,
}


def _audit(work: Any, event: str, message: str, user: str) -> None:  # noqa: ANN401
    work.execute(
        "INSERT INTO audit_log (log_type_name, log_type, severity, message, user_name) VALUES (%s, 0, 0, %s, %s)",
        [event, message, user],
    )
