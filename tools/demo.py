#!/usr/bin/env python3
"""The demo: deploy an engine VM on this machine and restore the sample backup into it; or remove it all again.

    tools/demo.py up       what `make demo` runs
    tools/demo.py clean    what `make demo-clean` runs

Everything the demo makes is below `/var/lib/hosted-engine-demo`: qemu's own user has to reach the engine disk, so a
home directory will not do. `hosted-engine` runs with its root there and leaves this machine's `/etc` alone. An
appliance or a daemon that was there before stays.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
PLACE = Path("/var/lib/hosted-engine-demo")
ROOT = PLACE / "root"
STORAGE = PLACE / "storage"
SECRETS = PLACE / "secrets.conf"
ANSWERS = PLACE / "machine.conf"
BUILT = PLACE / "built-appliance"  # names the cached appliance that only the demo asked for
DAEMONS = {"virtlogd": "/run/libvirt/virtlogd-sock", "libvirtd": "/run/libvirt/libvirt-sock"}
URI = "qemu:///system"
KVM = Path("/dev/kvm")
GUEST_LOGS = Path("/var/log/libvirt/qemu")
OURS = ("HostedEngineDemo.log*", "he-proof-*.log*")  # libvirt keeps the log of a guest that is gone
PATIENCE = 60  # seconds for a daemon to start or to stop
HEADER = "[environment:default]\n"
SECRET_KEYS = ("OVEHOSTED_ENGINE/adminPassword", "OVEHOSTED_VM/cloudinitRootPwd")


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def call(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program and keep what it says."""
    return subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def libvirt_answers() -> bool:
    """Tell whether this machine's libvirt can be spoken to."""
    return call("timeout", "20", "virsh", "--connect", URI, "uri").returncode == 0


def listens(address: str) -> bool:
    """Tell whether a daemon is behind this socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(address) == 0


def open_kvm(place: Path = PLACE) -> None:
    """Give /dev/kvm to the group kvm, as udev does where it runs, remembering below `place` how it was.

    A device that qemu's user cannot open makes libvirt ask qemu anew, for a minute at every start of a VM.
    """
    if not KVM.exists() or KVM.stat().st_mode & 0o066 or libvirt_answers():
        return
    status = KVM.stat()
    (place / "kvm").write_text(f"{status.st_gid} {status.st_mode & 0o777:o}")
    shutil.chown(KVM, group="kvm")
    KVM.chmod(0o660)


def close_kvm(place: Path = PLACE) -> None:
    """Put /dev/kvm back as it was."""
    try:
        gid, mode = (place / "kvm").read_text().split()
        os.chown(KVM, -1, int(gid))
        KVM.chmod(int(mode, 8))
    except FileNotFoundError:
        return


def start_daemons(place: Path = PLACE) -> None:
    """Start this machine's libvirt if nobody has, remembering below `place` what was started.

    Raises:
        DemoError: it does not come up.
    """
    if libvirt_answers():
        return
    for name, address in DAEMONS.items():
        if listens(address):
            continue
        done = call(name, "--daemon", "--pid-file", place / f"{name}.pid")
        if done.returncode:
            message = f"{name} does not start: {done.stderr.strip()}"
            raise DemoError(message)
    deadline = time.monotonic() + PATIENCE
    while not libvirt_answers():
        if time.monotonic() > deadline:
            message = f"libvirt does not answer at {URI}"
            raise DemoError(message)
        time.sleep(0.5)


def stop_daemons(place: Path = PLACE) -> None:
    """Stop the daemons that were started, the last one first."""
    for name in reversed(DAEMONS):
        try:
            pid = int((place / f"{name}.pid").read_text())
            if Path(f"/proc/{pid}/comm").read_text().strip() != name:
                continue  # another process has that number by now
            os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            continue
        deadline = time.monotonic() + PATIENCE
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.1)


def find_appliance() -> Path:
    """Give the folder of the appliance and its sample backup, built if there is none.

    Raises:
        DemoError: it cannot be built.
    """
    build: list[str | Path] = [sys.executable, SOURCE / "appliance" / "build.py"]
    folder = Path(call(*build, "--print-directory").stdout.strip())
    if not folder.is_dir():
        print("demo: building the reference appliance", flush=True)
        BUILT.write_text(f"{folder}\n")
        if subprocess.run(build, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode:
            message = "the appliance could not be built"
            raise DemoError(message)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def answers(appliance: Path, storage: Path) -> str:
    """Give the answers that depend on this machine."""
    return f"{HEADER}OVEHOSTED_VM/ovfArchive=str:{appliance}\nOVEHOSTED_STORAGE/storageDomainConnection=str:{storage}\n"


def secret_answers() -> str:
    """Give random passwords, as an answer file."""
    return HEADER + "".join(f"{key}=str:{secrets.token_urlsafe(16)}\n" for key in SECRET_KEYS)


def hosted_engine(*arguments: str) -> int:
    """Run the program in the terminal of whoever runs the demo."""
    program = SOURCE / ".venv" / "bin" / "hosted-engine"
    command = [str(program), *arguments, f"--root={ROOT}", f"--libvirt-uri={URI}"]
    print("demo: " + " ".join(command), flush=True)
    return subprocess.run(command, check=False, cwd=SOURCE).returncode


def deploy(folder: Path) -> int:
    """Run the deploy with restore."""
    return hosted_engine(
        "--deploy",
        f"--restore-from-file={folder / 'sample.backup'}",
        "--config-append=answers/demo.conf",
        f"--config-append={ANSWERS}",
        f"--secrets-file={SECRETS}",
    )


def undeploy() -> int:
    """Remove domain, network and storage domain of the demo."""
    return hosted_engine("cleanup", "--yes")


def up() -> int:
    """Make the demo; its exit code is that of `hosted-engine`.

    Raises:
        DemoError: there is one already, or this machine lacks something.
    """
    if ROOT.exists():
        message = "there is a demo on this machine; `make demo-clean` removes it"
        raise DemoError(message)
    PLACE.mkdir(mode=0o755, exist_ok=True)
    folder = find_appliance()
    open_kvm()
    start_daemons()
    ROOT.mkdir()
    STORAGE.mkdir()
    write_private(SECRETS, secret_answers())
    write_private(ANSWERS, answers(folder / "engine.ova", STORAGE))
    code = deploy(folder)
    if code == 0:
        print(f"demo: passwords are in {SECRETS}; `make demo-clean` removes everything again")
    return code


def clean() -> int:
    """Remove what the demo made.

    Raises:
        DemoError: something is left.
    """
    if not PLACE.exists():
        return 0
    if ROOT.exists():
        start_daemons()
        if undeploy():
            message = f"`hosted-engine cleanup` failed, so {PLACE} stays"
            raise DemoError(message)
    stop_daemons()
    close_kvm()
    for log in (log for pattern in OURS for log in GUEST_LOGS.glob(pattern)):
        log.unlink()
    if BUILT.exists():
        shutil.rmtree(BUILT.read_text().strip(), ignore_errors=True)
    shutil.rmtree(PLACE)
    print("demo: removed")
    return 0


def main() -> int:
    """Do what the one argument says."""
    actions = {"up": up, "clean": clean}
    action = actions.get("".join(sys.argv[1:]))
    if action is None:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if os.geteuid() != 0:
            raise DemoError("the demo needs root: it starts libvirt and a VM")  # noqa: TRY301 - said once
        return action()
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
