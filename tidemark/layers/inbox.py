"""The inbox of events in MRR: who posts there, and what becomes of an event."""

from __future__ import annotations

import select
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from tidemark.postgres import compose
from tidemark.postgres.db import Session

CHANNEL = "tidemark_inbox"
"""The channel of NOTIFY on MRR that says which area has got events."""

Outcome = Literal["stored", "repeated", "conflicting"]
"""repeated: the inbox has the same event; conflicting: it has another one with that id."""


@dataclass(frozen=True, slots=True)
class Posted:
    """An event as it is kept."""

    event_id: str
    kind: str
    payload: str = ""
    """What it says, as a JSON object."""


def post(mrr: Session, area: str, events: Sequence[Posted]) -> list[Outcome]:
    """Keep events that the inbox does not have, in one commit; returns the outcome of each.

    Whether an event is there already is decided by the statement that keeps it. So of two that post
    the same one at once, one stores it, and the other waits and finds it.

    Args:
        mrr: in autocommit. All events that are `stored` or `repeated` are committed on return.
        area: whose events they are.
        events: any number. Of two with one id, the first is kept.

    Raises:
        StatementError, ConnectError: nothing was kept, or it is not known. Posting the same again
            finds out.
    """
    which = {
        "area": area,
        "event_ids": [one.event_id for one in events],
        "kinds": [one.kind for one in events],
        "payloads": [one.payload for one in events],
    }
    left = {event_id for (event_id,) in mrr.rows(compose.statement(__name__, "post"), which)}
    if len(left) == len(events):
        return ["stored"] * len(events)
    kept = mrr.rows(compose.statement(__name__, "kept"), which)
    outcomes: list[Outcome] = []
    for one, (_, is_same) in zip(events, kept, strict=True):
        if one.event_id in left:
            left.remove(one.event_id)  # Of two with one id, the first was stored.
            outcomes.append("stored")
        else:
            outcomes.append("repeated" if is_same else "conflicting")
    return outcomes


def tell(mrr: Session, areas: Collection[str]) -> None:
    """Wake those that wait for events of areas.

    A transaction that notifies holds a lock over all of PostgreSQL while it commits. So this is no
    part of `post`: whoever posts much tells it once for many.
    """
    if areas:
        mrr.run(compose.statement(__name__, "tell"), {"areas": sorted(areas)})


def listen(mrr: Session) -> None:
    """Let a session hear of events from now on; see `heard`."""
    mrr.run(compose.statement(__name__, "listen"))


def heard(mrr: Session, *, seconds: float) -> frozenset[str]:
    """Wait until somebody tells of events, and return of which areas; empty: nobody did in time.

    Raises:
        ConnectError: the connection broke. What was told meanwhile is lost.
    """
    connection = mrr.connection
    if not connection.notifies:
        select.select([connection], [], [], seconds)
        mrr.receive()
    areas = frozenset(one.payload for one in connection.notifies)
    connection.notifies.clear()
    return areas


def waiting(mrr: Session) -> frozenset[str]:
    """Return the areas that have events which no batch has taken."""
    return frozenset(area for (area,) in mrr.rows(compose.statement(__name__, "waiting")))


def greatest_id(mrr: Session, area: str, prefix: str = "") -> str | None:
    """Return the greatest id, in byte order, of an area's events whose ids begin so."""
    which = {"area": area, "prefix": prefix}
    found: str | None = mrr.value(compose.statement(__name__, "greatest_id"), which)
    return found
