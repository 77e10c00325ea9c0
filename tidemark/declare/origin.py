"""Where the rows of an entity come from: `schema.table`, or the file of a query."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, GetJsonSchemaHandler, model_validator

from tidemark.declare.declaration import Declaration
from tidemark.declare.scalars import source_name

_FILE = re.compile(r"(?:[\w-]+/)+[\w-]+\.sql")


def _file(value: str) -> str:
    if not _FILE.fullmatch(value):
        raise ValueError(
            f"{value!r}: name a .sql file in a folder of the area, such as source/lines.sql"
        )
    return value


class Origin(Declaration):
    """What is read at the source: a table or a view, or what a query yields."""

    table: Annotated[str, AfterValidator(source_name)] = ""
    """`schema.table`; `public` without a schema. It may be written in place of the mapping."""
    query: Annotated[str, AfterValidator(_file)] = ""
    """A file below the area's folder, with one SELECT."""

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_name(cls, value: Any) -> Any:
        return {"table": source_name(value)} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one_thing(self) -> Origin:
        if bool(self.table) == bool(self.query):
            raise ValueError("name a table, or `{query: source/lines.sql}`")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        name = {"type": "string", "examples": ["orders", "shop.orders"]}
        return {"anyOf": [name, handler(schema)], "description": cls.__doc__}

    def __str__(self) -> str:
        return self.table or self.query

    @property
    def folder(self) -> str:
        """The folder of the area in which the query lies."""
        return self.query.partition("/")[0]
