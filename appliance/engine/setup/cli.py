"""The command engine-setup."""

from __future__ import annotations

import argparse
import fcntl
import getpass
import hashlib
import secrets
import socket
import ssl
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .. import conf, paths, postgres, service
from ..answers import read_answers
from ..conf import ConfigurationError
from ..console import Console, ToolError, timestamp
from ..postgres import DatabaseError
from . import databases, pki

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..answers import Answers

HEALTHY = b"DB Up!Welcome to Health Status!"
HEALTH_SECONDS = 120


def main(argv: Sequence[str] | None = None) -> int:
    """Set the engine up; a second run finishes what a failed one left."""
    parser = argparse.ArgumentParser(prog="engine-setup", description="Set up the engine.", allow_abbrev=False)
    parser.add_argument("--accept-defaults", action="store_true", help="never ask")
    parser.add_argument("--offline", action="store_true", help="look for no package updates (there are none here)")
    parser.add_argument("--config", "--config-append", dest="files", action="append", type=Path, default=[])
    parser.add_argument("--log", type=Path)
    given = parser.parse_args(argv)
    mark = secrets.token_hex(3)
    log = given.log or paths.LOGS / "setup" / f"ovirt-engine-setup-{timestamp()}-{mark}.log"
    with Console(log) as console:
        try:
            with _one_at_a_time():
                _run(given.files, console, ask=not given.accept_defaults)
        except (ToolError, DatabaseError, ConfigurationError, OSError) as problem:
            return _failed(console, str(problem))
        except KeyboardInterrupt:
            return _failed(console, "interrupted")
        console.say("[ INFO  ] Stage: Termination")
        console.say("[ INFO  ] Execution of setup completed successfully")
    return 0


def _failed(console: Console, why: str) -> int:
    # On standard output, as oVirt's: whoever follows the run sees it in its place.
    console.say(f"[ ERROR ] Failed to execute stage: {why}")
    console.say("[ INFO  ] Stage: Clean up")
    console.say(f"          Log file is located at {console.path}")
    console.say("[ INFO  ] Stage: Termination")
    console.say("[ ERROR ] Execution of setup failed")
    return 1


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    (paths.ROOT / "run").mkdir(parents=True, exist_ok=True)
    with (paths.ROOT / "run/ovirt-engine-setup.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "another engine-setup is running"
            raise ToolError(message) from None
        yield


def _run(files: list[Path], console: Console, *, ask: bool) -> None:
    console.say("[ INFO  ] Stage: Initializing")
    console.say("[ INFO  ] Stage: Environment setup")
    console.say(f"          Configuration files: {[str(file) for file in files]}")
    console.say(f"          Log file: {console.path}")
    console.say(f"          Version: {paths.VERSION}")
    answers = read_answers(files)
    console.say("[ INFO  ] Stage: Environment customization")
    fqdn, organization, password = _customize(answers, ask=ask)
    console.say("[ INFO  ] Stage: Setup validation")
    _validate(fqdn, organization, password)
    console.say("[ INFO  ] Stage: Transaction setup")
    console.say("[ INFO  ] Stopping engine service")
    service.stop()
    if service.active():
        message = "the engine is running and could not be stopped"
        raise ToolError(message)
    console.say("[ INFO  ] Stage: Misc configuration")
    engine = databases.set_up(answers, console)
    pki.set_up(fqdn, organization, console, renew=answers.flag("OVESETUP_PKI/renew") or False)
    if password is not None:
        console.say("[ INFO  ] Setting a password for internal user admin")
        databases.set_admin(engine, password)
    elif not databases.has_admin(engine):
        message = "OVESETUP_CONFIG/adminPassword is needed: the admin user has no password yet"
        raise ToolError(message)
    console.say("[ INFO  ] Stage: Transaction commit")
    paths.write_private(paths.ENGINE_PROTOCOLS_CONF, _protocols(fqdn), mode=0o644)
    paths.write_private(paths.SETUP_CONF, _post_install(fqdn, organization), mode=0o600)
    databases.note_setup(engine, fqdn)
    console.say("[ INFO  ] Stage: Closing up")
    _start(fqdn, console)
    console.say("          --== SUMMARY ==--")
    console.say(f"          Web access is enabled at: https://{fqdn}/ovirt-engine")
    console.say(f"          Internal CA: {_fingerprint()}")
    console.say("          --== END OF SUMMARY ==--")
    console.say("[ INFO  ] Stage: Clean up")
    console.say(f"          Log file is located at {console.path}")
    _answer_file(fqdn, organization, console)
    console.say("[ INFO  ] Stage: Pre-termination")


def _customize(answers: Answers, *, ask: bool) -> tuple[str, str, str | None]:
    present = conf.load_folder(paths.ENGINE_CONF_D).get("ENGINE_FQDN")
    fqdn = answers.text("OVESETUP_CONFIG/fqdn")
    if fqdn is None:
        fqdn = present or socket.getfqdn()
        if ask:
            fqdn = input(f"Host fully qualified DNS name of this server [{fqdn}]: ") or fqdn
    organization = answers.text("OVESETUP_PKI/organization") or fqdn.partition(".")[2] or "Test"
    password = answers.text("OVESETUP_CONFIG/adminPassword")
    if password is None and ask:
        password = getpass.getpass("Engine admin password: ")
        if password != getpass.getpass("Confirm engine admin password: "):
            message = "the passwords do not match"
            raise ToolError(message)
    return fqdn, organization, password


def _validate(fqdn: str, organization: str, password: str | None) -> None:
    pki.check_names(fqdn, organization)
    if password is not None and (password.strip() != password or "\n" in password):
        message = "the admin password must not begin or end with white space, nor have a line break"
        raise ToolError(message)
    known = [database for kind in (conf.ENGINE, conf.DWH) if (database := conf.database(kind))]
    if all(database.local for database in known):
        postgres.admin("SELECT 1", port=known[0].port if known else 5432)


def _protocols(fqdn: str) -> str:
    return conf.render(
        {
            "ENGINE_FQDN": fqdn,
            "ENGINE_PROXY_ENABLED": "false",
            "ENGINE_HTTPS_ENABLED": "true",
            "ENGINE_HTTPS_PORT": "443",
            "ENGINE_BASE_URL": f"https://{fqdn}:443/ovirt-engine/",
        }
    )


def _post_install(fqdn: str, organization: str) -> str:
    return (
        "[environment:default]\n"
        f"OVESETUP_CONFIG/fqdn=str:{fqdn}\n"
        f"OVESETUP_PKI/organization=str:{organization}\n"
        f"OVESETUP_CORE/generatedByVersion=str:{paths.VERSION}\n"
    )


def _answer_file(fqdn: str, organization: str, console: Console) -> None:
    file = paths.STATE / "setup/answers" / f"{timestamp()}-setup.conf"
    console.say(f"[ INFO  ] Generating answer file '{file}'")
    paths.write_private(file, _post_install(fqdn, organization))


def _fingerprint() -> str:
    der = ssl.PEM_cert_to_DER_cert(paths.CA_CERT.read_text())
    return "SHA256 " + ":".join(f"{byte:02X}" for byte in hashlib.sha256(der).digest())


def _start(fqdn: str, console: Console) -> None:
    if not service.booted():
        console.say("[WARNING] There is no service manager here; the engine was not started")
        return
    console.say("[ INFO  ] Starting engine service")
    problem = service.start()
    if problem:
        raise ToolError(problem)
    deadline = time.monotonic() + HEALTH_SECONDS
    while not _healthy(fqdn):
        if time.monotonic() > deadline:
            message = f"the engine did not become healthy within {HEALTH_SECONDS} s; see {paths.LOGS}/engine.log"
            raise ToolError(message)
        time.sleep(0.5)


def _healthy(fqdn: str) -> bool:
    """Ask the engine as any client would, with the certificate checked."""
    context = ssl.create_default_context(cafile=str(paths.CA_CERT))
    request = f"GET /ovirt-engine/services/health HTTP/1.1\r\nHost: {fqdn}\r\nConnection: close\r\n\r\n"
    try:
        with (
            socket.create_connection(("localhost", 443), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=fqdn) as link,
        ):
            link.sendall(request.encode())
            answer = b""
            while block := link.recv(4096):
                answer += block
    except OSError:
        return False
    return HEALTHY in answer


if __name__ == "__main__":
    sys.exit(main())
