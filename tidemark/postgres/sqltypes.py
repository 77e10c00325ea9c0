"""Whether a SQL type holds every value of another one, and by which type a key is compared.

Types are spelled as PostgreSQL's `format_type` does: with the schema in front, unless they are
built in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPELLING = re.compile(
    r"(?P<name>[a-z][a-z ]*?|\"bit\")"
    r"(?: (?P<fields>(?:year|month|day|hour|minute|second)(?: to \w+)?))?"
    r"(?:\((?P<length>\d+)(?:,(?P<scale>-?\d+))?\))?"
    r"(?P<zone> with(?:out)? time zone)?"
    r"(?P<array>(?:\[\])*)"
)
_SIZED = re.compile(r"(character varying|bit varying|numeric)(?:\((\d+)(?:,(-?\d+))?\))?")

_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_SMALLER = {
    "integer": {"smallint"},
    "bigint": {"smallint", "integer"},
    "real": {"smallint"},
    "double precision": {"smallint", "integer", "real"},
    "inet": {"cidr"},
}
"""Type -> types of which it holds every value."""
_TEXTS = {"text", "character varying", "character", "name"}
_OPEN_TEXTS = {"text", "character varying"}


@dataclass(frozen=True, slots=True)
class _Type:
    name: str
    """Without its length, with its time zone."""
    fields: str | None = None
    length: int | None = None
    scale: int = 0
    array: str = ""


def holds(wide: str, narrow: str) -> bool:
    """Whether `wide` holds every value of `narrow`, unchanged, and can be compared with it.

    A time with more digits holds one with fewer. A `character(n)` that becomes text loses the
    blanks at its end, and still counts as unchanged: that type's own comparison ignores them.
    """
    if wide == narrow:
        return True
    target, value = _parsed(wide), _parsed(narrow)
    if target is None or value is None or target.array != value.array:
        return False
    if target.array and target.name != value.name:
        return False  # Arrays of different types can't be compared.
    if target.name == "numeric":
        return _holds_number(target, value)
    if target.name in _TEXTS:
        return _holds_text(target, value)
    return value.name in _SMALLER.get(target.name, ()) or _holds_shorter(target, value)


def compares(key: str, column: str) -> bool:
    """Whether a column can be compared with a key as the key's type, with no value changed.

    Texts can, whatever their lengths: a text that is too long for the key equals no key.
    """
    first, second = _parsed(key), _parsed(column)
    texts = first and second and {first.name, second.name} <= _TEXTS and not first.array
    return holds(key, column) or bool(texts and second and not second.array)


def widens(old: str, new: str) -> bool:
    """Whether `new` holds every value of `old`, and PostgreSQL changes a column without a rewrite.

    Only where a column that is still `old` would refuse a wider value. More digits behind the
    point of a `numeric`, or in a time, are not refused but rounded: so they do not count as wider.
    """
    before, after = _SIZED.fullmatch(old), _SIZED.fullmatch(new)
    if before is None or before[2] is None:
        return False
    if new == "text":
        return before[1] == "character varying"
    if after is None or before[1] != after[1] or before[3] != after[3]:
        return False
    return int(after[2]) > int(before[2]) if after[2] else before[1] != "numeric"


def unsized(kind: str) -> str:
    """Return a type without its length: a cast to it changes no value.

    `character` without a length means length 1, and so does `bit`. They have other names for that.
    """
    parsed = _parsed(kind)
    if parsed is None:
        return kind
    name = {"character": "bpchar", "bit": '"bit"'}.get(parsed.name, parsed.name)
    return name + parsed.array


def _parsed(kind: str) -> _Type | None:
    """Take a built-in type's spelling apart; None for a type of another schema."""
    found = _SPELLING.fullmatch(kind)
    if found is None:
        return None
    length = int(found["length"]) if found["length"] else None
    name = found["name"].strip('"').replace("bpchar", "character")
    return _Type(
        name + (found["zone"] or ""),
        found["fields"],
        length,
        int(found["scale"] or 0),
        found["array"],
    )


def _holds_number(target: _Type, value: _Type) -> bool:
    if value.name in _DIGITS:
        whole, scale = _DIGITS[value.name], 0
    elif value.name == "numeric" and value.length is not None:
        whole, scale = value.length - value.scale, value.scale
    else:
        return value.name == "numeric" and target.length is None
    if target.length is None:
        return True
    return target.scale >= scale and target.length - target.scale >= whole


def _holds_text(target: _Type, value: _Type) -> bool:
    if target.name in _OPEN_TEXTS:
        return value.name in _TEXTS and _is_longer(target, value)
    return target.name == value.name == "character" and _is_longer(target, value)


def _holds_shorter(target: _Type, value: _Type) -> bool:
    if target.name == "bit varying":
        return value.name in ("bit", "bit varying") and _is_longer(target, value)
    is_same = target.name == value.name != "bit" and target.fields in (None, value.fields)
    return is_same and _is_longer(target, value)


def _is_longer(target: _Type, value: _Type) -> bool:
    if target.length is None or target.length == value.length:
        return True
    return value.length is not None and target.length > value.length
