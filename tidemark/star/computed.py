"""What the DWH has of aggregates: what their SELECTs read, and whether the tables are up to it.

A row of a grain may depend on the facts of that grain, and on the members that these point at. What
else the SELECT reads would change without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError
from tidemark.model import QualifiedName, Table, label
from tidemark.postgres import catalog, compose, db, question
from tidemark.postgres.db import Composable, Row
from tidemark.postgres.question import Question
from tidemark.postgres.sqltypes import holds
from tidemark.star import aggregates
from tidemark.star.aggregates import Aggregate
from tidemark.star.grains import Grain, Noted, Notes
from tidemark.star.scd2 import VERSIONING

DATES = ("public", "dwh_dim_date")
"""The date dimension. A day of it does not change."""

Found = Mapping[QualifiedName, Table]


@dataclass(frozen=True, slots=True)
class Reads:
    """What computes an aggregate, as the catalog shows it."""

    select: Mapping[QualifiedName, frozenset[str]]
    """Table that the SELECT reads, by itself or through views -> its columns that count."""
    grain: Mapping[QualifiedName, frozenset[str]]
    """The same of the expressions of the grain."""
    unsteady: tuple[str, ...]
    """What it calls that gives another result at another time."""
    shape: str
    """A checksum of all that computes it, and of which table it fills."""
    published: str | None
    """The checksum at the last publish; None: it was never published."""

    def of(self, table: QualifiedName) -> frozenset[str]:
        """Return the columns of a table that count."""
        return self.select.get(table, frozenset()) | self.grain.get(table, frozenset())

    @property
    def is_published(self) -> bool:
        """Whether the table has what is computed today, up to the last batch."""
        return self.shape == self.published


def asked(some: Sequence[Aggregate]) -> Question[list[Reads]]:
    """Ask what aggregates read, in their order."""
    views = [
        (position, what, *view)
        for position, one in enumerate(some, 1)
        for what, view in (("select", one.computed), ("grain", one.every_grain))
    ]
    which = {
        "positions": [position for position, *_ in views],
        "whats": [what for _, what, *_ in views],
        "schemas": [schema for *_, schema, _ in views],
        "views": [name for *_, name in views],
        "table_schemas": [one.table[0] for one in some],
        "tables": [one.table[1] for one in some],
        "labels": [label(one.table) for one in some],
    }
    return question.of(compose.statement(__name__, "reads"), which, _read)


def _read(rows: Sequence[Row]) -> list[Reads]:
    return [
        Reads(
            _tables(reads or (), "select"),
            _tables(reads or (), "grain"),
            tuple(unsteady or ()),
            shape,
            published,
        )
        for _, reads, unsteady, shape, published in rows
    ]


def _tables(reads: Sequence[Row], of: str) -> dict[QualifiedName, frozenset[str]]:
    return {
        (schema, name): frozenset(columns or ())
        for what, schema, name, columns in reads
        if what == of
    }


@dataclass(frozen=True, slots=True)
class Computed:
    """An aggregate that can be computed."""

    aggregate: Aggregate
    reads: Reads
    types: tuple[str, ...]
    """Those of the grain's columns."""
    columns: tuple[str, ...]
    """Those that the SELECT yields."""
    facts: tuple[Table, ...]
    """The fact tables of its grains, in their order."""

    @property
    def area(self) -> str:
        """The area that declares it."""
        return self.aggregate.area.area

    def noted(self, number: int, grain: Grain) -> Noted:
        """Return the grain of one of its facts, to be noted as that of the aggregate `number`."""
        needed = self.reads.grain.get(grain.fact, frozenset())
        return Noted(number, grain, self.types, self.reads.of(grain.fact), needed)

    def record(self, batch_id: int) -> Composable:
        """Compose what records that the table has a batch."""
        return compose.statement(
            __name__,
            "record",
            table=db.literal(label(self.aggregate.table)),
            area=db.literal(self.area),
            shape=db.literal(self.reads.shape),
            batch_id=db.literal(batch_id),
        )


def of(area: Area, found: Found, read: Sequence[Reads]) -> list[Computed]:
    """Return the aggregates that a publish of an area may touch.

    One of another area that was not published as it is computed today is left to its own area.
    """
    return [
        Computed(
            one,
            reads,
            tuple(found[one.touched].type_of(column) for column in one.columns),
            found[one.computed].names,
            tuple(found[grain.fact] for grain in one.grains),
        )
        for one, reads in zip(aggregates.followed(area), read, strict=True)
        if one.area.area == area.area or reads.is_published
    ]


def notes(fact: Table, entity: Entity, noted: Sequence[Noted]) -> Notes:
    """Return the notes of one fact's changes."""
    assert entity.fact is not None, "called for facts"
    ours = {sent: column for column, sent in entity.fact.renamed.items()}
    key = (ours.get(column, column) for column in (*entity.key, entity.fact.happens_at))
    return Notes(fact, entity.name, tuple(dict.fromkeys(key)), entity.work("changed"), tuple(noted))


def problems(area: Area, found: Found, read: Sequence[Reads]) -> Iterator[ContractError]:
    """Yield all that is wrong with the aggregates of an area; see `of`."""
    for one, reads in zip(aggregates.followed(area), read, strict=True):
        if one.area.area == area.area:
            yield from _wrong(one, found, reads)


def _wrong(one: Aggregate, found: Found, reads: Reads) -> Iterator[ContractError]:
    needed = [one.table, one.computed, one.touched]
    lacking = list(catalog.missing(found, needed, server="dwh", why=f"sql/{one.path}"))
    yield from lacking
    if lacking:
        return
    yield from _table(one, found)
    yield from _relations(one, reads)
    for function in reads.unsteady:
        yield _error(
            one,
            f"calls {function}, which may give another result while the facts stay the same. "
            "What depends on today belongs into a view or a routine (docs/aggregates.md); "
            "a function of your own that depends on its arguments alone is declared `immutable`",
        )


def _error(one: Aggregate, what: str) -> ContractError:
    return ContractError(f"dwh: sql/{one.path} {what}.", server="dwh", table=label(one.table))


def _table(one: Aggregate, found: Found) -> Iterator[ContractError]:
    """Yield what keeps the table from taking the rows of the SELECT."""
    table, view = found[one.table], found[one.computed]
    said = f"the grain of aggregates.{one.name} of sql/{one.area.area}/area.yml"
    yield from catalog.lacking(view, one.columns, server="dwh", why=said)
    yield from catalog.lacking(table, view.names, server="dwh", why=f"sql/{one.path}")
    for column in view.columns:
        if column.name in table.names and not holds(table.type_of(column.name), column.type):
            yield _error(
                one,
                f"yields {column.type} as {column.name!r}, which {table.name} has as "
                f"{table.type_of(column.name)}. Cast it in the SELECT, or change the table in a "
                f"new file of sql/{one.area.area}/dwh/",
            )
    if not table.is_unique(one.columns):
        columns = ", ".join(one.columns)
        yield _error(
            one,
            f"fills {table.name}, and no unique constraint of it says that there is one row per "
            f"{columns}. Add one in a new file of sql/{one.area.area}/dwh/: `alter table "
            f"{table.name} add constraint {one.name}_one_row_per_grain unique nulls not distinct "
            f"({columns});`",
        )


def _relations(one: Aggregate, reads: Reads) -> Iterator[ContractError]:
    """Yield the tables that the SELECT reads and may not, and those that it has to read."""
    area = one.area
    if one.touched not in reads.select:
        yield _error(one, "does not read {touched} in its FROM, the relation of grains to compute")
    facts = {entity.table("dwh"): entity for entity in area.facts}
    given = {grain.fact for grain in one.grains}
    pointed = {
        area.dimension_of(role).table("dwh")
        for place in given
        for role in facts[place].roles.values()
    }
    for place in sorted({*reads.select} - given - pointed - {one.touched, DATES}):
        if place in facts:
            yield _error(
                one,
                f"reads {label(place)}, and the grain says nothing of its rows. Add "
                f"`{facts[place].name}` to aggregates.{one.name}.grain of sql/{area.area}/area.yml",
            )
        else:
            yield _error(
                one,
                f"reads {label(place)}, which may change while the facts stay as they are. It may "
                "read facts of its area, dimensions that these point at, and dwh_dim_date",
            )
    for place in sorted(given - {*reads.select}):
        yield _error(
            one,
            f"does not read {label(place)}, for which aggregates.{one.name}.grain of "
            f"sql/{area.area}/area.yml gives a grain. Read it, or take it away there",
        )
    for place in sorted({*reads.grain} - given - pointed):
        yield _error(one, f"has a grain that reads {label(place)}. It may read one row of a fact")


def moves(one: Computed, dimension: QualifiedName, key: Sequence[str]) -> tuple[str, ...] | None:
    """Return the columns of a dimension whose change moves an aggregate.

    None: it knows members by their key, or asks which version is current, so that it may read other
    versions than those that facts point at.
    """
    used = one.reads.of(dimension)
    return None if used & {*key, *VERSIONING} else tuple(sorted(used))
