"""A private PostgreSQL and appliances under a prefix: the guest's tools run on the host, away from /etc."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
PG_BIN = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "Correct-horse'7\\"
FQDN = "engine.example.test"


def short_folder() -> Path:
    """Make a folder whose name leaves room for a Unix socket's and that PostgreSQL's account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="app-"))
    folder.chmod(0o711)
    return folder


class Cluster:
    """A PostgreSQL server of its own: a Unix socket, no network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = folder / "sockets"
        self.data = folder / "data"
        self.user = "postgres" if os.geteuid() == 0 else None
        # glibc takes the locale by its folder's name: PostgreSQL accepts lc_messages = en_US.UTF-8 without
        # the machine having to generate that locale.
        locales = folder / "locales"
        locales.mkdir()
        for name in ("en_US.UTF-8", "C.UTF-8"):
            (locales / name).symlink_to("/usr/lib/locale/C.utf8")
        self.environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LOCPATH": str(locales)}
        self.sockets.mkdir()
        self.server: subprocess.Popen[bytes] | None = None

    def initialize(self) -> None:
        """Make the data directory; as in the appliance, passwords are scram and the superuser is local."""
        self.data.mkdir()
        for path in (self.data, self.sockets):
            if self.user:
                shutil.chown(path, self.user)
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8", "--no-sync", "-A", "trust"
        )
        (self.data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = ''\nunix_socket_directories = '{self.sockets}'\nfsync = off\n"
                "lc_messages = 'en_US.UTF-8'\nmax_connections = 60\njit = off\n"
            )

    def adopt(self, data: Path) -> None:
        """Take a copy of a data directory that is somebody else's."""
        shutil.copytree(data, self.data)
        for path in (self.data, *self.data.rglob("*"), self.sockets):
            if self.user:
                shutil.chown(path, self.user, self.user)
        self.data.chmod(0o700)

    def _run(self, program: str, *words: str | Path) -> None:
        command = [str(PG_BIN / program), *(str(word) for word in words)]
        subprocess.run(command, check=True, capture_output=True, env=self.environment, cwd="/", user=self.user)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [str(PG_BIN / "postgres"), "-D", str(self.data), "-k", str(self.sockets), "-p", "5432"],
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd="/",
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )
        wait_for(self._ready, "PostgreSQL answers", 30)

    def _ready(self) -> bool:
        command = [str(PG_BIN / "pg_isready"), "-q", "-h", str(self.sockets), "-p", "5432"]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self) -> None:
        """Stop the server at once, ending its sessions."""
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(30)
            self.server = None

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """Run SQL as the superuser."""
        command = [str(PG_BIN / "psql"), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.sockets)]
        command += ["-U", "postgres", "-d", database, "-f", "-"]
        done = subprocess.run(command, input=statement, text=True, capture_output=True, check=True)
        return done.stdout.splitlines()


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 15) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain until {what}"
        time.sleep(0.05)


@dataclass(frozen=True)
class Reply:
    """What the web service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


@dataclass
class Machine:
    """One appliance under a prefix, with database names of its own on the shared server."""

    root: Path
    cluster: Cluster
    name: str
    port: int = 0
    engine: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.root / "run").mkdir()
        (self.root / "run/postgresql").symlink_to(self.cluster.sockets)
        self.environment = {
            "PATH": os.environ["PATH"],
            "ENGINE_ROOT": str(self.root),
            "PYTHONPATH": str(REPOSITORY),
            "LC_ALL": "C.UTF-8",
        }

    @property
    def databases(self) -> tuple[str, str]:
        """The names of the engine's database and of the history's."""
        return f"engine_{self.name}", f"history_{self.name}"

    def run(self, module: str, *words: str | Path, text: str | None = None, **more: str) -> tuple[int, str]:
        """Run one of the tools; return its exit code and all it printed."""
        done = subprocess.run(
            [sys.executable, "-m", f"appliance.engine.{module}", *(str(word) for word in words)],
            env=self.environment | more,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self.root,
        )
        return done.returncode, done.stdout

    def well(self, module: str, *words: str | Path) -> str:
        """Run a tool that has to succeed."""
        code, said = self.run(module, *words)
        assert code == 0, said
        return said

    def answers(self, **more: str) -> Path:
        """Write an answer file."""
        engine, history = self.databases
        sockets = self.root / "run/postgresql"
        lines = {
            "OVESETUP_CONFIG/fqdn": f"str:{FQDN}",
            "OVESETUP_CONFIG/adminPassword": f"str:{PASSWORD}",
            "OVESETUP_PKI/organization": "str:example.test",
            "OVESETUP_DB/host": f"str:{sockets}",
            "OVESETUP_DB/user": f"str:{engine}",
            "OVESETUP_DB/database": f"str:{engine}",
            "OVESETUP_DWH_DB/host": f"str:{sockets}",
            "OVESETUP_DWH_DB/user": f"str:{history}",
            "OVESETUP_DWH_DB/database": f"str:{history}",
        } | {key.replace("__", "/"): value for key, value in more.items()}
        file = self.root / "answers.conf"
        text = "".join(f"{key}={value}\n" for key, value in lines.items() if value)
        file.write_text(f"[environment:default]\n{text}")
        return file

    def setup(self, **more: str) -> str:
        """Run engine-setup."""
        return self.well("setup.cli", "--accept-defaults", "--offline", f"--config-append={self.answers(**more)}")

    def backup(self, file: Path, *words: str) -> str:
        """Run engine-backup in mode backup."""
        return self.well("backup.cli", f"--file={file}", f"--log={file}.log", *words)

    def restore(self, file: Path, *words: str) -> tuple[int, str]:
        """Run engine-backup in mode restore."""
        return self.run("backup.cli", "--mode=restore", f"--file={file}", f"--log={self.root}/restore.log", *words)

    def psql(self, *words: str) -> str:
        """Run engine-psql.sh."""
        script = REPOSITORY / "appliance/dbscripts/engine-psql.sh"
        done = subprocess.run(
            [str(script), "-A", "-t", *words], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def drop(self) -> None:
        """Remove the databases, as a fresh machine has none."""
        for name in self.databases:
            self.cluster.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE);')
            self.cluster.sql(f'DROP ROLE IF EXISTS "{name}";')

    @contextmanager
    def serving(self) -> Iterator[Machine]:
        """Run the web service on a free port of the loopback interface."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        folder = self.root / "etc/ovirt-engine/engine.conf.d"
        (folder / "90-test.conf").write_text(f"ENGINE_HTTPS_PORT={self.port}\nENGINE_HTTPS_ADDRESS=127.0.0.1\n")
        self.engine = subprocess.Popen([sys.executable, "-m", "appliance.engine.web.server"], env=self.environment)
        try:
            wait_for(self._listens, "the engine listens")
            yield self
        finally:
            self.engine.terminate()
            assert self.engine.wait(20) == 0

    def _listens(self) -> bool:
        assert self.engine is not None
        assert self.engine.poll() is None, "the engine died"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Reply:
        """Send one request, with the certificate checked against the machine's CA and its host name."""
        context = ssl.create_default_context(cafile=str(self.root / "etc/pki/ovirt-engine/ca.pem"))
        link = _Connection(FQDN, self.port, timeout=20, context=context)
        try:
            link.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = link.getresponse()
            return Reply(answer.status, dict(answer.headers), answer.read())
        finally:
            link.close()

    def login(self, user: str = "admin@internal", password: str = PASSWORD) -> Reply:
        """Ask for a token."""
        fields = {"grant_type": "password", "scope": "ovirt-app-api", "username": user, "password": password}
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", "/ovirt-engine/sso/oauth/token", urlencode(fields).encode(), Content_Type=kind)

    def token(self) -> str:
        """Log in."""
        return str(json.loads(self.login().text)["access_token"])


class _Connection(HTTPSConnection):
    """Connects to the loopback interface while naming the engine's FQDN."""

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined]
