"""What `area.yml` says of the star: dimensions, facts, and the checks of a publish."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tidemark.declare.declaration import Declaration
from tidemark.declare.moments import Moment
from tidemark.declare.scalars import (
    Columns,
    EntityName,
    Identifier,
    Names,
    TableName,
)
from tidemark.model import FIRST_SEEN_AT

SEEN = "seen"
"""In place of a column with a time: as of when Tidemark saw it."""

SPAN = ("at_from", "at_to")
"""Columns of the view `<table>_at`: the span of instants for which a row holds."""

USUAL_SEEN_COLUMN = "seen_at"
"""Column of a fact table with that time, unless `rename` gives it another name."""


class Role(Declaration):
    """A key of a fact, or of a dimension's view: which dimension, found by which columns."""

    entity: EntityName
    """ENTITY, or AREA.ENTITY of another area."""
    by: Columns | None = None
    """Columns with the natural key; None: the columns with the names of the dimension's key."""

    @property
    def area(self) -> str:
        """The area that is named with the entity; ''."""
        return self.entity.rpartition(".")[0]

    def is_of(self, area: str) -> bool:
        """Whether the dimension is one of this area, in which the role is declared."""
        return self.area in ("", area)

    def misfit(self, key: Sequence[str]) -> str:
        """Say why `by` can't name a member by its natural key; '' if it can."""
        if self.by is None or len(self.by) == len(key):
            return ""
        return f"{len(self.by)} columns for a key of {len(key)}"


def _role(value: object) -> object:
    return {"entity": value} if isinstance(value, str) else value


NamedRole = Annotated[Role, BeforeValidator(_role, json_schema_input_type=str | Role)]


def _keys_of_entities(value: object) -> object:
    return _keyed(value, lambda one: one.rpartition(".")[2])


def _keys_of_dates(value: object) -> object:
    return _keyed(value, lambda one: one.partition(" at ")[0])


def _keyed(value: object, name: Callable[[str], str]) -> object:
    """Give what is in a list the key columns `<name>_key`."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return {f"{name(one)}_key": one for one in value}
    return value


Roles = Annotated[
    Mapping[Identifier, NamedRole],
    BeforeValidator(
        _keys_of_entities, json_schema_input_type=list[str] | Mapping[Identifier, str | Role]
    ),
]
Dates = Annotated[
    Mapping[Identifier, Moment],
    BeforeValidator(
        _keys_of_dates, json_schema_input_type=list[Moment] | Mapping[Identifier, Moment]
    ),
]


class DeclaredDimension(Declaration, title="Dimension"):
    """The SCD Type 2 dimension of the DWH that an entity feeds."""

    table: TableName = ""
    """By default `dim_<entity>`."""
    surrogate_key: Identifier = ""
    """By default `<entity>_key`."""
    type2: Names = ()
    """Columns whose change opens a version."""
    type1: Names = ()
    """Columns that are overwritten in every version of the key."""
    effective: Moment | None = None
    """Column that says when a change took effect; `seen`: when Tidemark saw it; None: the
    entity's watermark."""
    first_version: Literal["beginning", "change"] = "beginning"
    """Where a key's first version starts: at the beginning of time, or at its change time."""
    tie_breaker: Identifier | None = None
    """Of a derived entity: column that orders the observations of a key at one instant. The one
    with the greatest value counts."""
    references: Roles = Field(default={})
    """Key column of the view `<table>_at` -> dimension that this one points at. In a list of
    entities, it is `<entity>_key`."""

    @model_validator(mode="after")
    def _roles_are_disjoint(self) -> DeclaredDimension:
        both = set(self.type1) & set(self.type2)
        if both:
            raise ValueError(f"{min(both)!r} is both type1 and type2; it can be one of them")
        return self

    @model_validator(mode="after")
    def _references_have_names_of_their_own(self) -> DeclaredDimension:
        if taken := {*self.references} & {self.surrogate_key, *SPAN}:
            raise ValueError(f"references: {min(taken)!r} is another column of {self.table}_at")
        return self


class DeclaredFact(Declaration, title="Fact"):
    """The fact table of the DWH that an entity feeds."""

    table: TableName = ""
    """By default `fact_<entity>`."""
    event_time: Moment
    """Column with the instant that decides which version of a dimension a fact points at; `seen`:
    when Tidemark saw the fact's key first."""
    on_delete: Literal["remove", "soft"] = "remove"
    """What happens to a fact that the source deleted: it is removed, or its `is_deleted` is set."""
    rename: Mapping[Identifier, Identifier] = {}
    """Column of the fact table -> column of the STG table, where the names differ."""
    dimensions: Roles = Field(default={})
    """Key column of the fact table -> dimension. In a list of entities, it is `<entity>_key`."""
    distribute_by: Identifier = ""
    """Column of the fact table's natural key by which its rows are distributed where the area says
    `distribution: citus`; by default the first."""
    dates: Dates = Field(default={})
    """Key column of the fact table (yyyymmdd) -> column of the STG table with the date. With a
    zone, the date is that of the column's instant there. In a list, it is `<column>_key`."""

    @model_validator(mode="after")
    def _columns_have_one_origin(self) -> DeclaredFact:
        named = [*self.rename, *self.dimensions, *self.dates]
        both = [column for column in named if named.count(column) > 1]
        if both:
            raise ValueError(
                f"{both[0]!r} is in two of rename, dimensions and dates; it can be in one of them"
            )
        return self

    @property
    def is_seen(self) -> bool:
        """Whether a fact counts as of when Tidemark saw its key first."""
        return str(self.event_time) == SEEN

    @property
    def happens_at(self) -> str:
        """Landing column with its event time."""
        return FIRST_SEEN_AT if self.is_seen else self.event_time.column

    @property
    def seen_column(self) -> str:
        """Column of the fact table with the time at which its key was seen: renamed, or usual."""
        return next((ours for ours, sent in self.rename.items() if sent == SEEN), USUAL_SEEN_COLUMN)

    @property
    def renamed(self) -> Mapping[str, str]:
        """Column of the fact table -> landing column, where the names differ."""
        seen = {self.seen_column: FIRST_SEEN_AT} if self.is_seen else {}
        return {**self.rename, **seen}


def in_the_star(name: str, value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what an entity feeds, with the names that it has unless others are declared."""
    if isinstance(said := value.get("dimension"), dict):
        yield "dimension", {"table": f"dim_{name}", "surrogate_key": f"{name}_key", **said}
    if isinstance(said := value.get("fact"), dict):
        yield "fact", {"table": f"fact_{name}", **said}
