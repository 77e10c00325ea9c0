"""What deletes leave behind in a PostgreSQL source: whether its keys have to be compared again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidemark.declare.entity import Entity
from tidemark.postgres import compose, db
from tidemark.postgres.db import Session

_COUNTS_EVERY_DELETE = 150000
"""PostgreSQL 15. Older versions counted deletes by messages that could get lost."""


@dataclass(frozen=True, slots=True)
class KeysCompared:
    """What was known when an entity's keys were last compared with those of its mirror."""

    statistics: str | None = None
    """What deletes had left behind in the source; None: the source says nothing of it."""
    at: datetime | None = None
    """The source's clock at that time; None: it is not known."""


NEVER = KeysCompared()


def now(session: Session, entities: Iterable[Entity], clock: datetime) -> dict[str, KeysCompared]:
    """Read what a comparison of keys now would know, for the entities with `deletes: detect`."""
    compared = [entity for entity in entities if entity.deletes == "detect"]
    counted = [one for one in compared if one.extract == "delta" and not one.query]
    found = _read(session, counted)
    return {entity.name: KeysCompared(found.get(entity.name), clock) for entity in compared}


def _read(session: Session, entities: Sequence[Entity]) -> dict[str, str]:
    """Read a text that changes whenever rows of a table are deleted: entity -> text, where known.

    A session reports its deletes to the server within ten seconds, mostly at once. So a delete of
    the last seconds may show only in the next batch. A crash loses the counts. That changes the
    text too, since it holds the time at which they were reset.
    """
    if session.version < _COUNTS_EVERY_DELETE or not entities:
        return {}
    which = {"tables": [db.quoted(*entity.source_name) for entity in entities]}
    found = session.rows(compose.statement(__name__, "statistics"), which)
    return {
        entities[position - 1].name: statistics
        for position, statistics in found
        if statistics is not None
    }


def is_due(entity: Entity, before: KeysCompared, now: KeysCompared) -> bool:
    """Whether keys have to be compared: rows were deleted, that is not known, or it is time.

    No count shows a key that was changed, or a row that was restored. So keys are also compared
    after a time.
    """
    if (
        now.statistics is None
        or now.statistics != before.statistics
        or before.at is None
        or now.at is None
    ):
        return True
    return not timedelta(0) <= now.at - before.at < entity.compare_keys_every
