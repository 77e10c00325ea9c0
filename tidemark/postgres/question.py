"""Questions to a server: a query, and how its rows are read.

A hop has many small questions to a layer before it begins. Each takes a round trip of its own, so
several are asked in one statement (`both`). That one has one snapshot, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tidemark.postgres import compose, db
from tidemark.postgres.db import Composable, Row, Session

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Question(Generic[T_co]):
    """A query, and a function that reads its rows.

    Its columns have names, and types that JSON can hold: where two questions are asked at once, the
    rows come as JSON.
    """

    query: Composable
    read: Callable[[Sequence[Row]], T_co]
    is_json: bool = False
    """Whether all columns are JSON, also where a column of a table gets another type."""


def of(
    query: Composable, parameters: Mapping[str, object], read: Callable[[Sequence[Row]], T]
) -> Question[T]:
    """Return the question that a query with parameters asks."""
    return Question(db.Bound(query, parameters), read)


def ask(session: Session, question: Question[T]) -> T:
    """Ask a question."""
    query = question.query
    return question.read(session.again(query) if question.is_json else session.rows(query))


def both(first: Question[T], second: Question[U]) -> Question[tuple[T, U]]:
    """Return the question that asks two questions at once."""

    def read(rows: Sequence[Row]) -> tuple[T, U]:
        ((left, right),) = rows
        return first.read(_rows(left)), second.read(_rows(right))

    query = compose.statement(__name__, "both", first=first.query, second=second.query)
    return Question(query, read, is_json=True)


def one(rows: Sequence[Row]) -> Any:
    """Return the one value of the one row."""
    ((value,),) = rows
    return value


def _rows(found: Sequence[Mapping[str, Any]] | None) -> list[Row]:
    return [tuple(row.values()) for row in found or ()]
