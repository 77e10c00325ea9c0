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
from tidemark.model import Layer

_ROUNDS = 5
PATIENCE = 10.0
"""Seconds in which a pool has to lend a second connection."""

NEEDED = 12
"""Connections to one layer that a batch may have at once, with some to spare."""


def is_between(connection: extensions.connection) -> bool:
    """Whether a pooler took the login: it gives its clients a number of its own for the process."""
    return _pid(connection) != connection.info.backend_pid


def refuse_shared(
    connection: extensions.connection,
    another: Callable[[], extensions.connection],
    dsn: str,
    layer: Layer,
) -> None:
    """Refuse a pooler that shares a server process between connections; `another` opens one.

    Raises:
        ConnectError: it does, or lends no second connection.
        psycopg2.OperationalError: the connection broke.
    """
    if not is_between(connection):
        return
    proof = _shared(connection, another, dsn, layer)
    if proof:
        connection.close()
        raise ConnectError(
            f"{layer}: {redacted(dsn)}: a pooler there lends a server process for a transaction or "
            f"a statement ({proof}), and what a run sets and locks is its session's. Set "
            f"`pool_mode = session` for this database there, or let TIDEMARK_{layer.upper()}_DSN "
            "name the server's own port."
        )


def _shared(
    first: extensions.connection,
    another: Callable[[], extensions.connection],
    dsn: str,
    layer: Layer,
) -> str:
    """Return what proves that a server process serves more than one connection, else nothing.

    Each is asked twice in a row: a pool that lends its processes in turn would else give each of
    two the same one every time.
    """
    seen: tuple[set[int], set[int]] = (set(), set())
    with closing(another()) as second:
        second.autocommit = True
        patience = threading.Timer(PATIENCE, _shut, [second])
        patience.start()
        try:
            for _ in range(_ROUNDS):
                for pids, connection in zip(seen, (first, second), strict=True):
                    pids |= {_pid(connection), _pid(connection)}
                if common := seen[0] & seen[1]:
                    return f"two open connections have one pg_backend_pid(), {min(common)}"
                if moved := [pids for pids in seen if len(pids) > 1]:
                    return "pg_backend_pid() goes from {} to {}".format(*sorted(moved[0]))
        except OperationalError as error:
            if patience.is_alive():
                raise
            first.close()
            raise ConnectError(
                f"{layer}: {redacted(dsn)}: the pooler there lends no second connection within "
                f"{PATIENCE:.0f} s, and a run needs up to {NEEDED}. Raise its pool_size, or let "
                f"TIDEMARK_{layer.upper()}_DSN name the server's own port."
            ) from error
        finally:
            patience.cancel()
    return ""


def _pid(connection: extensions.connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (pid,) = cursor.fetchone() or (0,)
        return int(pid)


def _shut(connection: extensions.connection) -> None:
    """End what waits on a connection, from another thread."""
    with suppress(OSError), socket.socket(fileno=socket.dup(connection.fileno())) as plain:
        plain.shutdown(socket.SHUT_RDWR)
