"""People who have logged in: what is kept of each, in this process alone."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tidemark.console.access import Access

IDLE = 30 * 60.0
"""Seconds without a request after which somebody has to log in again."""
LONGEST = 12 * 3600.0
"""Seconds after which one has to in any case."""
LOOKED_UP = 60.0
"""Seconds for which a membership that was looked up counts."""
MOST = 1000
"""Logins that are kept. One more ends the one that was idle longest."""


@dataclass(slots=True)
class Login:
    """One person in one browser."""

    access: Access
    form_token: str
    """What the forms of its pages have to send (against forms of other sites)."""
    began: float
    seen: float
    looked_up: float


class Logins:
    """Who has logged in, by the SHA-256 of the token in the browser's cookie."""

    def __init__(self, find: Callable[[str], Access | None]) -> None:
        """`find` looks up what a name may see."""
        self._find = find
        self._lock = threading.Lock()
        self._logins: dict[bytes, Login] = {}

    def begin(self, access: Access) -> str:
        """Note that somebody has logged in, and return the token for its cookie."""
        token, now = secrets.token_urlsafe(32), time.monotonic()
        with self._lock:
            self._forget(now)
            if len(self._logins) >= MOST:
                del self._logins[min(self._logins, key=lambda one: self._logins[one].seen)]
            login = Login(access, secrets.token_urlsafe(32), now, now, now)
            self._logins[_digest(token)] = login
        return token

    def find(self, token: str, *, is_person: bool = True) -> Login | None:
        """Return who has a token; None: nobody any more.

        A page that refreshes itself is no person, and does not keep a login from ending.

        Raises:
            TidemarkError: whether it may still see this can't be looked up.
        """
        now = time.monotonic()
        with self._lock:
            self._forget(now)
            login = self._logins.get(_digest(token))
        if login is None:
            return None
        if now - login.looked_up >= LOOKED_UP:
            access = self._find(login.access.name)
            if access is None:
                self.end(token)
                return None
            login.access, login.looked_up = access, now
        if is_person:
            login.seen = now
        return login

    def end(self, token: str) -> None:
        """Forget a login."""
        with self._lock:
            self._logins.pop(_digest(token), None)

    def _forget(self, now: float) -> None:
        over = [
            key
            for key, login in self._logins.items()
            if now - login.seen >= IDLE or now - login.began >= LONGEST
        ]
        for key in over:
            del self._logins[key]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
