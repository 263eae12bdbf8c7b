"""Passwords that libvirt keeps: for domains that log in to iSCSI targets, and for QEMU's tools here."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

import libvirt
from defusedxml.ElementTree import fromstring

from hosted_setup.adapters.libvirt_connection import Kind, Link, absent_ok
from hosted_setup.model.messages import N_, _
from hosted_setup.model.secret import Secret
from hosted_setup.ports.hypervisor import SecretInfo
from hosted_setup.ports.problems import NameTaken

_SECRET: Final = Kind(N_("secret"), "", libvirt.VIR_ERR_NO_SECRET, "secret-dumpxml")
_MARK: Final = "hosted-engine-setup run "
"""What a description of ours begins with: a secret's XML has no place for metadata."""


class Secrets(Link):
    """The part of the hypervisor port that keeps passwords."""

    def secret(self, uuid: str) -> SecretInfo | None:
        """Find a kept password by UUID."""
        return self.look_up(_SECRET, uuid, lambda: _info(self.connection().secretLookupByUUIDString(uuid)))

    def define_secret(self, secret: SecretInfo, value: Secret) -> None:
        """Have a password for iSCSI kept, through reboots; raises NameTaken for another one's usage."""
        xml = (
            f"<secret ephemeral='no' private='no'><uuid>{escape(secret.uuid)}</uuid>"
            f"<description>{_MARK}{escape(secret.mark)}</description>"
            f"<usage type='iscsi'><target>{escape(secret.usage)}</target></usage></secret>"
        )
        with self.asking(_("keeping the password for {usage}", usage=secret.usage)):
            other = self._of_usage(secret.usage)
            if other is not None and other.uuid != secret.uuid:
                detail = _("libvirt has a secret for {usage} already, {uuid}", usage=secret.usage, uuid=other.uuid)
                hint = _("Look whose it is:")
                raise NameTaken(
                    detail,
                    why=_("there can be one"),
                    hint=hint,
                    command=f"virsh -c '{self.uri}' secret-dumpxml {other.uuid}",
                )
            self.connection().secretDefineXML(xml).setValue(value.reveal().encode())

    def secret_value(self, uuid: str) -> Secret:
        """Give a kept password; raises HypervisorFault when there is none."""
        with self.asking(_("reading the secret {uuid}", uuid=uuid)):
            return Secret(self.connection().secretLookupByUUIDString(uuid).value().decode())

    def remove_secret(self, uuid: str) -> None:
        """Forget a kept password."""
        with self.asking(_("removing the secret {uuid}", uuid=uuid)), absent_ok(_SECRET.absent):
            self.connection().secretLookupByUUIDString(uuid).undefine()

    def _of_usage(self, usage: str) -> SecretInfo | None:
        with absent_ok(_SECRET.absent):
            return _info(self.connection().secretLookupByUsage(libvirt.VIR_SECRET_USAGE_TYPE_ISCSI, usage))
        return None


def _info(secret: libvirt.virSecret) -> SecretInfo:
    text = fromstring(secret.XMLDesc()).findtext("description") or ""
    mark = text.removeprefix(_MARK) if text.startswith(_MARK) else ""
    return SecretInfo(secret.UUIDString(), secret.usageID(), mark)
