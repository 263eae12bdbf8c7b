"""Password hashes: salted scrypt, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

COST, BLOCK, PARALLEL = 1 << 14, 8, 1
_MEMORY = 64 << 20


def hash_password(password: str) -> str:
    """Return what the database keeps."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=COST, r=BLOCK, p=PARALLEL, maxmem=_MEMORY)
    return f"scrypt${COST}${BLOCK}${PARALLEL}${salt.hex()}${digest.hex()}"


# Checked for names that do not exist, so that the time of an answer does not tell which names do.
DUMMY = hash_password(secrets.token_hex(16))


def matches(password: str, kept: str) -> bool:
    """Tell whether this is the password."""
    try:
        scheme, cost, block, parallel, salt, digest = kept.split("$")
        actual = hashlib.scrypt(
            password.encode(),
            salt=bytes.fromhex(salt),
            n=int(cost),
            r=int(block),
            p=int(parallel),
            maxmem=_MEMORY,
        )
        return scheme == "scrypt" and hmac.compare_digest(actual.hex(), digest)
    except ValueError:
        return False
