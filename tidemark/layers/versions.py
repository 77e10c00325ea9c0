"""Several versions of a key at once in a versioned mirror: the last is current, the others history.

The rule is that of one version after the other (`mirror.apply`), and so is what comes of it: each
version is compared with the one before it, and one that equals it is left out.
"""

from __future__ import annotations

from collections.abc import Collection

from tidemark.errors import RefusedRowError
from tidemark.layers import mirror
from tidemark.layers.mirror import Mirror
from tidemark.model import Counts
from tidemark.postgres import (
    compose,
    db,
    indexes,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session


def apply(
    session: Session, target: Mirror, incoming: Composable, *, rewrite: Collection[int] = ()
) -> Counts:
    """Merge rows that may show a key several times into a mirror.

    Args:
        session: on the mirror's server, in the transaction that applies the batch.
        target: the table.
        incoming: relation with payload and lineage columns, in the order of `_batch_id` and `_seq`
            for each key. One with `_follows` has the payload of the version before it: a delete, or
            a row that is shown again as it is. Without such a version it says nothing.
        rewrite: batches whose rows are written even where they equal the version before.

    Returns:
        Rows inserted, and versions that updated one.

    Raises:
        RefusedRowError: two versions of a key have one place.
    """
    parts = _parts(target, rewrite)
    arrived = compose.statement(__name__, "arrived", parts)
    worktable.make(session, _work(target, "arrived"), arrived, rows="none")
    session.run(compose.statement(__name__, "arrive", parts, incoming=incoming))
    is_empty = mirror.is_empty(session, target)
    if not is_empty:
        session.run(compose.statement(__name__, "arrive_behind", parts))
    ordered = compose.statement(__name__, "order", parts)
    worktable.make(session, _work(target, "ordered"), ordered)
    if session.value(compose.statement(__name__, "has_repeated", parts)):
        raise RefusedRowError(
            session.server,
            "two versions of a key have one place in a batch (_seq)",
            sqlstate=mirror.UNIQUE_VIOLATION,
        )
    counts = Counts(updated=session.run(compose.statement(__name__, "keep", parts)))
    insert = compose.statement(__name__, "insert", parts)
    if is_empty:
        with indexes.built_afterwards(session, target.table):
            counts.inserted = session.run(insert)
    else:
        session.run(compose.statement(__name__, "update", parts))
        counts.inserted = session.run(insert)
    worktable.drop(session, _work(target, "arrived"), _work(target, "ordered"))
    return counts


def _parts(target: Mirror, rewrite: Collection[int]) -> Parts:
    return {
        "mirror": db.name(*target.tables[0]),
        "history": db.name(*target.tables[1]),
        "arrived": _work(target, "arrived"),
        "ordered": _work(target, "ordered"),
        "payload": Columns(target.payload, texts=target.texts),
        "key": Columns(target.key),
        "carried": Columns(tuple(one for one in target.payload if one not in target.key)),
        "rewrite": db.literal(sorted(rewrite)),
    }


def _work(target: Mirror, what: str) -> Composable:
    return db.name(target.work, f"{target.table[1]}.{what}")
