"""The proof that a virtualisation type computes: a tiny guest that vanishes with this process."""

from __future__ import annotations

import atexit
import os
import stat
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr

import libvirt

from hosted_setup.adapters import libvirt_xml, proof_disk, proof_guest
from hosted_setup.adapters.libvirt_connection import Link, words
from hosted_setup.model.messages import _
from hosted_setup.ports.hypervisor import Proof

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_KVM: Final = Path("/dev/kvm")
_LOGS: Final = Path("/var/log/libvirt/qemu")  # libvirt keeps a log for every name it ever saw
_EVERY: Final = 0.02
_END: Final = 1.5  # seconds the process's end waits for that of the guests
_PIECE: Final = 4096
_FLAGS: Final = libvirt.VIR_DOMAIN_START_AUTODESTROY | libvirt.VIR_DOMAIN_START_PAUSED
_XML: Final = """\
<domain type={kind}>
  <name>{name}</name>
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

    def prove(self, virt_types: Sequence[str], token: str, within: float) -> tuple[Proof, ...]:
        """Race a 64-bit guest under each type, see the port; a guest vanishes with this process.

        `within` and the answers count from the guests' first instruction, not from libvirt's preparations.
        """
        if not token.isalnum():
            message = "a token has letters and digits"
            raise ValueError(message)
        link = Link(self.uri)
        connection = link.connection()
        race = _Race(connection, token)
        try:
            with ExitStack() as disks:
                for virt_type in virt_types:
                    closed = virt_type == "kvm" and self.local() and _kvm_closed(connection)
                    port = disks.enter_context(proof_disk.served(proof_guest.boot_sector(token)))
                    race.enter(virt_type, port, closed or "")
                race.run(within)
        finally:
            # Cutting the power takes libvirt over a second, which nothing has to wait for but this process's end: and
            # that not for long, since libvirt itself cuts it when the connection is gone.
            end = Thread(target=_end, args=(link, race, self.local()), name="proof-end", daemon=True)
            end.start()
            atexit.register(end.join, _END)
        return tuple(race.proofs[virt_type] for virt_type in virt_types)


class _Race:
    """Guests of the same work under different types, which set out at the same moment."""

    def __init__(self, connection: libvirt.virConnect, token: str) -> None:
        self.domains: list[libvirt.virDomain] = []
        self.proofs: dict[str, Proof] = {}
        self._connection = connection
        self._token = token
        self._lines: dict[str, _Line] = {}

    def enter(self, virt_type: str, port: int, unfit: str) -> None:
        """Make the guest of `virt_type`, paused; what is `unfit`, or what libvirt refuses, stays behind."""
        self.proofs[virt_type] = Proof(virt_type, None, unfit)
        if unfit:
            return
        xml = _XML.format(kind=quoteattr(virt_type), name=f"he-proof-{self._token}-{len(self.proofs)}", port=port)
        with self._refusal(virt_type):
            domain = self._connection.createXML(xml, _FLAGS)
            self.domains.append(domain)
            self._lines[virt_type] = _Line(self._connection, domain)

    def run(self, within: float) -> None:
        """Let all go; the first token, or the deadline, ends the race."""
        for virt_type, line in self._lines.items():
            self.proofs[virt_type] = Proof(virt_type, None, _("no token within {within:g} s", within=within))
            with self._refusal(virt_type):
                line.domain.resume()
        begun = time.monotonic()
        while self._lines and (passed := time.monotonic() - begun) < within:
            for virt_type, line in tuple(self._lines.items()):
                with self._refusal(virt_type):
                    if line.says(self._token.encode()):
                        self._won(virt_type, passed)
                        return
            time.sleep(_EVERY)

    def _won(self, winner: str, seconds: float) -> None:
        self.proofs[winner] = Proof(winner, seconds)
        for virt_type in self._lines.keys() - {winner}:
            self.proofs[virt_type] = Proof(virt_type, None, _("nothing yet when {winner} had answered", winner=winner))

    @contextmanager
    def _refusal(self, virt_type: str) -> Iterator[None]:
        try:
            yield
        except libvirt.libvirtError as error:
            self.proofs[virt_type] = Proof(virt_type, None, words(error))
            self._lines.pop(virt_type, None)


class _Line:
    """The serial line of a guest."""

    def __init__(self, connection: libvirt.virConnect, domain: libvirt.virDomain) -> None:
        self.domain = domain
        self._stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        domain.openConsole(None, self._stream)
        self._heard = b""

    def says(self, token: bytes) -> bool:
        """Tell whether `token` has come; raises libvirtError when the guest is gone."""
        self.domain.isActive()  # without an event loop a stream gets its data only while a call waits for its answer
        piece = self._stream.recv(_PIECE)
        if isinstance(piece, bytes):
            self._heard = (self._heard + piece)[-_PIECE:]
        return token in self._heard


def _end(link: Link, race: _Race, local: bool) -> None:  # noqa: FBT001 - one caller
    for domain in race.domains:
        with suppress(libvirt.libvirtError):
            name = domain.name()
            domain.destroy()
            if local:
                (_LOGS / f"{name}.log").unlink(missing_ok=True)
    link.close()


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
    return _(
        "{device} has mode {mode:04o}; qemu runs as user {uid} and cannot open it",
        device=_KVM,
        mode=stat.S_IMODE(status.st_mode),
        uid=uid,
    )
