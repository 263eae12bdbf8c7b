"""Other managers of virtual machines, known by their processes or kernel modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hosted_setup.model.messages import N_, _

if TYPE_CHECKING:
    from collections.abc import Collection

_PROCESSES: Final = {
    "VDSM (oVirt)": {"vdsmd", "supervdsmd"},
    N_("an oVirt hosted engine's agent"): {"ovirt-ha-agent", "ovirt-ha-broker"},
    "Proxmox VE": {"pvedaemon", "pveproxy", "pve-ha-lrm"},
    "Xen": {"xenstored", "xenconsoled"},
    "VirtualBox": {"VBoxSVC", "VBoxHeadless"},
    "VMware": {"vmware-vmx", "vmware-hostd"},
    "OpenStack Nova": {"nova-compute"},
    "Incus": {"incusd"},
    "LXD": {"lxd"},
}
_MODULES: Final = {"Xen": {"xen_netback", "xen_blkback"}, "VirtualBox": {"vboxdrv"}, "VMware": {"vmmon"}}


def others(processes: Collection[str], modules: Collection[str]) -> dict[str, str]:
    """Give the managers that are at work here, each with what shows it."""
    found: dict[str, str] = {}
    for word, known, there in ((_("module"), _MODULES, modules), (_("process"), _PROCESSES, processes)):
        for manager, names in known.items():
            shown = sorted(names.intersection(there))
            found |= {_(manager): f"{word} {shown[0]}"} if shown else {}
    return found
