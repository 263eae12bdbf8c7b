"""A batch of changes that the kernel carries out in one go: one message to it, so no kill comes in between."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from hosted_setup.model.messages import _
from hosted_setup.ports.problems import NetworkFault

if TYPE_CHECKING:
    from pyroute2.netlink import nlmsg

    from hosted_setup.ports.network import Address, Neighbour, Route

# The numbers of netlink(7) and of rtnetlink(7):
_REQUEST, _ACK, _EXCL, _CREATE, _REPLACE = 0x1, 0x4, 0x200, 0x400, 0x100
_SET_LINK, _DEL_LINK, _NEW_ADDRESS, _DEL_ADDRESS, _NEW_ROUTE, _DEL_ROUTE, _NEW_NEIGHBOUR = 19, 17, 20, 21, 24, 25, 28
_ERROR: Final = 2  # NLMSG_ERROR; an acknowledgement is one as well
_HEADER: Final = struct.Struct("=IHHII")
_UP: Final = 0x1
_INFINITE: Final = 0xFFFFFFFF
# those of IFA_F_* that a program may set; the others are the kernel's own
_KEEPABLE: Final = 0x02 | 0x04 | 0x10 | 0x100 | 0x200 | 0x400
_NO_DAD: Final = 0x02
_ON_LINK: Final = 0x4  # RTNH_F_ONLINK
_STALE, _PROBE, _PERMANENT = 0x04, 0x10, 0x80  # NUD_*
_ROOM: Final = 0x800  # room for acknowledgements, by message
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_THERE: Final = frozenset({errno.EEXIST})
_GONE: Final = frozenset({errno.ESRCH, errno.ENOENT, errno.EADDRNOTAVAIL, errno.ENODEV})


class Batch:
    """Collects changes, then has them done at once. What is there already, or gone already, is no error."""

    def __init__(self) -> None:
        """Begin an empty one."""
        self._messages: list[tuple[bytes, str, frozenset[int]]] = []

    def attach(self, port: int, bridge: int) -> None:
        """Make a link a port of a bridge; 0 takes it out."""
        what = _("take the NIC out of the bridge") if not bridge else _("put the NIC into the bridge")
        self._add(ifinfmsg(), _SET_LINK, what, index=port, attrs=[("IFLA_MASTER", bridge)])

    def up(self, link: int) -> None:
        """Set a link up."""
        self._add(ifinfmsg(), _SET_LINK, _("set the link up"), index=link, flags=_UP, change=_UP)

    def delete_link(self, link: int) -> None:
        """Remove a link."""
        self._add(ifinfmsg(), _DEL_LINK, _("remove the bridge"), good=_GONE, index=link)

    def add_address(self, link: int, name: str, address: Address) -> None:
        """Give a link an address, without asking the wire whether it is taken: it was ours a moment ago."""
        attrs: list[tuple[str, Any]] = [
            ("IFA_LOCAL", address.address),
            ("IFA_ADDRESS", address.peer or address.address),
            ("IFA_CACHEINFO", {
                "ifa_preferred": _INFINITE if address.preferred is None else address.preferred,
                "ifa_valid": _INFINITE if address.valid is None else address.valid,
            }),
        ]  # fmt: skip
        if address.version == 4:  # noqa: PLR2004
            label = f"{name}{address.label}"
            attrs += [("IFA_LABEL", label)] if len(label) < 16 else []  # noqa: PLR2004 - IFNAMSIZ
            attrs += [("IFA_BROADCAST", address.broadcast)] if address.broadcast else []
        if address.metric:
            attrs.append(("IFA_RT_PRIORITY", address.metric))
        flags, unasked = address.flags & _KEEPABLE, _NO_DAD if address.version == 6 else 0  # noqa: PLR2004
        self._address(_NEW_ADDRESS, link, address, [*attrs, ("IFA_FLAGS", flags | unasked)])
        if flags | unasked != flags:  # it is good now, and may be asked for when the link comes up again
            self._address(_NEW_ADDRESS, link, address, [*attrs, ("IFA_FLAGS", flags)], how=_REPLACE)

    def delete_address(self, link: int, address: Address) -> None:
        """Take an address from a link, and with it the route to its network."""
        attrs = [("IFA_LOCAL", address.address), ("IFA_ADDRESS", address.peer or address.address)]
        self._address(_DEL_ADDRESS, link, address, attrs)

    def _address(self, kind: int, link: int, address: Address, attrs: list[tuple[str, Any]], how: int = _EXCL) -> None:
        self._add(
            ifaddrmsg(), kind, _("address {cidr}", cidr=address.cidr), good=_THERE if kind == _NEW_ADDRESS else _GONE,
            how=how, family=_FAMILIES[address.version], prefixlen=address.prefix, scope=address.scope, index=link,
            attrs=attrs,
        )  # fmt: skip

    def add_route(self, link: int, route: Route) -> None:
        """Add a route through a link."""
        attrs = [*_matching(link, route)]
        if route.source:
            attrs.append(("RTA_PREFSRC", route.source))
        if route.expires is not None:
            attrs.append(("RTA_EXPIRES", struct.pack("=I", route.expires)))
        if route.metrics:
            attrs.append(("RTA_METRICS", {"attrs": list(route.metrics)}))
        self._route(_NEW_ROUTE, route, attrs, flags=route.flags & _ON_LINK, proto=route.protocol, scope=route.scope)

    def delete_route(self, link: int, route: Route) -> None:
        """Remove a route through a link."""
        self._route(_DEL_ROUTE, route, _matching(link, route), scope=255)  # RT_SCOPE_NOWHERE: whatever it is

    def _route(self, kind: int, route: Route, attrs: list[tuple[str, Any]], **fields: int) -> None:
        self._add(
            rtmsg(), kind, _("route {destination}", destination=route.destination),
            good=_THERE if kind == _NEW_ROUTE else _GONE,
            family=_FAMILIES[route.version], dst_len=int(route.destination.partition("/")[2]), type=route.kind,
            table=route.table if route.table < 256 else 0, attrs=attrs, **fields,  # noqa: PLR2004 - the field is a byte
        )  # fmt: skip

    def add_neighbour(self, link: int, neighbour: Neighbour, *, ask: bool) -> None:
        """Tell a link a neighbour's MAC; `ask` it at once whether it is still there."""
        state = _PERMANENT if neighbour.permanent else _PROBE if ask else _STALE
        self._add(
            ndmsg(), _NEW_NEIGHBOUR, _("neighbour {address}", address=neighbour.address),
            how=_REPLACE, family=_FAMILIES[6 if ":" in neighbour.address else 4], ifindex=link, state=state,
            attrs=[("NDA_DST", neighbour.address), ("NDA_LLADDR", neighbour.mac)],
        )  # fmt: skip

    def _add(
        self,
        message: nlmsg,
        kind: int,
        what: str,
        good: frozenset[int] = frozenset(),
        how: int = _EXCL,
        **fields: object,
    ) -> None:
        for name, content in fields.items():
            message[name] = content
        flags = _CREATE | how if kind in (_NEW_ADDRESS, _NEW_ROUTE, _NEW_NEIGHBOUR) else 0
        message["header"]["type"] = kind
        message["header"]["flags"] = _REQUEST | _ACK | flags
        message["header"]["sequence_number"] = len(self._messages)
        message.encode()
        self._messages.append((bytes(message.data), what, good))

    def send(self) -> None:
        """Have everything done, in order; an error does not stop what comes after it.

        Raises:
            NetworkFault: with every error.
        """
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        with kernel:
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM * (len(self._messages) + 64))
            kernel.settimeout(10)
            kernel.sendto(b"".join(data for data, _, _ in self._messages), (0, 0))
            errors = self._acknowledged(kernel)
        if errors:
            raise NetworkFault(
                f"{errors[0]}", why="; ".join(errors[1:]), hint=_("Look at the network:"), command="ip addr"
            )

    def _acknowledged(self, kernel: socket.socket) -> list[str]:
        errors: list[str] = []
        left = len(self._messages)
        while left:
            data = kernel.recv(1 << 16)
            while data:
                length, kind, _, number, _ = _HEADER.unpack_from(data)
                if kind == _ERROR:
                    left -= 1
                    code = -struct.unpack_from("=i", data, _HEADER.size)[0]
                    _, what, good = self._messages[number]
                    if code and code not in good:
                        errors.append(f"{what}: {os.strerror(code)}")
                data = data[length + 3 & ~3 :]
        return errors


def _matching(link: int, route: Route) -> list[tuple[str, Any]]:
    attrs: list[tuple[str, Any]] = [("RTA_TABLE", route.table), ("RTA_OIF", link)]
    if not route.destination.endswith("/0"):
        attrs.append(("RTA_DST", route.destination.partition("/")[0]))
    if route.metric:
        attrs.append(("RTA_PRIORITY", route.metric))
    if route.gateway and (":" in route.gateway) == (route.version == 6):  # noqa: PLR2004
        attrs.append(("RTA_GATEWAY", route.gateway))
    elif route.gateway:
        attrs.append(("RTA_VIA", {"family": socket.AF_INET6, "addr": route.gateway}))
    return attrs
