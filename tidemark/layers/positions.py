"""How far the sources of an area have been read, in MRR: positions move with the rows that land.

A position is the source's own affair (`model.Position`). A mirror that is restored from a backup
has the positions of that time, and so reads again what it lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from tidemark.declare.config import Area
from tidemark.layers import mirror
from tidemark.model import Position, Positions
from tidemark.postgres import compose, db
from tidemark.postgres.db import Session

UNKNOWN: Mapping[str, Position] = {"": {}}
"""Of an entity that has rows, and nobody knows how they came there: all of it is read again."""


def read(mrr: Session, area: Area) -> dict[str, dict[str, Position]]:
    """Read the positions that are stored: entity -> item -> position."""
    found: dict[str, dict[str, Position]] = {}
    for entity, item, position in mrr.rows(
        compose.statement(__name__, "read"), {"area": area.area}
    ):
        found.setdefault(entity, {})[item] = position
    return found


def known(
    mrr: Session, area: Area, *, refreshed: Collection[str] = ()
) -> dict[str, Mapping[str, Position]]:
    """Read where the next look goes on.

    Args:
        mrr: where they are.
        area: whose entities.
        refreshed: those to read again from the start.
    """
    stored: dict[str, Mapping[str, Position]] = {**read(mrr, area)}
    others = {
        name: mirror.bare(entity, "mrr")
        for name, entity in area.entities.items()
        if name not in stored
    }
    for name in (*mirror.filled(mrr, others), *(stored.keys() & refreshed)):
        stored[name] = UNKNOWN
    return stored


def marks(positions: Positions) -> dict[str, datetime]:
    """Return the high-water marks: entity -> the latest of its items' where they have one."""
    found: dict[str, datetime] = {}
    for entity, items in positions.items():
        instants = [datetime.fromisoformat(at["high"]) for at in items.values() if at.get("high")]
        if instants:
            found[entity] = max(instants)
    return found


def move(mrr: Session, area: Area, positions: Positions, batch_id: int) -> None:
    """Keep where the next look goes on; call it in the transaction that lands the rows.

    It moves in this transaction: a crash reads again instead of skipping. A batch that comes late
    moves nothing.
    """
    moved = [
        {"entity": entity, "item": item, "position": dict(position)}
        for entity, items in positions.items()
        for item, position in items.items()
    ]
    mrr.run(
        compose.statement(__name__, "move"),
        {"area": area.area, "moved": db.Json(moved), "batch_id": batch_id},
    )
