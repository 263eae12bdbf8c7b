"""resolv.conf."""

from __future__ import annotations

from hosted_setup.domain.resolv import nameservers


def test_nameservers() -> None:
    text = "# nameserver 9.9.9.9\nsearch example.org\nnameserver 192.0.2.53\nnameserver\t2001:db8::53 # second\n"
    assert nameservers(text + "nameserver\nnameserver 192.0.2.53\n") == ("192.0.2.53", "2001:db8::53")
    assert nameservers("") == ()
