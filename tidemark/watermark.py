"""The window that one batch reads: a safe upper bound, and the marks that remember it.

A row is stamped when it is written and seen when it is committed. `updated_at > max(seen)` so
loses each row whose transaction was open during the last extraction. Here the upper end of a
window lies before the start of every transaction that is still open, so that all rows of the
window are visible to a snapshot taken afterwards, and no later commit can add one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidemark import db
from tidemark.config import Area, Entity
from tidemark.db import Session
from tidemark.errors import WindowError
from tidemark.model import Holder, Window


@dataclass(frozen=True, slots=True)
class Activity:
    """What the source says of its clock and its open transactions."""

    clock: datetime
    is_standby: bool
    sees_all_sessions: bool
    hidden_sessions: int
    """Sessions with track_activities = off, whose transactions no one can see."""
    prepared_transactions: int
    oldest: datetime | None
    """Start of the oldest open transaction."""
    holder: Holder | None


def activity(source: Session) -> Activity:
    """Read the source's clock and oldest open transaction; call it before the snapshot is taken."""
    clock, standby, sees_all, hidden, oldest, *holder = source.one(
        db.compose("watermark", "activity")
    )
    return Activity(
        clock=clock,
        is_standby=standby,
        sees_all_sessions=sees_all,
        hidden_sessions=hidden,
        prepared_transactions=source.value(db.compose("watermark", "prepared_transactions")),
        oldest=oldest,
        holder=Holder(*holder) if oldest else None,
    )


def window(area: Area, entity: Entity, mark: datetime | None, seen: Activity) -> Window:
    """Decide the window of one entity.

    Args:
        area: gives the margin.
        entity: gives lookback, settle, or `extract: full`.
        mark: exclusive upper end of the last window, None before the first.
        seen: what `activity` returned.

    Raises:
        WindowError: the source hides what a safe bound needs, and the entity sets no `settle`.
    """
    if entity.extract == "full":
        return Window(low=None, high=None)
    low = mark - entity.lookback if mark else None
    if entity.settle is not None:
        return Window(low, _not_before(mark, seen.clock - entity.settle))
    _refuse_unsafe(area, entity, seen)
    held = seen.oldest is not None and seen.oldest < seen.clock - area.margin
    high = min(seen.clock, seen.oldest or seen.clock) - area.margin
    return Window(low, _not_before(mark, high), held_by=seen.holder if held else None)


def _not_before(mark: datetime | None, high: datetime) -> datetime:
    """A mark never moves backwards: a bound before it leaves an empty window."""
    return max(mark, high) if mark else high


def _refuse_unsafe(area: Area, entity: Entity, seen: Activity) -> None:
    where = f"{area.area}.{entity.name}: no safe upper bound is known"
    settle = f"or set `settle: 15m` (lossy) in sql/{area.area}/area.yml."
    if seen.is_standby:
        raise WindowError(
            f"{where}: the source is a standby, which can't see its primary's transactions. "
            f"Extract from the primary, {settle}"
        )
    if not seen.sees_all_sessions:
        raise WindowError(
            f"{where}: the login may not see other sessions' transactions. "
            f"Run `grant pg_read_all_stats to <the login>` on the source, {settle}"
        )
    if seen.hidden_sessions:
        raise WindowError(
            f"{where}: {seen.hidden_sessions} sessions run with track_activities = off. "
            f"Turn it on for them, {settle}"
        )
    if seen.prepared_transactions:
        raise WindowError(
            f"{where}: {seen.prepared_transactions} prepared transactions are open, and no one can "
            f"tell when their rows were stamped. Commit or roll them back "
            f"(select gid from pg_prepared_xacts), {settle}"
        )


def condition(entity: Entity, slice_: Window) -> db.Composable:
    """Compose the WHERE clause of a window, with literals: COPY takes no parameters."""
    if entity.watermark is None or slice_.high is None:
        return db.text("true")
    return db.compose(
        "watermark",
        "before" if slice_.low is None else "in_window",
        watermark=db.name(entity.watermark),
        **{end: db.literal(at) for end, at in (("low", slice_.low), ("high", slice_.high)) if at},
    )


def marks(mrr: Session, area: Area) -> dict[str, datetime]:
    """Read the extraction marks of an area: entity -> exclusive upper end of the last window."""
    return dict(mrr.rows(db.compose("watermark", "marks"), {"area": area.area}))


def advance(mrr: Session, area: Area, entity: Entity, high: datetime, batch_id: int) -> None:
    """Move an entity's mark; call it in the transaction that lands the rows.

    The mark moves in this transaction: a crash reads the window again instead of skipping it.
    """
    mrr.run(
        db.compose("watermark", "advance"),
        {"area": area.area, "entity": entity.name, "high": high, "batch_id": batch_id},
    )
