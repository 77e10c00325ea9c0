"""Events that were refused: those that a queue brought, and those that are sent again.

What a queue brings is refused before a batch knows of it. The next batch finds it, and so STG shows
it like a row that the batch itself has refused. What is of no entity is shown by MRR alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from tidemark.declare import envelope
from tidemark.declare.envelope import Wrong
from tidemark.layers.inbox import Posted
from tidemark.layers.rejects import Reject
from tidemark.postgres import compose
from tidemark.postgres.db import Session


@dataclass(frozen=True, slots=True)
class Open:
    """An event that is refused now."""

    event_id: str
    by: Literal["queue", "mrr", "cleansing"]
    text: str = ""
    """Of a queue, as it came."""


def keep(mrr: Session, queue: str, events: Sequence[Wrong]) -> int:
    """Keep what a queue brought and the inbox can't take, in one commit, with why.

    Returns:
        How many were not kept already.
    """
    which = {
        "item": queue,
        "areas": [one.area for one in events],
        "entities": [one.entity for one in events],
        "event_ids": [one.event_id for one in events],
        "texts": [envelope.writable(one.text) for one in events],
        "reasons": [json.dumps([*one.reasons]) for one in events],
    }
    return len(mrr.rows(compose.statement(__name__, "keep"), which))


def waiting(
    mrr: Session, area: str, *, entity: str | None, resolved: bool, limit: int
) -> list[Reject]:
    """Read what STG does not show, the last that came first; `entity` None reads all."""
    which = {"area": area, "entity": entity, "resolved": resolved, "limit": limit}
    found = mrr.rows(compose.statement(__name__, "waiting"), which)
    return [Reject(*row) for row in found]


def of_mrr(mrr: Session, area: str) -> list[Open]:
    """Read the events that MRR refuses now, in the order in which they came."""
    return [
        Open(event_id, "queue", text) if item else Open(event_id, "mrr")
        for event_id, item, text in mrr.rows(compose.statement(__name__, "open"), {"area": area})
    ]


def of_cleansing(stg: Session, area: str) -> list[Open]:
    """Read the events that cleansing refuses now."""
    found = stg.rows(compose.statement(__name__, "open_of_cleansing"), {"area": area})
    return [Open(event_id, "cleansing") for (event_id,) in found if event_id is not None]


def posted(
    mrr: Session, area: str, event_ids: Collection[str], *, held: bool = False
) -> dict[str, Posted]:
    """Read events of the inbox, by id, in the order in which they came.

    Args:
        mrr: where they are; in a transaction, if they are to be held.
        area: theirs.
        event_ids: which.
        held: let nobody else change them before the transaction ends.
    """
    shown, locked = compose.statement(__name__, "shown"), compose.statement(__name__, "held")
    found = mrr.rows(locked if held else shown, {"area": area, "event_ids": [*event_ids]})
    return {event_id: Posted(event_id, kind, payload) for event_id, kind, payload in found}


def send_again(mrr: Session, area: str, events: Sequence[Posted]) -> None:
    """Let the inbox have these events as if they came now, in this order.

    Call it in a transaction. Whoever posts one of them meanwhile waits, and finds it there.
    """
    which = {
        "area": area,
        "event_ids": [one.event_id for one in events],
        "kinds": [one.kind for one in events],
        "payloads": [one.payload for one in events],
    }
    mrr.run(compose.statement(__name__, "remove"), which)
    mrr.run(compose.statement(__name__, "add"), which)
