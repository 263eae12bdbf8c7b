"""The engine over HTTPS, by urllib3: connected by address, verified by name against the engine's own CA."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

import urllib3
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hosted_setup.model.messages import _
from hosted_setup.ports.engine import EngineAddress, Entity
from hosted_setup.ports.problems import (
    BUNDLE,
    COLLECT,
    EngineFault,
    EngineUnreachable,
    EngineUntrusted,
    login_refused,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosted_setup.model.secret import Secret

_BODY_LIMIT: Final = 4 << 20
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=30)
_API: Final = "/ovirt-engine/api"
_HTTPS: Final = 443
_SINGULAR: Final = {
    "datacenters": "data_center", "clusters": "cluster", "hosts": "host", "storagedomains": "storage_domain",
    "vms": "vm", "disks": "disk",
}  # fmt: skip


class RestEngines:
    """Implements `ports.engine.Engines`."""

    def health(self, engine: EngineAddress) -> str:
        """Give the health page's text, whatever its status."""
        with _pool(engine) as pool:
            return _ask(pool, engine, "GET", "/ovirt-engine/services/health")[1].decode("utf-8", "replace")[:1000]

    def login(self, engine: EngineAddress, user: str, password: Secret) -> RestSession:
        """Log in once."""
        pool = _pool(engine)
        fields = {"grant_type": "password", "scope": "ovirt-app-api", "username": user, "password": password.reveal()}
        status, body = _ask(pool, engine, "POST", "/ovirt-engine/sso/oauth/token", _form(fields))
        answer = _json_object(body)
        token = answer.get("access_token")
        if isinstance(token, str):
            return RestSession(pool, engine, token)
        pool.close()
        said = answer.get("error_description") or answer.get("error") or f"HTTP {status}"
        if status >= 500 or "error" not in answer:  # noqa: PLR2004 - the server's own trouble
            raise EngineFault(
                "POST /ovirt-engine/sso/oauth/token", why=f"HTTP {status}: {said}", hint=_(COLLECT), command=BUNDLE
            )
        raise login_refused(user, str(said))


class RestSession:
    """Implements `ports.engine.Session`."""

    def __init__(self, pool: urllib3.HTTPSConnectionPool, engine: EngineAddress, token: str) -> None:
        """Use `token` for every request."""
        self._pool = pool
        self._engine = engine
        self._token = token

    def product_version(self) -> str:
        """Give the engine's full version."""
        version = self._request("GET", "").find("product_info/version")
        full = version.findtext("full_version") if version is not None else None
        return full or "unknown"

    def find(self, collection: str, name: str) -> Entity | None:
        """Find an entity by its exact name; the engine's search is looser, and nested collections have none."""
        found = self._request("GET", f"/{collection}?search={quote(f'name={name}', safe='')}")
        for element in found:
            if element.findtext("name") == name:
                return Entity(element.get("id", ""), name)
        return None

    def add(self, collection: str, fields: dict[str, object]) -> Entity:
        """Add an entity."""
        kind = _SINGULAR[collection.rpartition("/")[2]]
        made = self._request("POST", f"/{collection}", tostring(_element(kind, fields)))
        return Entity(made.get("id", ""), made.findtext("name") or str(fields.get("name", "")))

    def close(self) -> None:
        """Log out; a session that cannot be closed ends by itself."""
        with suppress(EngineUnreachable):
            _ask(
                *(self._pool, self._engine, "POST", "/ovirt-engine/services/sso-logout"),
                _form({"scope": "ovirt-app-api", "token": self._token}),
            )
        self._pool.close()

    def _request(self, method: str, path: str, body: bytes = b"") -> Element:
        headers = {"Authorization": f"Bearer {self._token}", "Version": "4", "Accept": "application/xml"}
        content = _Content(body, headers | ({"Content-Type": "application/xml"} if body else {}))
        status, answer = _ask(self._pool, self._engine, method, _API + path, content)
        try:
            element = fromstring(answer)
        except (ParseError, DefusedXmlException, ValueError) as error:
            why = f"HTTP {status}, not XML"
            raise EngineFault(f"{method} {_API}{path}", why=why, hint=_(COLLECT), command=BUNDLE) from error
        fault = element if element.tag == "fault" else element.find("fault")
        if status >= 300 or fault is not None:  # noqa: PLR2004 - anything but a success
            detail = (fault.findtext("detail") or fault.findtext("reason") or "") if fault is not None else ""
            raise EngineFault(f"{method} {_API}{path}", why=detail or f"HTTP {status}", hint=_(COLLECT), command=BUNDLE)
        return element


@dataclass(frozen=True)
class _Content:
    """What a request carries."""

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def _form(fields: dict[str, str]) -> _Content:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return _Content(urlencode(fields).encode(), headers)


def _json_object(body: bytes) -> dict[str, object]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _pool(engine: EngineAddress) -> urllib3.HTTPSConnectionPool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=engine.ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise EngineUntrusted(
            engine.fqdn, why=_("its CA is no certificate"), hint=_(COLLECT), command=BUNDLE
        ) from error
    return urllib3.HTTPSConnectionPool(
        *(engine.address, engine.port),
        ssl_context=context,
        server_hostname=engine.fqdn,  # the context checks the certificate for this name
        retries=False,
        timeout=_TIMEOUT,
        maxsize=1,
    )


def _ask(
    pool: urllib3.HTTPSConnectionPool, engine: EngineAddress, method: str, path: str, content: _Content | None = None
) -> tuple[int, bytes]:
    host = engine.fqdn if engine.port == _HTTPS else f"{engine.fqdn}:{engine.port}"
    content = content or _Content()
    headers = {"Host": host, "User-Agent": "hosted-engine", **content.headers}
    try:
        answer = pool.urlopen(
            method, path, body=content.body or None, headers=headers, redirect=False, preload_content=False
        )
        body = answer.read(_BODY_LIMIT)
        answer.release_conn()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        why, where = _cause(error), _("{fqdn} at {address}", fqdn=engine.fqdn, address=engine.address)
        if _distrusted(error):
            raise EngineUntrusted(where, why=why, hint=_(COLLECT), command=BUNDLE) from error
        raise EngineUnreachable(where, why=why, hint=_(COLLECT), command=BUNDLE) from error
    return answer.status, body


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _distrusted(error: BaseException) -> bool:
    """Tell a bad certificate from a connection that broke in the middle of the handshake."""
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in _chain(error))


def _cause(error: BaseException) -> str:
    *_, last = _chain(error)
    return str(last) or type(last).__name__


def _element(name: str, value: object) -> Element:
    element = Element(name)
    if not isinstance(value, dict):
        element.text = str(value).lower() if isinstance(value, bool) else str(value)
        return element
    for key, inner in value.items():
        if key == "id":
            element.set("id", str(inner))
        elif isinstance(inner, dict):
            element.append(_element(key, inner))
        else:
            SubElement(element, key).text = str(inner).lower() if isinstance(inner, bool) else str(inner)
    return element
