"""The facts that point at the versions of a dimension, and where each column of a fact is from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark.declare import sharing
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.star import DeclaredFact
from tidemark.layers import dating
from tidemark.postgres import catalog, compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Session

MOST = 100
"""Facts that are read for each key column, the latest ones."""


@dataclass(frozen=True, slots=True)
class Pointing:
    """A key column of a fact that points at a dimension."""

    fact: str
    """ENTITY, or AREA.ENTITY of another area."""
    area: str
    entity: Entity
    column: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A fact that points at a version."""

    surrogate: int
    """That of the version."""
    at: datetime | None
    """Its event time, as an instant."""
    key: tuple[str, ...]
    """Its natural key, as text."""


def at(area: Area, entity: Entity) -> Iterator[Pointing]:
    """Yield the key columns of facts that point at a dimension, those of other areas last."""
    for fact in area.facts:
        for column, role in fact.fact.dimensions.items() if fact.fact else ():
            if role.is_of(area.area) and area.dimension_of(role) is entity:
                yield Pointing(fact.name, area.area, fact, column)
    for use in sharing.lent(area):
        if use.dimension.name == entity.name:
            yield Pointing(use.fact, use.area.area, use.entity, use.column)


def dots(dwh: Session, one: Pointing, surrogates: Sequence[int]) -> list[Dot]:
    """Return the facts that point at versions, MOST of them, in the order of their times.

    Empty where the fact's table is not there yet.
    """
    place = one.entity.table("dwh")
    found = catalog.tables(dwh, [place])
    if place not in found or not one.entity.fact:
        return []
    dated = found[place].column(column_of(one.entity.fact, one.entity.fact.happens_at))
    event_time = dating.stored(one.entity, dated)
    assert event_time is not None, "the contract has checked it"
    query = compose.statement(
        __name__,
        "dots",
        column=db.name(one.column),
        event_time=event_time.instant(db.name("f", dated.name)),
        nk=Columns(natural_key(one.entity)),
        fact=db.name(*place),
    )
    rows = dwh.rows(query, {"keys": [*surrogates], "most": MOST})
    return [Dot(surrogate, instant, tuple(key)) for surrogate, instant, key in reversed(rows)]


def natural_key(entity: Entity) -> tuple[str, ...]:
    """Return the columns of a fact's table that hold its natural key."""
    assert entity.fact is not None, "a fact"
    return tuple(column_of(entity.fact, column) for column in entity.key)


def column_of(declared: DeclaredFact, staged: str) -> str:
    """Return the column of a fact's table that has the values of one of STG."""
    ours = {sent: name for name, sent in declared.renamed.items()}
    return ours.get(staged, staged)
