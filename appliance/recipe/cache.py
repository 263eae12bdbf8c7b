"""Where results live: one directory per recipe hash, published by rename, built by one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).resolve().parent.parent
KEEP = 4  # results kept, the most recently used ones; one takes about 700 MB
_WITHOUT_INFLUENCE = {"README.md", "py.typed"}


def recipe_files(source: Path = SOURCE) -> list[Path]:
    """Return the files that influence the result, in a stable order."""
    return sorted(
        path
        for path in source.rglob("*")
        if (path.is_file() or path.is_symlink())
        and "__pycache__" not in path.parts
        and path.name not in _WITHOUT_INFLUENCE
    )


def recipe_hash(suite: str, source: Path = SOURCE) -> str:
    """Return the name of the result: changes with any file's name, content or executable bit."""
    digest = hashlib.sha256(f"suite={suite}\n".encode())
    for path in recipe_files(source):
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        mark = "l" if path.is_symlink() else "x" if os.access(path, os.X_OK) else "-"
        digest.update(f"{path.relative_to(source)}\0{mark}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:20]


def cache_root() -> Path:
    """Return the folder of all results, as the environment says."""
    own = os.environ.get("HOSTED_ENGINE_CACHE")
    if own:
        return Path(own) / "appliance"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hosted-engine" / "appliance"


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of the cache; whoever comes second waits and then finds the result."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def publishing(final: Path) -> Iterator[Path]:
    """Give a directory to build in; it becomes ``final`` in one rename, or nothing remains.

    Call it with the lock held: a directory left by a killed build then has no owner and goes.
    """
    for stale in final.parent.glob(".building-*"):
        shutil.rmtree(stale)
    work = final.parent / f".building-{final.name}-{os.getpid()}"
    work.mkdir()
    try:
        result = work / "result"
        result.mkdir()
        yield result
        shutil.rmtree(final, ignore_errors=True)
        result.rename(final)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def prune(root: Path, keep: int = KEEP) -> None:
    """Remove all but the most recently used results."""
    results = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    results.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in results[keep:]:
        shutil.rmtree(path, ignore_errors=True)
