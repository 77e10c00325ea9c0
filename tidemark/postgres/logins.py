"""The login of a session, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass

from tidemark.postgres import compose
from tidemark.postgres.db import Session


@dataclass(frozen=True, slots=True)
class Login:
    """The login of a session, and what it may do."""

    name: str
    owner: str
    """Owner of the database."""
    is_superuser: bool
    may_migrate: bool
    """Whether it may make roles, schemas and grants."""
    is_migrated: bool
    """Whether the layer has been migrated before."""


def current(session: Session) -> Login:
    """Read the login of a session."""
    return Login(*session.one(compose.statement(__name__, "current")))
