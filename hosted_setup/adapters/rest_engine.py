"""The engine over HTTPS, by urllib3: connected by address, verified by name against the engine's own CA."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

import urllib3
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hosted_setup.ports.engine import EngineAddress, Entity
from hosted_setup.ports.problems import EngineFault, EngineLogin, EngineUnreachable, EngineUntrusted

if TYPE_CHECKING:
    from hosted_setup.model.secret import Secret

_BODY_LIMIT: Final = 4 << 20
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=30)
_API: Final = "/ovirt-engine/api"
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
        status, body = _ask(
            pool, engine, "POST", "/ovirt-engine/sso/oauth/token", body=urlencode(fields).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        )  # fmt: skip
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {}
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            said = answer.get("error_description") or answer.get("error") if isinstance(answer, dict) else ""
            hint = "Mend the password in the secrets file, then resume:"
            raise EngineLogin(
                user, why=str(said or f"HTTP {status}"), hint=hint, command="hosted-engine deploy --resume"
            )
        return RestSession(pool, engine, token)


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
        """Find an entity by its exact name."""
        found = self._request("GET", f"/{collection}?search={quote(f'name={name}')}")
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
        """Log out; a session that is not closed ends by itself."""
        body = urlencode({"scope": "ovirt-app-api", "token": self._token}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        _ask(self._pool, self._engine, "POST", "/ovirt-engine/services/sso-logout", body=body, headers=headers)
        self._pool.close()

    def _request(self, method: str, path: str, body: bytes | None = None) -> Element:
        headers = {
            "Authorization": f"Bearer {self._token}", "Version": "4", "Accept": "application/xml",
            "Content-Type": "application/xml",
        }  # fmt: skip
        status, answer = _ask(self._pool, self._engine, method, _API + path, body=body, headers=headers)
        try:
            element = fromstring(answer)
        except (ParseError, DefusedXmlException, ValueError) as error:
            raise EngineFault(f"{method} {_API}{path}", why=f"HTTP {status}, not XML") from error
        fault = element if element.tag == "fault" else element.find("fault")
        if status >= 300 or fault is not None:  # noqa: PLR2004 - anything but a success
            detail = (fault.findtext("detail") or fault.findtext("reason") or "") if fault is not None else ""
            raise EngineFault(
                f"{method} {_API}{path}", why=detail or f"HTTP {status}", command="hosted-engine support-bundle"
            )
        return element


def _pool(engine: EngineAddress) -> urllib3.HTTPSConnectionPool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=engine.ca_pem)
    except ssl.SSLError as error:
        raise EngineUntrusted(
            engine.fqdn, why="its CA is no certificate", command="hosted-engine support-bundle"
        ) from error
    return urllib3.HTTPSConnectionPool(
        engine.address, engine.port, ssl_context=context, server_hostname=engine.fqdn, assert_hostname=engine.fqdn,
        retries=False, timeout=_TIMEOUT, maxsize=1,
    )  # fmt: skip


def _ask(
    pool: urllib3.HTTPSConnectionPool,
    engine: EngineAddress,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    try:
        answer = pool.urlopen(
            method, path, body=body, headers={"Host": engine.fqdn, "User-Agent": "hosted-engine", **(headers or {})},
            redirect=False, preload_content=False,
        )  # fmt: skip
        content = answer.read(_BODY_LIMIT)
        answer.release_conn()
    except urllib3.exceptions.SSLError as error:
        url = f"https://{engine.fqdn} at {engine.address}"
        raise EngineUntrusted(url, why=str(error), command="hosted-engine support-bundle") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise EngineUnreachable(f"{engine.fqdn} at {engine.address}", why=str(error)) from error
    return answer.status, content


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
