"""Who is logged in on a server, and what that login may do."""

from __future__ import annotations

from dataclasses import dataclass

from tidemark.postgres import compose
from tidemark.postgres.db import Session


@dataclass(frozen=True, slots=True)
class Login:
    """Who is logged in, and what that login may do."""

    name: str
    owner: str
    """Owner of the database."""
    is_superuser: bool
    may_migrate: bool
    """Whether it may make roles, schemas and grants."""
    is_migrated: bool
    """Whether the layer has been migrated before."""


def current(session: Session) -> Login:
    """Read who is logged in."""
    return Login(*session.one(compose.statement(__name__, "current")))
