"""resolv.conf(5)."""

from __future__ import annotations


def nameservers(text: str) -> tuple[str, ...]:
    """Give the servers of the file `text`, in order, each once."""
    lines = (line.split() for line in text.splitlines())
    return tuple(dict.fromkeys(words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"))
