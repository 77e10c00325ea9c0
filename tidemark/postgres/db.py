"""A session on a server, and the statements that it runs.

A `Session` is one connection in autocommit; a transaction is opened explicitly (`transaction`).
Every error of the driver leaves this module as one of Tidemark's.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, Any

import psycopg2
from psycopg2 import errorcodes, extensions, extras, sql

from tidemark.errors import StatementError, TidemarkError
from tidemark.model import ServerName
from tidemark.postgres import adapters, compose, connections, driver_errors, heartbeat
from tidemark.postgres.connections import Connection
from tidemark.postgres.plans import Plans

Composable = sql.Composable
Json = extras.Json
Row = tuple[Any, ...]
Shape = tuple[str, int, int]
"""A column that a query yields: its name, the oid of its type, and its modifier or -1."""
Parameters = Mapping[str, object] | None

COPY_CHUNK = 1 << 18
"""Bytes that one read or write of a COPY stream moves."""


def name(*parts: str) -> Composable:
    """Quote a possibly qualified identifier: `name("landing", "sales")`."""
    return sql.Identifier(*parts)


def quoted(*parts: str) -> str:
    """Quote a possibly qualified identifier as text, as `::regclass` reads it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def become(role: str) -> Composable:
    """Compose the statement that gives a session the rights of a role instead of its login's."""
    return compose.statement(__name__, "become", role=name(role))


def become_first(roles: Sequence[str]) -> Composable:
    """Compose the same for the first of several roles that the login is a member of."""
    return compose.statement(
        __name__, "become_first", roles=literal([*roles]), last=literal(roles[-1])
    )


def literal(value: object) -> Composable:
    """Quote a value, for the few places where PostgreSQL takes no parameter."""
    return sql.Literal(value)


def raw(trusted: str) -> sql.SQL:
    """Take SQL that is trusted as it is: a check of area.yml, a keyword, a type of the catalog."""
    return sql.SQL(trusted)


_Sent = tuple[str, bytes, bool]
"""A statement: its name, its text, and whether its plan is kept if it comes again."""


class Session:
    """One connection to one server, in autocommit outside of `transaction`."""

    another: Callable[[], Session] | None = None
    """The function that opened it, which opens another one like it."""
    guards: Mapping[ServerName, Composable] = MappingProxyType({})
    """Server -> the statement with which each transaction begins that may write there."""
    keeps_plans = False
    """Whether statements that give no rows are expected again, word for word (`plans`)."""

    def __init__(self, connection: extensions.connection, server: ServerName) -> None:
        self._connection = connection
        self.server = server
        self._queued: list[_Sent] = []
        """Statements that are sent in one message with the next one."""
        self._sent: tuple[str, ...] = ()
        """Names of the statements of the last message."""
        self._plans = Plans()
        self._is_used = threading.Lock()
        self._used = time.monotonic()
        if isinstance(connection, Connection):
            heartbeat.keep(self)

    @property
    def version(self) -> int:
        """`server_version_num`, such as 180004."""
        return int(self._connection.server_version)

    @property
    def has_news(self) -> bool:
        """Whether the server has sent something unasked: it has ended the connection."""
        return connections.has_news(self._connection)

    @property
    def is_closed(self) -> bool:
        """Whether the connection can't be used any more."""
        return self._connection.closed != 0

    def run(self, statement: Composable | str, parameters: Parameters = None) -> int:
        """Execute, and return the number of rows that it touched.

        Raises:
            StatementError: PostgreSQL refused it; an open transaction is aborted.
        """
        with self._executed(statement, parameters, is_kept=self.keeps_plans) as cursor:
            return int(cursor.rowcount)

    def rows(self, statement: Composable | str, parameters: Parameters = None) -> list[Row]:
        """Execute, and return all rows."""
        with self._executed(statement, parameters) as cursor:
            return list(cursor.fetchall())

    def again(self, statement: Composable) -> list[Row]:
        """Return all rows of a statement that may come again, word for word (`plans`).

        Its columns keep their types, also where those of a table get others.
        """
        with self._executed(statement, None, is_kept=True) as cursor:
            return list(cursor.fetchall())

    def texts(
        self, statement: Composable | str, types: Collection[int], parameters: Parameters = None
    ) -> list[tuple[str | None, ...]]:
        """Execute, and return all rows as PostgreSQL writes them; `types` are those of columns."""
        with self._executed(statement, parameters, as_text=types) as cursor:
            return list(cursor.fetchall())

    def one(self, statement: Composable | str, parameters: Parameters = None) -> Row:
        """Execute, and return the one row that there is."""
        (row,) = self.rows(statement, parameters)
        return row

    def value(self, statement: Composable | str, parameters: Parameters = None) -> Any:
        """Execute, and return the one value of the one row."""
        (value,) = self.one(statement, parameters)
        return value

    def shape(self, query: Composable) -> list[Shape]:
        """Execute a query, and describe its columns; its rows are not wanted."""
        with self._executed(query, None) as cursor:
            return [(one.name, one.type_code, adapters.modifier(one)) for one in cursor.description]

    def spelled(self, statement: Composable | str, parameters: Parameters = None) -> str:
        """Return a statement as it is sent."""
        return self._spelled(statement, parameters).decode()

    def queue(self, statement: Composable | str, parameters: Parameters = None) -> None:
        """Send a statement in one message with the next one of this session.

        Its result is not wanted. Where it fails, the next one raises its error, and is not run.
        Outside of a transaction, the statements of one message are a transaction of their own.
        """
        spelled = self._spelled(statement, parameters)
        self._queued.append((_named(statement), spelled, self.keeps_plans))

    def flush(self) -> None:
        """Send what is queued."""
        if self._queued:
            with self._cursor() as cursor:
                cursor.execute(self._message())

    def _spelled(self, statement: Composable | str, parameters: Parameters) -> bytes:
        with self._cursor() as cursor:
            return _spelled(cursor, statement, parameters)

    def copy(self, statement: Composable, stream: IO[bytes]) -> int:
        """Run `COPY … TO STDOUT` into, or `COPY … FROM STDIN` out of, a byte stream."""
        with self._cursor() as cursor:
            message = self._message((_named(statement), _spelled(cursor, statement, None), False))
            cursor.copy_expert(message, stream, size=COPY_CHUNK)
            return int(cursor.rowcount)

    def copy_in(self, statement: Composable, pipe: io.FileIO) -> int:
        """Run `COPY … FROM STDIN` out of a pipe; returns the number of rows.

        While the pipe is empty, it is not this server that is waited for (`connections.Pipe`).
        """
        own = connections.Pipe(os.dup(pipe.fileno()), "rb", self.connection)
        with io.BufferedReader(own, COPY_CHUNK) as stream:
            return self.copy(statement, stream)

    def copy_out(self, statement: Composable, pipe: io.FileIO) -> None:
        """Run `COPY … TO STDOUT` into a pipe. While that is full, this server is not waited for."""
        own = connections.Pipe(os.dup(pipe.fileno()), "wb", self.connection)
        with io.BufferedWriter(own, COPY_CHUNK) as stream:
            self.copy(statement, stream)

    @contextmanager
    def transaction(self, mode: str = "") -> Iterator[Session]:
        """Run the block in one transaction: committed at its end, rolled back by any exception."""
        self._open(mode)
        try:
            yield self
            self.run("commit")
        except BaseException:
            self._abandon()
            raise

    @contextmanager
    def rolled_back(self, mode: str = "") -> Iterator[Session]:
        """Run the block in one transaction that leaves nothing behind, however it ends."""
        self._open(mode)
        try:
            yield self
        finally:
            self._abandon()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run the block within a transaction so that an error in it undoes the block alone.

        Who catches the error can go on with the transaction.
        """
        self.queue("savepoint block")
        try:
            yield
            self.flush()
        except TidemarkError:
            self._queued.clear()
            if not self.is_closed:
                self.run("rollback to savepoint block; release savepoint block")
            raise
        self.queue("release savepoint block")

    def _open(self, mode: str) -> None:
        self.queue(f"begin {mode}")
        if not mode and self.server in self.guards:
            self.queue(self.guards[self.server])

    def _abandon(self) -> None:
        """Roll back. A connection that broke, or is in the middle of a COPY, is closed instead."""
        self._queued.clear()
        if connections.is_busy(self._connection):
            self.close()
        if self.is_closed or connections.is_idle(self._connection):
            return
        try:
            self.run("rollback")
        except TidemarkError:
            self.close()

    def close(self) -> None:
        """Close the connection; the server rolls an open transaction back."""
        connections.close(self._connection)

    def receive(self) -> None:
        """Take in what the server has sent unasked, such as what was notified.

        Raises:
            ConnectError: it has ended the connection.
        """
        with self._cursor():
            self._connection.poll()

    def is_quiet(self, seconds: float) -> bool:
        """See `heartbeat.Kept`."""
        is_idle = time.monotonic() - self._used >= seconds and not self._is_used.locked()
        return is_idle and connections.is_idle_in_transaction(self._connection)

    def ping(self) -> None:
        """See `heartbeat.Kept`. The statement takes no snapshot, so it holds up no vacuum."""
        if self._is_used.acquire(blocking=False):
            try:
                if connections.is_idle_in_transaction(self._connection):
                    with suppress(psycopg2.Error), self._connection.cursor() as cursor:
                        cursor.execute("show transaction_isolation")
                self._used = time.monotonic()
            finally:
                self._is_used.release()

    @property
    def connection(self) -> Connection:
        """The connection, of a session of `connect`."""
        assert isinstance(self._connection, Connection)
        return self._connection

    def reopen(self) -> None:
        """Replace the connection, which broke, by a new one. The locks of the old one are lost.

        Raises:
            ConnectError: the server still can't be reached.
        """
        assert self.another is not None, "reopen() is for sessions of connect()"
        self.close()
        self._queued.clear()
        self._plans = Plans()
        self._connection = self.another()._connection

    @contextmanager
    def _executed(
        self,
        statement: Composable | str,
        parameters: Parameters,
        *,
        as_text: Collection[int] = (),
        is_kept: bool = False,
    ) -> Iterator[Any]:
        with self._cursor() as cursor:
            if as_text:
                whole = extensions.new_type(tuple(as_text), "TEXT", lambda value, _: value)
                extensions.register_type(whole, cursor)
            spelled = _spelled(cursor, statement, parameters)
            cursor.execute(self._message((_named(statement), spelled, is_kept)))
            yield cursor

    def _message(self, *last: _Sent) -> bytes:
        sent = [*self._queued, *last]
        self._queued.clear()
        self._sent = tuple(name for name, *_ in sent if name)
        return b";\n".join(
            self._plans.sending(spelled, name) if is_kept else spelled
            for name, spelled, is_kept in sent
        )

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        self._sent = ()
        try:
            with self._is_used, self._connection.cursor() as cursor:
                yield cursor
            self._plans.answered()
        except psycopg2.Error as error:
            if silent := connections.silent(self._connection):
                raise silent from error
            told = driver_errors.of_statement(error, self.server, self._sent)
            # A traceback would show what the server says of the row in its DETAIL and CONTEXT.
            raise told from (error if error.pgcode is None else None)
        except UnicodeEncodeError:
            unfit = f"{self.server}: a value is no text that UTF-8 can hold."
            raise StatementError(unfit, sqlstate=errorcodes.CHARACTER_NOT_IN_REPERTOIRE) from None
        finally:
            self._plans.failed()
            self._used = time.monotonic()


@dataclass(frozen=True, slots=True)
class Relation:
    """A subquery, and the session that can run it."""

    session: Session
    rows: Composable


def _named(statement: Composable | str) -> str:
    return statement.name if isinstance(statement, compose.Statement) else ""


def cancel(sessions: Iterable[Session]) -> None:
    """Ask the servers to cancel what runs in sessions; safe from another thread."""
    connections.cancel([session.connection for session in sessions])


class Bound(Composable):
    """A statement with its parameters filled in, so that it can be a part of another one."""

    def __init__(self, statement: Composable, parameters: Parameters) -> None:
        super().__init__(statement)
        self.statement, self._parameters = statement, parameters

    def as_string(self, context: Any = None) -> str:
        """See `sql.Composable.as_string`."""
        cursor = context.cursor() if isinstance(context, extensions.connection) else context
        return _spelled(cursor, self.statement, self._parameters).decode()


def _spelled(cursor: Any, statement: Composable | str, parameters: Parameters) -> bytes:
    if parameters is not None and isinstance(statement, Composable):
        statement = _bindable(statement, cursor)
    return bytes(cursor.mogrify(statement, parameters))


def _bindable(statement: Composable, cursor: Any) -> str:
    """Double the percent signs in quoted names and values: the driver takes one for a parameter."""
    if isinstance(statement, compose.Repeated) and "%" not in (text := statement.as_string(cursor)):
        return text
    if isinstance(statement, sql.Composed):
        return "".join([_bindable(part, cursor) for part in statement])
    text = str(statement.as_string(cursor))
    return text if isinstance(statement, sql.SQL) else text.replace("%", "%%")
