"""The window that one batch reads of an entity, and its safe upper bound.

A row is stamped when it is written, and visible when it is committed. So `updated_at > max(seen)`
loses each row whose transaction was open during the last extraction. Here the upper end of a
window lies before the start of every transaction that is still open. So all rows of the window are
visible to a snapshot that is taken afterwards, and no later commit can add one.

This holds for rows that this server's own transactions stamp. Rows of a subscription, of another
server or of a materialized view become visible long after they were stamped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, TypeVar

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import NullWatermarkError, WindowError
from tidemark.model import BlockingSession, Window
from tidemark.postgres import compose, db, question
from tidemark.postgres.db import Composable, Row, Session
from tidemark.postgres.question import Question
from tidemark.postgres.watermarks import Watermark

T = TypeVar("T")

FUTURE = timedelta(minutes=1)
"""A watermark lies in the future if it is this far ahead of the source's clock. The clock of an
application may be a little ahead of it."""

_LATE = {
    "subscribed": "rows of {} come by a subscription",
    "foreign": "rows of {} lie on another server",
    "materialized": "rows of {} come when it is refreshed",
}
_REMEDIES = {
    "subscribed": "Extract from the publisher",
    "foreign": "Extract from that server",
    "materialized": "Extract from the tables behind it",
}


@dataclass(frozen=True, slots=True)
class Late:
    """A relation behind an entity whose rows become visible by a later transaction than theirs."""

    how: Literal["subscribed", "foreign", "materialized"]
    relation: str


@dataclass(frozen=True, slots=True)
class Activity:
    """What the source says of its clock and its open transactions."""

    clock: datetime
    is_standby: bool
    sees_all_sessions: bool
    hidden_sessions: int
    """Sessions with track_activities = off. Their transactions can't be seen."""
    prepared_transactions: int
    oldest: datetime | None
    """Start of the oldest open transaction."""
    holder: BlockingSession | None
    late: Mapping[str, Late] = field(default_factory=dict)
    """Entity -> why its rows become visible later than they were stamped."""


def activity(
    source: Session,
    area: Area,
    asked: Question[T],
    behind: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> tuple[Activity, T]:
    """Read the source's clock and oldest open transaction; call it before the snapshot is taken.

    Args:
        source: where the tables are.
        area: the area whose tables are examined.
        asked: another question, which goes in one message with the last of these.
        behind: entity -> the oids of what its query reads, if it has one.

    Returns:
        What is known of open transactions, and the answer to the other question.
    """
    clock, standby, sees_all, hidden, oldest, *holder = source.one(
        compose.statement(__name__, "activity")
    )
    prepared = question.of(compose.statement(__name__, "prepared_transactions"), {}, question.one)
    after = question.both(prepared, _late(area, behind))
    (prepared_transactions, late), answer = question.ask(source, question.both(after, asked))
    seen = Activity(
        clock=clock,
        is_standby=standby,
        sees_all_sessions=sees_all,
        hidden_sessions=hidden,
        prepared_transactions=prepared_transactions,
        oldest=oldest,
        holder=BlockingSession(*holder) if oldest else None,
        late=late,
    )
    return seen, answer


def _late(area: Area, behind: Mapping[str, Sequence[int]]) -> Question[dict[str, Late]]:
    """Ask about the tables that windows are read from, their partitions, and what views read."""
    windowed = [e for e in area.entities.values() if e.extract == "delta" and e.settle is None]

    def read(rows: Sequence[Row]) -> dict[str, Late]:
        return {windowed[position - 1].name: Late(*about) for position, *about in rows}

    named = [(n, one) for n, one in enumerate(windowed, 1) if not one.query]
    read_by = [(n, oid) for n, one in enumerate(windowed, 1) for oid in behind.get(one.name, ())]
    tables = {
        "schemas": [one.source_name[0] for _, one in named],
        "tables": [one.source_name[1] for _, one in named],
        "positions": [n for n, _ in named],
        "read": [oid for _, oid in read_by],
        "readers": [n for n, _ in read_by],
    }
    return question.of(compose.statement(__name__, "late"), tables, read)


def windows(area: Area, marks: Mapping[str, datetime], seen: Activity) -> dict[str, Window]:
    """Decide the windows of all entities; `marks` are the exclusive upper ends of their last ones.

    Raises:
        WindowError: see `window`; or the source's clock is behind a mark.
    """
    found = {name: window(area, e, marks.get(name), seen) for name, e in area.entities.items()}
    refuse_set_back(area, marks, seen.clock)
    return found


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
    low = begin(entity, mark) if mark else None
    if entity.settle is not None:
        return Window(low, _not_before(mark, seen.clock - entity.settle))
    _refuse_unsafe(area, entity, seen)
    # What is not committed yet is stamped at or after the start of its transaction, so at or after
    # `high`: a later window has it. The margin covers a transaction that had started and was not in
    # pg_stat_activity yet.
    held = seen.oldest is not None and seen.oldest < seen.clock - area.margin
    high = min(seen.clock, seen.oldest or seen.clock) - area.margin
    return Window(low, _not_before(mark, high), held_by=seen.holder if held else None)


def begin(entity: Entity, mark: datetime) -> datetime:
    """Return where the window after a mark begins.

    A query may round its watermark, and does not say so. So the second of the mark is read again.
    """
    low = mark - entity.lookback
    return low.replace(microsecond=0) if entity.query else low


def refuse_set_back(area: Area, marks: Mapping[str, datetime], clock: datetime) -> None:
    """Refuse a clock that is behind a mark. All such entities are named: each needs a refresh.

    Raises:
        WindowError: there is such an entity.
    """
    ahead = {
        name: marks[name]
        for name, entity in area.entities.items()
        if entity.extract == "delta"
        and entity.settle is None
        and name in marks
        and clock < marks[name]
    }
    if ahead:
        raise WindowError(
            f"{', '.join(f'{area.area}.{name}' for name in ahead)}: the source's clock says "
            f"{clock:%Y-%m-%d %H:%M:%SZ}, and all before {max(ahead.values()):%Y-%m-%d %H:%M:%SZ} "
            "was extracted already: it was set back, or this is another server. What it stamps "
            "until then no window would contain. Set the clock right, then begin anew with "
            f"`tidemark run {area.area} {' '.join(f'--full-refresh {name}' for name in ahead)}`, "
            f"or set `settle: 15m` (lossy) in sql/{area.area}/area.yml.",
            area=area.area,
            entities=ahead,
        )


def refuse_out_of_order(area: Area, last: Mapping[str, datetime], clock: datetime) -> None:
    """Refuse a clock by which a change would count as older than what was seen before it.

    Args:
        area: whose entities.
        last: entity -> the clock at the last look.
        clock: the clock now.

    Raises:
        WindowError: a dimension has `effective: seen`, and its last look was at a later time.
    """
    ahead = {
        name: last[name]
        for name, entity in area.entities.items()
        if entity.is_seen and name in last and clock <= last[name]
    }
    if ahead:
        raise WindowError(
            f"{', '.join(f'{area.area}.{name}' for name in ahead)}: the source's clock says "
            f"{clock:%Y-%m-%d %H:%M:%SZ}, and rows were seen at "
            f"{max(ahead.values()):%Y-%m-%d %H:%M:%SZ} already: it was set back, or this is "
            "another server. With `effective: seen`, a change would count as older than what it "
            "replaces. "
            "Set the clock right, or let it count so, with "
            f"`tidemark run {area.area} {' '.join(f'--full-refresh {name}' for name in ahead)}`.",
            area=area.area,
            entities=ahead,
        )


def _not_before(mark: datetime | None, high: datetime) -> datetime:
    """Return the bound, or the mark if that is later: the mark never moves back."""
    return max(mark, high) if mark else high


def _refuse_unsafe(area: Area, entity: Entity, seen: Activity) -> None:
    why = _unsafe(entity, seen)
    if why:
        raise WindowError(
            f"{area.area}.{entity.name}: no safe upper bound is known: {why}, or set "
            f"`settle: 15m` (lossy) in sql/{area.area}/area.yml.",
            area=area.area,
            entities=[entity.name],
        )


def _unsafe(entity: Entity, seen: Activity) -> str:
    """Say why no safe bound is known, and what to do; '' if one is known."""
    if seen.is_standby:
        return (
            "the source is a standby, which can't see its primary's transactions. "
            "Extract from the primary"
        )
    if not seen.sees_all_sessions:
        return (
            "the login may not see other sessions' transactions. "
            "Run `grant pg_read_all_stats to <the login>` on the source"
        )
    if seen.hidden_sessions:
        return (
            f"{seen.hidden_sessions} sessions run with track_activities = off. Turn it on for them"
        )
    if seen.prepared_transactions:
        return (
            f"{seen.prepared_transactions} prepared transactions are open, and no one can "
            "tell when their rows were stamped. Commit or roll them back "
            "(select gid from pg_prepared_xacts)"
        )
    if entity.name in seen.late:
        late = seen.late[entity.name]
        return (
            f"{_LATE[late.how].format(late.relation)}, later than they were stamped. "
            f"{_REMEDIES[late.how]}"
        )
    return ""


def condition(watermark: Watermark | None, slice_: Window) -> db.Composable:
    """Compose the WHERE clause of a window, with literals: COPY takes no parameters.

    The column is compared as it is with values of its own type, so that its index can be used.
    """
    if watermark is None or slice_.high is None:
        return db.raw("true")
    low = {} if slice_.low is None else {"low": watermark.first(slice_.low)}
    return compose.statement(
        __name__,
        "in_window" if low else "before",
        watermark=db.name(watermark.name),
        high=watermark.end(slice_.high),
        **low,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one table."""

    without: int
    """Rows without a watermark: no window ever contains them."""
    endless: int
    """Rows with a watermark at infinity or after 9999-12-30: no window ever contains them."""
    future: int
    """Rows with a watermark more than `FUTURE` after the clock: a later window has them."""
    has_rows: bool
    """Whether the window has any row."""


def look(
    source: Session,
    area: Area,
    sought: Mapping[str, Window],
    clock: datetime,
    watermarks: Mapping[str, Watermark],
    *,
    relations: Mapping[str, Composable],
) -> dict[str, Found]:
    """Examine the tables of all entities in one round trip.

    Args:
        source: where the tables are.
        area: names them.
        sought: entity -> its window.
        clock: the source's.
        watermarks: entity -> its watermark, if it has one.
        relations: entity -> what it is read from.
    """
    looks = [
        compose.statement(
            __name__,
            "look",
            beyond=_beyond(entity, clock, watermarks.get(name), relations[name]),
            source=relations[name],
            condition=_sought(watermarks.get(name), sought[name]),
        )
        for name, entity in area.entities.items()
    ]
    return {name: Found(*found) for name, *found in _together(source, looks)}


def to_come(area: Area, name: str, found: Found) -> int:
    """Return how many rows a later window will have; refuse rows that no window would ever have.

    Raises:
        NullWatermarkError: there are such rows.
    """
    entity = area.entities[name]
    if found.without or found.endless:
        lack = f"{found.without} rows have no {entity.watermark}"
        if not found.without:
            end = "at infinity or after 9999-12-30"
            if entity.sequence:
                end = f"above all that {entity.watermark_sequence} has drawn"
            lack = f"{found.endless} rows have {entity.watermark} {end}"
        raise NullWatermarkError(
            f"{name}: {lack}, so no window would ever contain them. Backfill the "
            f"column, or set `extract: full` in sql/{area.area}/area.yml.",
            area=area.area,
            entities=[name],
        )
    return found.future


def _sought(watermark: Watermark | None, slice_: Window) -> Composable:
    return db.raw("false") if slice_.is_empty else condition(watermark, slice_)


def future(
    source: Session,
    entities: Iterable[Entity],
    clock: datetime,
    watermarks: Mapping[str, Watermark],
    relations: Mapping[str, Composable],
) -> dict[str, int]:
    """Count the rows that are stamped in the future: entity -> rows, if there are any."""
    looks = [
        _beyond(entity, clock, watermarks[entity.name], relations[entity.name])
        for entity in entities
        if entity.extract == "delta"
    ]
    return {name: rows for name, _, _, rows in _together(source, looks) if rows}


def _together(source: Session, queries: Sequence[Composable]) -> list[Row]:
    return source.rows(compose.union_all(queries)) if queries else []


def _beyond(
    entity: Entity, clock: datetime, watermark: Watermark | None, relation: Composable
) -> Composable:
    if watermark is None or entity.extract == "full":
        return compose.statement(__name__, "nothing_beyond", entity=db.literal(entity.name))
    return compose.statement(
        __name__,
        "beyond",
        entity=db.literal(entity.name),
        source=relation,
        watermark=db.name(watermark.name),
        end=watermark.endless,
        future=watermark.end(clock + FUTURE),
    )
