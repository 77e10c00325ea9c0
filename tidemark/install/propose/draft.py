"""A proposal as values: entities, what they become in the star, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidemark.declare.star import SEEN
from tidemark.install.propose.catalog import SourceTable, has_zone
from tidemark.model import Column, QualifiedName

_UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Guess:
    """What was chosen, and why. Without a reason it is no guess."""

    value: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """What is referred to: a dimension, and the columns that name its member."""

    entity: str
    by: tuple[str, ...] = ()
    """Empty: they have the names of the dimension's key."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension of the star."""

    surrogate_key: str
    type2: tuple[str, ...]
    type1: tuple[str, ...]
    effective: str = ""
    """When a change took effect; empty: the watermark says it."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Column of the source -> its name from STG on, where a dimension has a column of that name."""
    references: Mapping[str, Role] = field(default_factory=dict)
    """Key column of its view -> dimension."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of the star."""

    event_time: Guess
    roles: Mapping[str, Role]
    """Key column -> dimension."""
    dates: Mapping[str, str]
    """Key column -> what dates the fact."""
    columns: tuple[Column, ...]
    """Columns of the source that the fact keeps."""
    seen: str = ""
    """The column with the time at which it was seen first, if that dates it."""


@dataclass(frozen=True, slots=True)
class Join:
    """How a view makes rows of the lines of one entity and of their headers, those of another."""

    line: str
    header: str
    on: Mapping[str, str]
    """Column of a line -> column of the header's key."""
    taken: Mapping[str, str]
    """Column of the header -> its name beside those of the line."""
    event: str
    """The time of the header that dates its lines, by its name there."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A table of the source that can be followed: its key, its watermark, what is read of it.

    Or the rows of a view that joins two others. Then the table is the line's, with more columns.
    """

    name: str
    table: SourceTable
    key: Guess
    key_columns: tuple[str, ...]
    watermark: Guess | None
    left_out: Mapping[str, str]
    """Column that is not read -> why."""
    zone: str = _UTC
    """Whose clock its times without a zone show, and whose days are those of a fact."""
    remarks: tuple[str, ...] = ()
    """What a person should know about it."""
    join: Join | None = None
    """What it is made of, if it has no source of its own."""

    @property
    def watermark_zone(self) -> str:
        """The zone of a watermark that is no instant; '' for any other."""
        is_instant = self.stamp is None or has_zone(self.table.column(self.stamp))
        return "" if is_instant else self.zone

    def instant(self, column: str) -> str:
        """Return a column as it is declared where its instant matters."""
        is_known = column == SEEN or self.watermark_zone or has_zone(self.table.column(column))
        return column if is_known or self.zone == _UTC else f"{column} at {self.zone}"

    def day(self, column: str) -> str:
        """Return a column as it is declared where its day matters."""
        is_same = self.zone == _UTC or not has_zone(self.table.column(column))
        return column if is_same else f"{column} at {self.zone}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are read."""
        return tuple(one for one in self.table.columns if one.name not in self.left_out)

    @property
    def stamp(self) -> str | None:
        """The watermark's column."""
        return self.watermark.value if self.watermark else None


@dataclass(frozen=True, slots=True)
class Placed:
    """An entity, and what it becomes in the star."""

    entity: Entity
    star: Dimension | Fact | None
    """None: it only is an input of others."""
    why: str
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The entity's name."""
        return self.entity.name

    @property
    def dwh(self) -> str:
        """The name of its table in the DWH, without the schema."""
        if isinstance(self.star, Dimension):
            return f"dim_{self.name}"
        return f"fact_{self.entity.join.line if self.entity.join else self.name}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An area as it is proposed."""

    area: str
    source: str
    schema: str
    """Of its tables in the star."""
    landing: str
    """Of its cleansing views."""
    entities: tuple[Placed, ...]
    left_out: Mapping[QualifiedName, str]
    """Table of the source that is not in the area -> why."""
    keywords: frozenset[str] = frozenset()
    detects: bool = True
    """Whether `area.yml` says `deletes: detect` for all entities."""
