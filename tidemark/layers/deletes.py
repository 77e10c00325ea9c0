"""Compare the source's keys with those of the mirror, in both directions.

A key of the mirror that the source lacks was deleted there. The mirror keeps the row, with
`_deleted_at`: the source's clock when it was found missing. A key of the source that the mirror
lacks, or has with another watermark, may be one that no window has brought and none will bring:
the key was changed, or the row was restored with its old stamp. Such a row is fetched.
"""

from __future__ import annotations

from datetime import datetime

from tidemark.declare.entity import Entity
from tidemark.errors import DeleteGuardError
from tidemark.layers import mirror
from tidemark.layers.mirror import Mirror
from tidemark.model import Key
from tidemark.postgres import compose, db, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.transfer import Landing
from tidemark.postgres.watermarks import Watermark
from tidemark.postgres.worktable import WorkTable

SMALL = 200_000
"""In a mirror with fewer rows, keys are compared whenever a window brings a key that it lacks."""

NAMED = 5_000
"""The most keys that are fetched one by one. With more, the table is read as a whole."""


def is_suspect(mrr: Session, target: Mirror, rows: Composable) -> bool:
    """Whether rows have a key that the mirror lacks, and comparing all keys is cheap.

    A key that is new may be an old one that was changed, which no counter of deletes shows.
    """
    has_new_key = compose.statement(
        __name__, "has_new_key", mirror=target.name, rows=rows, key=Columns(target.key)
    )
    return bool(mrr.value(has_new_key)) and is_small(mrr, target)


def is_small(mrr: Session, target: Mirror) -> bool:
    """Whether a mirror has fewer than `SMALL` rows."""
    parts: Parts = {"mirror": target.name, "limit": db.literal(SMALL)}
    return bool(mrr.value(compose.statement(__name__, "is_small", parts)))


def overlooked(
    mrr: Session, target: Mirror, keys: Landing, watermark: Watermark, low: datetime
) -> list[Key] | None:
    """Find the keys of rows from before `low` that the mirror lacks, or has with another watermark.

    Args:
        mrr: the mirror's server.
        target: the mirror.
        keys: landing table with all keys of the source and their watermarks.
        watermark: the column with these.
        low: where the batch's window begins. Rows from then on come with their windows.

    Returns:
        The keys; None: there are more than can be named.
    """
    found = mrr.rows(
        compose.statement(
            __name__,
            "first_overlooked",
            overlooked=_overlooked(target, keys, watermark, low),
            limit=db.literal(NAMED + 1),
        )
    )
    return [tuple(key) for (key,) in found] if len(found) <= NAMED else None


def count_overlooked(
    mrr: Session, target: Mirror, keys: Landing, watermark: Watermark, low: datetime
) -> int:
    """Count what `overlooked` finds."""
    counted = _overlooked(target, keys, watermark, low)
    return int(mrr.value(compose.statement(__name__, "count_overlooked", overlooked=counted)))


def _overlooked(target: Mirror, keys: Landing, watermark: Watermark, low: datetime) -> Composable:
    return compose.statement(
        __name__,
        "overlooked",
        key=Columns(target.key),
        keys=keys.name,
        mirror=target.name,
        watermark=db.name(watermark.name),
        low=watermark.first(low),
    )


def apply(
    mrr: Session,
    entity: Entity,
    target: Mirror,
    keys: Landing,
    lineage: tuple[int, datetime],
    *,
    rows: float,
    accept: bool,
) -> int:
    """Mark rows as deleted if the source lacks their keys; returns how many.

    Args:
        mrr: in the transaction that lands the rows.
        entity: gives `max_delete_ratio`.
        target: the mirror.
        keys: landing table with all keys of the source, at the batch's snapshot.
        lineage: batch id, and the source's clock.
        rows: about how many the mirror has.
        accept: delete however many are missing.

    Raises:
        DeleteGuardError: too many are missing, or all are. The caller rolls back.
    """
    batch_id, clock = lineage
    work = WorkTable(entity.work("missing"), worktable.typed(target.types, target.payload))
    parts: Parts = {
        "missing": work.name,
        "mirror": target.name,
        "keys": keys.name,
        "key": Columns(target.key),
        "payload": Columns(target.payload),
        "batch_id": db.literal(batch_id),
        "extracted_at": db.literal(clock),
    }
    find_missing = compose.statement(__name__, "find_missing", parts)
    # As a rule few rows are missing. But in a large mirror PostgreSQL should look for them in
    # several processes, which it does only for a table that is made from the query.
    expected = 0 if rows < SMALL else int(rows)
    worktable.fill(mrr, work, find_missing, rows=expected)
    missing, known = map(int, mrr.one(compose.statement(__name__, "count", parts)))
    if missing:
        guard(entity, missing, known, accept=accept)
        incoming = compose.statement(__name__, "incoming", parts)
        mirror.apply(mrr, target, incoming, rows=missing)
    worktable.release(mrr, work, rows=max(missing, expected))
    return missing


def count(mrr: Session, entity: Entity, target: Mirror, keys: Landing) -> tuple[int, str | None]:
    """Count the rows whose keys the source lacks; return also the guard's objection, if any."""
    missing, known = mrr.one(
        compose.statement(
            __name__,
            "count_missing",
            mirror=target.name,
            keys=keys.name,
            key=Columns(target.key),
        )
    )
    return missing, _objection(entity, missing, known)


def guard(entity: Entity, missing: int, known: int, *, accept: bool) -> None:
    """Refuse to delete too many rows.

    Args:
        entity: gives `max_delete_ratio`.
        missing: how many rows are missing.
        known: out of how many.
        accept: delete however many are missing.

    Raises:
        DeleteGuardError: too many are missing, or all are. The caller rolls back.
    """
    objection = None if accept else _objection(entity, missing, known)
    if objection:
        raise DeleteGuardError(objection, entity=entity.name, missing=missing, known=known)


def _objection(entity: Entity, missing: int, known: int) -> str | None:
    if not missing or (missing < known and missing <= entity.max_delete_ratio * known):
        return None
    allowed = f"{entity.max_delete_ratio:.0%} of them, and never all,"
    return (
        f"{entity.name}: {missing:,} of {known:,} rows are gone from the source, and one batch may "
        f"delete {allowed} unless it is told to. Nothing was moved. If they were meant to go, run "
        "`tidemark run --accept-deletes`; if the source was emptied or half restored, mend it."
    )
