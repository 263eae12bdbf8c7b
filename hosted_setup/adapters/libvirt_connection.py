"""The connection to libvirt, opened when first needed, and its errors in our words."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

import libvirt

from hosted_setup.adapters import libvirt_keepalive, libvirt_xml
from hosted_setup.model.messages import _
from hosted_setup.ports.problems import (
    BUNDLE,
    COLLECT,
    RESUME,
    HypervisorDown,
    HypervisorFault,
    HypervisorHung,
    NameTaken,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosted_setup.ports.hypervisor import DomainInfo, NetworkInfo

    Known = DomainInfo | NetworkInfo

T = TypeVar("T")

PASSES_FILES: Final = 9_000_000  # the first libvirt with virDomainFDAssociate

# libvirt prints every error to stderr unless somebody takes it.
libvirt.registerErrorHandler(lambda _context, _error: None, None)


@dataclass(frozen=True)
class Kind:
    """A kind of thing that libvirt knows by name and by UUID."""

    word: str
    use: str
    """What the operator names it as; empty where nobody names one."""
    absent: int
    """libvirt's error when there is none."""
    show: str
    """virsh's command that shows one."""


class Link:
    """Base of the adapter's parts: one connection, opened anew when it has died."""

    def __init__(self, uri: str) -> None:
        """Remember where libvirt is; nothing is connected yet."""
        self.uri = uri
        self._open: libvirt.virConnect | None = None
        self._lock = Lock()

    def connection(self) -> libvirt.virConnect:
        """Give a connection that works.

        Raises:
            HypervisorDown: libvirt is not there.
            HypervisorHung: it is, and does not answer.
        """
        with self._lock:  # checks run side by side
            if self._open is not None and _alive(self._open):
                return self._open
            self._let_go()
            try:
                self._open = libvirt_keepalive.opened(self.uri)
            except libvirt.libvirtError as error:
                raise down(self.uri, error) from error
            except TimeoutError as error:
                raise hung(self.uri, str(error)) from error
            return self._open

    def close(self) -> None:
        """Let go of the connection; the next call opens another."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        connection, self._open = self._open, None
        if connection is None:
            return
        if _alive(connection):
            connection.close()
        libvirt_keepalive.let_go()

    @contextmanager
    def asking(self, deed: str) -> Iterator[None]:
        """Run a libvirt call whose failure is a Problem that names `deed`.

        Raises:
            HypervisorDown: the connection broke.
            HypervisorHung: nothing has answered for half a minute.
            HypervisorFault: libvirt refused, with its own words.
        """
        try:
            yield
        except libvirt.libvirtError as error:
            if libvirt_keepalive.CLOSED in words(error):
                raise hung(self.uri, words(error)) from error
            if self._open is not None and not _alive(self._open):
                raise down(self.uri, error) from error
            raise HypervisorFault(deed, why=words(error), hint=_(COLLECT), command=BUNDLE) from error

    def look_up(self, kind: Kind, what: str, ask: Callable[[], T]) -> T | None:
        """Give what `ask` finds, or None when there is no `kind` of the name or UUID `what`."""
        with self.asking(_("looking for the {word} {what}", word=_(kind.word), what=what)), absent_ok(kind.absent):
            return ask()
        return None

    @contextmanager
    def defining(self, kind: Kind, xml: str, named: Callable[[str], Known | None]) -> Iterator[None]:
        """Run a definition from `xml`.

        Args:
            kind: what is defined.
            xml: its definition, with name and UUID.
            named: finds one by name.

        Raises:
            NameTaken: another one has the name.
        """
        name, uuid = libvirt_xml.identity(xml)
        with self.asking(_("defining the {word} {name}", word=_(kind.word), name=name)):
            try:
                yield
            except libvirt.libvirtError as error:
                holder = named(name)
                if holder is None or holder.uuid == uuid:
                    raise
                detail = _(
                    "the {word} {name} exists already, with the UUID {uuid}",
                    word=_(kind.word),
                    name=name,
                    uuid=holder.uuid,
                )
                hint = _(
                    "Choose another name for {use}, or look whose {word} that is:", use=_(kind.use), word=_(kind.word)
                )
                command = f"virsh -c '{self.uri}' {kind.show} {holder.uuid}"
                raise NameTaken(detail, why=words(error), hint=hint, command=command) from error

    def local(self) -> bool:
        """Tell whether libvirt is reached through a socket of this host, so that open files can travel."""
        parts = urlsplit(self.uri)
        return not parts.netloc and parts.scheme in {"qemu", "qemu+unix"}


@contextmanager
def absent_ok(code: int) -> Iterator[None]:
    """Run a libvirt call that may find nothing there (`code` says so): then it did nothing."""
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() != code:
            raise


def words(error: libvirt.libvirtError) -> str:
    """Give libvirt's own sentence."""
    return (error.get_error_message() or str(error)).strip()


def down(uri: str, error: libvirt.libvirtError) -> HypervisorDown:
    """Tell that libvirt does not answer and how it is started here."""
    hint, command = _remedy(uri)
    return HypervisorDown(_("no answer at {uri}", uri=uri), why=words(error), hint=hint, command=command)


def hung(uri: str, why: str) -> HypervisorHung:
    """Tell that libvirt's daemon is there and has stopped answering."""
    hint = _("Its daemon may be stopped, or wait for something itself; mend or restart it, then go on:")
    return HypervisorHung(_("no answer at {uri}", uri=uri), why=why, hint=hint, command=RESUME)


def _alive(connection: libvirt.virConnect) -> bool:
    try:
        return connection.isAlive() == 1
    except libvirt.libvirtError:
        return False


def _remedy(uri: str) -> tuple[str, str]:
    if uri != "qemu:///system":
        return _("Start the daemon behind this URI, then see whether it answers:"), f"virsh -c '{uri}' version"
    if Path("/run/systemd/system").is_dir():
        unit = "libvirtd.service" if shutil.which("libvirtd") else "virtqemud.socket"
        return _("Start libvirt's daemon:"), f"systemctl start {unit}"
    if shutil.which("libvirtd"):
        return _("Start libvirt's daemons:"), "virtlogd -d && libvirtd -d"
    if shutil.which("apt-get"):
        return _("Install libvirt:"), "apt-get install libvirt-daemon-system"
    return _("Install libvirt:"), "dnf install libvirt-daemon-kvm"
