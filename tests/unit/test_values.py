"""Values that parse themselves: what they are printed as is what they are read from, and nothing else gets in."""

from __future__ import annotations

import base64
import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.model.addresses import (
    EmailAddress,
    EmailAddresses,
    HostAddress,
    InterfaceAddress,
    IpAddress,
    IscsiName,
    NameServers,
    PortalAddresses,
    PortNumber,
    PortNumbers,
)
from hosted_setup.model.exports import NfsExport
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import DomainName, Fqdn, MacAddress, Name, SshPublicKey, VmName, usable_password

KINDS: Final = (
    DomainName, EmailAddress, EmailAddresses, Fqdn, HostAddress, InterfaceAddress, IpAddress, IscsiName, MacAddress,
    Name, NameServers, NfsExport, PortalAddresses, PortNumber, PortNumbers, SshPublicKey, VmName,
)  # fmt: skip
ED25519: Final = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()

GOOD: Final = [
    (DomainName, "Example", "example"),
    (DomainName, "a.example.com", "a.example.com"),
    (IpAddress, "192.0.2.1", "192.0.2.1"),
    (IpAddress, "2001:DB8:0::1", "2001:db8::1"),
    (InterfaceAddress, "192.0.2.5/24", "192.0.2.5/24"),
    (InterfaceAddress, "192.0.2.4/31", "192.0.2.4/31"),
    (InterfaceAddress, "2001:db8::ffff/112", "2001:db8::ffff/112"),
    (NameServers, "192.0.2.1, 2001:db8::1,192.0.2.2", "192.0.2.1,2001:db8::1,192.0.2.2"),
    (HostAddress, "Nas", "nas"),
    (HostAddress, "127.0.0.1", "127.0.0.1"),
    (HostAddress, "2001:db8:0::1", "2001:db8::1"),
    (PortNumber, "0025", "25"),
    (NfsExport, "NAS.example.com:/exports/engine/", "nas.example.com:/exports/engine"),
    (NfsExport, "192.0.2.5:/", "192.0.2.5:/"),
    (NfsExport, "[2001:DB8::5]:/a b:/c", "[2001:db8::5]:/a b:/c"),
    (IscsiName, "iqn.2026-01.com.example:engine", "iqn.2026-01.com.example:engine"),
    (IscsiName, "eui.02004567A425678D", "eui.02004567A425678D"),
    (EmailAddress, "root@localhost", "root@localhost"),
    (EmailAddresses, "a.b+c@example.com ,d@e", "a.b+c@example.com,d@e"),
    (SshPublicKey, f"ssh-ed25519 {ED25519} operator@desk of mine", f"ssh-ed25519 {ED25519} operator@desk of mine"),
]
BAD: Final = {
    DomainName: ["", "a..b", "-a", "1.2.3.4", "a_b", "a" * 64, "a\n"],
    IpAddress: ["", "192.0.2", "192.0.2.256", "127.0.0.1", "224.0.0.1", "::", "fe80::1", "2001:db8::1%eth0",
                "255.255.255.255", "192.0.2.1/24", "host"],
    InterfaceAddress: ["192.0.2.5", "192.0.2.5/", "192.0.2.5/33", "192.0.2.5/255.255.255.0", "192.0.2.0/24",
                       "192.0.2.255/24", "192.0.2.5/32", "2001:db8::/64", "127.0.0.1/8", "DHCP"],
    NameServers: ["", ",", "192.0.2.1,", "192.0.2.1 192.0.2.2", "192.0.2.1,192.0.2.1",
                  "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4", "127.0.0.53", "192.0.2.1,\r192.0.2.2"],
    HostAddress: ["", "a b", "http://a", "fe80::1%eth0", "a:25", "1.2.3"],
    NfsExport: ["", "nas", "nas:", "nas:exports", ":/a", "/a", "2001:db8::5:/a", "[nas]:/a", "nas:/a/../b",
                "nas:/a\nb"],
    PortNumber: ["", "0", "65536", "-1", "2 5", "٢٥"],
    IscsiName: ["", "engine", "iqn.2026-1.com.example:a", "iqn.2026-01.com.example:a b", "iqn.2026-01.COM", "naa.12"],
    EmailAddress: ["", "root", "@a", "a@", "a@b@c", "a b@c", "a@b\nx=y", "%s@a"],
    EmailAddresses: ["", "a@b,", "a@b c@d", "a@b;c@d", "\ra@b", "a@b,\tc@d"],
    SshPublicKey: ["", "ssh-ed25519", "ssh-ed25519 AAAA", f"ssh-rsa {ED25519}", f'from="*" ssh-ed25519 {ED25519}',
                   f"ssh-ed25519 {ED25519[:-1]}", f"ssh-ed25519 {ED25519}\nssh-ed25519 {ED25519}"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "told"), GOOD)
def test_what_is_accepted(kind: Any, text: str, told: str) -> None:  # noqa: ANN401 - any value
    assert str(kind.parse(text)) == told
    assert re.fullmatch(kind.pattern, text)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in BAD.items() for text in texts])
def test_what_is_refused(kind: Any, text: str) -> None:  # noqa: ANN401 - any value
    with pytest.raises(ValueError, match=r"\w"):
        kind.parse(text)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text() | st.text("0123456789abcdef.:/,-@ \n", max_size=30))
def test_a_value_is_of_its_pattern_and_reads_back(kind: Any, text: str) -> None:  # noqa: ANN401 - any value
    try:
        found = kind.parse(text)
    except ValueError:
        return
    assert re.fullmatch(kind.pattern, text)
    assert kind.parse(str(found)) == found


@given(st.ip_addresses(v=4), st.integers(1, 31))
def test_an_interface_s_network(address: Any, length: int) -> None:  # noqa: ANN401 - of the standard library
    text = f"{address}/{length}"
    try:
        found = InterfaceAddress.parse(text)
    except ValueError:
        return
    assert (found.address, found.version, str(found)) == (str(address), 4, text)
    assert found.reaches(str(address))
    assert not found.reaches("2001:db8::1")


def test_a_host_by_name_or_address() -> None:
    assert HostAddress.parse("nas.example.com").is_name
    assert not HostAddress.parse("2001:db8::1").is_name


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "a password must not be empty"), (" \t", "a password must not be empty"),
     ("a\nb", "a password must not hold control characters"), ("a\x7f", "a password must not hold control characters")],
)  # fmt: skip
def test_a_password_that_no_line_could_hold(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}$"):
        usable_password(Secret(text))
    usable_password(Secret("with a blank"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("192.0.2.1,224.0.0.1", "'224.0.0.1' is not the address of one machine"),
        ("192.0.2.1, 192.0.2.1", "'192.0.2.1, 192.0.2.1' names an address twice"),
        ("192.0.2.1,nas", "'nas' is not an IP address"),
    ],
)
def test_portals_that_are_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}$"):
        PortalAddresses.parse(text)
