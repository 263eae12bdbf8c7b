"""Access tokens: random, kept as hashes, forgotten when not used."""

from __future__ import annotations

import hashlib
import secrets
import time

IDLE_SECONDS = 30 * 60
MOST = 10_000


class Tokens:
    """The tokens of one running engine; a restart ends all sessions."""

    def __init__(self) -> None:
        self._users: dict[bytes, tuple[str, float]] = {}

    def issue(self, user: str) -> tuple[str, float]:
        """Return a new token and when it will expire if it is not used."""
        now = time.time()
        self._users = {key: entry for key, entry in self._users.items() if entry[1] > now}
        while len(self._users) >= MOST:
            del self._users[next(iter(self._users))]
        token = secrets.token_urlsafe(48)
        self._users[_key(token)] = (user, now + IDLE_SECONDS)
        return token, now + IDLE_SECONDS

    def user(self, token: str) -> str | None:
        """Return whose token this is and count it as used.

        Looked up by its hash: the time a lookup takes tells nothing about a token.
        """
        key = _key(token)
        entry = self._users.get(key)
        if entry is None or entry[1] < time.time():
            return None
        self._users[key] = (entry[0], time.time() + IDLE_SECONDS)
        return entry[0]

    def revoke(self, token: str) -> None:
        """Forget a token."""
        self._users.pop(_key(token), None)


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
