"""GlusterFS by FUSE, through the product's own back end and storage domain; run in the laboratory.

python tests/system/gluster_by_fuse.py first|second SERVER ROOT
"""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from hosted_plugins.storage.glusterfs import GlusterAnswers, GlusterFs, GlusterTuning, look_at_volume, take_volume
from hosted_setup.cli import RealApp
from hosted_setup.model.exports import GlusterExport
from hosted_setup.model.mount_options import MountOptions
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.testing.world import Recorder
from tests.system.nfs_by_kernel import RUN, Undos, tell

DOMAIN = "5d000000-0000-4000-8000-00000000f05e"


def mounts() -> list[str]:
    """Give the points of the mounts of GlusterFS."""
    lines = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [point for _source, point, kind, *_rest in lines if kind == "fuse.glusterfs"]


def use(server: str, root: Path, *, again: bool) -> None:
    """Connect, set the options, create (or find) the domain, disconnect."""
    options = Namespace(root=root, libvirt_uri="", timeout_factor=1.0)
    host = RealApp(options).host(RUN, Recorder())
    host.run_dir.mkdir(parents=True, exist_ok=True)
    answers = GlusterAnswers(volume=GlusterExport.parse(f"{server}:/engine"), options=MountOptions(()))
    undos = Undos()
    want = take_volume(answers, look_at_volume(answers, host), GlusterTuning(agreed=True))
    had = host.gluster.volumes(server)
    tell(f"options to set: {want.setting}")
    GlusterFs().check(want, host)
    assert mounts() == []
    home = GlusterFs().attach(want, host, undos)
    tell(f"mounted: {[one.removeprefix(str(root)) for one in mounts()]}")
    assert GlusterFs().attach(want, host, undos) == home
    assert host.gluster.volumes(server)[0].options == had[0].options | want.setting
    domain = StorageDomain(DOMAIN, home).on(host)
    if again:
        assert domain.made_by(RUN)
        assert domain.remove(RUN) == ()
    else:
        domain.create("hosted_storage", RUN)
    assert domain.made_by(RUN) is not again
    for undo in reversed([*undos.all, *undos.all]):  # one may be applied twice
        undo.apply(host)
    assert mounts() == []
    assert not (root / "rhev").exists()
    assert host.gluster.volumes(server) == had
    tell(f"the domain is {'gone' if again else 'made'}, nothing is mounted, the options are as they were")


if __name__ == "__main__":
    _self, what, server, root = sys.argv
    use(server, Path(root), again=what == "second")
