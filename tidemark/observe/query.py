"""A person's question to one server: it reads, ends in time, and can do nothing else.

Three things hold, each by itself. The rights are those of a role that may only read. The
transaction is read only, and is rolled back. The server takes one statement that yields rows, since
it opens a cursor for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from time import monotonic

from tidemark.errors import ConfigError, StatementError, UsageError
from tidemark.model import ANALYST_ROLE, READER_ROLE, ServerName, is_source
from tidemark.postgres import compose, db, driver_errors, sessions, written
from tidemark.postgres.db import Composable, Session, Shape
from tidemark.postgres.sessions import Servers
from tidemark.postgres.written import Written

_ROLES: dict[ServerName, str] = {"dwh": ANALYST_ROLE, "mrr": READER_ROLE, "stg": READER_ROLE}
_OF_SOURCES = "pg_read_all_data"
"""What a superuser becomes on a source, whose roles are not Tidemark's; PostgreSQL 14 has it."""

_NO_ROWS = "42P11"
"""SQLSTATE of a cursor for something that yields no rows, or for several statements."""
_READ_ONLY = "25006"
_CANCELED = "57014"
_SHOWN = 20
"""Characters that an error shows of the text where it is."""

SECONDS = 60
"""How long the server may work on a question, unless it is told."""


@dataclass(frozen=True, slots=True)
class _Role:
    """As what a session reads."""

    name: str | None
    """None: as the login itself."""
    is_confined: bool
    """Whether questions run in functions of the role."""


class Answer:
    """The rows of a question, which come as they are taken."""

    def __init__(self, asker: Asker, columns: Sequence[Shape]) -> None:
        self._asker = asker
        self.columns = tuple(name for name, *_ in columns)
        self.types = tuple(oid for _, oid, _ in columns)

    def take(self, rows: int) -> list[Written]:
        """Return the next rows, as PostgreSQL writes them: so many, or fewer at the end."""
        return self._asker.next(rows, self.types)


class Asker:
    """A session that may only read, and so long as it may work on a question."""

    def __init__(self, session: Session, role: _Role, seconds: float) -> None:
        self._session, self._role, self._seconds = session, role, seconds
        self._left = seconds

    @contextmanager
    def ask(self, question: Composable | str, *, typed: str = "") -> Iterator[Answer]:
        """Ask a question; its rows can be taken in the block.

        Args:
            question: one statement.
            typed: the part of it that a person has typed; '': all of it. An error is shown there.

        Raises:
            UsageError: it is no text that PostgreSQL takes, or yields no columns.
            StatementError: PostgreSQL refuses it, or it took too long.
        """
        text = question if isinstance(question, str) else self._session.spelled(question)
        if "\0" in text:
            raise UsageError("query: the SQL has a NUL character, which PostgreSQL takes nowhere.")
        self._left = self._seconds
        with self._explaining(text, typed or text), self._session.rolled_back("read only"):
            yield Answer(self, self._open(text))

    def _open(self, text: str) -> list[Shape]:
        question = {"question": text}
        if self._role.name and not self._role.is_confined:
            role = db.name(self._role.name)
            self._session.run(compose.statement(__name__, "become", role=role))
        with self._timed():
            if self._role.is_confined:
                self._session.run(compose.statement(__name__, "open_confined"), question)
            else:
                self._session.run(compose.statement(__name__, "open"), question)
        columns = self._session.shape(compose.statement(__name__, "shape"))
        if not columns:
            raise UsageError("query: the statement yields no columns. Name one.")
        return columns

    def next(self, rows: int, types: Sequence[int]) -> list[Written]:
        """See `Answer.take`."""
        count = {"rows": rows}
        with self._timed():
            if self._role.is_confined:
                found = self._session.rows(compose.statement(__name__, "next_confined"), count)
                return [written.taken_apart(row) for (row,) in found]
            return self._session.texts(compose.statement(__name__, "next"), types, count)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Limit the statements of the block to what is left of the time.

        It is said anew each time: a question may change the setting for what follows.
        """
        left = {"milliseconds": max(1, round(self._left * 1000))}
        self._session.run(compose.statement(__name__, "limit"), left)
        start = monotonic()
        yield
        self._left -= monotonic() - start

    @contextmanager
    def _explaining(self, text: str, typed: str) -> Iterator[None]:
        try:
            yield
        except StatementError as error:
            if error.sqlstate == _CANCELED and "user request" not in error.message:
                raise StatementError(
                    f"{self._session.server}: it took longer than {self._seconds:g} s, and was "
                    "stopped.",
                    sqlstate=error.sqlstate,
                    todo="Ask for less, or give it more seconds with `--timeout`.",
                ) from None
            raise _explained(error, text, typed) from None


@contextmanager
def asking(servers: Servers, server: ServerName, *, seconds: float = SECONDS) -> Iterator[Asker]:
    """Open a session of its own on a server, as the role that reads there.

    Raises:
        ConfigError: the login can't become that role.
        ConnectError: see `sessions.connect`.
    """
    dsn = servers.dsns[server]
    with closing(sessions.connect(dsn, server, purpose="query", as_etl=False)) as session:
        role = _role(session, dsn)
        if role.name and role.is_confined:
            with session.transaction("read write"):
                session.run(compose.statement(__name__, "confine", role=db.name(role.name)))
        yield Asker(session, role, seconds)


def _role(session: Session, dsn: str) -> _Role:
    server = session.server
    wanted = _ROLES.get(server, _OF_SOURCES)
    is_of_source = is_source(server)
    login, is_superuser, is_standby, is_there, may = session.one(
        compose.statement(__name__, "who"), {"role": wanted, "is_source": is_of_source}
    )
    if is_of_source and not (is_there and may):
        return _Role(None, is_confined=False)
    if not is_there:
        raise ConfigError(
            f"{server}: {driver_errors.redacted(dsn)}: there is no role {wanted}. Let a login that "
            "may make roles run `tidemark migrate`."
        )
    if not may:
        raise ConfigError(
            f"{server}: {driver_errors.redacted(dsn)}: the login is no member of {wanted}. "
            f"Run `grant {wanted} to {login}` there."
        )
    # A standby takes no functions.
    return _Role(wanted, is_confined=is_superuser and not is_standby)


def _explained(error: StatementError, text: str, typed: str) -> StatementError:
    """Say what is wrong with a person's own statement, and where in it."""
    message, todo = error.message.rstrip("."), ""
    if error.sqlstate == _NO_ROWS:
        todo = "Ask with one statement that yields rows: SELECT, VALUES, TABLE, SHOW or EXPLAIN."
    elif error.sqlstate == _READ_ONLY:
        todo = "`tidemark query` only reads."
    elif error.place and error.place[0] == text:
        character = error.place[1] - 1 - text.find(typed)
        todo = error.hint
        if 0 <= character <= len(typed):
            message = f"{message} {_where(typed, character)}"
    return StatementError(f"{message}.", sqlstate=error.sqlstate, is_final=True, todo=todo)


def _where(text: str, character: int) -> str:
    """Say where a character is, which is counted from 0, and what stands there."""
    before, rest = text[:character], text[character:]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    shown = rest.partition("\n")[0]
    cut = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return f"(line {line}, column {column}{cut and ': '}{cut})"
