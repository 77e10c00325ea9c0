"""What `area.yml` says of aggregates: tables of the DWH that are computed from facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from tidemark.declare.declaration import Declaration
from tidemark.declare.scalars import Identifier, PlainName

TOUCHED = "{touched}"
"""What the SELECT names in its FROM: the grains to compute."""


def _expression(value: str) -> str:
    if not value.strip():
        raise ValueError("an expression over a fact's row is needed, such as sales.sale_date")
    return value.strip()


Expression = Annotated[str, AfterValidator(_expression)]
Grain = Annotated[Mapping[Identifier, Expression], Field(min_length=1, max_length=31)]
"""Column of the grain -> what it is of a fact's row."""


class DeclaredAggregate(Declaration, title="Aggregate"):
    """A table of the DWH with a row per grain, computed by sql/<area>/dwh/aggregates/<name>.sql."""

    grain: Mapping[PlainName, Grain] = Field(min_length=1)
    """Fact that the SELECT reads -> column of the grain -> expression over one of its rows, which
    is called by the entity's name, and the dimensions that it points at, each called by the fact's
    key column: `product_key.product_group`."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the grain."""
        return tuple(next(iter(self.grain.values())))

    @model_validator(mode="after")
    def _grains_are_alike(self) -> DeclaredAggregate:
        for fact, grain in self.grain.items():
            if {*grain} != {*self.columns}:
                raise ValueError(
                    f"grain.{fact} has the columns {', '.join(grain)}, and that of the first fact "
                    f"has {', '.join(self.columns)}; it is one grain"
                )
        return self
