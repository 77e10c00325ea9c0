"""What deletes leave behind in a PostgreSQL source: whether its keys have to be compared again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidemark.declare.config import Entity
from tidemark.postgres import compose, db
from tidemark.postgres.db import Session

_COUNTS_EVERY_DELETE = 150000
"""Before, deletes were counted by messages that could be lost."""


@dataclass(frozen=True, slots=True)
class KeysCompared:
    """What was known when an entity's keys were compared with those of its mirror last."""

    statistics: str | None = None
    """What deletes had left behind in the source; None: the source says nothing of it."""
    at: datetime | None = None
    """The source's clock then; None: nobody knows."""


NEVER = KeysCompared()


def now(session: Session, entities: Iterable[Entity], clock: datetime) -> dict[str, KeysCompared]:
    """Read what is known of the keys of the entities whose deletes count."""
    compared = [entity for entity in entities if entity.deletes == "detect"]
    found = _read(session, [entity for entity in compared if entity.extract == "delta"])
    return {entity.name: KeysCompared(found.get(entity.name), clock) for entity in compared}


def _read(session: Session, entities: Sequence[Entity]) -> dict[str, str]:
    """Read what changes whenever rows of a table are deleted: entity -> that, where it is known.

    A session tells the server of its deletes within ten seconds, mostly at once, so those of a
    moment ago may show in the next batch. A crash loses the counts, and that changes it.
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
    """Whether keys have to be compared: something was deleted, nobody can tell, or it is time.

    No counter shows a key that was changed, or a row that was restored: hence the time.
    """
    if (
        now.statistics is None
        or now.statistics != before.statistics
        or before.at is None
        or now.at is None
    ):
        return True
    return not timedelta(0) <= now.at - before.at < entity.compare_keys_every
