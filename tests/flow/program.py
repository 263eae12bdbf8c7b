"""`hosted-engine`, run in this process over a pretended world: the real command line, commands, log and frontends."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup import cli
from hosted_setup.adapters import interrupts
from hosted_setup.model.values import GIB
from hosted_setup.pipeline.session import new_run_id
from hosted_setup.ports.gluster import GlusterVolume
from hosted_setup.testing.behaviour import CA
from hosted_setup.testing.images import lun_file
from hosted_setup.testing.initiator import pretended_wwid
from hosted_setup.testing.trees import export_file
from hosted_setup.testing.world import World
from tests.lab.gluster_server import TUNED
from tests.unit.domain import builders

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    import pytest

    from hosted_setup.model.events import Reporter
    from hosted_setup.pipeline.journal import Record
    from hosted_setup.ports.host import Host

    Observer = Callable[[str, Record], None]

ADMIN: Final = "adm1n-canary/+= €"
ROOT: Final = "r00t-canary/+= €"
CHAP: Final = "ch4p-canary/+= €"
ISCSI_SECRETS: Final = (
    f"OVEHOSTED_STORAGE/iSCSIPortalPassword=str:{CHAP}",
    f"OVEHOSTED_STORAGE/iSCSIDiscoverPassword=str:{CHAP}",
)
ISCSI_TARGET: Final = "iqn.2026-01.org.example:engine"
SECRETS: Final = f"""[environment:default]
OVEHOSTED_ENGINE/adminPassword=str:{ADMIN}
OVEHOSTED_VM/cloudinitRootPwd=str:{ROOT}
"""


def _nothing(_when: str, _record: Record) -> None:
    """Watch nothing."""


class PretendedApp(cli.RealApp):
    """The program, wired to a pretended world."""

    def __init__(self, options: argparse.Namespace, program: Program) -> None:
        super().__init__(options)
        self._program = program

    def host(self, run_id: str, reporter: Reporter) -> Host:
        return self._program.world.host(run_id, reporter, self._options.timeout_factor)

    def now_id(self) -> str:
        return new_run_id(self._program.world.clock.now())

    @property
    def at_terminal(self) -> bool:
        return self._program.attended

    def detach(self, output: Path) -> int | None:
        return None

    def observe(self, when: str, record: Record) -> None:
        self._program.observe(when, record)


@dataclass(frozen=True)
class Done:
    """How a call of the program ended."""

    code: int
    out: str


@dataclass
class Inputs:
    """The operator's own files: archive, appliance, answers and secrets. The program only reads them."""

    folder: Path
    archive: Path = field(init=False)
    appliance: Path = field(init=False)
    answers: Path = field(init=False)
    secrets: Path = field(init=False)

    def __post_init__(self) -> None:
        self.archive = self.folder / "engine.backup"
        self.appliance = self.folder / "engine.ova"
        self.answers = self.folder / "answers.conf"
        self.secrets = self.folder / "secrets.conf"

    @classmethod
    def make(cls, folder: Path) -> Inputs:
        """Write good ones."""
        folder.mkdir()
        made = cls(folder)
        made.back_up()
        made.appliance.write_bytes(builders.tar(builders.ova()))
        made.secrets.write_text(SECRETS)
        for path in (made.archive, made.secrets):
            path.chmod(0o600)
        return made

    def back_up(self, **members: bytes) -> None:
        """Write the archive, with other members."""
        product = {**builders.PRODUCT_FILES, builders.CA_PATH: CA.encode()}
        self.archive.write_bytes(builders.backup(builders.members(files=builders.files(product), **members)))


GLUSTER_UUID: Final = "b2088929-248b-4fed-9f91-5fb89fd14ee3"
GLUSTER: Final = {
    "OVEHOSTED_STORAGE__domainType": "str:glusterfs",
    "OVEHOSTED_STORAGE__storageDomainConnection": "str:gluster1.example.com:/engine",
}


class Program:
    """The program with a world and the operator's files."""

    def __init__(self, world: World, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.inputs = inputs
        self.observe: Observer = _nothing
        self.attended = False
        self.stdin: io.StringIO = io.StringIO()
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(interrupts, "end_on_signals", lambda: None)
        self.answer()

    def answer(self, **changes: str) -> None:
        """Write the operator's answers; `__` in a name stands for `/`, an empty text takes an answer out."""
        answers = {
            "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{self.world.storage}",
            "OVEHOSTED_VM/ovfArchive": f"str:{self.inputs.appliance}",
            "OVEHOSTED_NETWORK/fqdn": "str:engine.example.com",
        } | {name.replace("__", "/"): text for name, text in changes.items()}
        lines = [f"{key}={text}" for key, text in answers.items() if text]
        self.inputs.answers.write_text("\n".join(["[environment:default]", *lines, ""]))

    def on_iscsi(self, *, discovery: bool = False, **changes: str) -> Path:
        """Answer with a LUN of a pretended target that asks for a password; give the file that stands for it."""
        path = lun_file(self.world.root / "luns", ISCSI_TARGET, 1)
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.truncate(64 * GIB)
        passwords = {ISCSI_TARGET: CHAP} | ({"": CHAP} if discovery else {})
        self.world.behaviour.chap.update(passwords)
        self.world.save()
        finder = {"OVEHOSTED_STORAGE__iSCSIDiscoverUser": "str:finder"} if discovery else {}
        self.answer(**{
            "OVEHOSTED_STORAGE__domainType": "str:iscsi",
            "OVEHOSTED_STORAGE__storageDomainConnection": "",
            "OVEHOSTED_STORAGE__iSCSIPortalIPAddress": "str:192.0.2.5",
            "OVEHOSTED_STORAGE__iSCSIPortalUser": "str:host",
            "OVEHOSTED_STORAGE__iSCSITargetName": f"str:{ISCSI_TARGET}",
            "OVEHOSTED_STORAGE__LunID": f"str:{pretended_wwid(path)}",
        } | finder | changes)  # fmt: skip
        login, found = ISCSI_SECRETS
        self.inputs.secrets.write_text("\n".join([SECRETS, login, found if discovery else "", ""]))
        return path

    def on_mounted_nfs(self, **changes: str) -> Path:
        """Answer with an export that the pretended kernel mounts; give the folder that stands for it."""
        self.world.behaviour.mounts = ("nfs",)
        self.world.save()
        folder = export_file(self.world.exports, "nas.example.com", "/exports/engine")
        folder.mkdir(parents=True)
        answers = {
            "OVEHOSTED_STORAGE__domainType": "str:nfs",
            "OVEHOSTED_STORAGE__storageDomainConnection": "str:nas.example.com:/exports/engine",
        }
        self.answer(**answers | changes)
        return folder

    def on_gluster(self, *, tuned: Mapping[str, str] | None = None, **changes: str) -> Path:
        """Answer with a pretended volume, its options set but for `tuned` ("": none); give the folder behind it."""
        self.world.behaviour.mounts = ("glusterfs",)
        self.world.save()
        folder = export_file(self.world.exports, "gluster1.example.com", "/engine")
        folder.mkdir(parents=True)
        options = {name: value for name, value in {**TUNED, **(tuned or {})}.items() if value}
        self.world.gluster.add(GlusterVolume("engine", GLUSTER_UUID, True, 3, options=options))  # noqa: FBT003
        self.answer(**GLUSTER | changes)
        return folder

    def on_fc(self, **changes: str) -> Path:
        """Answer with a pretended LUN of this host; give the file that stands for it."""
        path = self.world.root / "devices" / "36001405aa"
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.truncate(64 * GIB)
        self.answer(**{
            "OVEHOSTED_STORAGE__domainType": "str:fc",
            "OVEHOSTED_STORAGE__storageDomainConnection": "",
            "OVEHOSTED_STORAGE__LunID": f"str:{path.name}",
        } | changes)  # fmt: skip
        return path

    def __call__(self, *arguments: str) -> Done:
        """Call the program."""
        screen = io.StringIO()
        with redirect_stdout(screen), redirect_stderr(screen), self._monkeypatch.context() as patched:
            patched.setattr("sys.stdin", self.stdin)
            patched.setattr(cli, "RealApp", lambda options: PretendedApp(options, self))
            try:
                code = cli.main([arguments[0], "--root", str(self.world.paths.root), *arguments[1:]])
            except SystemExit as end:
                code = int(end.code or 0)
        return Done(code, screen.getvalue())

    def deploy(self, *arguments: str) -> Done:
        """Deploy with the operator's answers and secrets."""
        return self(
            "deploy", f"--config-append={self.inputs.answers}", f"--secrets-file={self.inputs.secrets}", *arguments
        )

    def restore(self, *arguments: str) -> Done:
        """Deploy and restore the operator's archive."""
        return self.deploy(f"--restore-from-file={self.inputs.archive}", *arguments)
