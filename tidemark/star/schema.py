"""An area's star schema: `area.yml` joined with the catalogs of STG and the DWH."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tidemark.declare.config import Area, Entity
from tidemark.errors import ContractError
from tidemark.layers import contracts, dating, mirror, seen
from tidemark.layers.mirror import LINEAGE, Mirror
from tidemark.model import (
    SEEN_AT,
    Column,
    QualifiedName,
    Table,
    compared_as_text,
    label,
)
from tidemark.postgres import catalog, question, sqlfiles
from tidemark.postgres.db import Composable, Row, Session
from tidemark.postgres.question import Question
from tidemark.postgres.sqltypes import compares, unsized
from tidemark.star import published, scd2
from tidemark.star.facts import DELETED, Fact, RoleKey
from tidemark.star.published import Published
from tidemark.star.scd2 import VERSIONING, Dimension

_NUMBERED = re.compile(r"_(by|member)_\d+")
"""Columns of work tables whose names have a number."""


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
    relation: Composable
    """What is sent of: STG's table; with the clock that first saw a key, if that dates a fact."""


@dataclass(frozen=True, slots=True)
class Star:
    """An area's dimensions and facts, in the order of `area.yml`, and what feeds them."""

    feeds: Mapping[str, Feed]
    dimensions: Mapping[str, Dimension]
    facts: Mapping[str, Fact]
    last_batches: Mapping[str, int]
    """Entity -> the batch up to which its table is what area.yml and the catalogs say."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the DWH has recorded about an area's tables, and their catalog."""

    published: Mapping[str, Published]
    """Entity -> what was published of it."""
    tables: Mapping[QualifiedName, Table]
    foreign_keys: Sequence[Row]
    since: Mapping[str, Mapping[str, int]]
    """Label of a dimension's table -> column -> the last batch that did not know it."""


def stored(dwh: Session, area: Area) -> Question[Stored]:
    """Ask the DWH what it has recorded about an area's tables, and for their catalog."""
    places = [entity.table("dwh") for entity in area.entities.values() if entity.dwh]
    confirmed = [scd2.confirmed_of(entity.table("dwh")) for entity in area.dimensions]
    catalogs = question.both(
        catalog.named(dwh, [*places, *confirmed]), contracts.foreign_keys(area)
    )
    kept = question.both(
        published.tables(area), scd2.since([entity.table("dwh") for entity in area.dimensions])
    )
    both = question.both(catalogs, kept)

    def read(rows: Sequence[Row]) -> Stored:
        (tables, foreign_keys), (known, since) = both.read(rows)
        return Stored(known, tables, foreign_keys, since)

    return Question(both.query, read)


def read(stg: Session, dwh: Session, area: Area) -> Star:
    """Read the catalogs of both layers and check them against each other and `area.yml`.

    Raises:
        ContractError: see `of`.
    """
    return of(area, mirror.read(stg, area), question.ask(dwh, stored(dwh, area)))


def of(area: Area, staged: Mapping[str, tuple[Mirror, Table]], found: Stored) -> Star:
    """Check what both layers say against each other and `area.yml`, and join it.

    Args:
        area: the area of the star.
        staged: entity -> its mirror in STG.
        found: what the DWH says.

    Raises:
        ContractError: names the table or column that is missing, or the two that disagree.
    """
    entities = [entity for entity in area.entities.values() if entity.dwh]
    contracts.require_deferrable(area, found.foreign_keys)
    feeds = {entity.name: _feed(area, entity, *staged[entity.name]) for entity in entities}
    made = [
        _dimension(found.tables, area, entity, feeds[entity.name]) for entity in area.dimensions
    ]
    dimensions = {one.entity: _with_added(one, found) for one in made}
    facts = {
        entity.name: _fact(found.tables, area, entity, feeds[entity.name], dimensions)
        for entity in area.facts
    }
    return Star(feeds, dimensions, facts, published.last_batches(found.published, facts.values()))


def _feed(area: Area, entity: Entity, target: Mirror, table: Table) -> Feed:
    columns = tuple(column for column in table.columns if column.name not in LINEAGE)
    relation = target.name
    if entity.fact and entity.fact.is_seen:
        relation = seen.first(target, area.area, columns=table.names)
        columns = (*columns, seen.FIRST)
    whole = replace(table, columns=columns)
    return Feed(target, entity.landing, columns, table.rows, whole, relation)


def _dimension(
    found: Mapping[QualifiedName, Table], area: Area, entity: Entity, feed: Feed
) -> Dimension:
    assert entity.dimension is not None, "area.dimensions yields dimensions"
    declared = entity.dimension
    why = f"entities.{entity.name}.dimension of sql/{area.area}/area.yml"
    table = catalog.require(found, entity.table("dwh"), server="dwh", why=why)
    named = (declared.surrogate_key, *entity.key, *declared.type2, *declared.type1)
    staged = {column.name: column for column in feed.columns}
    contracts.require_stored(area, table, named[1:], staged)
    catalog.require_columns(table, (*named, *VERSIONING), server="dwh", why=why)
    for column in sorted({*named[1:]} & {*VERSIONING}):
        raise ContractError(
            f"dwh: {why} declares {column!r}, and every dimension has a column of this name for "
            "its versions. Call it otherwise in the cleansing view, in STG and in the DWH.",
            server="dwh",
            table=table.name,
            column=column,
        )
    dated = () if entity.is_seen else (str(entity.changes_at),)
    _require_staged(staged, (*named[1:], *dated), entity, why)
    effective = dating.dated_by(entity, feed.columns)
    assert effective is not None, "STG has it"
    untracked = tuple(
        name for name in table.names if name in staged and name not in (*named, *VERSIONING)
    )
    own = {declared.surrogate_key, *VERSIONING}
    fed = {name: name for name in table.names if name in staged and name not in own}
    contracts.require_fed(area, table, fed, feed.table, own, view=entity.view)
    expected = scd2.confirmed_of(table.qualified_name)
    confirmed = catalog.require(found, expected, server="dwh", why="create_dimension")
    contracts.require_key_alike(area, table, confirmed, entity.key)
    _require_own_names(area, table, fed, sqlfiles.reserved("dimension"))
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
        has_plans=effective.name not in (entity.watermark, SEEN_AT),
        first_version=declared.first_version,
        texts=compared_as_text(table.columns),
        key_types={name: unsized(table.column(name).value_type) for name in entity.key},
        types={column.name: column.type for column in table.columns},
    )


def _with_added(one: Dimension, found: Stored) -> Dimension:
    """Say since when each column of a dimension is there.

    A column that no publish has seen yet counts as added after the last published batch.
    """
    known = found.since[label(one.table)]
    reached = found.published[one.entity].batch_id
    new = dict.fromkeys(one.attributes, reached) | dict(known)
    added = {column: new[column] for column in (*one.type2, *one.untracked) if new[column]}
    unkept = {column: since for column, since in new.items() if column not in known}
    return replace(one, added=added, unkept=unkept)


def _fact(
    found: Mapping[QualifiedName, Table],
    area: Area,
    entity: Entity,
    feed: Feed,
    dimensions: Mapping[str, Dimension],
) -> Fact:
    assert entity.fact is not None, "area.facts yields facts"
    declared = entity.fact
    why = f"entities.{entity.name}.fact of sql/{area.area}/area.yml"
    table = catalog.require(found, entity.table("dwh"), server="dwh", why=why)
    key_columns = (*declared.dimensions, *declared.dates)
    if declared.on_delete == "soft":
        key_columns = (*key_columns, DELETED)
    if declared.is_seen:
        seen.require_column(area, entity, table, declared.seen_column)
    catalog.require_columns(
        table, (*declared.rename, *key_columns, "_batch_id"), server="dwh", why=why
    )
    roles = tuple(
        RoleKey(column, dimensions[role.entity], role.by or dimensions[role.entity].natural_key)
        for column, role in declared.dimensions.items()
    )
    staged = {column.name: column for column in feed.columns}
    named = [declared.happens_at, *declared.renamed.values()]
    named += [one.column for one in declared.dates.values()]
    named += [column for role in roles for column in role.by]
    _require_staged(staged, (*entity.key, *named), entity, why)
    for role in roles:
        _require_comparable(found, entity, table, role, staged)
    columns = _fact_columns(area, entity, table, feed, own={*key_columns, "_batch_id"})
    # The work table with the resolved facts also has the columns by which members are found.
    found_by = sum(len(role.by) for role in roles)
    contracts.require_room(
        "dwh", label(table.qualified_name), len(columns), len(key_columns) + found_by + 2
    )
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
        texts=compared_as_text(table.columns),
        landed_types={name: column.type for name, column in staged.items()},
    )


def _fact_columns(
    area: Area, entity: Entity, table: Table, feed: Feed, *, own: Collection[str]
) -> dict[str, str]:
    """Find what feeds the columns of a fact table: column -> column of STG.

    Args:
        area: whose it is.
        entity: the fact.
        table: its table in the DWH.
        feed: what STG sends.
        own: keys of dimensions and dates, and what Tidemark fills itself.

    Raises:
        ContractError: nothing feeds a column, or no column identifies or dates a fact.
    """
    assert entity.fact is not None, "called for facts"
    renamed = entity.fact.renamed
    staged = {column.name for column in feed.columns}
    # Every other column is copied from STG's column of its name, or of the one that `rename` says.
    columns = {
        name: renamed.get(name, name)
        for name in table.names
        if name not in own and renamed.get(name, name) in staged
    }
    contracts.require_fed(area, table, columns, feed.table, own, view=entity.view)
    _require_own_names(area, table, columns, sqlfiles.reserved("fact"))
    for column in (*entity.key, entity.fact.happens_at):
        if column not in columns.values():
            raise ContractError(
                f"dwh: {table.name} has no column for {column!r} of "
                f"{label(entity.table('stg'))}, which identifies or dates a fact. Add one, or map "
                f"it with entities.{entity.name}.fact.rename of sql/{area.area}/area.yml.",
                server="dwh",
                table=table.name,
                column=column,
            )
    return columns


def _require_comparable(
    found: Mapping[QualifiedName, Table],
    entity: Entity,
    table: Table,
    role: RoleKey,
    staged: Mapping[str, Column],
) -> None:
    """Check that the dimension's key can hold each value by which a fact may name a member.

    A fact has to find every member, and a value without one has to become an inferred member.
    """
    dimension = found[role.dimension.table]
    for natural, by in zip(role.dimension.natural_key, role.by, strict=True):
        key, named = dimension.column(natural), staged[by]
        if not (key.type == named.type or compares(key.value_type, named.value_type)):
            raise ContractError(
                f"stg and dwh: {table.name} finds its {role.column} by column {by!r} of "
                f"{label(entity.table('stg'))}, which is {named.type}, and the key {natural!r} of "
                f"{dimension.name} is {key.type}, which can't hold every value of it. Give both "
                f"one type: cast it in {'.'.join(entity.view)}, or change the dimension's in "
                "every layer.",
                server="dwh",
                table=table.name,
                column=role.column,
            )


def _require_staged(
    staged: Mapping[str, Column], columns: tuple[str, ...], entity: Entity, why: str
) -> None:
    table = Table(label(entity.table("stg")), tuple(staged.values()))
    catalog.require_columns(table, columns, server="stg", why=why)


def _require_own_names(
    area: Area, table: Table, columns: Collection[str], reserved: Collection[str]
) -> None:
    for column in columns:
        if column in reserved or _NUMBERED.fullmatch(column):
            raise ContractError(
                f"dwh: {table.name} has a column {column!r}, a name that Tidemark keeps for a "
                "column of its own. Call it otherwise in STG and in the DWH, in new files of "
                f"sql/{area.area}/.",
                server="dwh",
                table=table.name,
                column=column,
            )
