"""What the lists of the API hold: how each is read from the database and written as XML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .strictxml import element, leaf

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

API = "/ovirt-engine/api"
Row = dict[str, Any]

HOST_STATUS = {
    0: "unassigned",
    1: "down",
    2: "maintenance",
    3: "up",
    4: "non_responsive",
    5: "error",
    6: "installing",
    7: "install_failed",
    8: "reboot",
    9: "preparing_for_maintenance",
    10: "non_operational",
    11: "pending_approval",
    12: "initializing",
    13: "connecting",
}
VM_STATUS = {
    0: "down",
    1: "up",
    2: "powering_up",
    4: "paused",
    5: "migrating",
    7: "not_responding",
    9: "reboot_in_progress",
    13: "suspended",
    15: "image_locked",
    16: "powering_down",
}
POOL_STATUS = {0: "uninitialized", 1: "up", 2: "maintenance", 3: "not_operational", 4: "problematic", 5: "contend"}
DOMAIN_STATUS = {
    0: "unknown",
    1: "uninitialized",
    2: "unattached",
    3: "active",
    4: "inactive",
    5: "locked",
    6: "maintenance",
}
DOMAIN_TYPE = {0: "data", 1: "data", 2: "iso", 3: "export", 4: "image"}
STORAGE_TYPE = {1: "nfs", 2: "fcp", 3: "iscsi", 4: "localfs", 6: "posixfs", 7: "glusterfs"}
IMAGE_STATUS = {1: "ok", 2: "locked", 4: "illegal"}
GIB = 1 << 30


@dataclass(frozen=True)
class Kind:
    """One kind of entity."""

    path: str
    tag: str
    plural: str
    source: str  # a SELECT with a column id; sorted and narrowed from outside
    keys: dict[str, str]  # search key: column of the source
    render: Callable[[Row], Element]


def version(text: str) -> Element:
    """Write a compatibility version such as 4.7."""
    major, _, minor = text.partition(".")
    return element("version", leaf("major", major), leaf("minor", minor or "0"))


def link(tag: str, path: str, identifier: object) -> Element | None:
    """Write a reference to another entity."""
    return None if identifier is None else element(tag, href=f"{API}/{path}/{identifier}", id=str(identifier))


def _entity(kind: str, tag: str, row: Row, *children: Element | None) -> Element:
    common = (leaf("name", row["name"]), leaf("description", row["description"]), leaf("comment", row["comment"]))
    return element(tag, *common, *children, href=f"{API}/{kind}/{row['id']}", id=str(row["id"]))


def _data_center(row: Row) -> Element:
    return _entity(
        "datacenters",
        "data_center",
        row,
        leaf("local", row["is_local"]),
        leaf("status", POOL_STATUS.get(row["status"], "problematic")),
        version(row["compatibility_version"]),
        element("supported_versions", version(row["compatibility_version"])),
    )


def _cluster(row: Row) -> Element:
    return _entity(
        "clusters",
        "cluster",
        row,
        element("cpu", leaf("architecture", row["architecture"]), leaf("type", row["cpu_name"])),
        version(row["compatibility_version"]),
        leaf("virt_service", row["virt_service"]),
        leaf("gluster_service", row["gluster_service"]),
        link("data_center", "datacenters", row["storage_pool_id"]),
    )


def _host(row: Row) -> Element:
    memory = row["physical_mem_mb"]
    return _entity(
        "hosts",
        "host",
        row,
        leaf("address", row["host_name"]),
        leaf("port", row["port"]),
        leaf("status", HOST_STATUS.get(row["status"], "error")),
        leaf("memory", memory << 20 if memory else None),
        element("hardware_information", leaf("uuid", row["vds_unique_id"])),
        element("ssh", leaf("port", row["ssh_port"])),
        link("cluster", "clusters", row["cluster_id"]),
        element(
            "hosted_engine",
            leaf("active", row["ha_active"]),
            leaf("configured", row["ha_configured"]),
            leaf("global_maintenance", row["ha_global_maintenance"]),
            leaf("local_maintenance", row["ha_local_maintenance"]),
            leaf("score", row["ha_score"]),
        )
        if row["ha_configured"]
        else None,
    )


def _storage_domain(row: Row) -> Element:
    address, _, path = (row["connection"] or row["storage"] or "").rpartition(":")
    free, used = row["available_disk_size"], row["used_disk_size"]
    attached = row["storage_pool_id"] is not None
    return _entity(
        "storagedomains",
        "storage_domain",
        row,
        leaf("type", DOMAIN_TYPE.get(row["storage_domain_type"], "data")),
        leaf("master", row["storage_domain_type"] == 0),
        leaf("status", DOMAIN_STATUS.get(row["status"], "unknown") if attached else "unattached"),
        leaf("available", free * GIB if free is not None else None),
        leaf("used", used * GIB if used is not None else None),
        leaf("storage_format", f"v{row['storage_domain_format_type']}"),
        element(
            "storage",
            leaf("type", STORAGE_TYPE.get(row["storage_type"], "nfs")),
            leaf("address", address or None),
            leaf("path", path),
            leaf("nfs_version", row["nfs_version"]),
            leaf("mount_options", row["mount_options"]),
        ),
        element("data_centers", link("data_center", "datacenters", row["storage_pool_id"])) if attached else None,
    )


def _vm(row: Row) -> Element:
    return _entity(
        "vms",
        "vm",
        row,
        leaf("status", VM_STATUS.get(row["status"], "unknown")),
        leaf("origin", "managed_hosted_engine" if row["origin"] == 6 else "ovirt"),  # noqa: PLR2004 oVirt's number
        leaf("memory", row["vm_mem_size_mb"] << 20),
        element(
            "cpu",
            element(
                "topology",
                leaf("sockets", row["num_of_sockets"]),
                leaf("cores", row["cpu_per_socket"]),
                leaf("threads", 1),
            ),
        ),
        leaf("delete_protected", row["delete_protected"]),
        element("high_availability", leaf("enabled", row["auto_startup"])),
        leaf("creation_time", row["vm_creation_date"].isoformat()),
        leaf("fqdn", row["vm_host"]),
        link("cluster", "clusters", row["cluster_id"]),
        link("host", "hosts", row["run_on_vds"]),
        element("link", href=f"{API}/vms/{row['id']}/diskattachments", rel="diskattachments"),
    )


def _disk(row: Row) -> Element:
    return _entity(
        "disks",
        "disk",
        row,
        leaf("alias", row["name"]),
        leaf("status", IMAGE_STATUS.get(row["imagestatus"], "illegal")),
        leaf("format", "raw" if row["volume_format"] == 5 else "cow"),  # noqa: PLR2004 oVirt's number
        leaf("provisioned_size", row["size"]),
        leaf("total_size", row["size"]),
        leaf("actual_size", row["actual_size"]),
        leaf("sparse", row["volume_type"] == 2),  # noqa: PLR2004 oVirt's number
        leaf("backup", row["backup"].lower()),
        leaf("content_type", "data"),
        leaf("storage_type", "image"),
        leaf("shareable", row["shareable"]),
        leaf("image_id", row["image_guid"]),
        element("storage_domains", link("storage_domain", "storagedomains", row["storage_domain_id"])),
    )


def disk_attachment(row: Row) -> Element:
    """Write a disk as attached to a virtual machine."""
    here = f"{API}/vms/{row['vm_id']}/diskattachments/{row['device_id']}"
    return element(
        "disk_attachment",
        leaf("active", row["is_plugged"]),
        leaf("bootable", row["bootable"]),
        leaf("interface", "virtio"),
        link("disk", "disks", row["device_id"]),
        link("vm", "vms", row["vm_id"]),
        href=here,
        id=str(row["device_id"]),
    )


DATA_CENTERS = Kind(
    "datacenters",
    "data_center",
    "data_centers",
    "SELECT *, free_text_comment AS comment FROM storage_pool",
    {
        "name": "name",
        "storage.name": "id IN (SELECT storage_pool_id FROM storage_domains WHERE storage_name {like} %s)",
    },
    _data_center,
)
CLUSTERS = Kind(
    "clusters",
    "cluster",
    "clusters",
    """SELECT c.*, cluster_id AS id, c.free_text_comment AS comment, p.name AS data_center
       FROM cluster c LEFT JOIN storage_pool p ON p.id = c.storage_pool_id""",
    {"name": "name", "datacenter": "data_center", "datacenter.name": "data_center"},
    _cluster,
)
HOSTS = Kind(
    "hosts",
    "host",
    "hosts",
    f"""SELECT *, vds_id AS id, vds_name AS name, NULL AS description, free_text_comment AS comment,
        CASE status {" ".join(f"WHEN {number} THEN '{word}'" for number, word in HOST_STATUS.items())} END AS state
       FROM vds""",  # noqa: S608 made of constants
    {
        "name": "name",
        "address": "host_name",
        "hw_id": "vds_unique_id",
        "status": "replace(state, '_', '')",
        "cluster": "cluster_name",
        "datacenter": "storage_pool_name",
    },
    _host,
)
STORAGE_DOMAINS = Kind(
    "storagedomains",
    "storage_domain",
    "storage_domains",
    """SELECT s.*, s.storage_name AS name, s.storage_description AS description, s.storage_comment AS comment,
        c.connection, c.nfs_version, c.mount_options
       FROM storage_domains s LEFT JOIN storage_server_connections c ON c.id::text = s.storage""",
    {"name": "name", "datacenter": "storage_pool_name"},
    _storage_domain,
)
VMS = Kind(
    "vms",
    "vm",
    "vms",
    "SELECT *, vm_guid AS id, vm_name AS name, free_text_comment AS comment FROM vms",
    {"name": "name", "cluster": "cluster_name", "datacenter": "storage_pool_name", "host": "run_on_vds_name"},
    _vm,
)
DISKS = Kind(
    "disks",
    "disk",
    "disks",
    """SELECT b.*, i.*, b.disk_id AS id, b.disk_alias AS name, b.disk_description AS description, NULL AS comment,
        m.storage_domain_id
       FROM base_disks b JOIN images i ON i.image_group_id = b.disk_id AND i.active
       LEFT JOIN image_storage_domain_map m ON m.image_id = i.image_guid""",
    {"name": "name", "alias": "name", "id": "id::text"},
    _disk,
)
KINDS = {kind.path: kind for kind in (DATA_CENTERS, CLUSTERS, HOSTS, STORAGE_DOMAINS, VMS, DISKS)}
