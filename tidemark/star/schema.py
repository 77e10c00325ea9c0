"""An area's star schema: `area.yml` joined with the catalogs of STG and the DWH."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.star import Role
from tidemark.errors import refuse
from tidemark.layers import dating, mirror, seen
from tidemark.layers.mirror import LINEAGE, Mirror
from tidemark.model import (
    SEEN_AT,
    Column,
    QualifiedName,
    Table,
    compared_as_text,
    label,
)
from tidemark.postgres import catalog, question
from tidemark.postgres.db import Composable, Row, Session
from tidemark.postgres.question import Question
from tidemark.star import (
    aggregates,
    computed,
    contract,
    members,
    outriggers,
    pointers,
    published,
    scd2,
)
from tidemark.star.computed import Computed, Reads
from tidemark.star.facts import Fact, RoleKey
from tidemark.star.members import Members
from tidemark.star.pointers import Pointer
from tidemark.star.published import Published
from tidemark.star.scd2 import ENDS, VERSIONING, Dimension

_Catalogs = tuple[dict[QualifiedName, Table], Sequence[Row]]
_Kept = tuple[dict[str, Published], dict[str, dict[str, int]]]
_Told = tuple[_Catalogs, _Kept]


@dataclass(frozen=True, slots=True)
class Feed:
    """What STG sends of one entity: the mirror it is read from, and its payload's columns."""

    mirror: Mirror
    landing: QualifiedName
    """Where it lands in the DWH."""
    columns: tuple[Column, ...]
    rows: float
    table: Table
    """STG's table as the catalog shows it, without its lineage columns."""
    seen_in: str | None
    """The area whose clocks date a fact, by the batch that first saw its key; None: none do."""

    def sent(self, rows: Composable) -> Composable:
        """Compose rows of STG's table as they are sent: with that clock, if it dates a fact."""
        if self.seen_in is None:
            return rows
        return seen.first(rows, self.seen_in, columns=(*self.mirror.payload, *LINEAGE))


@dataclass(frozen=True, slots=True)
class Star:
    """An area's dimensions and facts, in the order of `area.yml`, and what feeds them."""

    feeds: Mapping[str, Feed]
    dimensions: Mapping[str, Dimension]
    facts: Mapping[str, Fact]
    pointers: tuple[Pointer, ...]
    """The keys of all facts that point at these dimensions, those of other areas last."""
    last_batches: Mapping[str, int]
    """Entity -> the batch up to which its table is what area.yml and the catalogs say."""
    aggregates: Sequence[Computed] = ()
    """Those that follow these tables, those of other areas last."""

    def key(self, entity: str) -> tuple[str, ...]:
        """Return the columns of STG that identify a fact, or a member of a dimension."""
        dimension = self.dimensions.get(entity)
        return dimension.natural_key if dimension else self.feeds[entity].mirror.key

    def pointers_at(self, dimension: Dimension) -> Iterator[Pointer]:
        """Yield the keys of facts that point at a dimension."""
        return (one for one in self.pointers if one.dimension == dimension.table)

    @property
    def whole(self) -> Mapping[str, Fact | Dimension]:
        """The tables that are written from rows of today: all are sent when columns change."""
        observed = {n: one for n, one in self.dimensions.items() if one.lands == "observations"}
        return {**observed, **self.facts}


@dataclass(frozen=True, slots=True)
class Fed:
    """One dimension, and what feeds it."""

    dimension: Dimension
    feed: Feed
    last_batch: int
    """The last one that was published of it; 0: none."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the DWH has recorded about an area's tables, and their catalog."""

    published: Mapping[str, Published]
    """Entity -> what was published of it."""
    tables: Mapping[QualifiedName, Table]
    foreign_keys: Sequence[Row]
    since: Mapping[str, Mapping[str, int]]
    """Label of a dimension's table -> column -> the last batch that did not know it."""
    reads: Sequence[Reads] = ()
    """What aggregates read: those that a publish of the area may touch."""


def stored(dwh: Session, area: Area) -> Question[Stored]:
    """Ask the DWH what it has recorded about an area's tables, and for their catalog."""
    catalogs = contract.asked(dwh, area)
    kept = question.both(
        published.tables(area), scd2.since([entity.table("dwh") for entity in area.dimensions])
    )
    both = question.both(catalogs, kept)
    some = aggregates.followed(area)
    if some:
        return _with_aggregates(question.both(both, computed.asked(some)))
    return Question(both.query, lambda rows: _stored(*both.read(rows)))


def _with_aggregates(asked: Question[tuple[_Told, list[Reads]]]) -> Question[Stored]:
    def read(rows: Sequence[Row]) -> Stored:
        told, reads = asked.read(rows)
        return replace(_stored(*told), reads=reads)

    return Question(asked.query, read)


def _stored(catalogs: _Catalogs, kept: _Kept) -> Stored:
    return Stored(kept[0], *catalogs, kept[1])


def read(stg: Session, dwh: Session, area: Area) -> Star:
    """Read the catalogs of both layers and check them against each other and `area.yml`.

    Raises:
        ContractError: see `of`.
    """
    return of(area, mirror.read(stg, area), question.ask(dwh, stored(dwh, area)))


def dimension(stg: Session, dwh: Session, area: Area, entity: Entity) -> Fed:
    """Read one dimension and what feeds it, whatever is wrong with others.

    Raises:
        ContractError: one of its tables is missing, or lacks what it needs.
    """
    table, staged = entity.table("dwh"), catalog.tables(stg, mirror.bare(entity, "stg").tables)
    places = [table, scd2.confirmed_of(table), *outriggers.tables(area)]
    kept = question.both(published.tables(area), scd2.since([table]))
    found, (reached, since) = question.ask(dwh, question.both(catalog.named(dwh, places), kept))
    stored = Stored(reached, found, (), since)
    refuse(mirror.wrong("stg", area, entity, staged))
    target, of_stg = mirror.made("stg", entity, staged)
    refuse(contract.wrong(area, entity, {entity.table("stg"): of_stg}, stored.tables))
    feed = _feed(area, entity, target, of_stg)
    one = _with_added(_dimension(stored.tables, entity, feed), stored)
    return Fed(one, feed, stored.published[entity.name].batch_id)


def of(area: Area, staged: Mapping[str, tuple[Mirror, Table]], found: Stored) -> Star:
    """Check what both layers say against each other and `area.yml`, and join it.

    Args:
        area: the area of the star.
        staged: entity -> its mirror in STG.
        found: what the DWH says.

    Raises:
        ContractError: names the tables and columns that are missing, or disagree.
    """
    columns = {area.entities[name].table("stg"): table for name, (_, table) in staged.items()}
    refuse(contract.problems(area, columns, found.tables, found.foreign_keys))
    refuse(computed.problems(area, found.tables, found.reads))
    entities = [entity for entity in area.entities.values() if entity.dwh]
    feeds = {entity.name: _feed(area, entity, *staged[entity.name]) for entity in entities}
    made = [_dimension(found.tables, entity, feeds[entity.name]) for entity in area.dimensions]
    dimensions = {one.entity: _with_added(one, found) for one in made}
    facts = {
        entity.name: _fact(found.tables, area, entity, feeds[entity.name]) for entity in area.facts
    }
    own = (pointer for fact in facts.values() for pointer in pointers.of(fact))
    pointing = (*own, *contract.pointers(area, found.tables))
    followed = computed.of(area, found.tables, found.reads)
    star = Star(feeds, dimensions, facts, pointing, {}, followed)
    return replace(star, last_batches=published.last_batches(found.published, star.whole.values()))


def _feed(area: Area, entity: Entity, target: Mirror, table: Table) -> Feed:
    columns = tuple(column for column in table.columns if column.name not in LINEAGE)
    seen_in = area.area if entity.fact and entity.fact.is_seen else None
    if seen_in is not None:
        columns = (*columns, seen.FIRST)
    whole = replace(table, columns=columns)
    return Feed(target, entity.landing, columns, table.rows, whole, seen_in)


def _dimension(found: Mapping[QualifiedName, Table], entity: Entity, feed: Feed) -> Dimension:
    assert entity.dimension is not None, "area.dimensions yields dimensions"
    declared, table = entity.dimension, found[entity.table("dwh")]
    named = {declared.surrogate_key, *entity.key, *declared.type2, *declared.type1, *VERSIONING}
    staged = {column.name for column in feed.columns}
    untracked = tuple(name for name in table.names if name in staged and name not in named)
    effective = dating.dated_by(entity, feed.columns)
    assert effective is not None, "STG has it"
    may_be_planned = effective.name not in (entity.watermark, SEEN_AT)
    return Dimension(
        entity=entity.name,
        table=table.qualified_name,
        landed=entity.landing,
        surrogate=declared.surrogate_key,
        natural_key=entity.key,
        type2=declared.type2,
        type1=declared.type1,
        untracked=untracked,
        effective=effective,
        lands="observations" if entity.is_observed else "plans" if may_be_planned else "changes",
        has_ends=entity.is_observed and ENDS in staged,
        tie_breaker=declared.tie_breaker,
        first_version=declared.first_version,
        texts=compared_as_text(table.columns),
        key_types=members.of(entity, table).key_types,
        types={column.name: column.type for column in table.columns},
    )


def _with_added(one: Dimension, found: Stored) -> Dimension:
    """Say since when each column of a dimension is there.

    A column that no publish has seen yet counts as added after the last published batch.
    """
    known = found.since[label(one.table)]
    reached = found.published[one.entity].batch_id
    new = dict.fromkeys(one.attributes, reached) | dict(known)
    # Observations land whole whenever the columns change, so a null in a new column is a null.
    columns = () if one.lands == "observations" else (*one.type2, *one.untracked)
    added = {column: new[column] for column in columns if new[column]}
    unkept = {column: since for column, since in new.items() if column not in known}
    return replace(one, added=added, unkept=unkept)


def _members(found: Mapping[QualifiedName, Table], area: Area, role: Role) -> Members:
    """Return the dimension that a role names, of the area or of another one."""
    entity = area.dimension_of(role)
    name = entity.name if role.is_of(area.area) else role.entity
    return members.of(entity, found[entity.table("dwh")], name)


def _fact(found: Mapping[QualifiedName, Table], area: Area, entity: Entity, feed: Feed) -> Fact:
    assert entity.fact is not None, "area.facts yields facts"
    declared, table = entity.fact, found[entity.table("dwh")]
    roles = tuple(
        RoleKey(column, _members(found, area, role), role.by or area.dimension_of(role).key)
        for column, role in declared.dimensions.items()
    )
    staged = {column.name: column for column in feed.columns}
    columns = contract.fed_by(entity, table, staged)
    here = {source: name for name, source in columns.items()}
    event_time = dating.dated_by(entity, feed.columns)
    assert event_time is not None, "STG has it"
    return Fact(
        entity=entity.name,
        table=table.qualified_name,
        landed=entity.landing,
        natural_key=tuple(here[column] for column in entity.key),
        columns=columns,
        event_time=event_time,
        event_column=here[event_time.name],
        roles=roles,
        dates=dating.days(entity, feed.columns),
        on_delete=declared.on_delete,
        nullable=frozenset(
            column.name
            for column in table.columns
            if column.name in declared.dates and not column.not_null
        ),
        texts={column.name: column.type for column in table.columns if column.is_compared_as_text},
        landed_types={name: column.type for name, column in staged.items()},
    )
