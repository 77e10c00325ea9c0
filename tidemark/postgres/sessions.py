"""Sessions are opened here: one alone, or those of a project's servers, which are kept for reuse.

Applications and notebooks get SQLAlchemy engines (`install/servers.engine`). A run opens its
connections itself, since the import of SQLAlchemy takes half a second, longer than a run that finds
nothing (docs/decisions/0002).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from tidemark.errors import ServerVersionError, TidemarkError
from tidemark.model import ETL_ROLE, Channels, ServerName, dsn_variable, is_source
from tidemark.postgres import (
    adapters,
    compose,
    connections,
    db,
    heartbeat,
    settings,
)
from tidemark.postgres.connections import Connection
from tidemark.postgres.db import Composable, Session

OLDEST_SOURCE = 120000
OLDEST_LAYER = 160000
"""Oldest `server_version_num` that Tidemark reads from, and works on."""


def connect(
    dsn: str,
    server: ServerName,
    *,
    purpose: str,
    as_etl: bool = True,
    roles: Sequence[str] = (ETL_ROLE,),
) -> Session:
    """Open a session on a server.

    Args:
        dsn: libpq URL or key-value string.
        server: which it is; decides the oldest version allowed.
        purpose: what the session is for; shown in `pg_stat_activity.application_name`.
        as_etl: work as a role of ours in a layer; else the search path is pg_catalog (`confined`).
        roles: those roles; the first that the login is a member of is taken.

    Raises:
        ConfigError: the DSN can't be read.
        ConnectError: the server can't be reached or refuses the login.
        ServerVersionError: it is older than Tidemark needs.
    """
    application = f"tidemark {purpose} {socket.gethostname()}:{os.getpid()}"[:63]
    connection = connections.opened(dsn, server, application)
    connection.autocommit = True
    adapters.register(connection)
    session = Session(connection, server)
    session.another = partial(connect, dsn, server, purpose=purpose, as_etl=as_etl, roles=roles)
    oldest = OLDEST_SOURCE if is_source(server) else OLDEST_LAYER
    if session.version < oldest:
        connection.close()
        raise ServerVersionError(
            f"{server}: the server is PostgreSQL {_version(session.version)}, and Tidemark needs "
            f"{_version(oldest)} or newer there. Upgrade it, or point {dsn_variable(server)} to "
            "another server."
        )
    first: list[Composable] = [db.raw(connections.trusting_nobody())]
    if as_etl and not is_source(server):
        first.append(db.become_first(roles) if roles[1:] else db.become(*roles))
    pins = settings.SESSION if as_etl else settings.PRIVILEGED
    first += [_pin(pins), compose.statement(__name__, "notice_closed_sockets")]
    _begin(session, connection, first)
    return session


def _begin(session: Session, connection: Connection, first: Sequence[Composable]) -> None:
    """Send a session's first statements, and read the process id of its session at the server."""
    try:
        connection.pid = session.value(
            db.raw("; ").join([*first, compose.statement(__name__, "pid")])
        )
    except TidemarkError:
        connection.close()
        raise


def _pin(values: Mapping[str, str]) -> Composable:
    return compose.statement(
        __name__, "pin", names=db.literal([*values]), settings=db.literal([*values.values()])
    )


def pinned(dsn: str, server: ServerName, application: str, values: Mapping[str, str]) -> Connection:
    """Open a connection without a `Session`, with the settings that say how values are printed.

    Raises:
        ConfigError, ConnectError: see `connect`.
        StatementError: it broke off at once.
    """
    connection = connections.opened(dsn, server, application)
    connection.autocommit = True
    _begin(Session(connection, server), connection, [_pin(values)])
    connection.autocommit = False
    return connection


def _version(number: int) -> str:
    return f"{number // 10000}.{number % 10000}" if number % 10000 else str(number // 10000)


@dataclass(frozen=True, slots=True)
class Reading:
    """How people read: each time in a transaction of its own, with the rights of a role."""

    roles: Mapping[ServerName, str]
    timeout: str
    """How long one statement may take."""

    @contextmanager
    def begun(self, session: Session) -> Iterator[None]:
        """Let the block read, and write nothing."""
        with session.rolled_back("read only"):
            session.queue(
                compose.statement(__name__, "read_as", role=db.name(self.roles[session.server])),
                {"timeout": self.timeout},
            )
            yield


class Servers:
    """The servers of one project, by name, and the sessions that are open on them.

    Sessions are kept for reuse: opening one costs more than asking whether a table has changed.
    """

    def __init__(
        self,
        dsns: Mapping[ServerName, str],
        *,
        embedded: Collection[ServerName] = (),
        urls: Mapping[str, str] = MappingProxyType({}),
        channels: Channels | None = None,
        roles: Sequence[str] = (ETL_ROLE,),
        purpose: str = "",
        keeps_plans: bool = False,
        reading: Reading | None = None,
    ) -> None:
        self.dsns = dict(dsns)
        self.urls = dict(urls)
        """Source -> where its files are, if the environment says it."""
        self.roles = tuple(roles)
        """See `connect`. They hold for all sessions that are lent here."""
        self.channels = channels
        """Where alerts go; None: nobody is told."""
        self.purpose = purpose
        """What all sessions that are lent here are for; '': each says it."""
        self.keeps_plans = keeps_plans
        """See `Session.keeps_plans`. It holds for all sessions that are lent here."""
        self.reading = reading
        """How sessions that are lent here read; None: they are in autocommit, and may write."""
        self.embedded = frozenset(embedded)
        """The servers that are embedded, since no DSN is set for them."""
        self.guards: dict[ServerName, Composable] = {}
        """See `Session.guards`. They hold for all sessions that are lent here."""
        self._idle: dict[ServerName, list[Session]] = {server: [] for server in self.dsns}
        self._watch = ExitStack()

    @contextmanager
    def session(self, server: ServerName, purpose: str) -> Iterator[Session]:
        """Lend a session on `server`. It is kept for the next caller, unless the block failed."""
        session = self._kept(server)
        if session is None:
            purpose = self.purpose or purpose
            session = connect(self.dsns[server], server, purpose=purpose, roles=self.roles)
            session.guards, session.keeps_plans = self.guards, self.keeps_plans
        try:
            with self.reading.begun(session) if self.reading else nullcontext():
                yield session
        except BaseException:
            session.close()
            raise
        if not session.is_closed:
            self._idle[server].append(session)

    def _kept(self, server: ServerName) -> Session | None:
        """Return an idle session; one whose server has ended it meanwhile is none."""
        while idle := self._idle[server]:
            session = idle.pop()
            if not session.has_news:
                return session
            session.close()
        return None

    def beside(self, purpose: str, *, keeps_plans: bool = False) -> Servers:
        """Return the same servers with sessions of their own, for work beside this one's."""
        return Servers(
            self.dsns,
            embedded=self.embedded,
            urls=self.urls,
            channels=self.channels,
            roles=self.roles,
            purpose=purpose,
            keeps_plans=keeps_plans,
        )

    def whereabouts(self, server: ServerName) -> str:
        """Say of an embedded source that no DSN is set for it; '' for other servers."""
        if server not in self.embedded or not is_source(server):
            return ""
        return f" {server} is an embedded server here, since {dsn_variable(server)} is not set."

    def close(self) -> None:
        """Close every idle session."""
        for sessions in self._idle.values():
            while sessions:
                sessions.pop().close()

    def __enter__(self) -> Servers:
        self._watch.enter_context(heartbeat.watching())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._watch.close()
