"""Collects what a report of a failure needs, and takes the secrets out."""

from __future__ import annotations

import io
import re
import secrets
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hosted_setup.files import private
from hosted_setup.model.events import Info, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.secret import Secret
from hosted_setup.ports.host import Host
from hosted_setup.ports.shell import ShellAddress

FILE_LIMIT: Final = 16 << 20  # bytes of one file; its end is what matters
ENGINE_LIMIT: Final = 64 << 20
ENGINE_LOGS: Final = (
    "/var/log/ovirt-engine",
    "/var/log/cloud-init.log",
    "/var/log/cloud-init-output.log",
    "/var/log/postgresql",
)
RUN_FILES: Final = ("journal.jsonl", "output.log", "guest.log*", "console.log*")
# what other programs may have written that this process never knew as a secret
_ASSIGNED: Final = re.compile(
    rb"(?i)((?:password|passwd|secret|token)[\w.-]*\"?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;\"']+)"
)
_HASH: Final = re.compile(rb"\$[0-9a-z]+\$[^\s:\"']{16,}")
_MASK: Final = b"********"

Redactor = Callable[[str], str]


@dataclass(frozen=True)
class EngineShell:
    """How to reach the engine VM for its logs."""

    address: ShellAddress
    password: Secret


@dataclass(frozen=True)
class Bundle:
    """One collection of this host's logs, journals and configuration, and of the engine's."""

    host: Host
    redact: Redactor

    def collect(self, shell: EngineShell | None) -> Path:
        """Write the bundle (0600) and tell where; without `shell` the engine's part is left out.

        Raises:
            OSError: it cannot be written.
        """
        now = self.host.clock.now()
        target = self.host.paths.logs / f"support-bundle-{now:%Y%m%d%H%M%S}-{secrets.token_hex(3)}.tar.gz"
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(target, "xb", opener=private) as stream, tarfile.open(fileobj=stream, mode="w:gz") as bundle:
            for path in self._files():
                self._add(bundle, f"host/{path.relative_to(self.host.paths.root)}", _end_of(path))
            if shell is not None:
                self._engine(bundle, shell)
        if shell is not None:
            self.host.reporter.emit(Info(_("Logs of this host and of the engine: {target}", target=target)))
        else:
            self.host.reporter.emit(Info(_("Logs of this host: {target}", target=target)))
        return target

    def _files(self) -> Iterator[Path]:
        paths = self.host.paths
        for folder, pattern in (
            (paths.etc, "*.conf"), (paths.logs, "*.log"), (paths.state / "answers", "*.conf"), (paths.ha_run, "*.conf"),
        ):  # fmt: skip
            yield from sorted(folder.glob(pattern))
        for name in RUN_FILES:
            yield from sorted(paths.runs.glob(f"*/{name}"))

    def _engine(self, bundle: tarfile.TarFile, shell: EngineShell) -> None:
        fetched = self.host.run_dir / "engine-logs.tar"
        try:
            self.host.shells.fetch(shell.address, shell.password, ENGINE_LOGS, fetched, ENGINE_LIMIT)
            with tarfile.open(fetched) as logs:
                for member in logs:
                    content = logs.extractfile(member) if member.isreg() else None
                    if content is not None:
                        self._add(bundle, f"engine/{member.name.lstrip('./')}", content.read(FILE_LIMIT))
        except (Problem, OSError, tarfile.TarError) as error:
            self.host.reporter.emit(Warn(_("The engine's logs could not be fetched: {error}", error=error)))
        finally:
            fetched.unlink(missing_ok=True)

    def _add(self, bundle: tarfile.TarFile, name: str, content: bytes) -> None:
        text = self.redact(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        clean = _HASH.sub(_MASK, _ASSIGNED.sub(rb"\1" + _MASK, text))
        member = tarfile.TarInfo(name)
        member.size = len(clean)
        member.mode = 0o600
        bundle.addfile(member, io.BytesIO(clean))


def _end_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - FILE_LIMIT))
        return stream.read(FILE_LIMIT)
