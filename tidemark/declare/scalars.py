"""Types of the values in `area.yml`: names and durations, checked so that they are safe to use."""

from __future__ import annotations

import re
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from tidemark.model import LAYERS

_DURATION = re.compile(r"^(\d{1,9})\s*(s|m|h|d)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
TAKEN = {*LAYERS, "new", "postgres", "template0", "template1"}
"""Names of layers, of a folder of embedded servers, and of the databases that each of them has."""
_LONGEST = timedelta(days=36500)
LONGEST_NAME = 48
"""The longest name of a table, in bytes. It leaves room for the names that derive from it."""
TAKEN_SCHEMAS = {"information_schema", "partitions", "tidemark"}


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DURATION.match(value.strip())
    if not match:
        raise ValueError(f"{value!r} is no duration; write 90s, 15m, 6h or 1d")
    return int(match[1]) * _SECONDS[match[2]]


def _reasonable(value: timedelta) -> timedelta:
    if not timedelta(0) <= value <= _LONGEST:
        raise ValueError("a duration lasts from 0s to 36500d")
    return value


def _plain_name(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", value):
        raise ValueError(f"{value!r}: use lowercase letters, digits and underscores, 48 at most")
    return value


def _entity_name(value: str) -> str:
    area, dot, entity = value.rpartition(".")
    if dot:
        _plain_name(area)
    _plain_name(entity)
    return value


def _server_name(value: str) -> str:
    if _plain_name(value) in TAKEN:
        raise ValueError(
            f"{value!r} is a name that layers or embedded servers have; choose another"
        )
    return value


def _identifier(value: str) -> str:
    if not value or "\0" in value or len(value.encode()) > 63:
        raise ValueError("an identifier has 1 to 63 bytes and no NUL")
    return value


def _table_name(value: str) -> str:
    if len(_identifier(value).encode()) > LONGEST_NAME:
        raise ValueError(
            f"{value!r} has {len(value.encode())} bytes, and {LONGEST_NAME} leave room for names "
            "derived from it, such as <table>_history"
        )
    return value


def _is_free(value: str, *taken: str) -> str:
    if value.startswith("pg_") or value in {*TAKEN_SCHEMAS, *taken}:
        raise ValueError(f"{value!r} is PostgreSQL's or Tidemark's own; name another schema")
    return _identifier(value)


def _tables_schema(value: str) -> str:
    return _is_free(value, "landing")


def _landing_schema(value: str) -> str:
    return _is_free(value, "public")


def _listed_once(value: tuple[str, ...]) -> tuple[str, ...]:
    twice = [name for name in value if value.count(name) > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is listed twice")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        near = [*get_close_matches(value, available_timezones(), n=1), "Europe/Berlin"]
        raise ValueError(f"{value!r} is no time zone; write one such as {near[0]}") from None
    return value


def source_name(value: str) -> str:
    """Check a table's name that may have a schema in front; ValueError says what is wrong."""
    for name in value.split(".", 1):
        _identifier(name)
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_reasonable)]
PlainName = Annotated[str, AfterValidator(_plain_name)]
EntityName = Annotated[str, AfterValidator(_entity_name)]
"""ENTITY, or AREA.ENTITY of another area."""
ServerName = Annotated[str, AfterValidator(_server_name)]
Identifier = Annotated[str, AfterValidator(_identifier)]
TablesSchema = Annotated[str, AfterValidator(_tables_schema)]
LandingSchema = Annotated[str, AfterValidator(_landing_schema)]
SequenceName = Annotated[str, AfterValidator(source_name)]
TableName = Annotated[str, AfterValidator(_table_name)]
Zone = Annotated[str, AfterValidator(_zone)]
"""A name of the IANA time zone database."""
Columns = Annotated[tuple[Identifier, ...], Field(min_length=1)]
Names = Annotated[tuple[Identifier, ...], AfterValidator(_listed_once)]
Key = Annotated[
    tuple[Identifier, ...], Field(min_length=1, max_length=31), AfterValidator(_listed_once)
]
"""An index has 32 columns at most. Those of histories and dimensions have one besides the key."""
