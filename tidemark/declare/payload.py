"""What an event has to be: a strict model of the fields that `area.yml` declares for its kind.

A value is taken only as what it says it is: no number for a text, no `0` for a time, no NUL, which
PostgreSQL can't keep. The values of a model are what is kept, so that two spellings of one event
are the same event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, create_model

from tidemark.declare.posted import EventsOfEntity, PostedField

DEEPEST = 32
"""How deep the JSON of a field may be nested."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII
)
_NUMBER = re.compile(r"-?\d{1,1000}(?:\.\d{1,1000})?", re.ASCII)
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)
_RANGES = {"integer": 31, "bigint": 63}


class Payload(BaseModel):
    """The fields of one event."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def model(events: EventsOfEntity, name: str) -> type[Payload]:
    """Return the model of a kind of events: what has no value is left out of it."""
    fields: dict[str, Any] = {}
    for field, said in events.fields.items():
        kind = Annotated[Any, PlainValidator(partial(_value, said)), WithJsonSchema(schema(said))]
        default = ... if said.required else None
        examples = None if said.example is None else [said.example]
        # By an alias, since a field may be called as something of the model.
        about: Any = Field(
            default, alias=field, description=said.description or None, examples=examples
        )
        fields[f"field_{len(fields)}"] = (kind, about)
    return create_model(name, __base__=Payload, __doc__=events.description or None, **fields)


def loads(text: str | bytes) -> Any:
    """Read JSON whose numbers lose no digit.

    Raises:
        ValueError: it is none, or has what JSON does not know, such as NaN, or a name twice in one
            object, of which each reader takes another one.
        RecursionError: it is nested too deeply for anyone.
    """
    return json.loads(
        text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one name twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def dumps(payload: Payload) -> str:
    """Return what is kept of an event as JSON; what has no value is left out."""
    values = payload.model_dump(by_alias=True)
    return as_json({name: value for name, value in values.items() if value is not None})


def of_text(field: PostedField, text: str) -> Any:
    """Return what a text of an address means as a value of a field.

    Raises:
        ValueError: says what it has to be, and not what it is.
    """
    value: Any = text
    if field.type in _RANGES and _WHOLE.fullmatch(text):
        value = int(text)
    elif field.type == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    return _value(field, value)


def as_json(value: Any) -> str:
    """Write what `loads` has read."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)}: {as_json(one)}" for key, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_json, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _value(field: PostedField, value: Any) -> Any:
    """Return a value as it is kept; ValueError says what it has to be, and not what it is."""
    if value is None:
        if field.required:
            raise ValueError("is required")
        return None
    kept = _CHECKS[field.type.partition("(")[0]](field, value)
    if field.at_least is not None and Decimal(kept) < field.at_least:
        raise ValueError(f"has to be at least {field.at_least}")
    return kept


def _text(_: PostedField, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("has to be a text")
    _refuse_unkept(value)
    return value


def _boolean(_: PostedField, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("has to be true or false")
    return value


def _integer(field: PostedField, value: Any) -> int:
    """For JSON, 7.0 is a whole number as well."""
    limit = 2 ** _RANGES[field.type]
    if isinstance(value, Decimal) and -limit <= value < limit and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -limit <= value < limit:
        raise ValueError(f"has to be a whole number of {field.type}'s range")
    return value


def _numeric(field: PostedField, value: Any) -> str:
    """A number is kept as text: JSON's numbers lose digits in many a program."""
    text = str(value) if isinstance(value, (int, Decimal)) else value
    if isinstance(value, (bool, float)) or not isinstance(text, str):
        raise ValueError("has to be a number")
    number = _decimal(text)
    if found := _NUMERIC.fullmatch(field.type):
        digits, scale = int(found[1]), int(found[2])
        whole, _, part = f"{number.copy_abs():f}".partition(".")
        if len(part.rstrip("0")) > scale:
            raise ValueError(f"has to have at most {scale} digits behind the point")
        if len(whole.lstrip("0")) > digits - scale:
            raise ValueError(f"has to have at most {digits - scale} digits before the point")
    plain = f"{number:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("has to be a number") from None
    # A short text may stand for a number of a million digits.
    if not number.is_finite() or abs(number.adjusted()) > 1000:
        raise ValueError("has to be a number of at most 1000 digits")
    if not _NUMBER.fullmatch(f"{number:f}"):
        raise ValueError("has to be a number of at most 1000 digits")
    return number


def _date(_: PostedField, value: Any) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("has to be a date, such as 2026-02-28")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("has to be a date of the calendar") from None


def _instant(_: PostedField, value: Any) -> str:
    """A time is kept in UTC, to the microsecond: then one instant has one spelling."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("has to be a time with a zone, such as 2026-02-28T14:45:00Z")
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise ValueError("has to be a time of the calendar") from None


def _uuid(_: PostedField, value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise ValueError("has to be a UUID") from None


def _json(_: PostedField, value: Any) -> Any:
    _refuse_unkept(value)
    return value


def _refuse_unkept(value: Any) -> None:
    """Refuse what PostgreSQL's jsonb can't keep."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, str) and ("\0" in one or any("\ud800" <= c <= "\udfff" for c in one)):
            raise ValueError("has a NUL or half a character in it, which no text can keep")
        if isinstance(one, Decimal):
            _decimal(str(one))
        if isinstance(one, (Mapping, list)) and depth > DEEPEST:
            raise ValueError(f"is nested more than {DEEPEST} deep")
        waiting += [(each, depth + 1) for each in _inside(one)]


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value
        yield from value.values()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from value


_CHECKS: Mapping[str, Callable[[PostedField, Any], Any]] = {
    "bigint": _integer,
    "boolean": _boolean,
    "date": _date,
    "integer": _integer,
    "jsonb": _json,
    "numeric": _numeric,
    "text": _text,
    "timestamptz": _instant,
    "uuid": _uuid,
}


def schema(field: PostedField) -> dict[str, Any]:
    """Return the JSON Schema of a field's values."""
    kind = field.type.partition("(")[0]
    least = {} if field.at_least is None else {"minimum": field.at_least}
    match kind:
        case "integer" | "bigint":
            limit = 2 ** _RANGES[kind]
            found: dict[str, Any] = {"type": "integer", "minimum": -limit, "maximum": limit - 1}
            found |= least
        case "numeric":
            found = {"anyOf": [{"type": "number", **least, **_size(field)}, _as_text(field)]}
        case "boolean":
            found = {"type": "boolean"}
        case "jsonb":
            found = {}
        case "text":
            found = {"type": "string", "pattern": "^[^\\u0000]*$"}
        case _:
            formats = {"date": "date", "timestamptz": "date-time", "uuid": "uuid"}
            found = {"type": "string", **({"format": formats[kind]} if kind in formats else {})}
    if field.required or not found:
        return found
    return {"anyOf": [found, {"type": "null"}]}


def _size(field: PostedField) -> dict[str, Any]:
    found = _NUMERIC.fullmatch(field.type)
    if not found:
        return {}
    digits, scale = int(found[1]), int(found[2])
    limit = 10 ** (digits - scale)
    return {
        "exclusiveMaximum": limit,
        **({} if field.at_least is not None else {"exclusiveMinimum": -limit}),
        "multipleOf": 10**-scale,
    }


def _as_text(field: PostedField) -> dict[str, Any]:
    """Return the JSON Schema of a number that is written as text, and so keeps its digits."""
    found = _NUMERIC.fullmatch(field.type)
    digits, scale = (int(found[1]), int(found[2])) if found else (2000, 1000)
    sign = "" if field.at_least is not None and field.at_least >= 0 else "-?"
    part = f"(\\.[0-9]{{1,{scale}}})?" if scale else ""
    return {"type": "string", "pattern": f"^{sign}[0-9]{{1,{max(digits - scale, 1)}}}{part}$"}
