"""How values of PostgreSQL become Python's: what Python can't hold stays as PostgreSQL writes it.

PostgreSQL knows infinite times, years before 1 and after 9999, and numbers of any length. The
driver raises for most of them, and makes an infinite date the last day of 9999.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from psycopg2 import extensions, extras

_Cast = Callable[[Any, Any], Any]

_TIMES = (
    (1082, 1182, extensions.PYDATE),
    (1083, 1183, extensions.PYTIME),
    (1114, 1115, extensions.PYDATETIME),
    (1184, 1185, extensions.PYDATETIMETZ),
    (1186, 1187, extensions.PYINTERVAL),
)
"""OIDs of a type and of its array, and how the driver reads the type."""

_NUMERIC, _SIZED = 1700, {1042, 1043}
"""Oids of numeric, and of char and varchar."""
_UNSIZED = 65535
"""What the driver shows as the precision of a numeric without one."""

_LONGEST_INTEGER = 4000
"""Digits; Python refuses to read 4300."""


def register(connection: extensions.connection) -> None:
    """Read times and JSON on a connection so that no value fails."""
    for oid, array_oid, cast in _TIMES:
        one = extensions.new_type((oid,), cast.name, _or_text(cast))
        extensions.register_type(one, connection)
        extensions.register_type(
            extensions.new_array_type((array_oid,), f"{cast.name}ARRAY", one), connection
        )
    loads = partial(json.loads, parse_int=_integer, parse_float=_number)
    extras.register_default_json(connection, loads=loads)
    extras.register_default_jsonb(connection, loads=loads)


def _or_text(cast: _Cast) -> _Cast:
    def read(value: Any, cursor: Any) -> Any:
        if value is None or value.endswith("infinity"):
            return value
        try:
            return cast(value, cursor)
        except (ValueError, OverflowError):
            return value

    return read


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _number(digits: str) -> float | str:
    value = float(digits)
    return value if Decimal(digits) == Decimal(repr(value)) else digits


def modifier(column: Any) -> int:
    """Return the modifier of a numeric, varchar or char, which says their sizes; else -1.

    The driver has taken it apart. Of other types it does not keep all of it.
    """
    header = 4
    if column.type_code == _NUMERIC:
        is_sized = column.precision != _UNSIZED
        return ((column.precision << 16) | column.scale) + header if is_sized else -1
    is_sized = column.type_code in _SIZED and column.internal_size > 0
    return column.internal_size + header if is_sized else -1
