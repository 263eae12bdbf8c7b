"""The installer's memory stays small whatever the archive's size."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.memory.conftest import ROOT, Scales, program

if TYPE_CHECKING:
    from tests.lab.laboratory import Inside, Laboratory

LIMIT: Final = 150 << 20
SECRETS: Final = """[environment:default]
OVEHOSTED_VM/cloudinitRootPwd=str:weighed-root
OVEHOSTED_ENGINE/adminPassword=str:weighed-admin
"""
ANSWERS: Final = """[environment:default]
OVEHOSTED_VM/ovfArchive=str:{ova}
OVEHOSTED_STORAGE/storageDomainConnection=str:{storage}
OVEHOSTED_NETWORK/fqdn=str:engine.example.com
OVEHOSTED_VM/vmMemSizeMB=int:{memory}
HOSTED_ENGINE/vmName=str:Weighed
HOSTED_ENGINE/networkName=str:weighed
HOSTED_ENGINE/virtType=str:qemu
"""


def deploy(lab: Laboratory, archive: Path, memory: int) -> tuple[Inside, Path, Path]:
    """Start a deploy with a restore inside the laboratory; give it, its root and its storage."""
    root, storage = lab.folder("root"), lab.folder("storage")
    built = subprocess.run([sys.executable, ROOT / "appliance/build.py"], check=True, capture_output=True, text=True)
    ova = Path(built.stdout.splitlines()[-1]) / "engine.ova"
    (root / "answers.conf").write_text(ANSWERS.format(ova=ova, storage=storage, memory=memory))
    secrets = root / "secrets.conf"
    secrets.touch(mode=0o600)
    secrets.write_text(SECRETS)
    command = program(
        "--deploy", f"--root={root}", f"--libvirt-uri={lab.uri}", f"--restore-from-file={archive}",
        f"--config-append={root / 'answers.conf'}", f"--secrets-file={secrets}",
    )  # fmt: skip
    with (root / "output").open("w") as out:
        return lab.spawn(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True), root, storage


@pytest.mark.timeout(600)
def test_validating_4_gib_takes_little_memory(lab: Laboratory, archive: Path) -> None:
    """The validation runs to its end; then the run is refused, since no host has that much memory."""
    process, root, storage = deploy(lab, archive, memory=99_999_999)
    scales = Scales(process.outer)
    assert process.outer.wait() == 3
    output = (root / "output").read_text()
    assert "is a sane backup file" in output
    assert "HE-MEMORY" in output
    assert 10 << 20 < scales.peak < LIMIT, scales.peak
    assert list(storage.iterdir()) == []


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_injecting_4_gib_takes_little_memory(lab: Laboratory, archive: Path) -> None:
    """The guest has read the whole archive from its disk when engine-backup begins to unpack it."""
    process, root, storage = deploy(lab, archive, memory=2048)
    scales = Scales(process.outer)
    deadline = time.monotonic() + 1500
    while "Unpacking file" not in (root / "output").read_text():
        assert process.outer.poll() is None, (root / "output").read_text()
        assert time.monotonic() < deadline
        time.sleep(1)
    process.kill()
    process.outer.wait()
    assert 10 << 20 < scales.peak < LIMIT
    undone = lab.run(program("deploy", "--abort", f"--root={root}", f"--libvirt-uri={lab.uri}"))
    assert undone.returncode == 0, undone.stdout
    assert list(storage.iterdir()) == []
