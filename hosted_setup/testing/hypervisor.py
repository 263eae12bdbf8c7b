"""The pretended hypervisor."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from hosted_setup.adapters import libvirt_xml
from hosted_setup.model.secret import Secret
from hosted_setup.ports.hypervisor import HypervisorFacts, NetworkInfo, Proof, SecretInfo
from hosted_setup.ports.problems import HypervisorFault, NameTaken
from hosted_setup.testing.domains import FakeDomains
from hosted_setup.testing.state import KeptSecret, Network, load, load_all, save

if TYPE_CHECKING:
    from collections.abc import Sequence


class FakeHypervisor(FakeDomains):
    """Implements `ports.hypervisor.Hypervisor` on files."""

    def close(self) -> None:
        """Have nothing to let go of."""

    def facts(self) -> HypervisorFacts:
        """Give what this world's libvirt says of itself."""
        self.must_answer()
        return HypervisorFacts(
            version=self.behaviour.libvirt_version,
            emulator="/usr/bin/qemu-system-x86_64",
            claims_kvm="kvm" in self.behaviour.proofs,
            uid=os.getuid(),
            gid=os.getgid(),
            passes_files=self.behaviour.passes_files,
        )

    def prove(self, virt_types: Sequence[str], token: str, within: float) -> tuple[Proof, ...]:
        """Tell how guests would do; they leave nothing behind."""
        self.must_answer()
        if not token.isalnum():
            message = "a token has letters and digits"
            raise ValueError(message)
        times = {one: self.behaviour.proofs.get(one) for one in virt_types}
        in_time = {one: taken for one, taken in times.items() if taken is not None and taken <= within}
        winner = min(in_time, key=in_time.__getitem__, default=None)
        return tuple(self._proof(one, winner, within) for one in virt_types)

    def _proof(self, virt_type: str, winner: str | None, within: float) -> Proof:
        if virt_type not in self.behaviour.proofs:
            return Proof(virt_type, None, f"Emulator does not support virt type '{virt_type}'")
        if virt_type == winner:
            return Proof(virt_type, self.behaviour.proofs[virt_type])
        if winner is None:
            return Proof(virt_type, None, f"no token within {within:g} s")
        return Proof(virt_type, None, f"nothing yet when {winner} had answered")

    def network_named(self, name: str) -> NetworkInfo | None:
        """Find a network by name."""
        self.must_answer()
        return next((_info(one) for one in load_all(self.networks, Network) if one.name == name), None)

    def network(self, uuid: str) -> NetworkInfo | None:
        """Find a network by UUID."""
        self.must_answer()
        found = load(self.network_file(uuid), Network)
        return None if found is None else _info(found)

    def define_network(self, xml: str) -> None:
        """Define, start and autostart a network; raises NameTaken for another one's name."""
        name, uuid = libvirt_xml.identity(xml)
        holder = self.network_named(name)
        if holder is not None and holder.uuid != uuid:
            detail = f"the network {name} exists already, with the UUID {holder.uuid}"
            raise NameTaken(detail, command=f"virsh -c '{self.uri}' net-info {holder.uuid}")
        other = load(self.network_file(uuid), Network)
        if other is not None and other.name != name:
            why = f"operation failed: network '{other.name}' is already defined with uuid {uuid}"
            raise HypervisorFault(f"defining the network {name}", why=why)
        save(self.network_file(uuid), Network(uuid, name, xml, active=True))

    def remove_network(self, uuid: str) -> None:
        """Stop and forget a network."""
        self.must_answer()
        self.network_file(uuid).unlink(missing_ok=True)

    def secret(self, uuid: str) -> SecretInfo | None:
        """Find a kept password by UUID."""
        self.must_answer()
        found = load(self.secret_file(uuid), KeptSecret)
        return None if found is None else SecretInfo(found.uuid, found.usage, found.mark)

    def define_secret(self, secret: SecretInfo, value: Secret) -> None:
        """Have a password kept; raises NameTaken for another one's usage."""
        self.must_answer()
        for other in load_all(self.secrets, KeptSecret):
            if other.usage == secret.usage and other.uuid != secret.uuid:
                detail = f"libvirt has a secret for {secret.usage} already, {other.uuid}"
                raise NameTaken(detail, command=f"virsh -c '{self.uri}' secret-dumpxml {other.uuid}")
        kept = b64encode(value.reveal().encode()).decode()
        save(self.secret_file(secret.uuid), KeptSecret(secret.uuid, secret.usage, secret.mark, kept))

    def secret_value(self, uuid: str) -> Secret:
        """Give a kept password; raises HypervisorFault when there is none."""
        found = load(self.secret_file(uuid), KeptSecret)
        if found is None:
            raise HypervisorFault(f"reading the secret {uuid}", why=f"Secret not found: no secret with uuid '{uuid}'")
        return Secret(b64decode(found.value).decode())

    def remove_secret(self, uuid: str) -> None:
        """Forget a kept password."""
        self.must_answer()
        self.secret_file(uuid).unlink(missing_ok=True)


def _info(network: Network) -> NetworkInfo:
    return NetworkInfo(network.uuid, network.name, network.active, libvirt_xml.mark(network.xml))
