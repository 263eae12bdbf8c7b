"""What the tests of the house share: the files of the source tree and a way to run programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


class Tree:
    """The source tree as somebody who clones it gets it."""

    root = ROOT
    bin = BIN

    def __init__(self) -> None:
        """Ask git, whoever owns the checkout."""
        command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        self.files = sorted(path for name in listing.split("\0") if name and (path := ROOT / name).is_file())

    def texts(self) -> dict[Path, str]:
        """Give every file's text; what is not text fails, as nothing binary is checked in."""
        return {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in self.files}

    def python(self) -> dict[Path, str]:
        """Give the modules."""
        return {path: text for path, text in self.texts().items() if path.suffix in {".py", ".pyi"}}


@pytest.fixture(scope="session")
def tree() -> Tree:
    return Tree()


Done: TypeAlias = subprocess.CompletedProcess[str]


class Run:
    """Runs programs in an empty root of their own, without a terminal."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(
        self, *command: str | Path, cwd: Path = ROOT, timeout: float = 240
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOSTED_ENGINE_ROOT": str(self.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def well(self, *command: str | Path, cwd: Path = ROOT) -> str:
        """Run something that has to succeed, and give what it printed."""
        done = self(*command, cwd=cwd)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)
