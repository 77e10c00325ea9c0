"""Rows that a server refuses: to which entity they belong, and what to do about them.

The driver's error knows layer, column and constraint (`driver_errors`). The code that moves an
entity's rows knows the entity, and at which step the row was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tidemark.errors import RefusedRowError
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session

_AND_MIGRATE = "in a new file of sql/, and run `tidemark migrate`"

SENDING = "Correct the row there, or the view that computes it."
LANDING = (
    f"Let the type there take what the layer before has, {_AND_MIGRATE}; or correct the row at the "
    "source."
)
MERGING = f"Correct the row at the source, or let the table take it, {_AND_MIGRATE}."
CLEANSING = (
    "Let the cleansing view give such a row a reason in reject_reasons instead "
    "(docs/cleansing.md), and run `tidemark migrate`."
)
STORING = (
    "Let the cleansing view give such a row a reason in reject_reasons, or let the table take it, "
    f"{_AND_MIGRATE}."
)

ENCODINGS = {
    "22021": "Text has to be UTF-8, also where a database is SQL_ASCII and checks none: correct "
    "the row there.",
    "22P05": "Make that database again with the encoding UTF8.",
    "54000": "Keep elsewhere what is so large, and where it is in the row; or let `source` name a "
    "view without the column (docs/operations.md#memory).",
}
"""SQLSTATE -> what to do about it where rows are sent or landed."""


@contextmanager
def named(entity: str, **todo: str) -> Iterator[None]:
    """Name the entity of a row that is refused in the block.

    Args:
        entity: its name.
        todo: server -> what to do about a row that is refused there.

    Raises:
        RefusedRowError: raised by the block. One that names its entity already is not changed.
    """
    try:
        yield
    except RefusedRowError as error:
        if error.entity:
            raise
        raise error.of(entity, _todo(error, todo)) from error


def _todo(error: RefusedRowError, todo: dict[str, str]) -> str:
    said = todo.get(error.server, "")
    return ENCODINGS.get(error.sqlstate or "", said) if said in {SENDING, LANDING} else said


def culprit(columns: Sequence[str], is_refused: Callable[[Sequence[str]], bool]) -> str | None:
    """Find the column whose values are refused, by halving; None: no single one explains it.

    Where rows are refused without any column, what is wrong is in a condition of the query.
    """
    if is_refused(()):
        return None
    while len(columns) > 1:
        half = columns[: len(columns) // 2]
        columns = half if is_refused(half) else columns[len(half) :]
    return columns[0] if is_refused(columns) else None


def of_column(
    error: RefusedRowError, session: Session, view: Composable, columns: Sequence[str]
) -> RefusedRowError:
    """Find the column of a view that can't be computed for some row. The error does not say it."""

    def is_refused(some: Sequence[str]) -> bool:
        try:
            session.run(
                compose.statement(__name__, "count", columns=Columns(tuple(some)), view=view)
            )
        except RefusedRowError:
            return True
        return False

    return error.of(error.entity, error.todo, column=culprit(columns, is_refused))


def of_rows(error: RefusedRowError, session: Session, view: Composable) -> RefusedRowError:
    """Say how many rows of a cleansing view lack a column.

    The rows are counted, not named: a key may be confidential.
    """
    lacking = compose.statement(__name__, "lacking", column=db.name(str(error.column)), view=view)
    rows = session.value(lacking)
    return error.of(error.entity, error.todo, what=f"{error.what} ({rows} rows)") if rows else error


def repeated_key(session: Session, landing: Composable, key: Sequence[str]) -> str | None:
    """Find the first key that landed more than once, as column=value; None without one."""
    columns = Columns(tuple(key))
    query = compose.statement(__name__, "repeated_key", landing=landing, key=columns)
    for (values,) in session.rows(query):
        return spelled_key(key, values)
    return None


def spelled_key(key: Sequence[str], values: Sequence[str]) -> str:
    """Return a key as messages say it, as column=value."""
    return ", ".join(f"{column}={value}" for column, value in zip(key, values, strict=True))
