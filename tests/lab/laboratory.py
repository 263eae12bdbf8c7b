"""A laboratory: a private libvirt with its own files, network, devices and processes, on the machine that runs tests.

The distribution's settings stay (qemu's own user, the security driver, the log daemon), so that what works here works
on an operator's host. Everything lies in one folder below /tmp; all of it ends with the process that made it, even
when that is killed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from hosted_setup.adapters import libvirt_keepalive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import libvirt

PREFIX: Final = "he-lab-"
STARTS_WITHIN: Final = 30.0
_INSIDE: Final = Path(__file__).with_name("inside.py")
_LIST: Final = ("ps", "-eww", "-o", "pid=,args=")
_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET


class Laboratory:
    """A running laboratory; use it in a `with`, or call `close`.

    Args:
        kvm: the mode of /dev/kvm, such as 0o660; None for a machine without one. libvirt's qemu is in group kvm.
    """

    def __init__(self, kvm: int | None = None) -> None:
        """Start it; it is ready when this returns."""
        _sweep()
        self.root = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.root.chmod(0o711)  # libvirt's qemu must get through
        self._lock = _locked(self.root)
        mode = [] if kvm is None else [f"{kvm:o}"]
        unshare = ["unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child"]
        with (self.root / "inside.log").open("wb") as log:
            self._holder = subprocess.Popen(
                [*unshare, sys.executable, "-I", str(_INSIDE), str(self.root), *mode],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C ends the tests, and they end this
            )
        try:
            self._await_socket()
            self.pid = _child(self._holder.pid)
        except BaseException:
            self.close()
            raise

    @property
    def uri(self) -> str:
        """Give libvirt's URI, good inside and outside."""
        return f"qemu+unix:///system?socket={self.root}/libvirt-sock"

    def folder(self, name: str, mode: int = 0o755) -> Path:
        """Make a fresh folder that libvirt's qemu can get through."""
        path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.root))
        path.chmod(mode)
        return path

    def argv(self, argv: Sequence[str | Path], cwd: Path | None = None) -> list[str]:
        """Give the command that runs `argv` inside."""
        return [
            *("nsenter", f"--target={self.pid}", "--mount", "--net", "--ipc", "--pid"),
            *(f"--wd={cwd or Path.cwd()}", "--"),  # the old one is a folder of the old mount namespace
            *map(str, argv),
        ]

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        check: bool = False,
        cwd: Path | None = None,
        **options: Any,  # noqa: ANN401 - subprocess's own
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end; options as for `subprocess.run`, text captured unless told otherwise."""
        settings = {"text": True, "capture_output": True, "timeout": 120, **options}
        return subprocess.run(self.argv(argv, cwd), check=check, **settings)

    def spawn(self, argv: Sequence[str | Path], **options: Any) -> Inside:  # noqa: ANN401
        """Start a command inside; options as for `subprocess.Popen`."""
        return Inside(subprocess.Popen(self.argv(argv, options.pop("cwd", None)), **options))

    @contextmanager
    def network(self) -> Iterator[None]:
        """Put the calling thread, and threads it starts, into the laboratory's network."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open() as old, Path(f"/proc/{self.pid}/ns/net").open() as new:
            _enter(libc, new.fileno())
            try:
                yield
            finally:
                _enter(libc, old.fileno())

    @contextmanager
    def libvirt(self) -> Iterator[libvirt.virConnect]:
        """Give a connection to its libvirt; closing it takes the event loop, once this process has one."""
        connection = libvirt_keepalive.opened(self.uri)
        try:
            yield connection
        finally:
            connection.close()
            libvirt_keepalive.let_go()

    def processes(self) -> dict[int, str]:
        """Give the command lines of the processes inside by their number there; its own are left out."""
        done = self.run(_LIST, check=True)
        lines = (line.strip().partition(" ") for line in done.stdout.splitlines())
        return {int(pid): args for pid, _, args in lines if not _own(args)}

    def close(self) -> None:
        """End every process of the laboratory and remove its files."""
        stdin = self._holder.stdin
        if stdin is not None:
            stdin.close()
        try:
            self._holder.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()
        shutil.rmtree(self.root)
        os.close(self._lock)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _await_socket(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while not (self.root / "libvirt-sock").is_socket():
            if self._holder.poll() is not None or time.monotonic() > deadline:
                message = f"the laboratory did not start:\n{(self.root / 'inside.log').read_text()}"
                raise RuntimeError(message)
            time.sleep(0.01)


class Inside:
    """A process inside a laboratory."""

    def __init__(self, outer: subprocess.Popen[Any]) -> None:
        """Watch over `outer`, the nsenter whose child it is."""
        self.outer = outer

    @property
    def pid(self) -> int:
        """Give the process number, as seen from outside."""
        return _child(self.outer.pid)

    def kill(self, signal: int = 9) -> None:
        """Send a signal, kill -9 unless told otherwise, to the process itself."""
        os.kill(self.pid, signal)

    def wait(self, timeout: float = 120) -> int:
        """Await its end and give its exit code, 128 + N after signal N."""
        return self.outer.wait(timeout)


def _own(args: str) -> bool:
    return args in {"virtlogd", "libvirtd"} or str(_INSIDE) in args or args == " ".join(_LIST)


def _child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    deadline = time.monotonic() + STARTS_WITHIN
    while not (numbers := children.read_text().split()):
        if time.monotonic() > deadline:
            message = f"process {pid} has started nothing"
            raise RuntimeError(message)
        time.sleep(0.005)
    return int(numbers[0])


def _enter(libc: ctypes.CDLL, descriptor: int) -> None:
    if libc.setns(descriptor, _NEW_NETWORK):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _locked(root: Path) -> int:
    descriptor = os.open(root / "owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _sweep() -> None:
    """Remove what killed test runs have left: nobody holds their lock."""
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if time.time() - root.stat().st_mtime < STARTS_WITHIN:
            continue  # its maker may be about to lock it
        try:
            os.close(_locked(root))
        except OSError:
            continue
        shutil.rmtree(root, ignore_errors=True)
