"""What adapters advise depends on the machine they run on; each kind of machine gets its own words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from hosted_setup.adapters import libvirt_connection, libvirt_proof, linux_machine
from hosted_setup.adapters.linux_machine import LinuxMachine

if TYPE_CHECKING:
    import libvirt

CAPABILITIES = """<capabilities><host><secmodel><model>dac</model><doi>0</doi>
<baselabel type='kvm'>+64055:+64055</baselabel></secmodel></host></capabilities>"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the adapters look below a folder instead of at this machine."""
    for module in (libvirt_connection, linux_machine):
        monkeypatch.setattr(module, "Path", lambda name: tmp_path / name.removeprefix("/"))
    return tmp_path


@pytest.mark.parametrize(
    ("booted", "programs", "hint", "command"),
    [
        (True, ("libvirtd",), "Start libvirt's daemon:", "systemctl start libvirtd.service"),
        (True, (), "Start libvirt's daemon:", "systemctl start virtqemud.socket"),
        (False, ("libvirtd",), "Start libvirt's daemons:", "virtlogd -d && libvirtd -d"),
        (False, ("apt-get",), "Install libvirt:", "apt-get install libvirt-daemon-system"),
        (False, (), "Install libvirt:", "dnf install libvirt-daemon-kvm"),
    ],
)
def test_how_libvirt_is_brought_up(  # noqa: PLR0913 - a table
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    booted: bool,  # noqa: FBT001
    programs: tuple[str, ...],
    hint: str,
    command: str,
) -> None:
    if booted:
        (root / "run/systemd/system").mkdir(parents=True)
    monkeypatch.setattr("shutil.which", lambda name: name if name in programs else None)
    assert libvirt_connection._remedy("qemu:///system") == (hint, command)


@pytest.mark.parametrize(
    ("flags", "device", "told"),
    [
        ("fpu vmx sse", True, ""),
        ("fpu svm sse", False, "there is no /dev/kvm"),
        ("fpu sse", True, "the processor's flags name neither vmx nor svm"),
    ],
)
def test_what_hardware_virtualisation_lacks(root: Path, flags: str, device: bool, told: str) -> None:  # noqa: FBT001
    for folder in ("proc", "dev"):
        (root / folder).mkdir()
    (root / "proc/cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    if device:
        (root / "dev/kvm").touch()
    assert LinuxMachine().without_kvm() == told


def test_a_device_that_qemus_user_cannot_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection:
        def getCapabilities(self) -> str:  # noqa: N802 - libvirt's name
            return CAPABILITIES

    device = tmp_path / "kvm"
    device.touch(mode=0o600)
    monkeypatch.setattr(libvirt_proof, "_KVM", device)
    connection = cast("libvirt.virConnect", Connection())
    told = f"{device} has mode 0600; qemu runs as user 64055 and cannot open it"
    assert libvirt_proof._kvm_closed(connection) == told
    device.chmod(0o660)
    assert libvirt_proof._kvm_closed(connection) == ""
    device.unlink()
    assert libvirt_proof._kvm_closed(connection) == f"{device}: {os.strerror(2)}"


def test_the_guest_that_answers_second_is_told_so() -> None:
    race = libvirt_proof._Race(cast("Any", None), "token")
    race._lines = dict.fromkeys(("kvm", "qemu"), cast("Any", None))
    race._won("qemu", 0.5)
    assert (race.proofs["qemu"].seconds, race.proofs["kvm"].seconds) == (0.5, None)
    assert race.proofs["kvm"].reason == "nothing yet when qemu had answered"
