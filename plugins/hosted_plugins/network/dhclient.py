"""ISC's dhclient, which ifupdown starts for `inet dhcp`: it keeps its client identifier in a file of its link's.

The words are those of ifupdown's own method (`dhcp` in its inet.defn), so that what it stops later is what runs.
"""

from __future__ import annotations

import re


def pid_file(link: str) -> str:
    """Give the file, below the host's root, that is there while it runs for a link."""
    return f"run/dhclient.{link}.pid"


def pid_file6(link: str) -> str:
    """Give the file of the one that keeps a lease of IPv6."""
    return f"run/dhclient6.{link}.pid"


def leases(link: str) -> str:
    """Give the file, below the host's root, in which it keeps a link's leases (dhclient.leases(5))."""
    return f"var/lib/dhcp/dhclient.{link}.leases"


def identity_file(link: str) -> str:
    """Give the file, below the host's root, from which it takes the identifier where the leases name none."""
    return f"var/lib/dhcp/dhclient6.{link}.leases"


def identity(text: str) -> str:
    """Give the last identifier of a leases file as such a file; empty where there is none."""
    found = re.findall(r"^default-duid .*;$", text, re.MULTILINE)
    return f"{found[-1]}\n" if found else ""


def begin(link: str) -> tuple[str, ...]:
    """Give the command that gets a lease for a link and keeps it."""
    files = ("-pf", f"/{pid_file(link)}", "-lf", f"/{leases(link)}", "-I", "-df", f"/{identity_file(link)}")
    return ("dhclient", "-4", "-i", *files, link)


def end(link: str, there: str) -> tuple[str, ...]:
    """Give the command that ends it for a link, which may be gone, but keeps the lease; `there` is a link that is."""
    return ("dhclient", "-x", "-pf", f"/{pid_file(link)}", there)


def flush(link: str) -> tuple[str, ...]:
    """Give the command that takes from a link what it was given in the meantime."""
    return ("ip", "-4", "address", "flush", "dev", link)
