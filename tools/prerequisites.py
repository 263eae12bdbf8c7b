#!/usr/bin/env python3
"""Install what is missing: Debian packages, then .venv with the project in it. A second run takes a moment.

    python3 tools/prerequisites.py [--no-venv] [GROUP ...]

Groups are those of `debian-packages.txt`, all by default. Without root it prints the command to run and stops
with exit code 2. Only the standard library is needed.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tools" / "debian-packages.txt"
VENV = ROOT / ".venv"
INPUTS = ("setup.cfg", "pyproject.toml")  # a change of these makes .venv stale
OLDEST = (3, 11)


class SetupError(Exception):
    """Set-up cannot go on; the text says what to do."""


def check_machine() -> None:
    """Refuse a machine this set-up cannot serve.

    Raises:
        SetupError: the Python is too old, or this is not Debian.
    """
    if sys.version_info < OLDEST:
        message = f"Python {'.'.join(map(str, OLDEST))} or later is needed, this is {sys.version.split()[0]}"
        raise SetupError(message)
    if shutil.which("dpkg-query") is None:
        message = f"this set-up knows Debian only; install the likes of {LIST.relative_to(ROOT)} yourself"
        raise SetupError(message)


def wanted(text: str, groups: list[str]) -> list[str]:
    """Give the packages of `groups` (of every group when none is named), in order.

    Raises:
        SetupError: a group is unknown.
    """
    found: dict[str, list[str]] = {}
    members: list[str] = []
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("["):
            members = found.setdefault(line.strip("[]"), [])
        elif line:
            members.append(line)
    if unknown := sorted(set(groups) - set(found)):
        message = f"unknown group {', '.join(unknown)}; known: {', '.join(found)}"
        raise SetupError(message)
    return list(dict.fromkeys(package for group in groups or found for package in found[group]))


def missing(packages: list[str]) -> list[str]:
    """Give those of `packages` that dpkg does not hold installed."""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *packages]
    done = subprocess.run(query, check=False, capture_output=True, text=True)
    installed = {name for name, _, status in map(_split, done.stdout.splitlines()) if status == "installed"}
    return [package for package in packages if package not in installed]


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(" ")


def install(packages: list[str]) -> None:
    """Install Debian packages when root; otherwise say how.

    Raises:
        SetupError: not root, no apt-get here, or apt-get failed.
    """
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        message = f"missing Debian packages; run this, then again:\n  sudo {shlex.join(command)}"
        raise SetupError(message)
    lock = ["-o", "DPkg::Lock::Timeout=600"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
    print(f"setup: installing {len(packages)} Debian packages: {' '.join(packages)}", flush=True)
    for step in (
        ["dpkg", "--configure", "-a"],  # an earlier set-up may have been killed half-way
        ["apt-get", *lock, "--quiet", "update"],
        ["apt-get", *lock, "--quiet", *command[1:]],
    ):
        _run(step, environment)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        message = f"{shlex.join(command)}\nended with {done.returncode}:\n{tail}"
        raise SetupError(message)


def environment_is_fresh(stamp: Path, mark: str) -> bool:
    """Tell whether .venv was made from the present inputs and still starts."""
    if not stamp.exists() or stamp.read_text() != mark:
        return False
    probe: list[str | Path] = [VENV / "bin" / "python", "-c", "import hosted_setup"]
    return subprocess.run(probe, check=False, capture_output=True, cwd="/").returncode == 0


def make_environment() -> None:
    """Make .venv, or bring it up to date, when the package's metadata changed."""
    digest = hashlib.sha256(sys.version.encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    stamp, mark = VENV / "installed-from", digest.hexdigest()
    if environment_is_fresh(stamp, mark):
        return
    print("setup: installing the project and its tools into .venv", flush=True)
    stamp.unlink(missing_ok=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip"]
    if not _answers([*pip, "--version"]):  # half made, or made by a python that is gone
        shutil.rmtree(VENV, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(VENV)])
    _run([*pip, "install", "--quiet", "--disable-pip-version-check", "--editable", f"{ROOT}[dev]"])
    stamp.write_text(mark)


def _answers(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def main() -> int:
    """Bring this machine to where the project runs."""
    parser = argparse.ArgumentParser(description="Install what is missing: Debian packages, then .venv.")
    parser.add_argument("groups", nargs="*", metavar="GROUP")
    parser.add_argument("--no-venv", action="store_true", help="only the Debian packages")
    options = parser.parse_args()
    try:
        check_machine()
        if lacking := missing(wanted(LIST.read_text(), options.groups)):
            install(lacking)
        if not options.no_venv:
            make_environment()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
