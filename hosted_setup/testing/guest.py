"""The pretended guest: reads its seed as the real one does, then says its lines over the channel."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from defusedxml.ElementTree import fromstring

from hosted_setup.testing.state import Domain, Guest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hosted_setup.testing.behaviour import Behaviour

# How `templates/user-data.j2` hands the configuration to the guest's script.
_CONFIG: Final = re.compile(rb"guest\.py, \"?([A-Za-z0-9+/=]+)\"?\]")
CHANNEL: Final = "devices/channel[@type='unix']"


def boot(xml: str, files: Mapping[str, Path], behaviour: Behaviour, now: float) -> Guest:
    """Give the guest that a domain starts with; without a seed it has nothing to say."""
    config = _seed(xml, files)
    if config is None:
        return Guest(since=now)
    script = behaviour.guest
    lines = (
        *script.boot,
        *(script.harden if config.get("hardening") else ()),
        *(script.restore if config.get("restore") else ()),
        *script.setup,
        *script.finish,
    )
    known = {
        "{token}": str(config.get("token")),
        "{ca}": json.dumps(behaviour.ca),
        "{host_key}": behaviour.host_key,
    }
    return Guest(tuple(_filled(line, known) for line in lines), since=now)


def advance(domain: Domain, now: float, delay: float) -> None:
    """Let the guest say and do what it can until it has to wait for an answer or for the time."""
    guest = domain.guest
    while domain.live and guest.at < len(guest.lines) and not guest.asking and not domain.stalled:
        if delay and guest.since + delay * (guest.at + 1 - guest.start) > now:
            return
        line = guest.lines[guest.at]
        guest.at += 1
        _perform(domain, line)


def told(domain: Domain, message: str, now: float) -> None:
    """Tell the guest something; what is no answer to its question is passed over."""
    guest = domain.guest
    answers = json.loads(message)
    if guest.asking and guest.asking in answers:
        guest.answers[guest.asking] = hashlib.sha256(str(answers[guest.asking]).encode()).hexdigest()
        guest.asking = ""
        guest.since, guest.start = now, guest.at


def endpoints(xml: str) -> tuple[Path, Path] | None:
    """Give socket and log of a domain's channel."""
    channel = fromstring(xml).find(CHANNEL + "/log/..") if xml else None
    if channel is None:
        return None
    source, log = channel.find("source"), channel.find("log")
    if source is None or log is None:
        return None
    return Path(source.get("path", "")), Path(log.get("file", ""))


def _perform(domain: Domain, line: str) -> None:
    guest = domain.guest
    if line == "!off":
        domain.live, domain.boot, domain.guest = "", -1, Guest()
    elif line == "!stall":
        domain.stalled = True
    elif line == "!serve":
        guest.serving = True
    elif line.startswith("?"):
        guest.asking = line[1:]
        _say(domain, "HE_GUEST " + json.dumps({"event": "ask", "what": guest.asking}))
    else:
        _say(domain, line)


def _say(domain: Domain, line: str) -> None:
    found = endpoints(domain.live)
    if found is not None:
        with found[1].open("ab") as log:
            log.write(line.encode() + b"\n")


def _seed(xml: str, files: Mapping[str, Path]) -> dict[str, Any] | None:
    for source in fromstring(xml).iterfind("devices/disk[readonly]/source"):
        path = files.get(source.get("fdgroup", ""), Path(source.get("file", "/nonexistent")))
        found = _CONFIG.search(path.read_bytes()) if path.is_file() else None
        if found is not None:
            config: dict[str, Any] = json.loads(base64.b64decode(found[1]))
            return config
    return None


def _filled(line: str, known: Mapping[str, str]) -> str:
    for mark, text in known.items():
        line = line.replace(mark, text)
    return line
