"""The careful way of an item: its good rows land, and the others are kept with every reason.

The rows come as text. So a row can be looked at before PostgreSQL has to take its values, which is
a matter of one statement: no row becomes a Python object, however many are bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tidemark.model import Column
from tidemark.postgres import compose, db, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.worktable import WorkTable

OWN_COLUMNS = (
    Column("_physical", "bigint"),
    Column("_text", "text"),
    Column("_reasons", "text[]"),
)
"""Columns that an item may bring for each row on the careful way, besides those that land.

`_physical`: the line of the item where the row begins; its number in the item if it is left out.
`_text`: the row as it came; its columns as JSON if it is left out.
`_reasons`: why the sender has given it up. Its columns are then of no account.
"""

REFUSED_COLUMNS = worktable.own(item="text", line="bigint", row_text="text", reasons="text[]")
"""Columns of a work table that takes refused rows."""

NOT_NULL = " not null"
"""Behind the type of a column of a landing table without which a row has no key."""

_NUMBER = Column("_number", "bigint generated always as identity")

_RAISING = {"json", "jsonb", "xml"}
"""Built-in types that may raise an error at a bad value, as at JSON that is nested too deeply. Of
others' types this is not known, and a domain may forbid null."""

_NESTED = {"json", "jsonb"}
"""Those of them that raise only where there is much to nest."""


def taking(landing: WorkTable) -> WorkTable:
    """Return the work table that takes rows as text, in place of their landing table."""
    texts = worktable.own(**{column.name: "text" for column in landing.columns})
    return landing.beside("careful", (*texts, *OWN_COLUMNS, _NUMBER))


def sort(
    session: Session,
    item: str,
    brought: Sequence[str],
    *,
    landing: WorkTable,
    refused: WorkTable | None,
) -> int:
    """Move the rows of an item that came as text to where they belong, in their order.

    Args:
        session: in the transaction of the item.
        item: its name.
        brought: the columns that it has brought.
        landing: takes the good rows.
        refused: takes the others; None: they are not kept.

    Returns:
        How many have landed.

    Raises:
        RefusedRowError: a row that looked good was refused all the same.
    """
    came = taking(landing)
    columns = [column for column in landing.columns if column.name in brought]
    names = Columns(tuple(column.name for column in columns))
    parts: Parts = {"careful": came.name}
    reasons = compose.statement(__name__, "reasons", reason=[_reason(one) for one in columns])
    bad = session.run(compose.statement(__name__, "judge", parts, reasons=reasons))
    if refused is not None:
        rest = {one.name for one in came.columns} - {*names.names}
        keep: Parts = {"refused": refused.name, "rest": db.literal(sorted(rest))}
        # The rows of a table have no order, and so no lines.
        line = compose.statement(__name__, "line", parts) if item else db.raw("null")
        keep = {**keep, "item": db.literal(item), "line": line}
        session.run(compose.statement(__name__, "keep", parts, **keep))
    good = 0
    if columns:
        types = [db.raw(column.type.removesuffix(NOT_NULL)) for column in columns]
        take: Parts = {"landing": landing.name, "columns": names, "types": types}
        good = session.run(compose.statement(__name__, "take", parts, **take))
    worktable.release(session, came, rows=good + bad)
    return good


def _reason(column: Column) -> Composable:
    """Compose why a value is none of its column; null if it is one."""
    if column.type.endswith(NOT_NULL):
        column = replace(column, type=column.type.removesuffix(NOT_NULL))
        which: Parts = {"column": db.literal(column.name), "value": db.name("c", column.name)}
        if column.type == "text":
            return compose.statement(__name__, "reason_of_text_key", which)
        return compose.statement(__name__, "reason_of_key", which, reason=_reason(column))
    if column.type == "text":
        return db.raw("null")
    is_told = "." not in column.type and column.type.removesuffix("[]") not in _RAISING
    raised = "reason_nested" if column.type in _NESTED else "reason_raised"
    return compose.statement(
        __name__,
        "reason_told" if is_told else raised,
        column=db.literal(column.name),
        value=db.name("c", column.name),
        type=db.literal(column.type),
    )
