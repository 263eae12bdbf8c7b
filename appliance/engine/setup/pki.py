"""The engine's own certificate authority and the web server's certificate, made by openssl."""

from __future__ import annotations

import re
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .. import paths
from ..console import ToolError

if TYPE_CHECKING:
    from ..console import Console

CA_DAYS = 3650
SERVER_DAYS = 398
RENEW_BEFORE_SECONDS = 60 * 86400
# What an organization may be called: nothing that openssl's subject syntax gives a meaning.
_ORGANIZATION = re.compile(r"[\w .,&'()-]{1,64}")
_FQDN = re.compile(
    r"(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)


def check_names(fqdn: str, organization: str) -> None:
    """Refuse names that cannot stand in a certificate."""
    if not _FQDN.fullmatch(fqdn):
        message = f"Host name is not valid: '{fqdn}'"
        raise ToolError(message)
    if not _ORGANIZATION.fullmatch(organization):
        message = f"Organization name is not valid: '{organization}'"
        raise ToolError(message)


def set_up(fqdn: str, organization: str, console: Console, *, renew: bool) -> None:
    """Make what is missing; a CA that is there, such as a restored one, is kept."""
    for folder in ("private", "certs", "keys"):
        (paths.PKI / folder).mkdir(parents=True, exist_ok=True)
    (paths.PKI / "private").chmod(0o700)
    if paths.CA_CERT.exists() != paths.CA_KEY.exists() and paths.CA_CERT.exists():
        message = f"There is a CA certificate but not its key '{paths.CA_KEY}'"
        raise ToolError(message)
    if not paths.CA_CERT.exists():
        console.say("[ INFO  ] Creating CA")
        _create_ca(fqdn, organization)
    reason = _why_renew(fqdn, renew=renew)
    if reason:
        console.say(f"[ INFO  ] Creating the web server's certificate: {reason}")
        _create_server(fqdn, organization)


def _openssl(*words: str | Path, text: str | None = None) -> str:
    done = subprocess.run(
        ["openssl", *[str(word) for word in words]], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        message = f"openssl {words[0]} failed: {done.stderr.strip()}"
        raise ToolError(message)
    return done.stdout


def _new_key() -> str:
    return _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def _create_ca(fqdn: str, organization: str) -> None:
    # The key stands before the certificate: a run that dies in between starts both anew.
    paths.write_private(paths.CA_KEY, _new_key())
    certificate = _openssl(
        *("req", "-x509", "-new", "-utf8", "-key", paths.CA_KEY, "-days", str(CA_DAYS)),
        *("-subj", f"/C=US/O={organization}/CN={fqdn[:50]}.{secrets.randbelow(90000) + 10000}"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    paths.write_private(paths.CA_CERT, certificate, mode=0o644)


def _why_renew(fqdn: str, *, renew: bool) -> str | None:
    if not (paths.SERVER_CERT.exists() and paths.SERVER_KEY.exists()):
        return "there is none"
    if renew:
        return "renewal was asked for"
    if "does match" not in _openssl("x509", "-in", paths.SERVER_CERT, "-noout", "-checkhost", fqdn):
        return f"the present one is not for {fqdn}"
    checks = {
        "it expires soon": ("x509", "-in", paths.SERVER_CERT, "-noout", "-checkend", str(RENEW_BEFORE_SECONDS)),
        "the present one is not of this CA": ("verify", "-CAfile", paths.CA_CERT, paths.SERVER_CERT),
    }
    for reason, words in checks.items():
        try:
            _openssl(*words)
        except ToolError:
            return reason
    public = ("-in", paths.SERVER_CERT, "-noout", "-pubkey")
    if _openssl("x509", *public) != _openssl("pkey", "-in", paths.SERVER_KEY, "-pubout"):
        return "the present one does not fit its key"
    return None


def _create_server(fqdn: str, organization: str) -> None:
    key = _new_key()
    with tempfile.TemporaryDirectory() as temporary:
        extensions = Path(temporary) / "extensions"
        extensions.write_text(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            "extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
            f"subjectAltName=DNS:{fqdn}\n"
        )
        request = Path(temporary) / "request"
        # CN holds 64 characters at most; names are checked against the SAN.
        subject = f"/C=US/O={organization}/CN={fqdn[:64]}"
        request.write_text(_openssl("req", "-new", "-utf8", "-key", "/dev/stdin", "-subj", subject, text=key))
        certificate = _openssl(
            *("x509", "-req", "-in", request, "-CA", paths.CA_CERT, "-CAkey", paths.CA_KEY),
            *("-set_serial", f"0x{secrets.token_hex(15)}", "-days", str(SERVER_DAYS), "-extfile", extensions),
        )
    paths.write_private(paths.SERVER_KEY, key, service=True)
    paths.write_private(paths.SERVER_CERT, certificate, mode=0o644)
