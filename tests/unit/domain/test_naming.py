"""Names, their addresses, and where these are."""

from __future__ import annotations

from hosted_setup.domain.naming import beside, forward_records, here, networks, reverse_record, table
from hosted_setup.ports.network import Address, Link, NetworkFacts

NIC = Link(2, "eno1", addresses=(Address("192.0.2.10", 24), Address("2001:db8::10", 64), Address("fe80::1", 64)))
FACTS = NetworkFacts(links=(Link(1, "lo", loopback=True, addresses=(Address("127.0.0.1", 8),)), NIC))


def test_an_address_is_here_or_beside_a_link() -> None:
    assert here("192.0.2.10", FACTS) is NIC
    assert here("192.0.2.11", FACTS) is None
    assert beside("192.0.2.11", FACTS.links) is NIC
    assert beside("2001:db8::ffff", FACTS.links) is NIC
    assert beside("fe80::2", FACTS.links) is None  # on every wire alike
    assert beside("198.51.100.1", FACTS.links) is None


def test_the_networks_of_a_link() -> None:
    assert networks(NIC) == ("192.0.2.0/24", "2001:db8::/64")


def test_the_table_has_both_families() -> None:
    names = {"engine.example.com": ("192.0.2.20", "2001:db9::20"), "host1.example.org": ("192.0.2.10",), "old": ()}
    assert table(names, FACTS).splitlines() == [
        "engine.example.com → 192.0.2.20 → beside eno1",
        "engine.example.com → 2001:db9::20 → beside no interface",
        "host1.example.org → 192.0.2.10 → eno1 of this host",
        "old → no address",
    ]


def test_the_records_that_mend_it() -> None:
    assert forward_records("engine.example.com", ["192.0.2.20", "2001:db8::20"]).splitlines() == [
        "engine.example.com. IN A 192.0.2.20",
        "engine.example.com. IN AAAA 2001:db8::20",
        "or in /etc/hosts:",
        "192.0.2.20 engine.example.com",
        "2001:db8::20 engine.example.com",
    ]
    assert reverse_record("engine.example.com", "192.0.2.20") == "20.2.0.192.in-addr.arpa. IN PTR engine.example.com."
    assert reverse_record("e.example.com", "2001:db8::20").startswith("0.2.0.0.0")
