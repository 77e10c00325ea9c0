"""What `area.yml` says of events that applications post: their kinds, fields and addresses."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator

from tidemark.declare.declaration import Declaration
from tidemark.declare.kinds import OF_A_DATABASE
from tidemark.declare.scalars import Identifier, PlainName, ServerName

EVENT_ID = "event_id"
"""Column of a mirror with the id that the application gave the event."""

RECEIVED_AT = "received_at"
"""Column of a mirror with the time at which the event was committed in the inbox, about."""

OWN_COLUMNS = (EVENT_ID, RECEIVED_AT)

_TYPES = {
    "bigint": "bigint",
    "boolean": "boolean",
    "date": "date",
    "integer": "integer",
    "jsonb": "jsonb",
    "numeric": "numeric",
    "text": "text",
    "timestamptz": "timestamp with time zone",
    "uuid": "uuid",
}
_NUMERIC = re.compile(r"numeric\(\s*(\d{1,3})\s*(?:,\s*(\d{1,3})\s*)?\)")
_PATH = re.compile(r"[a-z][a-z0-9_-]*(?:/[a-z][a-z0-9_-]*)*")
TAKEN_PATHS = {"events"}
"""What the service has below /v1/ itself."""


def _type(value: str) -> str:
    if value in _TYPES:
        return value
    found = _NUMERIC.fullmatch(value)
    if not found:
        raise ValueError(
            f"{value!r} is no type of a field; write one of {', '.join(sorted(_TYPES))}, or "
            "numeric(38, 0)"
        )
    digits, scale = int(found[1]), int(found[2] or 0)
    if not 1 <= digits <= 1000 or scale > digits:
        raise ValueError(f"{value!r}: 1 to 1000 digits, and no more of them behind the point")
    return f"numeric({digits},{scale})"


def _path(value: str) -> str:
    if value and not _PATH.fullmatch(value):
        raise ValueError(f"{value!r}: write a path such as assets/uploads, in lowercase letters")
    if value.partition("/")[0] in TAKEN_PATHS:
        raise ValueError(f"{value!r}: /v1/{value.partition('/')[0]} is the service's own")
    return value


def _field_name(value: str) -> str:
    if value in OWN_COLUMNS or value.startswith("_"):
        raise ValueError(f"{value!r} is Tidemark's own; give the field another name")
    return value


class PostedField(Declaration):
    """One field of an event."""

    type: Annotated[str, AfterValidator(_type)]
    """`text`, `boolean`, `integer`, `bigint`, `numeric`, `numeric(38, 0)`, `date`, `timestamptz`,
    `uuid` or `jsonb`. It may be written in place of the mapping."""
    required: bool = True
    """Whether an event has to have it. One that is not may also be null."""
    at_least: int | None = None
    """The least number that it may be."""
    description: str = ""
    example: Any = None

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_type(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_a_number(self) -> PostedField:
        if self.at_least is not None and not self.is_number:
            raise ValueError("`at_least` is for a number")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        name = {"type": "string", "examples": ["text", "numeric(38, 0)"]}
        return {"anyOf": [name, handler(schema)], "description": cls.__doc__}

    @property
    def sql_type(self) -> str:
        """The type of its column, as `format_type` spells it."""
        return _TYPES.get(self.type, self.type)

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.type in {"bigint", "integer"} or self.type.startswith("numeric")


class EventsOfEntity(Declaration):
    """The events of one kind, which are the rows of an entity."""

    event: PlainName
    """What the kind is called; by default as the entity is."""
    path: Annotated[str, AfterValidator(_path)] = ""
    """Where the service takes them, below /v1/, beside /v1/events which takes all kinds."""
    description: str = ""
    fields: Annotated[
        Mapping[Annotated[Identifier, AfterValidator(_field_name)], PostedField],
        Field(min_length=1),
    ]
    """What an event says, by name. It has no others."""

    @property
    def required(self) -> list[str]:
        """The fields that an event has to have."""
        return [name for name, one in self.fields.items() if one.required]


class Inbox(Declaration):
    """Events that applications post, kept in an inbox in MRR until a batch takes them."""

    kind: Literal["events"]
    name: ServerName = "inbox"


def of_entity(entity: object, name: str) -> object:
    """Complete what an entity says of its events: each is a row, of a kind that has its name."""
    if not isinstance(entity, dict) or entity.get("from"):
        return entity
    origin = entity.get("source")
    if not isinstance(origin, dict):
        raise ValueError(
            f"entities.{name}.source is missing: say what an event has: {{fields: {{name: text}}}}"
        )
    return {"key": [EVENT_ID], **entity, "source": {"event": name, **origin}}


def check(
    events: EventsOfEntity,
    keyed_by: Sequence[str] | Mapping[str, str],
    *,
    said: Collection[str],
    is_set: bool,
) -> None:
    """Check what is said of an entity whose rows are events; ValueError says what is wrong.

    Args:
        events: its events.
        keyed_by: the columns of its key, or column -> path.
        said: the keys of area.yml that say something of it.
        is_set: whether what its source lacks is to be deleted.
    """
    if is_set:
        raise ValueError("`deletes: detect` is of no use: nothing takes an event back")
    for key in (*OF_A_DATABASE, "max_delete_ratio", "leave_out"):
        if key in said:
            raise ValueError(f"`{key}` is for tables of a database, and this one has events")
    if isinstance(keyed_by, Mapping):
        raise ValueError("key: paths are for documents; of events name fields, or `event_id`")
    for column in keyed_by:
        if column != EVENT_ID and column not in events.required:
            raise ValueError(f"key: {column!r} is no field that each event has to have")
