"""The demo: its own rules here, and, for the long run, `make demo` and `make demo-clean` on this very machine."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, Run
from tools import demo


def test_secrets_are_random_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    demo.write_private(path, demo.secret_answers())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first, second = path.read_text().splitlines()[1:]
    assert first.startswith("OVEHOSTED_ENGINE/adminPassword=str:")
    assert second.startswith("OVEHOSTED_VM/cloudinitRootPwd=str:")
    assert len({first[-20:], second[-20:], *(line[-20:] for line in demo.secret_answers().splitlines()[1:])}) == 4


def test_the_answers_of_this_machine(tmp_path: Path) -> None:
    text = demo.answers(tmp_path / "engine.ova", tmp_path)
    assert text.startswith("[environment:default]\n")
    assert f"OVEHOSTED_VM/ovfArchive=str:{tmp_path}/engine.ova\n" in text


def test_the_recording_is_a_cast(run: Run, tmp_path: Path) -> None:
    """What the target runs, with a shorter program than the demo."""
    cast = tmp_path / "demo.cast"
    lines = run.well("make", "--dry-run", "recording", f"CAST={cast}").splitlines()
    (recorder,) = (line for line in lines if "asciinema" in line)
    assert "tools/demo.py up" in recorder
    run.well("sh", "-c", recorder.replace(".venv/bin/python tools/demo.py up", "printf recorded"))
    head, *events = map(json.loads, cast.read_text().splitlines())
    assert (head["version"], head["width"], head["height"]) == (2, 80, 24)
    assert "recorded" in "".join(text for _, kind, text in events if kind == "o")


def test_a_daemon_is_known_by_its_socket(tmp_path: Path) -> None:
    address = str(tmp_path / "socket")
    assert not demo.listens(address)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        assert not demo.listens(address)
        server.listen()
        assert demo.listens(address)
    assert not demo.listens(address)


def test_a_pid_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    for name in demo.DAEMONS:
        (tmp_path / f"{name}.pid").write_text(str(os.getpid()))
    demo.stop_daemons(tmp_path)
    assert os.getpid()


def test_without_a_demo_there_is_nothing_to_clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "PLACE", tmp_path / "none")
    assert demo.clean() == 0


def test_a_second_demo_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    with pytest.raises(demo.DemoError, match="make demo-clean"):
        demo.up()


def test_the_log_that_is_removed_is_the_demos_own() -> None:
    assert (
        f"HOSTED_ENGINE/vmName=str:{demo.OURS[0].partition('.')[0]}\n" in (ROOT / "answers" / "demo.conf").read_text()
    )


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_make_demo_and_demo_clean(run: Run) -> None:
    if demo.PLACE.exists():
        pytest.fail("there is a demo on this machine; run `make demo-clean` first")
    before = world(run)
    try:
        done = run("make", "--no-print-directory", "demo", timeout=1500)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "https://engine.example.test" in done.stdout
    finally:
        cleaned = run("make", "--no-print-directory", "demo-clean", timeout=300)
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr
    assert world(run) == before


def world(run: Run) -> dict[str, list[str]]:
    """Take stock of what a demo could leave behind."""
    libvirt = ("/var/lib/libvirt/images", "/var/lib/libvirt/dnsmasq", "/etc/libvirt/qemu", "/etc/libvirt/qemu/networks")
    folders = [Path(name) for name in ("/var/lib", "/etc", str(demo.GUEST_LOGS), *libvirt)]
    found = {str(folder): sorted(map(str, folder.iterdir())) for folder in (*folders, ROOT) if folder.is_dir()}
    names = ("libvirtd", "virtlogd", "dnsmasq", "qemu-system-x86")
    found["processes"] = sorted(name for name in run.well("ps", "-eo", "comm=").split() if name in names)
    found["links"] = sorted(line.split(":")[1] for line in run.well("ip", "-o", "link").splitlines())
    found["mounts"] = sorted(Path("/proc/self/mounts").read_text().splitlines())
    return found
