"""Keys with which applications call the service: made, listed, revoked, and found by a request.

MRR keeps the SHA-256 of a key. With 256 random bits behind it, it needs no salt and no slow hash.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from tidemark.declare.config import Area
from tidemark.errors import UnknownNameError, UsageError
from tidemark.postgres import compose
from tidemark.postgres.db import Session

_PREFIX = "tm_"
_KEY = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_READ = "read:"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is in force."""

    name: str
    scopes: frozenset[str]

    def may_post(self, area: str, kind: str) -> bool:
        """Whether it may post events of a kind."""
        return not self.scopes.isdisjoint((f"{area}.{kind}", f"{area}.*", "*"))

    def may_read(self, area: str) -> bool:
        """Whether it may read answers of an area."""
        return not self.scopes.isdisjoint((f"{_READ}{area}", f"{_READ}*"))


@dataclass(frozen=True, slots=True)
class KeyOnRecord:
    """What is kept of a key that was made."""

    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


def create(mrr: Session, name: str, scopes: Collection[str], areas: Iterable[Area]) -> str:
    """Make a key, and return it. Nobody can read it again.

    Raises:
        UsageError: the name can't be one, or is taken.
        UnknownNameError: a scope is none of the project's.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"keys: {name!r} is no name of a key. Use up to 64 letters, digits and . _ @ -"
        )
    _refuse_unknown(scopes, areas)
    key = _PREFIX + secrets.token_urlsafe(32)
    which = {"name": name, "digest": _digest(key), "scopes": sorted({*scopes})}
    if not mrr.rows(compose.statement(__name__, "create"), which):
        raise UsageError(f"keys: {name!r} is or was the name of a key. Choose another one.")
    return key


def every(mrr: Session) -> list[KeyOnRecord]:
    """Read what is kept of all keys, the oldest first."""
    return [KeyOnRecord(*row) for row in mrr.rows(compose.statement(__name__, "every"))]


def revoke(mrr: Session, name: str) -> None:
    """Revoke a key: the next request with it is refused. A second call changes nothing.

    Raises:
        UnknownNameError: there is no key of this name.
    """
    if not mrr.run(compose.statement(__name__, "revoke"), {"name": name}):
        raise UnknownNameError("key", name, [one.name for one in every(mrr)])


def is_one(text: str) -> bool:
    """Whether a text looks like a key."""
    return _KEY.fullmatch(text) is not None


def find(mrr: Session, key: str) -> Key | None:
    """Find a key that is in force. MRR is asked each time, so a revoked one is refused at once."""
    digest = _digest(key)
    for name, kept, scopes in mrr.rows(compose.statement(__name__, "find"), {"digest": digest}):
        if compare_digest(kept, digest):
            return Key(name, frozenset(scopes))
    return None


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _refuse_unknown(scopes: Collection[str], areas: Iterable[Area]) -> None:
    if not scopes:
        raise UsageError(
            "keys: a key is for something. Give `--scope AREA.KIND`, `AREA.*`, `*`, `read:AREA` or "
            "`read:*`; several are possible."
        )
    known = {"*", f"{_READ}*"}
    for area in areas:
        kinds = [one.events.event for one in area.entities.values() if one.events]
        known |= {f"{area.area}.{kind}" for kind in kinds}
        known |= {f"{area.area}.*"} if kinds else set()
        known |= {f"{_READ}{area.area}"} if kinds or area.answers else set()
    for scope in scopes:
        if scope not in known:
            raise UnknownNameError("scope", scope, known)
