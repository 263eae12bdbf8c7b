"""The proof that a virtualisation type computes: a tiny guest that vanishes with this process."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr

import libvirt

from hosted_setup.adapters import libvirt_xml, proof_disk, proof_guest
from hosted_setup.adapters.libvirt_connection import Link, words
from hosted_setup.ports.hypervisor import Proof

if TYPE_CHECKING:
    from collections.abc import Iterator

_KVM: Final = Path("/dev/kvm")
_LOGS: Final = Path("/var/log/libvirt/qemu")  # libvirt keeps a log for every name it ever saw
_EVERY: Final = 0.02
_PIECE: Final = 4096
_NOTHING_YET: Final = -2  # virStreamRecv's answer on a stream that does not block
_FLAGS: Final = libvirt.VIR_DOMAIN_START_AUTODESTROY | libvirt.VIR_DOMAIN_START_PAUSED
_XML: Final = """\
<domain type={kind}>
  <name>he-proof-{token}</name>
  <memory unit='MiB'>16</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <controller type='usb' model='none'/>
    <disk type='network' device='disk'>
      <driver name='qemu' type='raw'/>
      <source protocol='nbd'><host name='127.0.0.1' port='{port}'/></source>
      <target dev='vda' bus='virtio'/>
      <readonly/>
    </disk>
    <serial type='pty'><target port='0'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""


class Proofs(Link):
    """The proving part of the hypervisor port."""

    def prove(self, virt_type: str, token: str, within: float) -> Proof:
        """Run a 64-bit guest that computes, then writes `token` to its serial line; it vanishes with this process.

        `within` and the answer count from the guest's first instruction, not from libvirt's preparations.
        """
        if not token.isalnum():
            message = "a token has letters and digits"
            raise ValueError(message)
        connection = self.connection()
        try:
            if virt_type == "kvm" and self.local() and (reason := _kvm_closed(connection)):
                return Proof(virt_type, None, reason)
            with proof_disk.served(proof_guest.boot_sector(token)) as port:
                xml = _XML.format(kind=quoteattr(virt_type), token=token, port=port)
                with _vanishing(connection, xml) as domain:
                    seconds = _listen(connection, domain, token, within)
        except libvirt.libvirtError as error:
            return Proof(virt_type, None, words(error))
        finally:
            if self.local():
                (_LOGS / f"he-proof-{token}.log").unlink(missing_ok=True)
        reason = "" if seconds is not None else f"no token within {within:g} s"
        return Proof(virt_type, seconds, reason)


def _kvm_closed(connection: libvirt.virConnect) -> str:
    """Tell why qemu's user cannot open /dev/kvm.

    Where it cannot, libvirt asks qemu anew what it can do, over and over at every start (9 s), and is refused in
    the end; this answers at once.
    """
    try:
        status = _KVM.stat()
    except OSError as error:
        return f"{_KVM}: {error.strerror}"
    label = libvirt_xml.base_label(connection.getCapabilities())
    uid = os.getuid() if label is None else label[0]
    shared = status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    if uid in {0, status.st_uid} or shared:
        return ""
    return f"{_KVM} has mode {stat.S_IMODE(status.st_mode):04o}; qemu runs as user {uid} and cannot open it"


@contextmanager
def _vanishing(connection: libvirt.virConnect, xml: str) -> Iterator[libvirt.virDomain]:
    domain = connection.createXML(xml, _FLAGS)
    try:
        yield domain
    finally:
        with suppress(libvirt.libvirtError):
            domain.destroy()


def _listen(connection: libvirt.virConnect, domain: libvirt.virDomain, token: str, within: float) -> float | None:
    stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
    try:
        domain.openConsole(None, stream)
        domain.resume()
        return _await_token(domain, stream, token.encode(), within)
    finally:
        with suppress(libvirt.libvirtError):
            stream.abort()


def _await_token(domain: libvirt.virDomain, stream: libvirt.virStream, token: bytes, within: float) -> float | None:
    begun = time.monotonic()
    heard = b""
    while (passed := time.monotonic() - begun) < within:
        domain.isActive()  # without an event loop a stream gets its data only while a call waits for its answer
        piece = stream.recv(_PIECE)
        if isinstance(piece, bytes):
            heard = (heard + piece)[-_PIECE:]
        elif piece != _NOTHING_YET:
            return None
        if token in heard:
            return passed
        time.sleep(_EVERY)
    return None
