"""Work tables: what a hop finds out once and reads more than once.

They lie beside the landing tables, and stay there. So a hop that finds little out defines no table:
it empties one and fills it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemark.model import Column, QualifiedName
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session

FEW = 1_000
"""Rows for which a table is emptied and filled. For more it is made of its query, which PostgreSQL
may then run in several processes, and analyzed."""


@dataclass(frozen=True, slots=True)
class WorkTable:
    """A work table as a hop wants it."""

    qualified_name: QualifiedName
    columns: tuple[Column, ...]

    @property
    def entity(self) -> str:
        """Whose it is, with what a table beside the entity's own adds to that."""
        return self.qualified_name[1]

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        return db.name(*self.qualified_name)

    @property
    def emptied(self) -> Composable:
        """The statement that leaves it empty, with these columns, whatever was there."""
        return compose.statement(
            __name__,
            "empty",
            table=db.literal(db.quoted(*self.qualified_name)),
            names=db.literal([column.name for column in self.columns]),
            types=db.literal([column.type for column in self.columns]),
        )


def typed(types: Mapping[str, str], names: Sequence[str]) -> tuple[Column, ...]:
    """Return columns of these names, each with its type."""
    return tuple(Column(name, types[name]) for name in names)


def own(**types: str) -> tuple[Column, ...]:
    """Return columns of Tidemark's own, spelled as the catalog does."""
    return tuple(Column(name, kind) for name, kind in types.items())


def fill(session: Session, table: WorkTable, query: Composable, *, rows: int) -> int:
    """Fill a work table with the rows of a query, in place of those that it holds.

    Args:
        session: in a transaction.
        table: what is filled; it is made where it is not there, or has other columns.
        query: has its columns; without parameters.
        rows: about how many there will be; `release` is told the same.

    Returns:
        The number of rows.
    """
    *first, last = _filling(table, query, rows)
    for statement in first:
        session.queue(statement)
    return session.run(last)


def fill_with_next(session: Session, table: WorkTable, query: Composable, *, rows: int) -> None:
    """Do the same in one message with the next statement of the session."""
    for statement in _filling(table, query, rows):
        session.queue(statement)


def _filling(table: WorkTable, query: Composable, rows: int) -> list[Composable]:
    if rows > FEW:
        return [compose.statement(__name__, "make", table=table.name, query=query)]
    columns = Columns(tuple(column.name for column in table.columns))
    fill = compose.statement(__name__, "fill", table=table.name, columns=columns, query=query)
    return [table.emptied, fill]


def make(session: Session, table: Composable, query: Composable) -> int:
    """Make a table of a query's rows, in place of an older one; returns their number."""
    return session.run(compose.statement(__name__, "make", table=table, query=query))


def drop(session: Session, table: Composable) -> None:
    """Drop a table, if it is there."""
    session.run(compose.statement(__name__, "drop", table=table))


def analyze(session: Session, table: Composable, *, rows: int = FEW + 1) -> None:
    """Let the planner know what a table holds. Of few rows it knows enough by its size.

    The table is analyzed in one message with the next statement of the session.
    """
    if rows > FEW:
        session.queue(compose.statement(__name__, "analyze", table=table))


def release(session: Session, *tables: WorkTable, rows: int) -> None:
    """Empty work tables that took many rows: what took few is emptied when it is used again."""
    if rows > FEW:
        for table in tables:
            session.queue(table.emptied)
