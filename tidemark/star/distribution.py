"""Where the tables of an area lie if the DWH is on Citus (`distribution: citus`).

Facts lie in shards, by a column of their natural key, which never changes. Dimensions and dates lie
on every worker, so that a fact meets them where it is. All else stays on the coordinator: landing
and work tables, confirmations, aggregates, control tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tidemark.declare import distributing
from tidemark.declare.config import Area
from tidemark.model import QualifiedName
from tidemark.postgres import compose, db
from tidemark.postgres.db import Composable, Session

_DATES = ("public", "dwh_dim_date")


@dataclass(frozen=True, slots=True)
class Placed:
    """A table, and the column by which its rows are distributed; None: every worker has all."""

    table: QualifiedName
    column: str | None

    @property
    def statement(self) -> Composable:
        """The statement that distributes it, if it is not."""
        place = compose.statement(__name__, "place")
        return db.Bound(place, {"table": db.quoted(*self.table), "column": self.column})


def wanted(areas: Iterable[Area]) -> Iterator[Placed]:
    """Yield how the tables of areas have to lie, what facts point at before them."""
    some = [area for area in areas if area.distribution == "citus"]
    if some:
        yield Placed(_DATES, None)
    for area in some:
        yield from (Placed(entity.table("dwh"), None) for entity in area.dimensions)
    for area in some:
        for entity in area.facts:
            yield Placed(entity.table("dwh"), distributing.column_of(entity))


def has_citus(session: Session) -> bool:
    """Whether the database has the extension."""
    return bool(session.value(compose.statement(__name__, "has_citus")))


def missing(session: Session, areas: Sequence[Area]) -> list[Placed]:
    """Return those that are not distributed yet, whether their tables are there or not.

    The database has the extension.
    """
    there = {(schema, name) for schema, name in session.rows(compose.statement(__name__, "placed"))}
    return [one for one in wanted(areas) if one.table not in there]


def hold_readers(session: Session, tables: Collection[QualifiedName]) -> None:
    """Let nobody read tables until the transaction has ended; to be called last in it.

    Raises:
        StatementError: somebody reads one of them for ten minutes.
    """
    if tables:
        quoted = [db.quoted(*table) for table in dict.fromkeys(tables)]
        session.run(compose.statement(__name__, "hold_readers"), {"tables": quoted})
