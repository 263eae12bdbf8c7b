"""The subnet of the NAT network: a private /24, nothing else."""

from __future__ import annotations

import pytest

from hosted_plugins.network import Subnet


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("192.168.1", "'192.168.1' is not an IPv4 network: "),
        ("192.168.1.0/25", "'192.168.1.0/25' is not a private /24 network"),
        ("8.8.8.0/24", "'8.8.8.0/24' is not a private /24 network"),
        ("127.0.0.0/24", "'127.0.0.0/24' is not a private /24 network"),
    ],
)
def test_what_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}"):
        Subnet.parse(text)


def test_what_is_accepted() -> None:
    assert str(Subnet.parse("192.168.1.0/24")) == "192.168.1.0/24"
