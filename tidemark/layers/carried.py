"""Rows that MRR refused, carried on to STG, where they are rejects of their own kind.

STG shows what MRR says: a row that MRR refuses no more is a resolved reject.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.model import Key
from tidemark.postgres import compose, db, question, worktable
from tidemark.postgres.compose import Parts
from tidemark.postgres.db import Session
from tidemark.postgres.question import Question
from tidemark.postgres.transfer import Job, Landing

_SHOWN = 100_000
"""The most characters of a row that STG shows. MRR has all of it."""

_COLUMNS = worktable.own(
    item="text",
    key="jsonb",
    row_data="jsonb",
    reasons="text[]",
    batch_id="bigint",
    refused_at="timestamp with time zone",
    ended_at="timestamp with time zone",
)


def changed(area: Area, after: int) -> Question[dict[str, int]]:
    """Ask MRR where refused rows changed after a batch: entity -> rows that are new."""
    return question.of(
        compose.statement(__name__, "changed"), {"area": area.area, "after": after}, dict
    )


def landing(entity: Entity) -> Landing:
    """Return the landing table of STG that takes an entity's refused rows."""
    return Landing(entity.work("refused"), _COLUMNS)


def job(area: Area, entity: Entity, *, after: int, until: int) -> Job:
    """Return the job that sends what changed of an entity's refused rows.

    Args:
        area: of the entity.
        entity: the entity.
        after: the last batch that STG knows; 0: all rows are sent.
        until: the batch as of which they are sent.
    """
    rows = compose.statement(
        __name__,
        "rows",
        **_which(area, entity),
        after=db.literal(after),
        until=db.literal(until),
        shown=db.literal(_SHOWN),
    )
    return Job(landing(entity), rows, binary=True)


def apply(stg: Session, area: Area, entity: Entity) -> None:
    """Open, bring up to date and resolve rejects, as the landed rows say.

    Call it in the transaction that applies the batches.
    """
    parts = _parts(area, entity)
    stg.run(compose.statement(__name__, "open", parts))
    stg.run(compose.statement(__name__, "resolve", parts))


def differences(stg: Session, area: Area, entity: Entity) -> tuple[int, int, Sequence[Key]]:
    """Compare the open rejects with all refused rows of MRR, which have landed.

    Returns:
        How many MRR has, how many STG has, and item and key of those that differ.
    """
    found = stg.rows(compose.statement(__name__, "differences", _parts(area, entity)))
    sent, kept = stg.one(compose.statement(__name__, "count", _parts(area, entity)))
    return sent, kept, [tuple(row) for row in found]


def _parts(area: Area, entity: Entity) -> Parts:
    return {**_which(area, entity), "landing": landing(entity).name}


def _which(area: Area, entity: Entity) -> Parts:
    return {"area": db.literal(area.area), "entity": db.literal(entity.name)}
