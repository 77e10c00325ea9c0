"""Work tables hold results that a hop computes once and reads several times.

They lie in the landing schema, and are kept. So a hop with few rows needs no DDL: it empties a work
table and fills it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tidemark.model import Column, QualifiedName
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session

FEW = 1_000
"""Up to so many rows a work table is emptied and filled. For more, it is made again from its query,
which PostgreSQL may then run in several processes, and is analyzed; unless somebody such as pg_dump
reads it at that moment."""


@dataclass(frozen=True, slots=True)
class WorkTable:
    """A work table as a hop wants it."""

    qualified_name: QualifiedName
    columns: tuple[Column, ...]
    weighed: tuple[str, ...] = ()
    """The columns whose statistics plans need; none: of all."""

    @property
    def entity(self) -> str:
        """The entity that it belongs to, followed by `.` and its purpose if it has one."""
        return self.qualified_name[1]

    def beside(self, purpose: str, columns: tuple[Column, ...]) -> WorkTable:
        """Return a table of another purpose, in the same schema."""
        return WorkTable((self.qualified_name[0], f"{self.entity}.{purpose}"), columns)

    def joined_by(self, key: Collection[str]) -> WorkTable:
        """Return it as a table of which plans need to know the key and Tidemark's columns alone.

        Its other columns are only copied, and compared within a row.
        """
        names = (column.name for column in self.columns)
        weighed = tuple(name for name in names if name in key or name.startswith("_"))
        return replace(self, weighed=weighed)

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        return db.name(*self.qualified_name)

    @property
    def regclass(self) -> Composable:
        """The table name as a text that regclass reads."""
        return db.literal(db.quoted(*self.qualified_name))

    @property
    def emptied(self) -> Composable:
        """The statement that makes it if need be, and leaves it empty with these columns."""
        return compose.statement(
            __name__,
            "empty",
            table=self.regclass,
            names=db.literal([column.name for column in self.columns]),
            types=db.literal([column.type for column in self.columns]),
        )


def typed(types: Mapping[str, str], names: Sequence[str]) -> tuple[Column, ...]:
    """Return columns of these names, each with its type."""
    return tuple(Column(name, types[name]) for name in names)


def own(**types: str) -> tuple[Column, ...]:
    """Return columns of Tidemark's own, spelled as the catalog does."""
    return tuple(Column(name, kind) for name, kind in types.items())


def fill(session: Session, table: WorkTable, query: Composable, *, rows: int) -> None:
    """Fill a work table with the rows of a query, in place of those that it holds.

    It is filled in one message with the next statement of the session.

    Args:
        session: in a transaction.
        table: the table; it is made if it does not exist or has other columns.
        query: has the columns of the table, and no parameters.
        rows: about how many there will be. `release` has to get the same number.
    """
    if rows > FEW and session.value(compose.statement(__name__, "take", table=table.regclass)):
        session.queue(compose.statement(__name__, "make", table=table.name, query=query))
        return
    columns = Columns(tuple(column.name for column in table.columns))
    session.queue(table.emptied)
    session.queue(
        compose.statement(__name__, "fill", table=table.name, columns=columns, query=query)
    )


def make(session: Session, table: Composable, query: Composable) -> int:
    """Make a table of a query's rows, in place of an older one; returns their number."""
    return session.run(compose.statement(__name__, "make", table=table, query=query))


def drop(session: Session, table: Composable) -> None:
    """Drop a table, if it is there."""
    session.run(compose.statement(__name__, "drop", table=table))


def analyze(
    session: Session, table: Composable, *, rows: int = FEW + 1, columns: Sequence[str] = ()
) -> None:
    """Analyze a table, or some columns of it, unless it has few rows.

    Then no statement may rely on its statistics: without them, the planner expects that a condition
    such as `column = 'value'` is true of one row in 200.

    The table is analyzed in one message with the next statement of the session.
    """
    if rows <= FEW:
        return
    if columns:
        some = Columns(tuple(columns))
        session.queue(compose.statement(__name__, "analyze_columns", table=table, columns=some))
    else:
        session.queue(compose.statement(__name__, "analyze", table=table))


def weigh(session: Session, table: WorkTable, *, rows: int) -> None:
    """Analyze what plans need to know of a work table; see `analyze`."""
    analyze(session, table.name, rows=rows, columns=table.weighed)


def release(session: Session, *tables: WorkTable, rows: int) -> None:
    """Empty work tables that took many rows. Others are emptied when they are used again."""
    if rows > FEW:
        for table in tables:
            session.queue(table.emptied)
