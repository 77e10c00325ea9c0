"""How far the sources of an area have been read, in MRR: positions move with the rows that land.

Only the source knows what a position means (`model.Position`). A mirror that is restored from a
backup has the positions of that time, and so reads again what it lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tidemark.declare.config import Area
from tidemark.errors import UnknownNameError
from tidemark.layers import mirror
from tidemark.model import Position, Positions
from tidemark.postgres import compose, db, question
from tidemark.postgres.db import Row, Session
from tidemark.postgres.question import Question

Stored = dict[str, dict[str, Position]]

UNKNOWN: Mapping[str, Position] = {"": {}}
"""The position of an entity with rows of unknown origin: all of it is read again."""


def at_hand(area: Area) -> Question[Stored]:
    """Ask for the positions that a look may need: entity -> item -> position.

    If an entity's own position says what was `seen`, those of its items are left out.
    """
    parameters = {"area": area.area, "entities": [*area.entities]}
    return question.of(compose.statement(__name__, "at_hand"), parameters, _stored)


def read(
    mrr: Session,
    area: Area,
    names: Collection[str] | None = None,
    *,
    items: Collection[str] | None = None,
) -> Stored:
    """Read all positions of an area, or those of some of its entities and items.

    None says what was `seen`, or when the `whole` was: a look from them leaves nothing out.
    """
    parameters = {
        "area": area.area,
        "entities": None if names is None else [*names],
        "items": None if items is None else [*items],
    }
    return question.ask(mrr, question.of(compose.statement(__name__, "read"), parameters, _stored))


def _stored(rows: Sequence[Row]) -> Stored:
    found: Stored = {}
    for entity, item, position in rows:
        found.setdefault(entity, {})[item] = position
    return found


def known(
    mrr: Session,
    area: Area,
    found: Mapping[str, Mapping[str, Position]],
    *,
    refreshed: Collection[str] = (),
    retried: Collection[str] = (),
) -> dict[str, Mapping[str, Position]]:
    """Return the positions from which the next look goes on.

    Args:
        mrr: the server with the mirrors.
        area: the area of the entities.
        found: the positions that are stored.
        refreshed: entities to read again from the start.
        retried: items to take again, by their names.

    Raises:
        UnknownNameError: one of `retried` was never taken.
    """
    items = {item for each in found.values() for item in each if item}
    for name in retried:
        if name not in items:
            raise UnknownNameError(f"file of {area.area}", name, items)
    found = {
        name: {item: at for item, at in each.items() if item not in retried}
        for name, each in found.items()
    }
    others = {
        name: mirror.bare(entity, "mrr")
        for name, entity in area.entities.items()
        if name not in found
    }
    unknown = [*mirror.filled(mrr, others), *(found.keys() & refreshed)]
    return {**found, **dict.fromkeys(unknown, UNKNOWN)}


def marks(positions: Positions) -> dict[str, datetime]:
    """Return the high-water marks: entity -> the latest mark of its items, if they have one.

    An item without a window that was read as a whole has everything before the clock of that look.
    """
    found: dict[str, datetime] = {}
    for entity, items in positions.items():
        told = [at.get("high") or at.get("read_at") for at in items.values()]
        instants = [datetime.fromisoformat(at) for at in told if at]
        if instants:
            found[entity] = max(instants)
    return found


def record(mrr: Session, area: Area, positions: Positions, batch_id: int) -> None:
    """Keep where the next look goes on; call it in the transaction that lands the rows.

    It moves in this transaction: a crash reads again instead of skipping. A batch that comes late
    moves nothing.
    """
    moved = [
        {"entity": entity, "item": item, "position": dict(position)}
        for entity, items in positions.items()
        for item, position in items.items()
    ]
    mrr.queue(
        compose.statement(__name__, "record"),
        {"area": area.area, "moved": db.Json(moved), "batch_id": batch_id},
    )
