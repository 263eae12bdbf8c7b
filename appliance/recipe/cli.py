"""The command: find the result in the cache, or build it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING

from appliance.recipe import boot, bootstrap, cache, host, ova, sample, system

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def main(argv: Sequence[str] | None = None) -> int:
    """Build if needed and print the directory; the exit code is 0, or 1 with one line on standard error."""
    parser = argparse.ArgumentParser(prog="appliance/build.py", description="Build the reference appliance.")
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="build even if the cache has this recipe's result, with the newest packages",
    )
    parser.add_argument("--print-directory", action="store_true", help="only tell where the result is or would be")
    options = parser.parse_args(argv)
    try:
        print(find_or_build(rebuild=options.rebuild, only_name=options.print_directory))  # noqa: T201 the result
    except (host.BuildError, OSError) as problem:
        sys.stderr.write(f"appliance: {problem}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("appliance: interrupted\n")
        return 130
    return 0


def find_or_build(*, rebuild: bool = False, only_name: bool = False) -> Path:
    """Return the directory of this recipe's result."""
    root = cache.cache_root()
    key = cache.recipe_hash(bootstrap.SUITE)
    final = root / key
    if only_name:
        return final
    if rebuild or not final.is_dir():
        host.check()
        with cache.locked(root):
            if rebuild or not final.is_dir():
                with cache.publishing(final) as result:
                    build(result, key, final, anew=rebuild)
                cache.prune(root)
    os.utime(final)
    return final


def build(result: Path, key: str, final: Path, *, anew: bool) -> None:
    """Make everything in ``result``; its parent is ours to litter."""
    work = result.parent
    root = work / "root"
    version = (cache.SOURCE / "version").read_text().strip()
    with host.lap("packages"):
        bootstrap.bootstrap(root, final.parent, anew=anew)
    with host.lap("configuration"):
        kernel = system.configure(root)
    with host.lap("sample backup"):
        sample.make_sample(root, work, result)
    qcow2 = result / "engine.qcow2"
    with host.lap("disk"):
        boot.make_disk(root, kernel, key, work, qcow2)
    shutil.rmtree(root)
    with host.lap("OVA"):
        disk = ova.describe(qcow2, key)
        ova.write_ova(qcow2, disk, version, result / "engine.ova", compressed=False)
        ova.write_ova(qcow2, disk, version, result / "engine-gz.ova", compressed=True)
        ova.write_conf(result / "engine.ova", version, result / "engine-appliance.conf", final)
