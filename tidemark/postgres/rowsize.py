"""How large a row may be that goes from one server into another, and a query that sends no larger.

The driver has a row as a whole in memory, three times over. So the server looks
first, where it costs next to nothing: the length of a text or of bytes is known without reading
them, and of other types those values alone are printed whose stored, maybe compressed size says
that they could be too large.
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
"""How much smaller a value may be stored than it is, at most."""

_SPREAD = 5
"""How many bytes of an array are sent for one that is stored, at most: those of booleans."""

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
    largest = db.raw(" ").join(
        compose.statement(__name__, "largest", size=size, column=db.literal(name))
        for name, size in sizes.items()
    )
    return compose.statement(
        __name__,
        "guarded",
        query=query,
        columns=Columns(tuple(column.name for column in columns)),
        total=db.raw(" + ").join(sizes.values()),
        greatest=db.raw(", ").join(sizes.values()),
        largest=largest,
        limit=db.literal(LIMIT),
    )


def _is_wide(column: Column) -> bool:
    return not _NARROW.match(column.type)


def _size(column: Column, binary: bool) -> Composable:
    """Compose the size of a value as it is sent; in text its type is the sender's own."""
    parts = {"column": db.name(column.name)}
    if binary and column.type in _MEASURED:
        return compose.statement(__name__, "length", **parts)
    if binary and column.type.endswith("[]"):
        worth = db.literal(LIMIT // _COMPRESSION // _SPREAD)
        return compose.statement(__name__, "sent", worth=worth, **parts)
    return compose.statement(__name__, "printed", worth=db.literal(LIMIT // _COMPRESSION), **parts)
