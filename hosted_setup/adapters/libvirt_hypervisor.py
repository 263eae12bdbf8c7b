"""The hypervisor port over libvirt."""

from __future__ import annotations

import os

from hosted_setup.adapters import libvirt_xml
from hosted_setup.adapters.libvirt_connection import PASSES_FILES
from hosted_setup.adapters.libvirt_domains import Domains
from hosted_setup.adapters.libvirt_networks import Networks
from hosted_setup.adapters.libvirt_proof import Proofs
from hosted_setup.adapters.libvirt_secrets import Secrets
from hosted_setup.model.messages import _
from hosted_setup.ports.hypervisor import HypervisorFacts


class LibvirtHypervisor(Domains, Networks, Proofs, Secrets):
    """libvirt behind a URI; connected when first asked, and again when the daemon was started anew."""

    def facts(self) -> HypervisorFacts:
        """Ask the hypervisor; raises HypervisorDown when it does not answer."""
        with self.asking(_("asking libvirt for its capabilities")):
            connection = self.connection()
            capabilities = connection.getCapabilities()
            version = connection.getLibVersion()
        emulator, kinds = libvirt_xml.host_arch(capabilities)
        uid, gid = libvirt_xml.base_label(capabilities) or (os.getuid(), os.getgid())
        return HypervisorFacts(
            version=version,
            emulator=emulator,
            claims_kvm="kvm" in kinds,
            uid=uid,
            gid=gid,
            passes_files=self.local() and version >= PASSES_FILES,
        )
