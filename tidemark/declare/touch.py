"""What `area.yml` says of how rows of an input name the derived rows that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from tidemark.declare.declaration import Declaration
from tidemark.declare.scalars import Identifier


class Touch(Declaration):
    """How a row of an input names the rows of a derived entity that are made of it."""

    columns: Mapping[Identifier, Identifier]
    """Column of the derived entity's key -> column of the input, or of the query."""
    query: str | None = None
    """A query of such columns, over `changed`: the input's rows that a batch has written, and those
    that they replaced. None: the input has the columns itself."""

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_list(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {"columns": {column: column for column in value}}
        if isinstance(value, dict) and isinstance(value.get("columns"), list):
            return {**value, "columns": {column: column for column in value["columns"]}}
        return value
