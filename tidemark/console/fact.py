"""The page of one fact: what it says, the versions that it points at, and the rows it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidemark.console import life, masking
from tidemark.console.page import Asked, Page, Refused
from tidemark.declare.entity import Entity
from tidemark.errors import StatementError, UsageError
from tidemark.layers import dating
from tidemark.model import label
from tidemark.observe import keyed, pointing
from tidemark.postgres import catalog, compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Session


@dataclass(frozen=True, slots=True)
class Member:
    """The version of a dimension that a fact points at."""

    column: str
    area: str
    entity: str
    surrogate: int
    key: tuple[str | None, ...]
    valid_from: datetime
    valid_to: datetime
    is_inferred: bool
    batch_id: int

    @property
    def is_unknown(self) -> bool:
        """Whether it stands for no member at all."""
        return self.surrogate == 0


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of a fact table."""

    values: Mapping[str, str | None]
    """Column -> value, as PostgreSQL writes it."""
    happened_at: datetime | None
    batch_id: int
    """The batch that wrote it last."""
    members: Sequence[Member]


def show(asked: Asked) -> Page:
    """Show a fact by its natural key."""
    entity, key = asked.entity, asked.query.get("key", ())
    if not entity.fact:
        raise Refused(404, f"{entity.name} feeds no fact table.")
    if not key:
        return Page("fact_search.html", f"Search a fact of {entity.name}", _common(asked, ()))
    try:
        with asked.servers.session("dwh", "console") as dwh:
            table, facts = _facts(dwh, asked, entity, key)
        below = life.below(asked, entity, key)
    except UsageError as error:
        raise Refused(400, str(error)) from error
    about = {**_common(asked, key), "table": table, "facts": facts, "below": below}
    is_there = facts or below.stays or (below.stg and below.stg.versions)
    return Page("fact.html", f"{entity.name} {' '.join(key)}", about, 200 if is_there else 404)


def _common(asked: Asked, key: Sequence[str]) -> dict[str, Any]:
    is_owner = asked.access.reaches("owner")
    return {"area": asked.area, "entity": asked.entity, "key": key, "is_owner": is_owner}


def _facts(
    dwh: Session, asked: Asked, entity: Entity, key: Sequence[str]
) -> tuple[str, list[Fact]]:
    assert entity.fact is not None, "called for facts"
    place = entity.table("dwh")
    table = catalog.tables(dwh, [place]).get(place)
    if table is None:
        raise Refused(404, f"{label(place)} is not there. Run `tidemark migrate`.")
    dated = table.column(pointing.column_of(entity.fact, entity.fact.happens_at))
    event_time = dating.stored(entity, dated)
    assert event_time is not None, "the contract has checked it"
    query = compose.statement(
        __name__,
        "facts",
        keyed.parts(entity, table, key, columns=pointing.natural_key(entity)),
        columns=Columns(table.names),
        fact=db.name(*place),
        event_time=event_time.instant(db.name("f", dated.name)),
    )
    try:
        rows = dwh.rows(query)
    except StatementError as error:
        raise keyed.explained(error, entity, table, key) from error
    names = [*table.names]
    hidden = masking.masked(entity, asked.access, names)
    found = []
    for happened_at, batch_id, *texts in rows:
        values = dict(zip(names, texts, strict=True))
        members = [*_members(dwh, asked, entity, values)]
        seen = {name: masking.HIDDEN if name in hidden else text for name, text in values.items()}
        found.append(Fact(seen, happened_at, batch_id, members))
    return label(place), found


def _members(
    dwh: Session, asked: Asked, entity: Entity, values: Mapping[str, str | None]
) -> Iterator[Member]:
    """Yield the versions that a fact points at."""
    assert entity.fact is not None, "called for facts"
    for column, role in entity.fact.dimensions.items():
        pointed = asked.area.dimension_of(role)
        assert pointed.dimension is not None, "a role is of a dimension"
        query = compose.statement(
            __name__,
            "member",
            nk=Columns(pointed.key),
            dimension=db.name(*pointed.table("dwh")),
            surrogate=db.name(pointed.dimension.surrogate_key),
        )
        area = asked.area.area if role.is_of(asked.area.area) else role.area
        for number, key, *rest in dwh.rows(query, {"surrogate": values[column]}):
            yield Member(column, area, pointed.name, number, tuple(key), *rest)
