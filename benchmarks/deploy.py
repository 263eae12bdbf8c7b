"""The whole deploy with restore, by `hosted-engine` and by the baseline script, on this machine's libvirt.

`HOSTED_ENGINE_BENCH_URI` names another libvirt. The place of work is `/var/lib/hosted-engine-bench`, which qemu's user
can reach; everything in it and both VMs are removed again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import baseline_deploy
from benchmarks.inputs import appliance_folder, padded_ova
from benchmarks.pairs import Benchmark, FirstLine, Pair, Seconds
from tools import demo

PLACE = Path("/var/lib/hosted-engine-bench")
URI = os.environ.get("HOSTED_ENGINE_BENCH_URI", demo.URI)
ROOT = Path(__file__).resolve().parent.parent
NAMES = {"vm": "HostedEngineDemo", "network": "hosted-engine-demo"}  # as answers/demo.conf has them


def product(ova: Path, archive: Path) -> Seconds:
    """Run `hosted-engine --deploy`; the first report is the first line that begins with `|- `."""
    folder, root = _made(PLACE / "storage"), _made(PLACE / "root")
    secrets, answers = PLACE / "secrets.conf", PLACE / "machine.conf"
    demo.write_private(secrets, demo.secret_answers())
    demo.write_private(answers, demo.answers(ova, folder))
    words: list[str | Path] = [
        Path(sys.executable).with_name("hosted-engine"),
        "--deploy",
        f"--restore-from-file={archive}",
        "--config-append=answers/demo.conf",
        f"--config-append={answers}",
        f"--secrets-file={secrets}",
        f"--root={root}",
        f"--libvirt-uri={URI}",
    ]
    console = FirstLine(lambda: root.glob("var/lib/ovirt-hosted-engine-setup/runs/*/console.log"))
    begun, first, said = time.perf_counter(), 0.0, []
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        for line in run.stdout or ():
            said.append(line)
            if not first and "|- " in line:
                first = time.perf_counter()
    end = time.perf_counter()
    console.stop()
    _virsh("destroy", NAMES["vm"])
    _virsh("undefine", "--nvram", NAMES["vm"])
    _virsh("net-destroy", NAMES["network"])
    _virsh("net-undefine", NAMES["network"])
    if run.returncode:
        message = f"hosted-engine ended with {run.returncode}:\n{''.join(said[-40:])}"
        raise RuntimeError(message)
    return {"first line": console.seconds(begun), "first report": first - begun, "whole": end - begun}


def baseline(ova: Path, archive: Path) -> Seconds:
    """Run the baseline script."""
    try:
        return baseline_deploy.deploy(baseline_deploy.Inputs(ova, archive, _made(PLACE / "baseline"), URI))
    finally:
        baseline_deploy.clean(URI)
        shutil.rmtree(PLACE / "baseline")


def _made(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def _virsh(*words: str) -> bool:
    return subprocess.run(["virsh", "--connect", URI, *words], check=False, capture_output=True).returncode == 0


@contextmanager
def _pair(pad: int, bounds: dict[str, float]) -> Iterator[Pair]:
    PLACE.mkdir(parents=True)
    try:
        if URI == demo.URI:
            demo.open_kvm(PLACE)
            demo.start_daemons(PLACE)
        if _virsh("dominfo", NAMES["vm"]) or _virsh("net-info", NAMES["network"]):
            message = f"{URI} has a VM or network of these names already: {NAMES}"
            raise RuntimeError(message)
        folder = appliance_folder()
        ova = padded_ova(folder / "engine.qcow2", PLACE, pad) if pad else folder / "engine.ova"
        archive = folder / "sample.backup"
        yield Pair(product=lambda: product(ova, archive), baseline=lambda: baseline(ova, archive), bounds=bounds)
    finally:
        demo.stop_daemons(PLACE)
        demo.close_kvm(PLACE)
        shutil.rmtree(PLACE)


@contextmanager
def prepare(folder: Path) -> Iterator[Pair]:
    """Deploy the appliance as it is built."""
    del folder
    with _pair(0, {"whole": 1.1}) as pair:
        yield pair


@contextmanager
def prepare_padded(folder: Path) -> Iterator[Pair]:
    """Deploy an appliance with 4 GiB of data more."""
    del folder
    with _pair(4, {"whole": 1.0, "first line": 0.3}) as pair:
        yield pair


BENCHMARK = Benchmark("whole deploy with restore", prepare)
PADDED = Benchmark("whole deploy with restore of a plain OVA with 4 GiB of noise", prepare_padded)
