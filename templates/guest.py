"""Runs inside the engine VM, started by cloud-init: restores, sets the engine up, tells the host about it.

It is written by the installer's own user-data, so any appliance with cloud-init can be deployed. It speaks over a
virtio-serial port, a line a message: `|- TEXT` is output for the operator, `HE_GUEST JSON` is for the installer. The
installer answers with JSON lines. Nothing secret comes with the user-data: the admin password is asked for over the
port, kept in memory and in a file on tmpfs while engine-setup reads it.

It needs nothing but the standard library of Python 3.6, which enterprise appliances still have.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from typing import IO, Any, Dict, Iterator, List, Optional  # noqa: UP035 - Python 3.6

PORT = "/dev/virtio-ports/org.ovirt.hosted-engine-setup.0"
PAYLOAD = "/dev/disk/by-id/virtio-he-backup"
WORK = "/var/lib/hosted-engine-setup"
SETUP_ANSWERS = "/run/hosted-engine-setup.conf"
HOSTS = "/etc/hosts"
HARDENING = os.path.join(WORK, "hardening.py")
UNIT = "/etc/systemd/system/hosted-engine-setup-again.service"
PSQL = "/usr/share/ovirt-engine/dbscripts/engine-psql.sh"
CA = "/etc/pki/ovirt-engine/ca.pem"
CHUNK = 1 << 20
KEYCLOAK = "OVESETUP_CONFIG/keycloakEnable=bool:True"
FENCE = "DisableFenceAtStartupInSec"


class Failed(Exception):
    """What the guest was asked to do did not work."""


class Host:
    """The port to the installer."""

    def __init__(self) -> None:
        self.port = open(PORT, "r+b", buffering=0)  # noqa: SIM115 - open as long as this runs

    def output(self, text: str) -> None:
        self._line("|- " + text)

    def tell(self, event: str, **fields: Any) -> None:
        self._line("HE_GUEST " + json.dumps(dict(fields, event=event), sort_keys=True))

    def ask(self, what: str) -> str:
        """Ask the installer; an answer to something else, left over from before a resume, is passed over."""
        self.tell("ask", what=what)
        while True:
            answer = json.loads(self._read_line())
            if what in answer:
                return str(answer[what])

    def _read_line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            byte = self.port.read(1)
            if not byte:
                time.sleep(0.2)  # nobody is connected to the other end: an installer comes back when it resumes
            line += byte or b""
        return line.decode()

    def _line(self, text: str) -> None:
        data = text.encode("utf-8", "replace")[:16000] + b"\n"
        while data:
            data = data[self.port.write(data) or 0 :]


def run(host: Host, *command: str) -> int:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    for line in lines(process.stdout):
        host.output(line)
    return process.wait()


def lines(stream: Optional[IO[bytes]]) -> Iterator[str]:
    for raw in stream or ():
        yield raw.decode("utf-8", "replace").rstrip()


def query(sql: str) -> str:
    done = subprocess.run(
        [PSQL, "-q", "-A", "-t", "-c", sql], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    text = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode:
        raise Failed("engine database: " + text[-500:])
    return text


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def copy_payload(length: int) -> str:
    path = os.path.join(WORK, "engine_backup")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(PAYLOAD, "rb", buffering=0) as source, os.fdopen(descriptor, "wb", 0) as target:
        while length:
            chunk = source.read(min(CHUNK, length))
            if not chunk:
                raise Failed("the backup disk is shorter than announced")
            target.write(chunk)
            length -= len(chunk)
    return path


def harden(host: Host, want: Dict[str, Any]) -> None:
    """Apply the security policies, reboot into them, and verify them: this program is begun twice then."""
    told = json.dumps(want)
    if os.path.exists(UNIT):
        subprocess.check_call(["systemctl", "disable", os.path.basename(UNIT)])
        os.unlink(UNIT)
        if run(host, sys.executable, HARDENING, "verify", told):
            raise Failed("the security policies are not in force")
        return
    if run(host, sys.executable, HARDENING, "apply", told):
        raise Failed("the security policies could not be applied")
    with open(UNIT, "w") as unit:
        unit.write("[Unit]\nWants=network-online.target\nAfter=network-online.target\n")
        unit.write("[Service]\nExecStart=%s %s %s\n" % (sys.executable, os.path.abspath(__file__), sys.argv[1]))
        unit.write("[Install]\nWantedBy=multi-user.target\n")
    subprocess.check_call(["systemctl", "enable", UNIT])
    host.output("Rebooting the engine VM")
    os.sync()
    subprocess.check_call(["systemctl", "reboot"])
    sys.exit()


def restore(host: Host, want: Dict[str, Any]) -> None:
    archive = copy_payload(want["length"])
    try:
        status = run(
            host, "engine-backup", "--mode=restore", "--file=" + archive, "--log=" + want["log"],
            "--provision-all-databases", "--restore-permissions",
        )  # fmt: skip
        if status:
            raise Failed("engine-backup ended with %d" % status)
        adapt_database(host, want)
    finally:
        os.unlink(archive)


def adapt_database(host: Host, want: Dict[str, Any]) -> None:
    """Take out of the restored database what is no longer true: see engine-backup.md, hosted-engine restore."""
    removed = query("SELECT vm_name FROM vms WHERE origin = 6")
    query("SELECT deletevm(vm_guid) FROM (SELECT vm_guid FROM vms WHERE origin = 6) t")
    host.output("Removed the previous hosted-engine VM from the database: %s" % (removed or "none"))
    match = "vds_name = %s OR upper(vds_unique_id) = upper(%s)" % (
        literal(want["host_name"]),
        literal(want["host_uuid"]),
    )
    removed = query("SELECT vds_name FROM vds WHERE " + match)
    query("SELECT deletevds(vds_id) FROM (SELECT vds_id FROM vds WHERE " + match + ") t")
    host.output("Removed this host from the database: %s" % (removed or "it was not there"))
    query(
        "UPDATE storage_domain_static SET storage_name = %s WHERE storage_name = %s"
        % (literal(want["storage_renamed"]), literal(want["storage_name"]))
    )
    host.output("Renamed the previous storage domain %s to %s" % (want["storage_name"], want["storage_renamed"]))


def fence_setting() -> str:
    return query("SELECT option_value FROM vdc_options WHERE option_name = %s" % literal(FENCE))


def set_fence(value: str) -> None:
    query("UPDATE vdc_options SET option_value = %s WHERE option_name = %s" % (literal(value), literal(FENCE)))


def set_up(host: Host, settings: List[str]) -> None:
    password = host.ask("admin-password")
    descriptor = os.open(SETUP_ANSWERS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as answers:
            answers.write("[environment:default]\n")
            answers.write("OVESETUP_CONFIG/adminPassword=str:%s\n" % password)
            if KEYCLOAK in settings:  # it has an administrator of its own
                answers.write("OVESETUP_CONFIG/keycloakAdminPasswd=str:%s\n" % password)
            answers.writelines(line + "\n" for line in settings)
        host.tell("password-taken")
        status = run(host, "engine-setup", "--accept-defaults", "--offline", "--config-append=" + SETUP_ANSWERS)
    finally:
        os.unlink(SETUP_ANSWERS)
    if status:
        raise Failed("engine-setup ended with %d" % status)


def host_keys() -> List[str]:
    folder = "/etc/ssh"
    found = []
    for name in sorted(os.listdir(folder)):
        if name.startswith("ssh_host_") and name.endswith(".pub"):
            with open(os.path.join(folder, name)) as key:
                found.append(" ".join(key.read().split()[:2]))
    return found


def own_address() -> str:
    """Give the address others see when this machine speaks to them; no packet is sent."""
    for family, there in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((there, 9))
            except OSError:
                continue
            return str(probe.getsockname()[0])
    return ""


def add_hosts(entries: List[List[str]]) -> None:
    """Let this machine know names without a name server; an empty address is its own."""
    with open(HOSTS, "a") as hosts:
        for address, names in entries:
            known = address or own_address()
            if known:
                hosts.write("%s %s\n" % (known, names))


def stage(host: Host, marker: str, action: Any, *arguments: Any) -> None:
    try:
        action(host, *arguments)
    except (Failed, OSError) as error:
        host.output("[ ERROR ] %s" % error)
        host.output(marker + "_FAIL")
        sys.exit(1)
    host.output(marker + "_SUCCESS")


def main() -> None:
    """Do what the configuration, base64 JSON in the only argument, says."""
    want = json.loads(base64.b64decode(sys.argv[1]).decode())
    host = Host()
    try:
        work(host, want)
    except Exception as error:
        host.tell("failed", why="%s: %s" % (type(error).__name__, error))
        raise


def work(host: Host, want: Dict[str, Any]) -> None:
    os.makedirs(WORK, mode=0o700, exist_ok=True)
    host.tell("hello", protocol=1, token=want["token"], host_keys=host_keys(), address=own_address())
    if not os.path.exists(UNIT):
        add_hosts(want["hosts"])
    if want["hardening"]:
        stage(host, "HE_APPLIANCE_HARDENING", harden, want["hardening"])
    fence = ""
    if want["restore"]:
        stage(host, "HE_APPLIANCE_ENGINE_RESTORE", restore, want["restore"])
        fence = fence_setting()
        set_fence("86400")  # nobody may fence a host because its engine was away during the recovery
    stage(host, "HE_APPLIANCE_ENGINE_SETUP", set_up, want["settings"])
    with open(CA) as ca:
        host.tell("ready", ca=ca.read())
    host.ask("finish")
    if fence:
        set_fence(fence)
    shutil.rmtree(WORK)
    host.tell("bye")


if __name__ == "__main__":
    main()
