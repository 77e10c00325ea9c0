"""Poolers between Tidemark and a server, and whether they give a client a session of its own.

A run needs sessions: it sets parameters and holds locks. A pooler may lend a server process for one
transaction or statement only. Then the next client gets what a session has set and locked, and
the session's own next statement may run in a process that knows nothing of it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress

from psycopg2 import OperationalError, extensions

from tidemark.errors import ConnectError
from tidemark.model import ServerName, dsn_variable
from tidemark.postgres.driver_errors import redacted

_ROUNDS = 5
PATIENCE = 30.0
"""Seconds in which a pool has to lend a further connection."""

NEEDED = 12
"""Connections to one server that a batch may have open at once, and a few more."""

_through: dict[str, bool] = {}
"""DSN -> whether it leads through a pooler; only of DSNs that were examined and can be used."""


def is_between(connection: extensions.connection) -> bool:
    """Whether a pooler took the login.

    At the login, a pooler tells its client a process id that it has made up. The server knows
    another one.
    """
    return _pid(connection) != connection.info.backend_pid


def examine(
    connection: extensions.connection,
    another: Callable[[], extensions.connection],
    dsn: str,
    server: ServerName,
) -> None:
    """Make sure that a new connection is a session of its own; `another` opens one more.

    Raises:
        ConnectError: a pooler shares its server process, or lends none.
        psycopg2.Error: the connection broke.
    """
    if dsn not in _through:
        is_pooled = is_between(connection)
        if is_pooled:
            _refuse_shared(connection, another, dsn, server)
        _through[dsn] = is_pooled
    elif _through[dsn]:
        _lent(connection, dsn, server)


def _refuse_shared(
    first: extensions.connection,
    another: Callable[[], extensions.connection],
    dsn: str,
    server: ServerName,
) -> None:
    with closing(another()) as second:
        second.autocommit = True
        _lent(second, dsn, server)
        proof = _proof(first, second)
    if proof:
        first.close()
        raise ConnectError(
            f"{server}: {redacted(dsn)}: a pooler there lends a server process for a transaction "
            f"or a statement ({proof}), and what a run sets and locks is its session's. Set "
            f"`pool_mode = session` for this database there, or let {dsn_variable(server)} "
            "name the server's own port."
        )


def _proof(*connections: extensions.connection) -> str:
    """Return what proves that connections share server processes; '' where nothing does.

    Each connection is asked twice in a row. Asked in turn, two connections to a pool that lends its
    processes in turn would get the same one every time, and look like sessions.
    """
    seen: tuple[set[int], set[int]] = (set(), set())
    for _ in range(_ROUNDS):
        for pids, connection in zip(seen, connections, strict=True):
            pids |= {_pid(connection), _pid(connection)}
        if common := seen[0] & seen[1]:
            return f"two open connections have one pg_backend_pid(), {min(common)}"
        if moved := [pids for pids in seen if len(pids) > 1]:
            return "pg_backend_pid() goes from {} to {}".format(*sorted(moved[0]))
    return ""


def _lent(connection: extensions.connection, dsn: str, server: ServerName) -> None:
    """Wait until the pool lends a server process. It does so at the first statement."""
    is_shut = threading.Event()
    patience = threading.Timer(PATIENCE, _shut, [connection, is_shut])
    patience.start()
    try:
        _pid(connection)
    except OperationalError as error:
        if not is_shut.is_set():  # The timer did not end the wait: the pooler said something else.
            raise
        connection.close()
        raise ConnectError(
            f"{server}: {redacted(dsn)}: the pooler there lends no further connection, and a run "
            f"needs up to {NEEDED} at once. Raise its pool_size, or let "
            f"{dsn_variable(server)} name the server's own port."
        ) from error
    finally:
        patience.cancel()


def _pid(connection: extensions.connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_catalog.pg_backend_pid()")
        (pid,) = cursor.fetchone() or (0,)
        return int(pid)


def _shut(connection: extensions.connection, is_shut: threading.Event) -> None:
    """Shut a connection from another thread; the thread that waits there gets an error."""
    is_shut.set()
    with suppress(OSError), socket.socket(fileno=socket.dup(connection.fileno())) as plain:
        plain.shutdown(socket.SHUT_RDWR)
