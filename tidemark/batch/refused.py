"""Rows that a batch has read and that can't become rows of MRR: kept beside those that do."""

from __future__ import annotations

from collections.abc import Sequence

from tidemark.batch import landing
from tidemark.batch.landing import Work
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.transfer import Streamed


def keep(work: Work, name: str, landed: Sequence[Streamed]) -> None:
    """Keep the refused rows of an entity, and take those without a key out of its landing table.

    Call it in the transaction that lands the rows.

    Args:
        work: the extraction.
        name: the entity.
        landed: what has landed of it.
    """
    entity, (target, _) = work.area.entities[name], work.mirrors[name]
    parts: Parts = {
        "area": db.literal(work.area.area),
        "entity": db.literal(name),
        "batch_id": db.literal(work.batch_id),
        "clock": db.literal(work.delta.clock),
    }
    if any(one.refused for one in landed):
        table = landing.refused(entity).name
        kept = compose.statement(__name__, "keep", parts, refused=table)
        work.counts[name].rejected += work.mrr.run(kept)
    without_key = compose.statement(
        __name__,
        "keep_without_key",
        parts,
        landing=db.name(*entity.landing),
        key=Columns(target.key),
        payload=Columns(target.payload),
    )
    work.counts[name].rejected += work.mrr.run(without_key)
