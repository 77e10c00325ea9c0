"""The connections of this process, and how to end the wait for a server that went silent.

libpq waits for a server without an end. A machine that vanished, a firewall that drops packets or a
proxy that has stalled does not close the connection. So this module knows all open connections.
Another thread may ask what one waits for, cancel that, or shut its socket. Then libpq returns at
once, with an error.
"""

from __future__ import annotations

import fcntl
import io
import os
import select
import socket
import struct
import termios
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

import psycopg2
from psycopg2 import extensions

from tidemark.errors import ConnectError
from tidemark.model import ServerName
from tidemark.postgres import (
    driver_errors,
    login_errors,
    pooling,
    sqlfiles,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

LOGIN = 10
"""Seconds that a login may take, for each address of its server."""
UNACKNOWLEDGED = 90
"""Seconds after which the system ends a connection whose other end acknowledges nothing."""
CANCEL = 4.0
"""Seconds that a server may take to cancel something, the login included."""
PATIENCE = 60.0
"""Seconds of silence, within ten minutes, after which a server is not tried again."""
_FORGOTTEN = 600.0
"""Seconds after which a silence no longer counts."""
_CONFORMING = "standard_conforming_strings"


class Connection(extensions.connection):
    """A connection that other threads may ask about, and end."""

    url: str
    server: ServerName
    pid: int
    """Process id of its session at the server: until a session says its own, that of the login."""
    is_elsewhere = False
    """Whether this process waits for the other end of a pipe, and not for the server."""
    waits_since: float | None = None
    """Since when (`time.monotonic()`) it has been seen waiting for the server."""
    silence = ""
    """Why its socket was shut."""


_all: WeakSet[Connection] = WeakSet()

# DSNs that have answered this process. Such a server may come back, so it is worth waiting for. One
# that never answered may be a wrong port, and the user should hear of that at once.
_answered: set[str] = set()
_silences: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
"""DSN -> when a silence ended, and its seconds."""
_orphans: defaultdict[str, list[int]] = defaultdict(list)
"""DSN -> process ids of sessions that were left behind at a silent server."""


def opened(dsn: str, server: ServerName, application: str) -> Connection:
    """Open a connection, with no session settings of ours yet (`db` makes them).

    Raises:
        ConfigError: the DSN can't be read.
        ConnectError: the server can't be reached or refuses the login.
    """
    driver_errors.must_parse(dsn, server)
    start = time.monotonic()
    connect = partial(_connect, dsn, application)
    connection = None
    try:
        connection = cast("Connection", connect())
        _know(connection, dsn, server)
        connection.autocommit = True
        pooling.examine(connection, connect, dsn, server)
        connection.autocommit = False
    except psycopg2.Error as error:
        if connection is not None and (given_up := silent(connection)):
            raise given_up from error
        if time.monotonic() - start > LOGIN / 2:
            count_silence(dsn, time.monotonic() - start)
        is_awaited = dsn in _answered and has_patience(dsn)
        raise login_errors.of(error, dsn, server, has_answered=is_awaited) from error
    _answered.add(dsn)
    _end_orphans(dsn)
    return connection


def _know(connection: Connection, dsn: str, server: ServerName) -> None:
    connection.url, connection.server, connection.pid = dsn, server, connection.info.backend_pid
    _all.add(connection)


def _connect(dsn: str, application: str, *, is_async: bool = False) -> extensions.connection:
    connection = _logged_in(dsn, application, is_async=is_async)
    if is_async or connection.get_parameter_status(_CONFORMING) != "off":
        return connection
    # The driver learns at the login, and never again, whether it has to quote a backslash.
    connection.close()
    options = (driver_errors.parsed(dsn) or {}).get("options", "")
    return _logged_in(dsn, application, options=f"{options} -c {_CONFORMING}=on".strip())


def _logged_in(
    dsn: str, application: str, *, is_async: bool = False, **more: Any
) -> extensions.connection:
    return psycopg2.connect(
        # The encoding is set at the login. Set later, only the server would know it, and the driver
        # would go on with the database's own.
        dsn,
        connection_factory=extensions.connection if is_async else Connection,
        async_=is_async,
        application_name=application,
        connect_timeout=LOGIN,
        client_encoding="UTF8",
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
        tcp_user_timeout=UNACKNOWLEDGED * 1000,
        **more,
    )


class Aside:
    """A second connection to a server. It is asynchronous, so that every wait has an end."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: extensions.connection | None = None

    def rows(
        self, statement: str, parameters: Mapping[str, object], deadline: float
    ) -> list[tuple[Any, ...]]:
        """Run a statement; log in first where needed.

        Raises:
            TimeoutError: no answer came before the deadline (of `time.monotonic()`).
            psycopg2.Error: the server refuses the login, or the statement.
        """
        if self._connection is None:
            name = f"tidemark heartbeat {socket.gethostname()}:{os.getpid()}"[:63]
            self._connection = _connect(self._dsn, name, is_async=True)
            _complete(self._connection, deadline)
        with self._connection.cursor() as cursor:
            cursor.execute(f"{trusting_nobody()}; {statement}", parameters)
            _complete(self._connection, deadline)
            return cursor.fetchall()

    def end(self, pids: Sequence[int], deadline: float) -> None:
        """End sessions of Tidemark's; raises as `rows`."""
        statement = sqlfiles.statement(__name__, "end")
        self.rows(statement, {"pids": pids}, deadline)

    def close(self) -> None:
        """Close the connection; the next statement opens another one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def trusting_nobody() -> str:
    """Return the statement that a session begins with."""
    return sqlfiles.statement(__name__, "trust_nobody")


def _complete(connection: extensions.connection, deadline: float) -> None:
    """Let the driver finish what it has begun: it says which way it waits, and `poll` waits."""
    events = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        poll = select.poll()
        poll.register(connection.fileno(), events[state])
        poll.poll(left * 1000)


def alive() -> list[Connection]:
    """Return the connections that are open."""
    return [connection for connection in list(_all) if connection.closed == 0]


def is_busy(connection: extensions.connection) -> bool:
    """Whether a statement runs there, or a COPY."""
    return connection.info.transaction_status == extensions.TRANSACTION_STATUS_ACTIVE


def is_idle(connection: extensions.connection) -> bool:
    """Whether no transaction is open there."""
    return connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE


def has_news(connection: extensions.connection) -> bool:
    """Whether something came, on a connection that waits for nothing: it was closed, mostly."""
    poll = select.poll()
    try:
        poll.register(connection.fileno(), select.POLLIN)
    except psycopg2.Error:  # It is closed on this side, too.
        return True
    return bool(poll.poll(0))


def is_idle_in_transaction(connection: extensions.connection) -> bool:
    """Whether a transaction is open there, between two statements."""
    return connection.info.transaction_status == extensions.TRANSACTION_STATUS_INTRANS


def waits(connection: Connection) -> bool:
    """Whether this process waits for the server, and no byte has come that it could read."""
    try:
        unread = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.FIONREAD, b"\0" * 4))
    except (psycopg2.Error, OSError, ValueError):  # It was closed in the meantime.
        return False
    return is_busy(connection) and not connection.is_elsewhere and unread == (0,)


def traffic(connection: Connection) -> tuple[int, int] | None:
    """Return how many bytes the other end has acknowledged, and how many it has sent.

    None: the system does not tell, as only Linux does.
    """
    # tcpi_bytes_acked and tcpi_bytes_received of `struct tcp_info` are two 64-bit numbers that
    # begin at byte 120. A kernel that does not have them leaves them out.
    with suppress(psycopg2.Error, OSError, AttributeError, struct.error):
        with socket.socket(fileno=_duplicate(connection)) as own:
            found = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
        acknowledged, received = struct.unpack("=120xQQ", found)
        return (acknowledged, received) if received else None
    return None


def cancel(those: Iterable[Connection]) -> None:
    """Ask the servers to cancel what runs on connections; safe from another thread.

    An idle connection is left alone: the cancel would arrive late and hit its next statement, such
    as the one that logs the interruption. The driver's own `cancel` is not used: while it waits for
    a server, no thread of the process runs.
    """
    running: defaultdict[str, list[int]] = defaultdict(list)
    for connection in those:
        if connection.closed == 0 and is_busy(connection):
            running[connection.url].append(connection.pid)
    threads = [threading.Thread(target=_cancel, args=each, daemon=True) for each in running.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CANCEL)


def _cancel(dsn: str, pids: list[int]) -> None:
    with suppress(psycopg2.Error, TimeoutError), closing(Aside(dsn)) as aside:
        statement = sqlfiles.statement(__name__, "cancel")
        aside.rows(statement, {"pids": pids}, time.monotonic() + CANCEL)


def silent(connection: extensions.connection) -> ConnectError | None:
    """Return an error that says why a connection was given up; None: it was not."""
    if not (isinstance(connection, Connection) and connection.silence):
        return None
    return ConnectError(
        f"{connection.server}: the connection fell silent: {connection.silence}. "
        "Run the command again.",
        is_transient=has_patience(connection.url),
    )


def give_up(connection: Connection, why: str) -> None:
    """End a connection from another thread: the one that waits there gets an error at once."""
    connection.silence = connection.silence or why
    _leave(connection)
    _shut(connection)


def close(connection: extensions.connection) -> None:
    """Close a connection. If its server was silent, the next login ends the session there."""
    if isinstance(connection, Connection) and connection.closed == 0:
        _leave(connection)
    # The driver sends a goodbye first. Behind data that the server does not take, it would wait.
    if is_busy(connection):
        _shut(connection)
    connection.close()


def _shut(connection: extensions.connection) -> None:
    with (
        suppress(psycopg2.Error, OSError),  # It was closed in the meantime.
        socket.socket(fileno=_duplicate(connection)) as own,
    ):
        own.shutdown(socket.SHUT_RDWR)


def _duplicate(connection: extensions.connection) -> int:
    """Duplicate the descriptor of the socket, which its owner may close at any moment.

    Raises:
        OSError: it was closed.
    """
    number = connection.fileno()
    own = os.dup(number)
    # The owner may have closed it before `dup`, and the system may have given the number to another
    # file at once. Then the connection is closed now, or has another number.
    if connection.closed == 0 and connection.fileno() == number:
        return own
    os.close(own)
    raise OSError


def count_silence(dsn: str, seconds: float) -> None:
    """Remember that a server was silent for so long; silences that overlap count once."""
    now = time.monotonic()
    told = _silences[dsn]
    told[:] = [(at, length) for at, length in told if at > now - _FORGOTTEN]
    told.append((now, min(seconds, now - told[-1][0]) if told else seconds))


def has_patience(dsn: str) -> bool:
    """Whether a server is worth another attempt: it was not silent for too long in all."""
    return sum(length for _, length in _silences[dsn]) < PATIENCE


def _leave(connection: Connection) -> None:
    if _silences[connection.url]:
        _orphans[connection.url].append(connection.pid)


def _end_orphans(dsn: str) -> None:
    """End sessions that were left behind: they may not know of it, and still hold locks."""
    left = _orphans.pop(dsn, [])
    if left:
        with suppress(psycopg2.Error, TimeoutError), closing(Aside(dsn)) as aside:
            aside.end(left, time.monotonic() + CANCEL)


class Pipe(io.FileIO):
    """The end of a pipe that a COPY reads or fills.

    While it waits for the pipe, the connection does not wait for its server, which is then not to
    blame.
    """

    def __init__(self, descriptor: int, mode: str, connection: Connection) -> None:
        super().__init__(descriptor, mode)
        self._connection = connection

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there."""
        self._connection.is_elsewhere = True
        try:
            return super().readinto(buffer)
        finally:
            self._connection.is_elsewhere = False

    def write(self, data: ReadableBuffer) -> int:
        """Write what there is room for."""
        self._connection.is_elsewhere = True
        try:
            return super().write(data)
        finally:
            self._connection.is_elsewhere = False
