"""A libvirt whose daemon is stopped in the middle: every call ends with a problem, and works again once it goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters import libvirt_keepalive
from hosted_setup.adapters.libvirt_hypervisor import LibvirtHypervisor
from hosted_setup.ports.problems import RESUME, HypervisorHung
from tests.lab.laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = 30.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with pytest.MonkeyPatch.context() as patch, Laboratory() as made:
        patch.setattr(libvirt_keepalive, "INTERVAL", 1)
        patch.setattr(libvirt_keepalive, "COUNT", 2)
        patch.setattr(libvirt_keepalive, "OPENS_WITHIN", 2.0)
        yield made


def signalled(lab: Laboratory, name: str) -> None:
    lab.run(["pkill", f"-{name}", "-x", "libvirtd"], check=True)


def refused(hypervisor: LibvirtHypervisor) -> str:
    begun = time.monotonic()
    with pytest.raises(HypervisorHung) as caught:
        hypervisor.domain_named("nobody")
    assert time.monotonic() - begun < ENDS
    assert (caught.value.code, caught.value.command) == ("HE-LIBVIRT-HUNG", RESUME)
    return caught.value.why


def test_a_daemon_that_hangs(lab: Laboratory) -> None:
    hypervisor = LibvirtHypervisor(lab.uri)
    assert hypervisor.domain_named("nobody") is None
    signalled(lab, "STOP")
    assert "keepalive timeout" in refused(hypervisor)  # the call that waits
    assert "has not taken a connection within 2 s" in refused(hypervisor)  # and those that follow
    signalled(lab, "CONT")
    assert hypervisor.domain_named("nobody") is None
    hypervisor.close()


def test_a_connection_that_nobody_uses_is_kept(lab: Laboratory) -> None:
    hypervisor = LibvirtHypervisor(lab.uri)
    connection = hypervisor.connection()
    time.sleep(6)  # several questions, in both directions
    assert hypervisor.connection() is connection
    hypervisor.close()


def test_no_thread_is_left_when_the_last_connection_is_closed(lab: Laboratory) -> None:
    first, second = LibvirtHypervisor(lab.uri), LibvirtHypervisor(lab.uri)
    before = threading.active_count()
    assert first.domain_named("nobody") is second.domain_named("nobody") is None
    first.close()
    assert "libvirt-events" in [one.name for one in threading.enumerate()]
    second.close()
    second.close()
    assert threading.active_count() == before
    assert second.domain_named("nobody") is None
    second.close()
    assert threading.active_count() == before


PROGRAM = """
import atexit, sys, threading
atexit.register(lambda: print([one.name for one in threading.enumerate()]))  # the last one: it came first
from hosted_setup.adapters.libvirt_keepalive import opened
connection = opened(sys.argv[1])
"""


def test_no_callback_outlives_the_interpreter(lab: Laboratory) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, lab.uri], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['MainThread']\n", "")
