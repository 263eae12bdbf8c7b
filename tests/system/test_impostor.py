"""Somebody else answers at the engine's address, with a certificate of another CA: they are told nothing."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from socket import create_server
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.contract.engine_server import authority
from tests.system.installer import FQDN, Site
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from socket import socket

    from tests.lab.laboratory import Laboratory

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1800)]

UNFINISHED = 4


@dataclass
class Impostor:
    """A TLS server: how handshakes failed, and what was said to it after those that did not."""

    failed: list[str] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)

    def serve(self, listener: socket, certificate: Path) -> None:
        """Listen to everybody, until the listener is shut down."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            try:
                with wire, context.wrap_socket(wire, server_side=True) as talk:
                    self.heard.append(talk.recv(1 << 16))
            except ssl.SSLError as error:
                self.failed.append(error.reason)


@contextmanager
def impostor(lab: Laboratory, folder: Path) -> Iterator[Impostor]:
    """Lead everything that the laboratory's host sends to an HTTPS port to somebody with a CA of their own."""
    with lab.network():
        listener = create_server(("", 0))
    found = Impostor()
    thread = Thread(target=found.serve, args=(listener, authority().issue(FQDN, folder)))
    rule = ["OUTPUT", "-p", "tcp", "--dport", "443", "-j", "REDIRECT", "--to-ports", str(listener.getsockname()[1])]
    with listener:
        lab.run(["iptables", "-w", "-t", "nat", "-I", *rule], check=True)
        thread.start()
        try:
            yield found
        finally:
            lab.run(["iptables", "-w", "-t", "nat", "-D", *rule], check=True)
            listener.shutdown(2)
            thread.join()


def test_an_engine_with_a_certificate_of_another_ca(place: Laboratory, cache: Path, tmp_path: Path) -> None:
    site = Site.make(place, "im", cache / "engine.ova", None)
    before = inventory(place, site.root, site.storage)
    with impostor(place, tmp_path) as found:
        done = site.run(*site.deploy_words())
    assert done.code == UNFINISHED, done.text
    assert "[ ERROR ] HE-ENGINE-UNTRUSTED:" in done.text
    assert "certificate verify failed" in done.text
    assert found.heard == []
    assert set(found.failed) == {"TLSV1_ALERT_UNKNOWN_CA"}
    resumed = site.run("--deploy", "--resume")
    assert resumed.code == 0, resumed.text
    removed = site.run("cleanup", "--yes")
    assert removed.code == 0, removed.text
    assert inventory(place, site.root, site.storage) == before
