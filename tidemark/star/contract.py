"""What the tables of a star must have in common with STG and `area.yml`: checked before it is read.

Each check yields what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from tidemark.declare import sharing
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.sharing import Use
from tidemark.declare.star import DeclaredFact
from tidemark.errors import ContractError
from tidemark.layers import checkable, contracts, dating, seen
from tidemark.layers.checking import first_of_each
from tidemark.layers.mirror import LINEAGE
from tidemark.model import QualifiedName, Table, label
from tidemark.postgres import catalog, ddl, question, sqlfiles
from tidemark.postgres.db import Row, Session
from tidemark.postgres.question import Question
from tidemark.postgres.sqltypes import compares, holds
from tidemark.star import aggregates, outriggers, scd2
from tidemark.star.facts import DELETED
from tidemark.star.pointers import Pointer
from tidemark.star.scd2 import ENDS, VERSIONING

_NUMBERED = re.compile(r"_(by|member)_\d+")
"""Columns of work tables whose names have a number."""

_BATCH = "_batch_id"

Found = Mapping[QualifiedName, Table]


def asked(dwh: Session, area: Area) -> Question[tuple[dict[QualifiedName, Table], Sequence[Row]]]:
    """Ask the DWH for the catalog of an area's tables, and for their foreign keys."""
    places = [entity.table("dwh") for entity in area.entities.values() if entity.dwh]
    places += [use.dimension.table("dwh") for use in sharing.borrowed(area)]
    places += [use.entity.table("dwh") for use in sharing.lent(area)]
    places += outriggers.tables(area)
    places += aggregates.places(area)
    confirmed = [scd2.confirmed_of(entity.table("dwh")) for entity in area.dimensions]
    named = list(dict.fromkeys([*places, *confirmed]))
    return question.both(catalog.named(dwh, named), contracts.foreign_keys(area))


def problems(
    area: Area, staged: Found, found: Found, foreign_keys: Sequence[Row]
) -> Iterator[ContractError]:
    """Yield all that is wrong with an area's star.

    Args:
        area: the area of the star.
        staged: STG's mirrors.
        found: the tables of the DWH.
        foreign_keys: those of the star.
    """
    yield from beside(area, found, foreign_keys)
    for entity in area.entities.values():
        yield from first_of_each(wrong(area, entity, staged, found))


def beside(area: Area, found: Found, foreign_keys: Sequence[Row]) -> Iterator[ContractError]:
    """Yield what is wrong with tables beside those of the area's entities; see `problems`."""
    lent = list(sharing.lent(area))
    owners = {use.entity.table("dwh"): use.area for use in lent}
    yield from contracts.hasty(area, foreign_keys, owners)
    for use in lent:
        table = found.get(use.entity.table("dwh"))
        if table and _pointed(use, table) is None:
            yield ContractError(
                f"dwh: facts of {table.name} point at {label(use.dimension.table('dwh'))}, and the "
                f"columns by which they would be pointed at its new versions are not as "
                f"{use.declared} of sql/{use.area.area}/area.yml needs them. See what is wrong "
                f"with `tidemark plan {use.area.area}`.",
                server="dwh",
                table=table.name,
            )


def pointers(area: Area, found: Found) -> Iterator[Pointer]:
    """Yield the keys of other areas' facts that point at dimensions of an area.

    A fact whose table is not there yet points at nothing.
    """
    for use in sharing.lent(area):
        table = found.get(use.entity.table("dwh"))
        pointer = _pointed(use, table) if table else None
        if pointer:
            yield pointer


def _pointed(use: Use, table: Table) -> Pointer | None:
    """Find the columns of a fact by which it can be pointed at other versions; None: it lacks them.

    The event time has the type that it has in STG.
    """
    declared = use.entity.fact
    assert declared is not None, "a use is of a fact"
    dated = [one for one in table.columns if _fed(declared, one.name) == declared.happens_at]
    event_time = dating.stored(use.entity, dated[-1]) if dated else None
    if event_time is None or use.column not in table.names:
        return None
    at = use.dimension.table("dwh")
    return Pointer(use.fact, table.qualified_name, use.column, at, event_time)


def _fed(declared: DeclaredFact, column: str) -> str:
    """Return the column of STG that has the values of a column of a fact table."""
    return declared.renamed.get(column, column)


def wrong(area: Area, entity: Entity, staged: Found, found: Found) -> Iterator[ContractError]:
    """Yield what is wrong with the table of an entity in the DWH; see `problems`."""
    if entity.dimension:
        yield from _dimension(area, entity, staged, found)
    if entity.fact:
        yield from _fact(area, entity, staged, found)
    table = found.get(entity.table("dwh")) if entity.dwh else None
    if table or not entity.dwh:
        yield from checkable.wrong("dwh", area, entity, table)


def _dimension(area: Area, entity: Entity, staged: Found, found: Found) -> Iterator[ContractError]:
    assert entity.dimension is not None, "area.dimensions yields dimensions"
    declared, place = entity.dimension, entity.table("dwh")
    why = f"entities.{entity.name}.dimension of sql/{area.area}/area.yml"
    named = (*entity.key, *declared.type2, *declared.type1)
    yield from catalog.missing(found, [place], server="dwh", why=why)
    table, sent = found.get(place), _sent(entity, staged)
    if table:
        columns = sent.by_name if sent else {}
        yield from contracts.not_stored(area, table, named, columns)
        needed = (declared.surrogate_key, *named, *VERSIONING)
        yield from catalog.lacking(table, needed, server="dwh", why=why)
    for column in sorted({*named} & {*VERSIONING}):
        yield ContractError(
            f"dwh: {why} declares {column!r}, and every dimension has a column of this name for "
            "its versions. Call it otherwise in the cleansing view, in STG and in the DWH.",
            server="dwh",
            table=".".join(place),
            column=column,
        )
    if sent:
        dating = () if entity.is_seen else (str(entity.changes_at),)
        yield from _not_staged(entity, sent, (*named, *dating), why)
    if sent and entity.is_observed and ENDS in sent.names and sent.type_of(ENDS) != "boolean":
        yield ContractError(
            f"stg: {ENDS} is {sent.type_of(ENDS)} in {sent.name}, and says of an observation of "
            f"{entity.name} whether its key ends: it has to be boolean. Cast it in "
            f"{'.'.join(entity.deriving_view)}.",
            server="stg",
            table=sent.name,
            column=ENDS,
        )
    yield from outriggers.wrong(area, entity, found)
    if table:
        yield from _confirmations(area, entity, table, found)
    if table and sent:
        own = {declared.surrogate_key, *VERSIONING}
        fed = {name: name for name in table.names if name in sent.by_name and name not in own}
        yield from contracts.unfed(area, table, fed, sent, own, view=entity.view)
        yield from _named_as_ours(area, table, fed, sqlfiles.reserved("dimension"))


def _confirmations(
    area: Area, entity: Entity, table: Table, found: Found
) -> Iterator[ContractError]:
    place = scd2.confirmed_of(table.qualified_name)
    yield from catalog.missing(found, [place], server="dwh", why="create_dimension")
    if place in found and {*entity.key} <= {*table.names}:
        yield from contracts.keys_not_named(area, table, found[place], entity.key)


def _fact(area: Area, entity: Entity, staged: Found, found: Found) -> Iterator[ContractError]:
    assert entity.fact is not None, "area.facts yields facts"
    declared, place = entity.fact, entity.table("dwh")
    why = f"entities.{entity.name}.fact of sql/{area.area}/area.yml"
    yield from catalog.missing(found, [place], server="dwh", why=why)
    table, sent = found.get(place), _sent(entity, staged)
    if table:
        if _BATCH not in table.names:
            said = f"dwh: {table.name} has no column {_BATCH!r}, which says what batch wrote a fact"
            add = ddl.add(_BATCH, "bigint not null", place)
            yield contracts.mended(area, "dwh", table, said, add, column=_BATCH)
        if declared.is_seen:
            sends = sent.names if sent else ()
            yield from seen.unkept(area, entity, table, declared.seen_column, sends)
        needed = (*declared.rename, *_keys(entity))
        yield from catalog.lacking(table, needed, server="dwh", why=why)
        yield from _keys_that_do_not_meet(area, entity, table, found)
    yield from _borrowed(area, entity, found)
    if sent:
        named = [declared.happens_at, *declared.renamed.values()]
        named += [one.column for one in declared.dates.values()]
        for role in declared.dimensions.values():
            named += role.by or area.dimension_of(role).key
        yield from _not_staged(entity, sent, (*entity.key, *named), why)
    if table and sent:
        yield from _incomparable(area, entity, table, staged, found)
        yield from _fact_columns(area, entity, table, sent)


def _borrowed(area: Area, entity: Entity, found: Found) -> Iterator[ContractError]:
    """Check that a fact finds what it points at in the dimensions of other areas."""
    for use in (one for one in sharing.borrowed(area) if one.entity is entity):
        dimension = use.dimension
        assert dimension.dimension is not None, "the project has checked it"
        place, why = dimension.table("dwh"), f"{use.declared} of sql/{area.area}/area.yml"
        yield from catalog.missing(found, [place], server="dwh", why=why)
        if place in found:
            needed = (dimension.dimension.surrogate_key, *dimension.key)
            yield from catalog.lacking(found[place], needed, server="dwh", why=why)


def _fact_columns(area: Area, entity: Entity, table: Table, sent: Table) -> Iterator[ContractError]:
    """Check what feeds the columns of a fact table, and that something identifies and dates it."""
    assert entity.fact is not None, "called for facts"
    fed = fed_by(entity, table, sent.names)
    own = {*_keys(entity), _BATCH}
    unfed = list(contracts.unfed(area, table, fed, sent, own, view=entity.view))
    yield from unfed
    yield from _named_as_ours(area, table, fed, sqlfiles.reserved("fact"))
    free = {table.type_of(one.column) for one in unfed if one.column in table.names}
    for column in (*entity.key, entity.fact.happens_at):
        # Where nothing feeds a column of its type, that is the column, under another name.
        is_there = column in sent.by_name and sent.type_of(column) in free
        if column not in fed.values() and not is_there:
            yield ContractError(
                f"dwh: {table.name} has no column for {column!r} of "
                f"{label(entity.table('stg'))}, which identifies or dates a fact. Add one, or map "
                f"it with entities.{entity.name}.fact.rename of sql/{area.area}/area.yml.",
                server="dwh",
                table=table.name,
                column=column,
            )
    # The work table with the resolved facts also has the columns by which members are found.
    by = sum(
        len(role.by or area.dimension_of(role).key) for role in entity.fact.dimensions.values()
    )
    beside = len(_keys(entity)) + by + 2
    yield from contracts.too_wide("dwh", label(table.qualified_name), len(fed), beside)


def fed_by(entity: Entity, table: Table, staged: Collection[str]) -> dict[str, str]:
    """Find what feeds the columns of a fact table: column -> column of STG.

    A column is copied from STG's column of its name, or of the one that `rename` says. Keys of
    dimensions and dates, and what Tidemark fills itself, are left out.
    """
    assert entity.fact is not None, "called for facts"
    own = {*_keys(entity), _BATCH}
    fed = {name: _fed(entity.fact, name) for name in table.names if name not in own}
    return {name: column for name, column in fed.items() if column in staged}


def _keys(entity: Entity) -> tuple[str, ...]:
    """Return the columns of a fact that Tidemark finds the values of, but for its batch."""
    assert entity.fact is not None, "called for facts"
    deleted = (DELETED,) if entity.fact.on_delete == "soft" else ()
    return (*entity.fact.dimensions, *entity.fact.dates, *deleted)


def _keys_that_do_not_meet(
    area: Area, entity: Entity, table: Table, found: Found
) -> Iterator[ContractError]:
    """Check that a fact's keys have types that can be compared with those of what they name."""
    assert entity.fact is not None, "called for facts"
    wanted = dict.fromkeys(entity.fact.dates, ("integer", "the key of dim_date"))
    for key, role in entity.fact.dimensions.items():
        target = area.dimension_of(role)
        there = found.get(target.table("dwh"))
        surrogate = target.dimension.surrogate_key if target.dimension else ""
        if there and surrogate in there.names:
            kind = there.column(surrogate).value_type
            wanted[key] = kind, f"the key {surrogate!r} of {there.name}"
    for column in table.columns:
        kind, what = wanted.get(column.name, (column.value_type, ""))
        if not (holds(column.value_type, kind) or holds(kind, column.value_type)):
            both = f"column {column.name!r} is {column.type} in {table.name}, and {what} is {kind}"
            mend = ddl.retype(table, column.name, kind, table.qualified_name)
            yield contracts.mended(area, "dwh", table, f"dwh: {both}", mend, column=column.name)


def _incomparable(
    area: Area, entity: Entity, table: Table, staged: Found, found: Found
) -> Iterator[ContractError]:
    """Check that a dimension's key can hold each value by which a fact may name a member.

    A fact has to find every member, and a value without one has to become an inferred member.
    """
    assert entity.fact is not None, "called for facts"
    sent = staged[entity.table("stg")]
    for column, role in entity.fact.dimensions.items():
        target = area.dimension_of(role)
        dimension, feed = found.get(target.table("dwh")), staged.get(target.table("stg"))
        for natural, by in zip(target.key, role.by or target.key, strict=True):
            if dimension is None or natural not in dimension.names or by not in sent.names:
                continue
            key, named = dimension.column(natural), sent.column(by)
            if feed and natural in feed.names and feed.type_of(natural) != key.type:
                continue  # The key has another type than what feeds it, which is told there.
            if not (key.type == named.type or compares(key.value_type, named.value_type)):
                yield ContractError(
                    f"stg and dwh: {table.name} finds its {column} by column {by!r} of "
                    f"{label(entity.table('stg'))}, which is {named.type}, and the key {natural!r} "
                    f"of {dimension.name} is {key.type}, which can't hold every value of it. Give "
                    f"both one type: cast it in {'.'.join(entity.view)}, or change the "
                    "dimension's in every layer.",
                    server="dwh",
                    table=table.name,
                    column=column,
                )


def _sent(entity: Entity, staged: Found) -> Table | None:
    """Return STG's table with what it sends; None: there is none, which is told elsewhere."""
    table = staged.get(entity.table("stg"))
    if table is None:
        return None
    columns = [column for column in table.columns if column.name not in LINEAGE]
    if entity.fact and entity.fact.is_seen:
        columns.append(seen.FIRST)
    return replace(table, columns=tuple(columns))


def _not_staged(
    entity: Entity, sent: Table, columns: Sequence[str], why: str
) -> Iterator[ContractError]:
    table = Table(label(entity.table("stg")), sent.columns)
    yield from catalog.lacking(table, columns, server="stg", why=why)


def _named_as_ours(
    area: Area, table: Table, columns: Collection[str], reserved: Collection[str]
) -> Iterator[ContractError]:
    for column in columns:
        if column in reserved or _NUMBERED.fullmatch(column):
            yield ContractError(
                f"dwh: {table.name} has a column {column!r}, a name that Tidemark keeps for a "
                "column of its own. Call it otherwise in STG and in the DWH, in new files of "
                f"sql/{area.area}/.",
                server="dwh",
                table=table.name,
                column=column,
            )
