"""The grains of facts: what a grain is of a fact's row, and which grains a batch touches.

A fact that changes leaves a grain and enters one. PostgreSQL tells what a row was only as long as
it is there. So each step that changes facts is preceded by a note of the facts that it will change,
with the grains that they have. The grains that it leads to are read off what it will write; where
that does not tell, and of facts that point elsewhere in the end, off their rows when all is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.model import QualifiedName, Table
from tidemark.postgres import compose, db, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable
from tidemark.postgres.worktable import WorkTable


@dataclass(frozen=True, slots=True)
class Joined:
    """A dimension that a fact points at, as expressions know it."""

    alias: str
    """The key column of the fact."""
    table: QualifiedName
    surrogate: str


@dataclass(frozen=True, slots=True)
class Grain:
    """What the columns of a grain are of the rows of one fact."""

    entity: str
    """The fact's, and its rows' name in expressions."""
    fact: QualifiedName
    columns: tuple[str, ...]
    expressions: tuple[str, ...]
    joined: tuple[Joined, ...]
    """The dimensions that the expressions name."""

    @property
    def query(self) -> Composable:
        """The query of the grains of all facts; they repeat."""
        return compose.statement(
            __name__,
            "grains",
            expression=[db.raw(one) for one in self.expressions],
            grain=Columns(self.columns),
            row=row(self.entity, db.name(*self.fact), self.joined),
        )


def of(area: Area, entity: Entity, declared: Mapping[str, str], columns: Sequence[str]) -> Grain:
    """Return the grain that `area.yml` gives for a fact, its columns in this order."""
    assert entity.fact is not None, "area.yml was checked"
    expressions = tuple(declared[column] for column in columns)
    joined = []
    for column, role in entity.fact.dimensions.items():
        dimension = area.dimension_of(role)
        assert dimension.dimension is not None, "area.yml was checked"
        is_named = re.compile(rf'(?<!\w)"?{re.escape(column)}"?\s*\.')
        if any(map(is_named.search, expressions)):
            surrogate = dimension.dimension.surrogate_key
            joined.append(Joined(column, dimension.table("dwh"), surrogate))
    return Grain(entity.name, entity.table("dwh"), tuple(columns), expressions, tuple(joined))


def row(name: str, rows: Composable, joined: Sequence[Joined]) -> Composable:
    """Compose the relation of a fact's rows, called by the entity's name, and of its dimensions."""
    f = db.name(name)
    if not joined:
        return compose.statement(__name__, "row", rows=rows, f=f)
    aliases = [db.name(one.alias) for one in joined]
    links = [
        compose.statement(
            __name__,
            "link",
            f=f,
            column=db.name(one.alias),
            alias=alias,
            surrogate=db.name(one.surrogate),
        )
        for one, alias in zip(joined, aliases, strict=True)
    ]
    dimensions = [db.name(*one.table) for one in joined]
    return compose.statement(
        __name__,
        "row_with_dimensions",
        rows=rows,
        f=f,
        dimension=dimensions,
        alias=aliases,
        link=links,
    )


@dataclass(frozen=True, slots=True)
class Noted:
    """A grain of a fact whose changes are noted, of one of several aggregates."""

    number: int
    """The aggregate's."""
    grain: Grain
    types: tuple[str, ...]
    """Those of the grain's columns."""
    columns: frozenset[str]
    """Columns of the fact that the aggregate reads."""
    needed: frozenset[str]
    """Those that the grain reads."""

    @property
    def olds(self) -> tuple[str, ...]:
        """The columns of the grain in the notes."""
        return tuple(f"_grain_{self.number}_{place}" for place in range(len(self.types)))

    @property
    def expressions(self) -> list[Composable]:
        """What its columns are of a fact's row."""
        return [
            compose.statement(__name__, "cast", expression=db.raw(one), type=db.raw(kind))
            for one, kind in zip(self.grain.expressions, self.types, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes of one fact's changes, and of the aggregates that read it."""

    fact: Table
    entity: str
    key: tuple[str, ...]
    """Columns that find a fact again: its natural key and its event time."""
    changed: QualifiedName
    noted: tuple[Noted, ...]

    @property
    def table(self) -> WorkTable:
        """The work table of the notes."""
        types = {self._keys[n]: self.fact.type_of(column) for n, column in enumerate(self.key)}
        for one in self.noted:
            types |= dict(zip(one.olds, one.types, strict=True))
        types |= {"_was_here": "boolean", "_is_sought": "boolean", "_aggregates": "integer[]"}
        return WorkTable(self.changed, worktable.own(**types))

    @property
    def _keys(self) -> tuple[str, ...]:
        return tuple(f"_key_{place}" for place in range(len(self.key)))

    def old(
        self, facts: Composable, *, column: str = "", numbers: Sequence[int] = ()
    ) -> list[Composable]:
        """Compose the note of facts that are about to change, with the grains that they have.

        Args:
            facts: the relation of their rows.
            column: the one that changes; without, any may.
            numbers: the aggregates for which they change; without, all that read the column.

        Returns:
            One statement; none, if no aggregate changes.
        """
        noted = [one for one in self.noted if not numbers or one.number in numbers]
        noted = [one for one in noted if not column or column in one.columns]
        return self._old(facts, noted, is_sought=True)

    def leaving(self, facts: Composable) -> list[Composable]:
        """Compose the note of the grains of facts that are about to go from where they are."""
        return self._grains(facts, self.noted)

    def amended(self, facts: Composable, resolved: WorkTable) -> list[Composable]:
        """Compose the notes of facts that are about to be amended where they are.

        Args:
            facts: the relation of their rows.
            resolved: the facts as they will be, among others.
        """
        told, others = self._told(resolved)
        written = compose.statement(
            __name__,
            "landed_again",
            self._landed(resolved),
            keys=Columns(self._keys),
            key=Columns(self.key),
            changed=self.table.name,
        )
        return [
            *self._old(facts, others, is_sought=True),
            *self._old(facts, told, is_sought=False),
            *self._grains(written, told),
        ]

    def new(self, resolved: WorkTable) -> list[Composable]:
        """Compose the notes of facts that are about to be inserted, or moved."""
        told, others = self._told(resolved)
        written = compose.statement(__name__, "landed", self._landed(resolved))
        found = self._grains(written, told)
        if others:
            note = compose.statement(
                __name__,
                "note_new",
                changed=self.table.name,
                keys=Columns(self._keys),
                key=Columns(self.key),
                aggregates=db.literal([one.number for one in others]),
                resolved=resolved.name,
            )
            found.append(note)
        return found

    def _told(self, resolved: WorkTable) -> tuple[list[Noted], list[Noted]]:
        """Return the grains that resolved facts tell, and those that only their rows will tell."""
        has = {column.name for column in resolved.columns}
        told = [one for one in self.noted if one.needed <= has]
        return told, [one for one in self.noted if one not in told]

    def _landed(self, resolved: WorkTable) -> Parts:
        """Return what makes resolved facts rows with the columns and types of the fact table."""
        has = {column.name for column in resolved.columns}
        values = [
            compose.statement(__name__, "value", column=db.name(one.name), type=db.raw(one.type))
            if one.name in has
            else compose.statement(__name__, "no_value", type=db.raw(one.type))
            for one in self.fact.columns
        ]
        return {"value": values, "column": Columns(self.fact.names), "resolved": resolved.name}

    def _old(
        self, facts: Composable, noted: Sequence[Noted], *, is_sought: bool
    ) -> list[Composable]:
        if not noted:
            return []
        note = compose.statement(
            __name__,
            "note_old",
            self._parts(facts, noted),
            keys=Columns(self._keys),
            f=db.name(self.entity),
            key=Columns(self.key),
            is_sought=db.literal(is_sought),
        )
        return [note]

    def _grains(self, facts: Composable, noted: Sequence[Noted]) -> list[Composable]:
        if not noted:
            return []
        return [compose.statement(__name__, "note_grains", self._parts(facts, noted))]

    def _parts(self, facts: Composable, noted: Sequence[Noted]) -> Parts:
        return {
            "changed": self.table.name,
            "olds": Columns(tuple(name for one in noted for name in one.olds)),
            "expression": [each for one in noted for each in one.expressions],
            "aggregates": db.literal([one.number for one in noted]),
            "row": row(self.entity, facts, self._joined(noted)),
        }

    def touched(self, number: int) -> Iterator[Composable]:
        """Yield the queries of the grains that the noted facts had, and have now."""
        for one in self.noted:
            if one.number != number:
                continue
            grain = Columns(one.grain.columns)
            yield compose.statement(
                __name__,
                "had",
                olds=Columns(one.olds),
                grain=grain,
                changed=self.table.name,
                number=db.literal(number),
            )
            here = compose.statement(
                __name__,
                "still_here",
                changed=self.table.name,
                keys=Columns(self._keys),
                key=Columns(self.key),
                number=db.literal(number),
                fact=db.name(*self.fact.qualified_name),
            )
            yield compose.statement(
                __name__,
                "have",
                expression=one.expressions,
                grain=grain,
                row=row(self.entity, here, one.grain.joined),
            )

    def _joined(self, noted: Sequence[Noted]) -> list[Joined]:
        return list(dict.fromkeys(each for one in noted for each in one.grain.joined))
