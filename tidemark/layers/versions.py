"""Merge several versions of a key at once: the last one is current, the others are history.

The result is the same as that of `mirror.apply` for one version after the other: each version is
compared with the one before it, and left out if it is equal.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext

from tidemark.errors import RefusedRowError
from tidemark.layers import mirror
from tidemark.layers.mirror import Mirror
from tidemark.postgres import (
    compose,
    db,
    indexes,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.worktable import WorkTable
from tidemark.results import Counts

_LINEAGE = {column.name: column.type for column in mirror.LINEAGE_COLUMNS}


def apply(
    session: Session,
    target: Mirror,
    incoming: Composable,
    *,
    rows: int,
    rewrite: Collection[int] = (),
) -> Counts:
    """Merge rows that may show a key several times into a mirror.

    Args:
        session: on the mirror's server, in the transaction that applies the batch.
        target: the table.
        incoming: relation with payload and lineage columns, any number of rows per key, in the
            order of `_batch_id` and `_seq`. A row with `_follows` takes the payload of the version
            before it: a delete, or a row that is shown again unchanged. If there is no version
            before it, it is left out.
        rows: about how many those are.
        rewrite: batches whose rows are written even if they equal the version before.

    Returns:
        Rows inserted, and versions that updated one.

    Raises:
        RefusedRowError: two versions of a key have one place.
    """
    arrived, ordered = _arrived(target), _ordered(target)
    parts: Parts = {
        "mirror": target.name,
        "history": target.history,
        "arrived": arrived.name,
        "ordered": ordered.name,
        "payload": Columns(target.payload),
        "compared": target.compared,
        "key": Columns(target.key),
        "carried": Columns(tuple(one for one in target.payload if one not in target.key)),
        "rewrite": db.literal(sorted(rewrite)),
    }
    session.queue(arrived.emptied)
    session.queue(compose.statement(__name__, "arrive", parts, incoming=incoming))
    is_empty = rows > worktable.FEW and mirror.is_empty(session, target)
    if not is_empty:
        session.queue(compose.statement(__name__, "arrive_behind", parts))
    order = compose.statement(__name__, "order", parts)
    worktable.fill(session, ordered, order, rows=rows)
    ((is_repeated, updated),) = session.again(compose.statement(__name__, "examine", parts))
    if is_repeated:
        raise RefusedRowError(
            session.server,
            "two versions of a key have one place in a batch (_seq)",
            sqlstate=mirror.UNIQUE_VIOLATION,
        )
    if updated:
        session.queue(compose.statement(__name__, "keep", parts))
    if updated and not is_empty:
        session.queue(compose.statement(__name__, "update", parts))
    with indexes.built_afterwards(session, target.table) if is_empty else nullcontext():
        inserted = session.run(compose.statement(__name__, "insert", parts))
    worktable.release(session, arrived, ordered, rows=rows)
    return Counts(inserted=inserted, updated=updated)


def _arrived(target: Mirror) -> WorkTable:
    """Return the work table of the versions that came, and of the rows that the mirror has."""
    columns = worktable.typed({**target.types, **_LINEAGE}, (*target.payload, *_LINEAGE))
    return target.work_table("arrived", columns + worktable.own(_follows="boolean", _here="tid"))


def _ordered(target: Mirror) -> WorkTable:
    """Return the work table of the versions that change something, and what they replace."""
    columns = worktable.typed({**target.types, **_LINEAGE}, (*target.payload, *_LINEAGE))
    told = dict.fromkeys(("_is_old", "_is_repeated", "_is_last"), "boolean")
    found = worktable.own(_replaces="tid", _replaced_by="bigint")
    return target.work_table("ordered", columns + found + worktable.own(**told))
