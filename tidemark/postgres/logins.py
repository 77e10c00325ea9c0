"""The login of a session, and what it may do."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2

from tidemark.model import ServerName
from tidemark.postgres import compose, driver_errors, login_errors
from tidemark.postgres.db import Session

_PATIENCE = 10
"""Seconds that a login may take."""


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


def admits(dsn: str, server: ServerName, name: str, password: str) -> bool:
    """Whether a server lets somebody in who says a password. Nothing of it is kept.

    Args:
        dsn: where the server is; its own login is not used.
        server: which it is.
        name: of the login.
        password: not empty: libpq would take one of the environment in its place.

    Raises:
        ConnectError: the server can't be reached, or has no connection left.
    """
    if not name or not password:
        return False
    given: dict[str, Any] = {
        **(driver_errors.parsed(dsn) or {}),
        "user": name,
        "password": password,
        "application_name": "tidemark console login",
        "connect_timeout": str(_PATIENCE),
    }
    given.pop("passfile", None)
    try:
        with closing(psycopg2.connect(**given)) as connection:
            # A server that asks for none lets everybody in, whatever was typed.
            return bool(connection.info.used_password)
    except (ValueError, UnicodeError):
        return False  # libpq can't send such a text
    except psycopg2.OperationalError as error:
        if login_errors.is_refusal(error):
            return False
        raise login_errors.of(error, dsn, server, has_answered=False) from None
