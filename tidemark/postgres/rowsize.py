"""How large a row may be that goes from one server to another, and a query that sends no larger.

The driver holds a whole row in memory, three times. So the server checks the size first, which
costs almost nothing: it knows the length of a text or of bytes without reading them. A value of
another type is printed only if its stored size, which may be compressed, says that it could be too
large.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tidemark.model import Column
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable

LIMIT = 32 << 20
"""Bytes; four such rows at once fit into the containers of docker-compose.yml."""

_COMPRESSION = 255
"""The largest ratio of a value's size to its stored size."""

_SPREAD = 5
"""The most bytes of an array that are sent for one stored byte: an array of booleans."""

_NARROW = re.compile(
    r"^(boolean|smallint|integer|bigint|real|double precision|numeric|money|uuid|oid|name|date|"
    r"inet|cidr|macaddr8?|interval|\"char\"|bit\(\d+\)|"
    r"(time|timestamp)(\(\d\))? with(out)? time zone|"
    r"(numeric|character|character varying)\([\d,]+\))(\(.*\))?$"
)
_MEASURED = {"text", "character varying", "bytea"}


def guarded(query: Composable, columns: Sequence[Column], *, binary: bool) -> Composable:
    """Let a query end with an error at a row that is larger than LIMIT.

    Args:
        query: a SELECT.
        columns: what it selects, in order, as the receiver has it.
        binary: whether it is sent in COPY's binary format, for which both have the same types.
    """
    sizes = {column.name: _size(column, binary) for column in columns if _is_wide(column)}
    if not sizes:
        return query
    return compose.statement(
        __name__,
        "guarded",
        query=query,
        columns=Columns(tuple(column.name for column in columns)),
        size=[*sizes.values()],
        name=[db.literal(name) for name in sizes],
        limit=db.literal(LIMIT),
    )


def _is_wide(column: Column) -> bool:
    return not _NARROW.match(column.type)


def _size(column: Column, binary: bool) -> Composable:
    """Compose the size of a value as it is sent. In text format its type is the sender's own."""
    parts = {"column": db.name(column.name)}
    if binary and column.type in _MEASURED:
        return compose.statement(__name__, "length", **parts)
    if binary and column.type.endswith("[]"):
        worth = db.literal(LIMIT // _COMPRESSION // _SPREAD)
        return compose.statement(__name__, "sent", worth=worth, **parts)
    return compose.statement(__name__, "printed", worth=db.literal(LIMIT // _COMPRESSION), **parts)
