"""Virtual networks of libvirt."""

from __future__ import annotations

from typing import Final

import libvirt

from hosted_setup.adapters import libvirt_xml
from hosted_setup.adapters.libvirt_connection import Kind, Link, absent_ok
from hosted_setup.model.messages import N_, _
from hosted_setup.ports.hypervisor import NetworkInfo

_NETWORK: Final = Kind(N_("network"), N_("the network"), libvirt.VIR_ERR_NO_NETWORK, "net-info")


class Networks(Link):
    """The network half of the hypervisor port."""

    def network_named(self, name: str) -> NetworkInfo | None:
        """Find a network by name."""
        return self.look_up(_NETWORK, name, lambda: _info(self.connection().networkLookupByName(name)))

    def network(self, uuid: str) -> NetworkInfo | None:
        """Find a network by UUID."""
        return self.look_up(_NETWORK, uuid, lambda: _info(self.connection().networkLookupByUUIDString(uuid)))

    def define_network(self, xml: str) -> None:
        """Define, start and autostart a network; raises NameTaken for another one's name."""
        with self.defining(_NETWORK, xml, self.network_named):
            network = self.connection().networkDefineXML(xml)
        with self.asking(_("starting the network {name}", name=network.name())):
            if not network.isActive():
                network.create()
            network.setAutostart(1)

    def remove_network(self, uuid: str) -> None:
        """Stop and forget a network."""
        with self.asking(_("removing the network {uuid}", uuid=uuid)), absent_ok(_NETWORK.absent):
            network = self.connection().networkLookupByUUIDString(uuid)
            with absent_ok(libvirt.VIR_ERR_OPERATION_INVALID):  # it is not active
                network.destroy()
            network.undefine()


def _info(network: libvirt.virNetwork) -> NetworkInfo:
    mark = libvirt_xml.mark(network.XMLDesc())
    return NetworkInfo(network.UUIDString(), network.name(), bool(network.isActive()), mark)
