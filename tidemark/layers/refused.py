"""Rows that could not become rows of MRR, which keeps them with their reasons.

A row is refused until a batch takes it again, or all of its item. STG shows what MRR says
(`carried`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from tidemark.declare.entity import Entity
from tidemark.layers.mirror import Mirror
from tidemark.postgres import careful, compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.worktable import WorkTable


def landing(entity: Entity) -> WorkTable:
    """Return the work table of MRR that takes the rows of an entity that could not land."""
    return WorkTable(entity.work("refused"), careful.REFUSED_COLUMNS)


def keep(
    mrr: Session,
    area: str,
    entity: Entity,
    target: Mirror,
    lineage: tuple[int, datetime],
    *,
    any_landed: bool,
    may_lack_key: bool,
    items: Collection[str] | None,
    replaced: Collection[str] = (),
) -> int:
    """Keep the refused rows of a batch, and end what was refused before and has come again.

    Rows without a key are taken out of the landing table. Call it in the transaction that lands the
    rows.

    Args:
        mrr: in that transaction.
        area: of the entity.
        entity: whose rows have landed.
        target: its mirror.
        lineage: the batch, and the source's clock.
        any_landed: whether `landing` has rows.
        may_lack_key: whether rows may have landed that have no key.
        items: those of which all rows have come; a table is ''. In one of which only some have
            come, a row has come again if its key has. None: all that there is has come, and what
            was refused before is gone.
        replaced: items of this batch behind which all that there is came once more.

    Returns:
        How many rows are kept.
    """
    batch_id, clock = lineage
    parts: Parts = {
        "area": db.literal(area),
        "entity": db.literal(entity.name),
        "batch_id": db.literal(batch_id),
        "clock": db.literal(clock),
        "key": Columns(target.key),
        "landing": db.name(*entity.landing),
    }
    kept = 0
    if any_landed:
        parts = {**parts, "is_event": db.literal(entity.events is not None)}
        kept = mrr.run(compose.statement(__name__, "keep", parts, refused=landing(entity).name))
    if may_lack_key:
        payload = Columns(target.payload)
        kept += mrr.run(compose.statement(__name__, "keep_without_key", parts, payload=payload))
    has_come = compose.statement(__name__, "all_has_come")
    if items is not None:
        has_come = compose.statement(__name__, "has_come", parts, items=db.literal(list(items)))
    mrr.queue(compose.statement(__name__, "end", parts, has_come=has_come))
    if replaced:
        end = compose.statement(__name__, "end_replaced", parts, items=db.literal(list(replaced)))
        mrr.queue(end)
    return kept


def excuse(area: str, entity: Entity) -> Composable:
    """Compose over `s`, a row of the source as text, whether MRR lacks it since it was refused."""
    which = {"area": db.literal(area), "entity": db.literal(entity.name)}
    return compose.statement(__name__, "excuse", key=Columns(entity.key), **which)
