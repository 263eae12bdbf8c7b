"""The requests: what comes in, which rule it must keep, what goes out. Long: one handler a resource, in one table."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs

import psycopg2
from tornado.web import RequestHandler

from .. import passwords, paths
from .entities import API, KINDS
from .search import SearchError
from .store import ADD, Store, StoreError
from .strictxml import XmlError, collection, element, fault, leaf, parse, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from xml.etree.ElementTree import Element

    from .tokens import Tokens

HEALTHY = "DB Up!Welcome to Health Status!"
HEALTH_SECONDS = 8
PASSWORD_LIMIT = 1024
FAILED = "Operation Failed"
Answer = TypeVar("Answer")
log = logging.getLogger("engine")


class Engine:
    """What the handlers share."""

    def __init__(self, store: Store, tokens: Tokens, workers: Executor, health_workers: Executor) -> None:
        self.store = store
        self.tokens = tokens
        self.workers = workers
        # Threads of its own: requests that wait for a dead database must not keep its bad health a secret.
        self.health_workers = health_workers


class Base(RequestHandler):
    """What all answers have in common."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    def initialize(self, engine: Engine) -> None:
        """Take what the handlers share."""
        self.engine = engine

    def set_default_headers(self) -> None:
        """Tell nothing about the server."""
        self.set_header("Server", "ovirt-engine-reference")
        self.set_header("Cache-Control", "no-store")

    async def work(self, what: Callable[[], Answer]) -> Answer:
        """Do something blocking beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.engine.workers, what)

    def write_error(self, status_code: int, **_details: Any) -> None:  # noqa: ANN401 tornado's signature
        """Answer what tornado itself refuses, or a bug, without telling its insides."""
        self.set_header("Content-Type", "text/plain;charset=UTF-8")
        self.finish(f"{status_code}\n")


class Health(Base):
    """``/ovirt-engine/services/health``."""

    async def get(self) -> None:
        """Ask the database now; whatever does not answer in time counts as bad."""
        self.set_header("Content-Type", "text/plain;charset=UTF-8")
        asked = asyncio.get_running_loop().run_in_executor(self.engine.health_workers, self.engine.store.alive)
        try:
            good = await asyncio.wait_for(asked, HEALTH_SECONDS)
        except (TimeoutError, psycopg2.Error) as problem:
            log.warning("health: the database does not answer: %s", str(problem).strip() or "timeout")
            good = False
        if not good:
            self.set_status(500)
        self.finish(HEALTHY if good else "DB Down!")


class Pki(Base):
    """``/ovirt-engine/services/pki-resource``."""

    async def get(self) -> None:
        """Hand out the CA's certificate."""
        wanted = (self.get_query_argument("resource", ""), self.get_query_argument("format", "X509-PEM-CA"))
        if wanted not in {("ca-certificate", "X509-PEM-CA"), ("ca-certificate", "X509-PEM")}:
            self.set_status(404)
            self.finish("no such resource\n")
            return
        self.set_header("Content-Type", f"application/x-x509-{'ca' if wanted[1].endswith('CA') else 'user'}-cert")
        self.finish(await self.work(paths.CA_CERT.read_bytes))


def form(request_body: bytes) -> dict[str, str]:
    """Read a form; a field that comes twice is taken for none."""
    try:
        fields = parse_qs(request_body.decode(), keep_blank_values=True, max_num_fields=32)
    except ValueError:
        return {}
    return {key: values[0] for key, values in fields.items() if len(values) == 1}


class Token(Base):
    """``/ovirt-engine/sso/oauth/token``."""

    async def post(self) -> None:
        """Log in."""
        fields = form(self.request.body)
        if fields.get("grant_type") != "password":
            self._refuse(400, "unsupported_grant_type", "only the grant type password is supported")
            return
        user, password = fields.get("username", ""), fields.get("password", "")
        try:
            good = len(password) <= PASSWORD_LIMIT and await self.work(partial(self._check, user, password))
        except psycopg2.Error as problem:
            log.warning("login of %r: the database does not answer: %s", user, str(problem).strip())
            self._refuse(500, "server_error", "the engine's database does not answer")
            return
        if not good:
            log.warning("login of %r from %s refused", user[:255], self.request.remote_ip)
            reason = f"Cannot authenticate user '{user[:255]}': Invalid user credentials."
            self._refuse(401, "access_denied", reason)
            return
        token, expires = self.engine.tokens.issue(user)
        log.info("user %s logged in from %s", user, self.request.remote_ip)
        self.finish(
            {
                "access_token": token,
                "token_type": "bearer",
                "scope": fields.get("scope", "ovirt-app-api"),
                "exp": str(int(expires * 1000)),
            }
        )

    def _check(self, user: str, password: str) -> bool:
        name, _, domain = user.rpartition("@")
        kept = self.engine.store.account(name) if domain == "internal" else None
        matches = passwords.matches(password, kept or passwords.DUMMY)
        return matches and kept is not None

    def _refuse(self, status: int, error: str, description: str) -> None:
        self.set_status(status)
        self.finish({"error": error, "error_description": description})


class Logout(Base):
    """``/ovirt-engine/services/sso-logout``."""

    async def post(self) -> None:
        """Forget the token; one that is not known is as good as forgotten."""
        self.engine.tokens.revoke(form(self.request.body).get("token", ""))
        self.finish({})


class Api(Base):
    """Everything under ``/ovirt-engine/api``."""

    user = ""

    async def prepare(self) -> None:
        """Let in only who has a token."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        user = self.engine.tokens.user(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            self.set_header("WWW-Authenticate", 'Bearer realm="ovirt-engine"')
            self._answer(401, fault(FAILED, "the access token is missing, wrong or expired"))
        else:
            self.user = user

    async def get(self, path: str | None) -> None:
        """Read."""
        await self._serve(partial(self._read, _words(path)))

    async def post(self, path: str | None) -> None:
        """Add."""
        await self._serve(partial(self._add, _words(path)))

    async def _unsupported(self, path: str | None) -> None:
        self._answer(
            501, fault(FAILED, f"{self.request.method} of '/{path or ''}' is not built in this reference engine")
        )

    put = delete = patch = head = options = _unsupported

    async def _serve(self, what: Callable[[], tuple[int, Element]]) -> None:
        try:
            status, answer = await self.work(what)
        except StoreError as problem:
            status, answer = problem.status, fault(FAILED, str(problem))
        except (SearchError, XmlError) as problem:
            status, answer = 400, fault(FAILED, str(problem))
        except psycopg2.errors.UniqueViolation:
            status, answer = 409, fault(FAILED, "Cannot add. The name or the id is already in use.")
        except psycopg2.DataError as problem:
            status, answer = 400, fault(FAILED, str(problem).partition("\n")[0])
        except psycopg2.Error as problem:
            log.exception("%s %s failed", self.request.method, self.request.path)
            status, answer = 500, fault(FAILED, f"database error {problem.pgcode or 'without a code'}")
        self._answer(status, answer)

    def _answer(self, status: int, answer: Element) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/xml;charset=UTF-8")
        self.finish(write(answer))

    def write_error(self, status_code: int, **_details: Any) -> None:  # noqa: ANN401 tornado's signature
        """Answer a bug, or what tornado itself refuses, in the API's own form."""
        self._answer(status_code, fault(FAILED, "the engine could not handle the request"))

    def _read(self, words: list[str]) -> tuple[int, Element]:
        store = self.engine.store
        match words:
            case []:
                return 200, _entry_point(store)
            case [path] if path in KINDS:
                kind = KINDS[path]
                search = self.get_query_argument("search", "")
                strict = self.get_query_argument("case_sensitive", "true") != "false"
                found = store.find(kind, search, self._limit(), case_sensitive=strict)
                return 200, collection(kind.plural, found)
            case [path, identifier] if path in KINDS:
                return 200, store.get(KINDS[path], identifier)
            case ["vms", vm, "diskattachments"]:
                store.get(KINDS["vms"], vm)
                return 200, collection("disk_attachments", store.disk_attachments(vm))
            case ["datacenters", center, "storagedomains"]:
                store.get(KINDS["datacenters"], center)
                return 200, collection("storage_domains", store.attached(center))
            case ["datacenters", center, "storagedomains", domain]:
                return 200, store.attached_one(center, domain)
        raise _not_built("GET", words)

    def _add(self, words: list[str]) -> tuple[int, Element]:
        store = self.engine.store
        match words:
            case [path] if path in ADD:
                return 201, store.add(KINDS[path], parse(self.request.body), self.user)
            case ["datacenters", center, "storagedomains"]:
                return 201, store.attach(center, parse(self.request.body), self.user)
        raise _not_built("POST", words)

    def _limit(self) -> int | None:
        given = self.get_query_argument("max", "")
        if given in {"", "-1"}:
            return None
        if not (given.isascii() and given.isdigit()):
            raise StoreError(400, "max must be a number")
        return int(given[:9])


class Elsewhere(Base):
    """Whatever else is asked for."""

    async def prepare(self) -> None:
        """Say that it is not here."""
        self.set_status(404)
        self.set_header("Content-Type", "text/plain;charset=UTF-8")
        self.finish("not found\n")


def _words(path: str | None) -> list[str]:
    return [word for word in (path or "").split("/") if word]


def _not_built(method: str, words: list[str]) -> StoreError:
    return StoreError(501, f"{method} of '/{'/'.join(words)[:200]}' is not built in this reference engine")


def _entry_point(store: Store) -> Element:
    counts = store.counts()
    numbers = ([*paths.VERSION.split("."), "0", "0"])[:3]

    def total(tag: str, active: int | None, everything: int) -> Element:
        return element(tag, leaf("active", active), leaf("total", everything))

    return element(
        "api",
        *(element("link", href=f"{API}/{path}", rel=path) for path in KINDS),
        element(
            "product_info",
            leaf("name", "Reference engine"),
            leaf("vendor", "hosted-engine"),
            element(
                "version",
                leaf("major", numbers[0]),
                leaf("minor", numbers[1]),
                leaf("build", numbers[2]),
                leaf("revision", 0),
                leaf("full_version", paths.VERSION),
            ),
        ),
        element(
            "summary",
            total("hosts", counts["hosts_up"], counts["hosts"]),
            total("storage_domains", counts["domains_active"], counts["domains"]),
            total("users", counts["users"], counts["users"]),
            total("vms", counts["vms_up"], counts["vms"]),
        ),
    )
