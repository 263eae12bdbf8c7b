"""Virtual networks of libvirt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libvirt

from hosted_setup.adapters import libvirt_xml
from hosted_setup.adapters.libvirt_connection import Link, absent_ok, words
from hosted_setup.ports.hypervisor import NetworkInfo
from hosted_setup.ports.problems import NameTaken

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Networks(Link):
    """The network half of the hypervisor port."""

    def network_named(self, name: str) -> NetworkInfo | None:
        """Find a network by name."""
        with self.asking(f"looking for the network {name}"), _absent_ok():
            return _info(self.connection().networkLookupByName(name))
        return None

    def network(self, uuid: str) -> NetworkInfo | None:
        """Find a network by UUID."""
        with self.asking(f"looking for the network {uuid}"), _absent_ok():
            return _info(self.connection().networkLookupByUUIDString(uuid))
        return None

    def define_network(self, xml: str) -> None:
        """Define, start and autostart a network; raises NameTaken for another one's name."""
        name, uuid = libvirt_xml.identity(xml)
        with self.asking(f"defining the network {name}"):
            try:
                network = self.connection().networkDefineXML(xml)
            except libvirt.libvirtError as error:
                self._refuse_foreign_network(name, uuid, words(error))
                raise
        with self.asking(f"starting the network {name}"):
            if not network.isActive():
                network.create()
            network.setAutostart(1)

    def remove_network(self, uuid: str) -> None:
        """Stop and forget a network."""
        with self.asking(f"removing the network {uuid}"), _absent_ok():
            network = self.connection().networkLookupByUUIDString(uuid)
            with absent_ok(libvirt.VIR_ERR_OPERATION_INVALID):  # it is not active
                network.destroy()
            network.undefine()

    def _refuse_foreign_network(self, name: str, uuid: str, why: str) -> None:
        holder = self.network_named(name)
        if holder is not None and holder.uuid != uuid:
            detail = f"the network {name} exists already, with the UUID {holder.uuid}"
            hint = "choose another name for the network, or look whose network that is"
            raise NameTaken(detail, why=why, hint=hint, command=f"virsh -c '{self.uri}' net-info {holder.uuid}")


def _info(network: libvirt.virNetwork) -> NetworkInfo:
    mark = libvirt_xml.mark(network.XMLDesc())
    return NetworkInfo(network.UUIDString(), network.name(), bool(network.isActive()), mark)


def _absent_ok() -> AbstractContextManager[None]:
    return absent_ok(libvirt.VIR_ERR_NO_NETWORK)
