"""Values as PostgreSQL writes them, and as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from psycopg2 import extensions, extras

Written = tuple[str | None, ...]
"""A row as PostgreSQL writes it; None is null."""

_BOOL = 16
_AS_IT_IS = frozenset((20, 21, 23, 26, 114, 700, 701, 3802))
"""Oids of integers, floats and json: what PostgreSQL writes is JSON already."""
_INSTANTS = frozenset((1114, 1184))
_NO_NUMBERS = frozenset(("NaN", "Infinity", "-Infinity"))

_PAIRS = """
    1000:16 1005:21 1007:23 1016:20 1028:26 1021:700 1022:701 199:114 3807:3802 1115:1114 1185:1184
    1231:1700 1182:1082 1183:1083 1270:1266 1009:25 1014:1042 1015:1043 1003:19 1001:17 1187:1186
    2951:2950
"""
_ARRAYS = {int(array): int(one) for array, _, one in (p.partition(":") for p in _PAIRS.split())}
"""Oid of an array -> that of its elements."""


def taken_apart(row: str) -> Written:
    """Take a row apart that PostgreSQL has written as one value: `(1,"a b",)`."""
    return tuple(extras.CompositeCaster.tokenize(row))  # type: ignore[no-untyped-call]


def as_json(value: str | None, oid: int) -> str:
    """Write a value of a type as JSON, with all its digits.

    Decimals are text, and so is what JSON has no equal of: bytea, intervals, ranges, NaN, infinity.
    Instants are in ISO 8601, arrays are lists, and json is what it is.
    """
    if value is None:
        return "null"
    if oid == _BOOL:
        return "true" if value == "t" else "false"
    if oid in _AS_IT_IS and value not in _NO_NUMBERS:
        return value
    if oid in _ARRAYS and value.startswith("{"):
        return _list(extensions.STRINGARRAY(value, None), _ARRAYS[oid])
    return _quoted(_instant(value) if oid in _INSTANTS else value)


def json_object(columns: tuple[str, ...], types: tuple[int, ...], row: Written) -> str:
    """Write a row as a JSON object."""
    of_columns = zip(columns, types, row, strict=True)
    return f"{{{', '.join(f'{_quoted(name)}: {as_json(v, oid)}' for name, oid, v in of_columns)}}}"


def _list(items: list[Any], oid: int) -> str:
    each = (_list(one, oid) if isinstance(one, list) else as_json(one, oid) for one in items)
    return f"[{', '.join(each)}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _instant(value: str) -> str:
    try:
        return datetime.fromisoformat(value).isoformat()
    except ValueError:  # Infinity, or a year that Python does not know.
        return value
