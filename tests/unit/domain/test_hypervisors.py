"""Other managers of virtual machines."""

from __future__ import annotations

from hosted_setup.domain.hypervisors import others


def test_they_are_known_by_their_processes_and_modules() -> None:
    assert others({"systemd", "libvirtd", "qemu-system-x86"}, {"kvm", "kvm_amd"}) == {}
    assert others({"ovirt-ha-agent"}, ()) == {"an oVirt hosted engine's agent": "process ovirt-ha-agent"}
    assert others({"vdsmd", "pveproxy"}, {"vboxdrv"}) == {
        "VirtualBox": "module vboxdrv",
        "VDSM (oVirt)": "process vdsmd",
        "Proxmox VE": "process pveproxy",
    }
