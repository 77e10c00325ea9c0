"""The console as a whole: whom it asks, as whom, and who is there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from threading import BoundedSemaphore
from types import TracebackType

from tidemark.console import access, attempts, logins
from tidemark.console.access import Access, Level
from tidemark.declare.config import Area
from tidemark.errors import ConfigError, ConnectError
from tidemark.model import CONSOLE_ROLE, ETL_ROLE, LAYERS, ServerName
from tidemark.postgres import compose, sessions
from tidemark.postgres.db import Session
from tidemark.postgres.logins import admits
from tidemark.postgres.sessions import Reading, Servers

PATIENCE = "10s"
"""How long one statement of a page may take."""
MOST_AT_ONCE = 8
"""Pages that are read at the same time; so many sessions has each server at most, for each role."""
_DEMO = "demo-"
"""How the passwords of the demo begin: everybody can read them."""
_WAITING = 20.0
"""Seconds that a page waits for its turn."""


class Console:
    """Reads the layers of a project for people. Threads call its methods, since servers answer."""

    def __init__(
        self,
        areas: Mapping[str, Area],
        dsns: Mapping[ServerName, str],
        *,
        refuses_demo: bool = False,
    ) -> None:
        """Open no session yet.

        Args:
            areas: those of the project.
            dsns: layer -> URL with which the console itself logs in.
            refuses_demo: whether nobody is let in with a password of the demo.
        """
        self.areas = areas
        self._refuses_demo = refuses_demo
        self._dsns: dict[ServerName, str] = {layer: dsns[layer] for layer in LAYERS}
        self._own = Servers(self._dsns, roles=(CONSOLE_ROLE,), purpose="console")
        self._servers = {level: _reading(self._dsns, level) for level in access.ROLES}
        self._turns = BoundedSemaphore(MOST_AT_ONCE)
        self.attempts = attempts.Attempts()
        self.logins = logins.Logins(self._access)

    def refuse_unfit(self) -> None:
        """Raise ConfigError if its own login may more than it should, or less than it needs."""
        for layer in LAYERS:
            with closing(_logged_in(self._dsns[layer], layer)) as session:
                name, is_member, is_etl = session.one(
                    compose.statement(__name__, "own_login"),
                    {"role": CONSOLE_ROLE, "etl": ETL_ROLE},
                )
            if is_etl or not is_member:
                wrong = f"a member of {ETL_ROLE}" if is_etl else f"no member of {CONSOLE_ROLE}"
                raise ConfigError(
                    f"{layer}: the console's login {name} is {wrong}. Give it a login of its own: "
                    f"`create role … login password '…' in role {CONSOLE_ROLE}`."
                )

    def admit(self, name: str, password: str) -> Access | None:
        """Return what somebody may see who types a password; None: it is not let in.

        Raises:
            ConnectError: the DWH can't be asked.
        """
        is_admitted = admits(self._dsns["dwh"], "dwh", name, password)
        if self._refuses_demo and password.startswith(_DEMO):
            return None
        return self._access(name) if is_admitted else None

    def _access(self, name: str) -> Access | None:
        with self._own.session("dwh", "console") as dwh:
            return access.find(dwh, name)

    def reading(self, level: Level) -> _Turn:
        """Return the servers, as a level reads them, for the block.

        Raises:
            ConnectError: too many others are reading.
        """
        return _Turn(self._turns, self._servers[level])

    def close(self) -> None:
        """Close all sessions."""
        for servers in (self._own, *self._servers.values()):
            servers.close()

    def __enter__(self) -> Console:
        self.refuse_unfit()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Turn:
    """One of the pages that are read at the same time."""

    def __init__(self, turns: BoundedSemaphore, servers: Servers) -> None:
        self._turns, self._servers = turns, servers

    def __enter__(self) -> Servers:
        if not self._turns.acquire(timeout=_WAITING):
            raise ConnectError("console: too many pages are read at once.", is_transient=True)
        return self._servers

    def __exit__(self, *_: object) -> None:
        self._turns.release()


def _logged_in(dsn: str, layer: ServerName) -> Session:
    """Open a session as the login itself, which may have been given no role yet."""
    return sessions.connect(dsn, layer, purpose="console", as_etl=False)


def _reading(dsns: Mapping[ServerName, str], level: Level) -> Servers:
    reading = Reading(Access("", level).roles, PATIENCE)
    return Servers(dsns, roles=(CONSOLE_ROLE,), purpose="console", reading=reading)
