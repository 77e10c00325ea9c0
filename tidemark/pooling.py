"""Poolers between Tidemark and a server: which of them a session can be had through.

A pooler that lends a server process for a transaction or a statement hands what a session has set
and locked to whom it lends the process next, and it has forgotten it for its own.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress

from psycopg2 import OperationalError, extensions

from tidemark.driver_errors import redacted
from tidemark.errors import ConnectError
from tidemark.model import ServerName, dsn_variable

_ROUNDS = 5
PATIENCE = 30.0
"""Seconds in which a pool has to lend a further connection."""

NEEDED = 12
"""Connections to one server that a batch may have at once, with some to spare."""

_through: dict[str, bool] = {}
"""DSN -> whether it leads through a pooler, of those that were examined and are good."""


def is_between(connection: extensions.connection) -> bool:
    """Whether a pooler took the login: it gives its clients a number of its own for the process."""
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
    """Return what proves that a server process serves more than one of two, else nothing.

    Each is asked twice in a row: a pool that lends its processes in turn would else give each of
    two the same one every time.
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
    """Wait until the pool lends a server process, which it does when it is asked something."""
    patience = threading.Timer(PATIENCE, _shut, [connection])
    patience.start()
    try:
        _pid(connection)
    except OperationalError as error:
        if patience.is_alive():  # It was told something else.
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


def _shut(connection: extensions.connection) -> None:
    """End what waits on a connection, from another thread."""
    with suppress(OSError), socket.socket(fileno=socket.dup(connection.fileno())) as plain:
        plain.shutdown(socket.SHUT_RDWR)
