"""Run benchmarks by name (all of them by default) and print the figures; a bound that is not kept gives exit code 1."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import Benchmark, compare

NAMES = {
    "help": "benchmarks.help:BENCHMARK",
    "wizard": "benchmarks.wizard:BENCHMARK",
    "validate": "benchmarks.validate:BENCHMARK",
    "import": "benchmarks.import_disk:BENCHMARK",
    "import-localfs": "benchmarks.import_storage:LOCALFS",
    "import-nfs": "benchmarks.import_storage:NFS",
    "import-glusterfs": "benchmarks.import_storage:GLUSTERFS",
    "import-iscsi": "benchmarks.import_storage:ISCSI",
    "import-lun": "benchmarks.import_storage:LUN_DEVICE",
    "deploy": "benchmarks.deploy:BENCHMARK",
    "deploy-4g": "benchmarks.deploy:PADDED",
}


def load(name: str) -> Benchmark:
    """Give the benchmark of that name."""
    module, _, attribute = NAMES[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, Benchmark):
        raise TypeError(name)
    return found


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--count", type=int, help="pairs to run")
    parser.add_argument("--folder", type=Path, help="where to work; needs room for the inputs")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(NAMES)):
        parser.error(f"unknown benchmark {', '.join(unknown)}")
    print(f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}")
    kept = True
    for name in options.names or NAMES:
        benchmark = load(name)
        print(f"{name}: {benchmark.title}", flush=True)
        with (
            tempfile.TemporaryDirectory(prefix="hosted-engine-bench-", dir=options.folder) as folder,
            benchmark.prepare(Path(folder)) as pair,
        ):
            for figure in compare(pair, options.count or benchmark.count):
                print(f"  {figure}", flush=True)
                kept = kept and figure.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
