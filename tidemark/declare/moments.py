"""Columns that say when, as area.yml names them: `column`, or `column at ZONE`."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator

from tidemark.declare.scalars import Identifier, Zone

_AT_ZONE = re.compile(r"(?P<column>.+) at (?P<zone>\S+)")


class Moment(BaseModel):
    """A column that says when, and the zone in which it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Identifier
    zone: Zone | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_spelled_out(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = _AT_ZONE.fullmatch(value)
        return found.groupdict() if found else {"column": value}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: Any, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        examples = ["sold_at", "sold_at at Europe/Berlin"]
        return {"type": "string", "description": cls.__doc__, "examples": examples}

    def __str__(self) -> str:
        return f"{self.column} at {self.zone}" if self.zone else self.column
