"""The kinds of checks that `area.yml` may have; the key that a check begins with says which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)

from tidemark.declare.check import AtMost, Check, OfRows, Sql
from tidemark.declare.declaration import Declaration
from tidemark.declare.moments import Moment
from tidemark.declare.scalars import Columns, Duration, Identifier, PlainName

_WITHIN = re.compile(r"(\d{1,4}(?:\.\d+)?)\s*% of median of (\d{1,3}) good batch(?:es)?")


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Some = Annotated[
    Columns, BeforeValidator(_one_or_more, json_schema_input_type=str | tuple[str, ...])
]
"""A column, or a list of columns."""
Value = bool | int | Decimal | date | datetime | str


class NotNull(OfRows, title="not_null"):
    """Each of these columns has a value."""

    KIND: ClassVar[str] = "not_null"
    IS_OF_ONE_ROW: ClassVar[bool] = True
    not_null: Some

    @property
    def columns(self) -> tuple[str, ...]:
        """See Check."""
        return self.not_null


class Unique(OfRows, title="unique"):
    """No two rows have the same values in these columns; nulls are no values."""

    KIND: ClassVar[str] = "unique"
    unique: Some

    @property
    def columns(self) -> tuple[str, ...]:
        """See Check."""
        return self.unique


class OneOf(Declaration):
    """A column, and the values that it may have."""

    column: Identifier
    values: Annotated[tuple[Value, ...], Field(min_length=1)]


class AcceptedValues(OfRows, title="accepted_values"):
    """A column has one of these values, or none."""

    KIND: ClassVar[str] = "accepted_values"
    IS_OF_ONE_ROW: ClassVar[bool] = True
    accepted_values: OneOf

    @property
    def columns(self) -> tuple[str, ...]:
        """See Check."""
        return (self.accepted_values.column,)


class Pointing(Declaration):
    """Columns, and the entity whose key they hold."""

    columns: Some
    to: PlainName
    """An entity of the area."""


class Relationships(OfRows, title="relationships"):
    """What these columns name is there: a row of another entity has them as its key."""

    KIND: ClassVar[str] = "relationships"
    relationships: Pointing

    @property
    def columns(self) -> tuple[str, ...]:
        """See Check."""
        return self.relationships.columns


class Bounds(Declaration):
    """A column, and the smallest and the greatest value that it may have."""

    column: Identifier
    min: Value | None = None
    max: Value | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> Bounds:
        if self.min is None and self.max is None:
            raise ValueError("`min` and `max` are missing: say one of them, or both")
        return self


class Between(OfRows, title="between"):
    """A column lies between two values, both included, or has none."""

    KIND: ClassVar[str] = "between"
    IS_OF_ONE_ROW: ClassVar[bool] = True
    between: Bounds

    @property
    def columns(self) -> tuple[str, ...]:
        """See Check."""
        return (self.between.column,)


class Pattern(Declaration):
    """A column, and a regular expression of PostgreSQL."""

    column: Identifier
    pattern: Annotated[str, Field(min_length=1)]


class Matches(OfRows, title="matches"):
    """A column matches a regular expression somewhere (`^…$`: as a whole), or has no value."""

    KIND: ClassVar[str] = "matches"
    IS_OF_ONE_ROW: ClassVar[bool] = True
    matches: Pattern

    @property
    def columns(self) -> tuple[str, ...]:
        """See Check."""
        return (self.matches.column,)


class Within(BaseModel):
    """How far a number may be from the median of those of good batches before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Decimal
    batches: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="before")
    @classmethod
    def _is_spelled_out(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = _WITHIN.fullmatch(" ".join(value.split()))
        if not found:
            raise ValueError(f"{value!r}: write such as `50% of median of 14 good batches`")
        return {"share": Decimal(found[1]) / 100, "batches": int(found[2])}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: Any, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        examples = ["50% of median of 14 good batches"]
        return {"type": "string", "description": cls.__doc__, "examples": examples}


class Count(Declaration):
    """How many rows there may be."""

    min: Annotated[int, Field(ge=0)] | None = None
    max: Annotated[int, Field(ge=0)] | None = None
    within: Within | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> Count:
        if self.min is None and self.max is None and self.within is None:
            raise ValueError("`min`, `max` or `within` is missing: say one of them")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min: {self.min}` is above `max: {self.max}`")
        return self


class RowCount(Check, title="row_count"):
    """There are neither too few rows nor too many."""

    KIND: ClassVar[str] = "row_count"
    row_count: Count
    where: Sql | None = None
    """SQL over a row: only rows for which it is true are counted."""
    scope: Literal["batch", "table"] = "table"
    """Count the rows that the batch wrote, or those of the whole table."""

    @property
    def condition(self) -> str:
        """See Check."""
        return self.where or ""


class Age(Declaration):
    """A column that says when, and how old its latest value may be."""

    column: Moment
    """A column, or `column at ZONE` for one without a zone."""
    within: Duration


class Freshness(Check, title="freshness"):
    """The latest row is not too old, by the layer's clock. Without rows it is."""

    KIND: ClassVar[str] = "freshness"
    freshness: Age
    where: Sql | None = None
    """SQL over a row: only rows for which it is true are looked at."""

    @property
    def columns(self) -> tuple[str, ...]:
        """See Check."""
        return (self.freshness.column.column,)

    @property
    def condition(self) -> str:
        """See Check."""
        return self.where or ""


class Sides(Declaration):
    """Two queries. Each returns one number, or rows with a number `value` and what it is of."""

    left: Sql
    right: Sql
    tolerance: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    """How far two numbers may be apart."""


class Reconcile(Check, title="reconcile"):
    """Two queries of the layer say the same."""

    KIND: ClassVar[str] = "reconcile"
    reconcile: Sides


class Query(Check, title="sql"):
    """A query of the layer returns no rows: it shows what must not be there."""

    KIND: ClassVar[str] = "sql"
    sql: Sql
    at_most: AtMost = AtMost()
    """How many rows it may return; a share is one of the entity's rows."""


KINDS: Mapping[str, type[Check]] = {
    kind.KIND: kind
    for kind in (
        NotNull,
        Unique,
        AcceptedValues,
        Relationships,
        Between,
        Matches,
        RowCount,
        Freshness,
        Reconcile,
        Query,
    )
}


def _said(value: object) -> list[str]:
    if isinstance(value, Check):
        return [value.KIND]
    return [kind for kind in KINDS if isinstance(value, Mapping) and kind in value]


def _kind(value: object) -> str:
    """Say which kind a check is of; of a misspelt one, the nearest."""
    if said := _said(value):
        return f"~{said[0]}"
    assert isinstance(value, Mapping), "_has_one_kind refuses others"
    near = (get_close_matches(str(key), KINDS, n=1) for key in value)
    return f"~{next(one[0] for one in near if one)}"


def _has_one_kind(value: object) -> object:
    kinds = ", ".join(KINDS)
    if not isinstance(value, Mapping | Check):
        raise ValueError(f"a check is a mapping with one of {kinds}")
    said = _said(value)
    if len(said) > 1:
        raise ValueError(f"it is {said[0]} and {said[1]} at once; write a check for each")
    if not said and not any(get_close_matches(str(key), KINDS, n=1) for key in value):
        raise ValueError(f"it does not say what it checks; write one of {kinds}")
    return value


AnyCheck = Annotated[
    Annotated[
        Annotated[NotNull, Tag("~not_null")]
        | Annotated[Unique, Tag("~unique")]
        | Annotated[AcceptedValues, Tag("~accepted_values")]
        | Annotated[Relationships, Tag("~relationships")]
        | Annotated[Between, Tag("~between")]
        | Annotated[Matches, Tag("~matches")]
        | Annotated[RowCount, Tag("~row_count")]
        | Annotated[Freshness, Tag("~freshness")]
        | Annotated[Reconcile, Tag("~reconcile")]
        | Annotated[Query, Tag("~sql")],
        Discriminator(_kind),
    ],
    BeforeValidator(_has_one_kind),
]
Checks = tuple[AnyCheck, ...]
