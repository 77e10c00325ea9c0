"""Sessions on one server that the threads of the service share."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tidemark.errors import ConnectError
from tidemark.model import ETL_ROLE, ServerName
from tidemark.postgres import compose, sessions
from tidemark.postgres.db import Session

PATIENCE = 5.0
"""Seconds that a request waits for a session which others have."""
_PAUSE = 1.0
"""Seconds after a failed login in which nobody tries another one: a login may take ten seconds, and
all threads would wait in one."""


class Pool:
    """So many sessions on a server at most. One whose server was restarted is replaced."""

    def __init__(
        self,
        dsn: str,
        server: ServerName,
        *,
        size: int,
        timeout: str = "10s",
        roles: Sequence[str] = (ETL_ROLE,),
        is_reading: bool = False,
    ) -> None:
        self._dsn, self._server, self._roles = dsn, server, roles
        self._timeout, self._is_reading = timeout, is_reading
        self._free = threading.BoundedSemaphore(size)
        self._idle: list[Session] = []
        self._away_until = 0.0

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session in autocommit. It is kept for the next caller unless the block failed.

        Raises:
            ConnectError: the server can't be reached, or all sessions are in use.
        """
        if not self._free.acquire(timeout=PATIENCE):
            raise ConnectError(f"{self._server}: all sessions are in use.", is_transient=True)
        try:
            session = self._kept() or self._opened()
            try:
                yield session
            except BaseException:
                session.close()
                raise
            self._idle.append(session)
        finally:
            self._free.release()

    def _kept(self) -> Session | None:
        while self._idle:
            session = self._idle.pop()
            if not session.is_closed and not session.has_news:
                return session
            session.close()
        return None

    def _opened(self) -> Session:
        if time.monotonic() < self._away_until:
            raise ConnectError(f"{self._server}: it could not be reached.", is_transient=True)
        try:
            session = sessions.connect(
                self._dsn, self._server, purpose="service", roles=self._roles
            )
        except ConnectError:
            self._away_until = time.monotonic() + _PAUSE
            raise
        session.run(compose.statement(__name__, "limited"), {"timeout": self._timeout})
        session.run(compose.statement(__name__, "reading" if self._is_reading else "keeping"))
        return session

    def close(self) -> None:
        """Close the sessions that nobody has."""
        while self._idle:
            self._idle.pop().close()
