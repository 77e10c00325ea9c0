"""What became of an event: it waits, a batch has taken it, it is in the star, or it is refused."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tidemark.api.kinds import Kind
from tidemark.api.pool import Pool
from tidemark.errors import TidemarkError
from tidemark.postgres import compose
from tidemark.postgres.db import Session


@dataclass(frozen=True, slots=True)
class State:
    """An event, and how far it has come."""

    event_id: str
    area: str
    kind: str
    status: Literal["received", "taken", "loaded", "refused"]
    """received: no batch has taken it; taken: a batch has, and is under way."""
    received_at: datetime
    batch_id: int | None
    """The batch that took it."""
    visible_at: datetime | None
    """When a batch was published that has it; null: it is not in the star."""
    reasons: tuple[str, ...]
    """Why it is refused."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An event as the inbox has it."""

    kind: str
    received_at: datetime
    batch_id: int | None


class States:
    """Reads what became of events, from all three layers."""

    def __init__(self, mrr: Pool, stg: Pool, dwh: Pool) -> None:
        self._mrr, self._stg, self._dwh = mrr, stg, dwh

    def find(self, kinds: Collection[Kind], area: str, event_id: str) -> State | None:
        """Find an event of some kinds of an area; None: there is none with this id."""
        which = {"area": area, "event_id": event_id}
        with self._mrr.session() as mrr:
            kept = _kept(mrr, which)
            kind = next((one for one in kinds if kept and one.name == kept.kind), None)
            if kept is None or kind is None:
                return None
            which["entity"] = kind.entity
            reasons = [*_reasons(mrr, "refused", which)] if kept.batch_id else []
        visible_at = None
        if kept.batch_id:
            with self._stg.session() as stg:
                reasons += _reasons(stg, "rejected", which)
            visible_at = self._visible_at(area, kept.batch_id)
        status: Any = "loaded" if visible_at else "taken" if kept.batch_id else "received"
        return State(
            event_id,
            area,
            kind.name,
            "refused" if reasons else status,
            kept.received_at,
            kept.batch_id,
            None if reasons else visible_at,
            tuple(dict.fromkeys(reasons)),
        )

    def delay(self, area: str, event_id: str) -> float | None:
        """Return how many seconds an event took to be visible; None: it is not yet."""
        with self._mrr.session() as mrr:
            kept = _kept(mrr, {"area": area, "event_id": event_id})
        if kept is None or kept.batch_id is None:
            return None
        visible_at = self._visible_at(area, kept.batch_id)
        return None if visible_at is None else (visible_at - kept.received_at).total_seconds()

    def waiting(self, areas: Collection[str]) -> dict[str, float]:
        """Return the age of each area's oldest event that waits, in seconds; NaN: MRR is away."""
        with suppress(TidemarkError), self._mrr.session() as mrr:
            which = {"areas": [*areas]}
            return dict(mrr.rows(compose.statement(__name__, "waiting"), which))
        return dict.fromkeys(areas, math.nan)

    def _visible_at(self, area: str, batch_id: int) -> datetime | None:
        which = {"area": area, "batch_id": batch_id}
        with self._dwh.session() as dwh:
            found = dwh.rows(compose.statement(__name__, "visible"), which)
        return found[0][0] if found else None


def _kept(mrr: Session, which: dict[str, str]) -> _Kept | None:
    found = mrr.rows(compose.statement(__name__, "event"), which)
    return _Kept(*found[0]) if found else None


def _reasons(
    session: Session, statement: Literal["refused", "rejected"], which: dict[str, str]
) -> Iterator[str]:
    if statement == "refused":
        query = compose.statement(__name__, "refused")
    else:
        query = compose.statement(__name__, "rejected")
    yield from (reason for (reason,) in session.rows(query, which))
