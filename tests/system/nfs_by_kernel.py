"""NFS by the kernel, through the product's own back end and storage domain; run in the kernel tier.

python tests/system/nfs_by_kernel.py first|second|refused SERVER

At SERVER:20500 whoever is connected has the NFS server stopped, and a byte tells that it is.
"""

from __future__ import annotations

import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from hosted_plugins.storage.mounting import StorageAccess
from hosted_plugins.storage.nfs import Nfs, NfsAnswers, NfsVersion
from hosted_setup.adapters.kernel_mounts import KernelMounts
from hosted_setup.adapters.linux_machine import LinuxMachine
from hosted_setup.adapters.system_trees import SystemTrees
from hosted_setup.model.exports import NfsExport
from hosted_setup.model.mount_options import MountOptions
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.undo import Undo
from hosted_setup.ports.host import Host, Paths
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.testing.world import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosted_setup.adapters.private_tree import PrivateTree
    from hosted_setup.ports.mounts import FileSystem

RUN = "20260102030405-abcdef"
POINTS = Path("/rhev/data-center/mnt")
DOMAINS = {"v3": "5d000000-0000-4000-8000-000000000003", "v4_1": "5d000000-0000-4000-8000-000000000041"}
PORT = "port=20490"  # version 4 asks no port mapper
OPTIONS = {"v3": "nolock", "v4_1": PORT}
REFUSED = {
    "root is squashed": ("/squash", "v4_1", PORT),
    "no locks": ("/v3", "v3", ""),
    "no such version": ("/v3", "v4_2", PORT),
    "no such export": ("/nothing", "v4_1", PORT),
    "read-only": ("/ro", "v4_1", PORT),
    "not for user 36": ("/others", "v4_1", PORT),
    "nobody there": ("/v4_1", "v4_1", "port=20499"),
}
STOPS = 20500
HUNG_WITHIN = 18.0
"""Seconds: a server has 4 to answer, times the factor, an unmounting 10, and what is killed 2 to die."""


class Undos:
    """Keeps what is to be taken back."""

    def __init__(self) -> None:
        self.all: list[Undo] = []

    def before(self, undo: Undo) -> None:
        self.all.append(undo)


def tell(text: str) -> None:
    """Write a line for the test at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def stopped(server: str) -> Iterator[None]:
    """Have the server stopped (SIGSTOP): its kernel takes connections, and nobody answers."""
    with socket.create_connection((server, STOPS)) as held:
        assert held.recv(1)
        yield


class StoppedWhileLookedAt(KernelMounts):
    """Mounts as ever; then the server stops."""

    def __init__(self, server: str) -> None:
        self._server = server

    @contextmanager
    def privately(self, what: FileSystem, owner: tuple[int, int], within: float = 10.0) -> Iterator[PrivateTree]:
        with super().privately(what, owner, within) as tree, stopped(self._server):
            yield tree


def this_host() -> Host:
    """Give this machine, as far as the back end needs it."""
    ports: dict[str, Any] = {one.name: None for one in fields(Host)}
    ours = {
        "paths": Paths(), "run_id": RUN, "mounts": KernelMounts(), "trees": SystemTrees(), "machine": LinuxMachine(),
        "reporter": Recorder(), "timeout_factor": 10.0,
    }  # fmt: skip
    host = Host(**ports | ours)
    host.run_dir.mkdir(parents=True, exist_ok=True)
    return host


def wanted(server: str, path: str, version: str, options: str) -> NfsAnswers:
    """Give the answers."""
    return NfsAnswers(
        export=NfsExport.parse(f"{server}:{path}"),
        version=NfsVersion(version),
        options=MountOptions.parse(options),
        access=StorageAccess.AUTO,
    )


def mounts() -> list[str]:
    """Give the NFS mounts of the kernel's table: their points and versions."""
    lines = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [
        f"{point} {next(one for one in options.split(',') if one.startswith('vers='))}"
        for _source, point, kind, options, *_rest in lines
        if kind.startswith("nfs")
    ]


def use(server: str, *, again: bool) -> None:
    """Connect, create (or find) the domain, disconnect."""
    host = this_host()
    for version, uuid in DOMAINS.items():
        want, undos = wanted(server, f"/{version}", version, OPTIONS[version]), Undos()
        Nfs().check(want, host)
        assert mounts() == []
        home = Nfs().attach(want, host, undos)
        tell(f"{version}: {mounts()[0].removeprefix(str(POINTS))}")
        assert Nfs().attach(want, host, undos) == home
        domain = StorageDomain(uuid, home).on(host)
        if again:
            assert domain.made_by(RUN)
            assert domain.remove(RUN) == ()
        else:
            domain.create("hosted_storage", RUN)
        assert domain.made_by(RUN) is not again
        assert undos.all == [undos.all[0]] * 2
        for _time in range(2):  # an undo may be applied twice
            undos.all[0].apply(host)
        assert mounts() == []
        assert not POINTS.exists()
        tell(f"{version}: the domain is {'gone' if again else 'made'}, nothing is mounted")


def refused(server: str) -> None:
    """Tell the code of each export that will not do."""
    host = this_host()
    for case, (path, version, options) in REFUSED.items():
        told(case, 30.0, partial(Nfs().check, wanted(server, path, version, options), host))
        assert mounts() == []
    hung(server, wanted(server, "/v4_1", "v4_1", PORT), host)


def hung(server: str, want: NfsAnswers, host: Host) -> None:
    """Tell what comes of a server that stops: before it is mounted, while it is looked at, while it is mounted."""
    unstretched, undos = replace(host, timeout_factor=1.0), Undos()
    with stopped(server):
        told("hung", HUNG_WITHIN, partial(Nfs().check, want, unstretched))
    assert mounts() == []
    stops = replace(host, mounts=StoppedWhileLookedAt(server), timeout_factor=2.0)
    told("hung on the way", HUNG_WITHIN, partial(Nfs().check, want, stops))
    assert mounts() == []
    Nfs().attach(want, host, undos)
    with stopped(server):
        told("hung at the end", HUNG_WITHIN, partial(undos.all[0].apply, host))
    undos.all[0].apply(host)
    assert mounts() == []


def told(case: str, within: float, deed: Callable[[], None]) -> None:
    """Tell how it was refused, and whether in time."""
    begun, said = time.monotonic(), "done"
    try:
        deed()
    except Problem as problem:
        said = f"{problem.code} ({problem.why})"
    except TimeoutError as error:
        said = str(error.strerror)
    late = "" if time.monotonic() - begun < within else ", late"
    tell(f"{case}: {said}{late}")


if __name__ == "__main__":
    _self, what, server = sys.argv
    if what == "refused":
        refused(server)
    else:
        use(server, again=what == "second")
