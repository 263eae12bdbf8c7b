"""A process of its own that talks iSCSI through libiscsi, so that a portal that hangs can be left by ending it.

    python -m hosted_setup.adapters.iscsi_worker

It reads one request as JSON from standard input, a password included, and answers with one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import socket
import sys
from typing import Any

from hosted_setup.domain import scsi

DISCOVERY, NORMAL = 1, 2  # enum iscsi_session_type
READS = 1  # SCSI_XFER_READ
GOOD, CHECK_CONDITION = 0, 2
INQUIRY, SERIAL, DEVICE = 0x00, 0x80, 0x83
LIST = 4096  # bytes of REPORT LUNS: 511 of them
CHUNK = 256  # blocks in one READ(16)
ATTEMPTS = 3  # a unit attention is told once, in a command's place


class Portals(ctypes.Structure):
    """See `struct iscsi_target_portal`."""


Portals._fields_ = [("next", ctypes.POINTER(Portals)), ("portal", ctypes.c_char_p)]


class Targets(ctypes.Structure):
    """See `struct iscsi_discovery_address`."""


Targets._fields_ = [
    ("next", ctypes.POINTER(Targets)),
    ("name", ctypes.c_char_p),
    ("portals", ctypes.POINTER(Portals)),
]


class Refused(Exception):  # noqa: N818 - what a portal or a device says, not an error of this program
    """The library gave up: at which stage, and its words."""


class Session:
    """A connection to a portal, logged in."""

    def __init__(self, request: dict[str, Any], kind: int) -> None:
        """Connect and log in."""
        _knock(request["portal"], request["within"])
        self.library = _library()
        self.context = ctypes.c_void_p(self.library.iscsi_create_context(request["initiator"].encode()))
        self.library.iscsi_set_timeout(self.context, int(request["within"]))
        self.library.iscsi_set_session_type(self.context, kind)
        if kind == NORMAL:
            self.library.iscsi_set_targetname(self.context, request["target"].encode())
        if request["user"]:
            words = (request["user"].encode(), request["password"].encode())
            self.library.iscsi_set_initiator_username_pwd(self.context, *words)
        self.done("connect", self.library.iscsi_connect_sync(self.context, request["portal"].encode()))
        self.library.iscsi_set_noautoreconnect(self.context, 1)
        self.done("login", self.library.iscsi_login_sync(self.context))

    def done(self, stage: str, failed: object) -> None:
        """Stop here if the call at `stage` failed."""
        if failed:
            raise Refused(stage, self.library.iscsi_get_error(self.context).decode(errors="replace"))

    def targets(self) -> list[dict[str, Any]]:
        """Ask for all targets."""
        first = self.library.iscsi_discovery_sync(self.context)
        # No target at all and no answer look alike but for the words.
        words = self.library.iscsi_get_error(self.context).decode(errors="replace")
        self.done("discovery", not first and words)
        return [
            {"name": one.name.decode(), "portals": [portal.portal.decode() for portal in _row(one.portals)]}
            for one in _row(first)
        ]

    def command(self, lun: int, words: bytes, length: int) -> bytes:
        """Send a command that gives up to `length` bytes; those that did not come are zeros."""
        for attempt in range(ATTEMPTS):
            answer = ctypes.create_string_buffer(length)
            task = ctypes.c_void_p(self.library.scsi_create_task(len(words), words, READS, length))
            self.library.scsi_task_add_data_in_buffer(task, length, answer)
            done = self.library.iscsi_scsi_command_sync(self.context, lun, task, None)
            status = self.library.scsi_task_get_status(task, None) if done else -1
            self.library.scsi_free_scsi_task(task)
            if status == GOOD:
                return answer.raw
            if status != CHECK_CONDITION or attempt == ATTEMPTS - 1:
                break
        self.done("command", failed=True)
        raise AssertionError

    def page(self, lun: int, page: int) -> bytes:
        """Ask for a page of INQUIRY data, the standard one as 0; empty where the device has none."""
        try:
            return self.command(lun, bytes([0x12, page > 0, page, 1, 0, 0]), 256)
        except Refused:
            return b""

    def protection(self, lun: int) -> bytes:
        """Ask by MODE SENSE(6) for the header of all pages; empty where the device has none."""
        try:
            return self.command(lun, bytes([0x1A, 0, 0x3F, 0, 192, 0]), 192)
        except Refused:
            return b""

    def capacity(self, lun: int) -> bytes:
        """Ask by READ CAPACITY(16)."""
        return self.command(lun, bytes([0x9E, 0x10, *bytes(8), 0, 0, 0, 32, 0, 0]), 32)

    def read(self, lun: int, start: int, length: int, block: int) -> bytes:
        """Read bytes, whole blocks, by READ(16)."""
        first, count = start // block, length // block
        pieces = []
        for at in range(0, count, CHUNK):
            blocks = min(CHUNK, count - at)
            words = bytes([0x88, 0]) + (first + at).to_bytes(8, "big") + blocks.to_bytes(4, "big") + bytes(2)
            pieces.append(self.command(lun, words, blocks * block))
        return b"".join(pieces)


def _knock(portal: str, within: float) -> None:
    """Connect by ourselves first: the library forgets why nothing connects."""
    address, _colon, port = portal.rpartition(":")
    try:
        socket.create_connection((address.strip("[]"), int(port)), timeout=within).close()
    except OSError as error:
        raise Refused("connect", error.strerror or str(error)) from error


def discover(request: dict[str, Any]) -> object:
    """Give the targets of a portal."""
    return Session(request, DISCOVERY).targets()


def luns(request: dict[str, Any]) -> object:
    """Give what the disks of a target say of themselves."""
    session = Session(request, NORMAL)
    listed = session.command(0, bytes([0xA0, 0, 0, 0, 0, 0]) + (LIST).to_bytes(4, "big") + bytes(2), LIST)
    found = []
    for number in scsi.numbers(listed):
        unit = scsi.inquiry(session.page(number, INQUIRY))
        if unit.connected and unit.kind == scsi.DISK:
            size = scsi.capacity(session.capacity(number))
            found.append(
                {
                    "number": number,
                    "size": size.size,
                    "block": size.block,
                    "thin": size.thin,
                    "vendor": unit.vendor,
                    "product": unit.product,
                    "serial": scsi.serial(session.page(number, SERIAL)),
                    "wwid": scsi.wwid(session.page(number, DEVICE)),
                    "read_only": scsi.read_only(session.protection(number)),
                }
            )
    return found


def read(request: dict[str, Any]) -> object:
    """Give the bytes of regions of a disk."""
    session = Session(request, NORMAL)
    lun = request["lun"]
    block = scsi.capacity(session.capacity(lun)).block
    return [session.read(lun, start, length, block).hex() for start, length in request["regions"]]


def _row(first: Any) -> Any:  # noqa: ANN401 - pointers to whichever structure
    while first:
        yield first.contents
        first = first.contents.next


def _library() -> ctypes.CDLL:
    """Load libiscsi by the names that it bears in Debian and Red Hat's distributions."""
    names = ("libiscsi.so.7", "libiscsi.so.9", "libiscsi.so.10", "libiscsi.so.11", "iscsi/libiscsi.so.9")
    for name in names:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.iscsi_create_context.restype = ctypes.c_void_p
        library.iscsi_get_error.restype = ctypes.c_char_p
        library.iscsi_discovery_sync.restype = ctypes.POINTER(Targets)
        library.scsi_create_task.restype = ctypes.c_void_p
        library.iscsi_scsi_command_sync.restype = ctypes.c_void_p
        return library
    raise Refused("library", f"none of {', '.join(names)} is installed")


def main() -> None:
    """See the module."""
    request = json.load(sys.stdin)
    try:
        answer = {"answer": {"discover": discover, "luns": luns, "read": read}[request["verb"]](request)}
    except Refused as refused:
        stage, words = refused.args
        answer = {"stage": stage, "words": words}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
