"""Finds and opens the appliance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hosted_plugins.image import (
    ApplianceAnswers,
    KnownAppliances,
    OpenedAppliance,
)
from hosted_plugins.image.file import opened
from hosted_plugins.vm import VmAnswers, disk_needed
from hosted_setup.domain.appliance import look
from hosted_setup.domain.appliance_problems import ApplianceConf
from hosted_setup.files import fingerprint
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.ports.host import Host


class DiskTooSmall(Problem):
    """The engine VM's disk cannot hold the appliance's."""

    code = "HE-DISK-SMALL"
    title = "The engine VM's disk is smaller than the appliance's"


@step(Stage.SETUP, "Look for engine appliances")
def find_appliances(host: Host) -> KnownAppliances:
    """Read the `path=` of every `*appliance*.conf` that packages leave, the newest file first."""
    confs = sorted(host.paths.etc.glob("*appliance*.conf"), key=lambda conf: -conf.stat().st_mtime)
    found = (
        line.partition("=")[2].strip()
        for conf in confs
        for line in conf.read_text(errors="replace").splitlines()
        if line.startswith("path=")
    )
    return KnownAppliances(tuple(path for path in found if Path(path).is_file()))


def _unchanged(opened: OpenedAppliance, _: Host) -> bool:
    path = Path(opened.appliance.path)
    return path.is_file() and fingerprint(path.stat()) == opened.fingerprint


@step(Stage.CUSTOMIZATION, "Open the appliance", holds=_unchanged)
def open_appliance(answers: ApplianceAnswers, host: Host) -> OpenedAppliance:
    """Look at the appliance: what it is, where its disk lies, what it proposes."""
    conf, text = next(_conf_beside(answers.path, host), (None, None))
    with opened(answers.path) as stream:
        try:
            appliance = look(stream, path=str(answers.path), conf=text)
        except ApplianceConf as problem:
            raise problem.located(str(conf)) from None
    version = (
        _("version {version}", version=appliance.version)
        if appliance.version
        else _("its version is checked in the engine VM")
    )
    host.reporter.emit(Info(_("The appliance: {form}, {version}", form=appliance.form.value, version=version)))
    return OpenedAppliance(appliance, fingerprint(answers.path.stat()))


@check("Disk size")
def disk_size(vm: VmAnswers, opened: OpenedAppliance) -> None:
    """Refuse an engine disk that is smaller than the appliance's."""
    needed = disk_needed(opened)
    if vm.disk_gib < needed:
        detail = _("{disk} GiB, the appliance needs {needed} GiB", disk=vm.disk_gib, needed=needed)
        raise DiskTooSmall(
            detail,
            why=_("its disk is copied as a whole"),
            where=opened.appliance.path,
            hint=_("Answer OVEHOSTED_STORAGE/imgSizeGB=int:{needed} or more; see:", needed=needed),
            command="hosted-engine deploy --help",
        )


def _conf_beside(path: Path, host: Host) -> Iterator[tuple[Path, str]]:
    """Give path and text of the `.conf` that speaks of this image: in the operators' folder, or beside the file."""
    for conf in (*sorted(host.paths.etc.glob("*appliance*.conf")), *sorted(path.parent.glob("*appliance*.conf"))):
        text = conf.read_text(errors="replace")
        named = [line.partition("=")[2].strip() for line in text.splitlines() if line.startswith("path=")]
        if any(name == str(path) or name == path.name for name in named):
            yield conf, text


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps and the check."""
    return (find_appliances, open_appliance, disk_size)
