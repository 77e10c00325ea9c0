"""Hard deletes: what is in the mirror and no longer among the source's keys.

A mirror keeps a deleted row, with `_deleted_at`: the source's clock when the row was found missing.
"""

from __future__ import annotations

from datetime import datetime

from tidemark import db, mirror
from tidemark.config import Area, Entity
from tidemark.db import Session
from tidemark.errors import DeleteGuardError
from tidemark.mirror import Mirror
from tidemark.transfer import Landing


def traces(mrr: Session, area: Area) -> dict[str, str | None]:
    """Read what deletes had left behind in the source when keys were compared last.

    Returns:
        Entity -> trace, of those whose deletes are detected; None where none is known.
    """
    known: dict[str, str] = dict(mrr.rows(db.compose("deletes", "traces"), {"area": area.area}))
    return {
        name: known.get(name)
        for name, entity in area.entities.items()
        if entity.deletes == "detect"
    }


def remember(mrr: Session, area: Area, entity: str, trace: str | None, batch_id: int) -> None:
    """Keep a trace, or forget the one there is; call it in the transaction that lands the rows."""
    which = {"area": area.area, "entity": entity}
    if trace is None:
        mrr.run(db.compose("deletes", "forget"), which)
    else:
        mrr.run(db.compose("deletes", "remember"), {**which, "trace": trace, "batch_id": batch_id})


def apply(
    mrr: Session,
    entity: Entity,
    target: Mirror,
    keys: Landing,
    lineage: tuple[int, datetime],
    *,
    accept: bool,
) -> int:
    """Mark the rows as deleted whose keys the source lacks; returns how many.

    Args:
        mrr: in the transaction that lands the rows.
        entity: gives `max_delete_ratio`.
        target: the mirror.
        keys: landing table with all keys of the source, at the batch's snapshot.
        lineage: batch id, and the source's clock.
        accept: delete however many are missing.

    Raises:
        DeleteGuardError: too many are missing, or all are. The caller rolls back.
    """
    batch_id, clock = lineage
    parts = {
        **target.parts,
        "keys": keys.name,
        "missing": db.name("landing", f"{entity.name}.missing"),
        "m_is_k": db.equal("m", "k", target.key),
        "batch_id": db.literal(batch_id),
        "extracted_at": db.literal(clock),
    }
    mrr.run(db.compose("deletes", "drop_missing", **parts))
    missing = mrr.run(db.compose("deletes", "find_missing", **parts))
    if missing:
        if not accept:
            _guard(entity, *mrr.one(db.compose("deletes", "count", **parts)))
        mirror.apply(mrr, target, db.compose("deletes", "incoming", **parts))
    mrr.run(db.compose("deletes", "drop_missing", **parts))
    return missing


def count(mrr: Session, entity: Entity, target: Mirror, keys: Landing) -> tuple[int, str | None]:
    """Count the rows whose keys the source lacks, and say what the guard has against it."""
    parts = {**target.parts, "keys": keys.name, "m_is_k": db.equal("m", "k", target.key)}
    missing, known = mrr.one(db.compose("deletes", "count_missing", **parts))
    return missing, _objection(entity, missing, known)


def _guard(entity: Entity, missing: int, known: int) -> None:
    objection = _objection(entity, missing, known)
    if objection:
        raise DeleteGuardError(objection)


def _objection(entity: Entity, missing: int, known: int) -> str | None:
    if not missing or (missing < known and missing <= entity.max_delete_ratio * known):
        return None
    allowed = f"{entity.max_delete_ratio:.0%} of them, and never all,"
    return (
        f"{entity.name}: {missing:,} of {known:,} rows are gone from the source, and one batch may "
        f"delete {allowed} unasked. Nothing was moved. If they were meant to go, run "
        "`tidemark run --accept-deletes`; if the source was emptied or half restored, mend it."
    )
