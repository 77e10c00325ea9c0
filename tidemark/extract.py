"""First hop: from the source into the raw mirror (MRR)."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark import db, deletes, drift, mirror, refusals, watermark
from tidemark.config import Area, Entity
from tidemark.db import Composable, Servers, Session
from tidemark.errors import RefusedRowError
from tidemark.mirror import Mirror
from tidemark.model import (
    NO_OVERRIDES,
    Counts,
    HopResult,
    Key,
    KeysCompared,
    Overrides,
    Repair,
    Table,
    Window,
)
from tidemark.source import Reading, Source, keys_of
from tidemark.transfer import Landing

Lineage = tuple[int, datetime]
"""The batch that writes a row, and the source's clock when it was read."""


def run(
    servers: Servers,
    area: Area,
    batch_id: int,
    source: Source,
    *,
    overrides: Overrides = NO_OVERRIDES,
) -> HopResult:
    """Read each entity's window at one snapshot, and merge it into the mirror.

    A batch that MRR has applied already, or that a later one has overtaken, does nothing.

    Args:
        servers: those of the project.
        area: what to extract.
        batch_id: the batch that writes it.
        source: where the rows come from.
        overrides: what a person asks of this extraction.

    Raises:
        UnknownNameError: the overrides name no entity of the area.
        ContractError, WindowError: before anything moves.
        DeleteGuardError: more is gone from the source than may be; MRR is as it was.
        StatementError, ConnectError: MRR is as it was, the marks too.
    """
    start = time.monotonic()
    refreshed = {area.entity(name).name for name in overrides.refresh}
    counts = {name: Counts() for name in area.entities}
    with (
        servers.session("mrr", f"extract {area.area}") as mrr,
        mirror.applying(servers, mrr, area.area) as after,
    ):
        if after < batch_id:
            mirrors = _following(mrr, area, source, counts)
            marks = watermark.marks(mrr, area)
            work = _Work(mrr, area, source, batch_id, mirrors, marks, counts)
            if overrides.repair:
                _repair(work, overrides.repair)
            else:
                _windows(work, refreshed, accept_deletes=overrides.accept_deletes)
    return HopResult("extract", area.area, batch_id, time.monotonic() - start, counts)


@dataclass(frozen=True, slots=True)
class _Work:
    """What one extraction works on."""

    mrr: Session
    area: Area
    source: Source
    batch_id: int
    mirrors: Mapping[str, tuple[Mirror, Table]]
    marks: Mapping[str, datetime]
    counts: Mapping[str, Counts]


def _windows(work: _Work, refreshed: Collection[str], *, accept_deletes: bool) -> None:
    """Read what is new since the marks, and what no window has brought."""
    marks = {name: mark for name, mark in work.marks.items() if name not in refreshed}
    known = deletes.compared(work.mrr, work.area)
    known.update({name: KeysCompared() for name in refreshed if name in known})
    with work.source.read(work.area, marks, known) as reading:
        streamed = dict(work.source.land(work.area, work.mirrors, reading))
        suspects = _suspects(work, reading, known)
        work.source.land_keys(work.area, work.mirrors, reading, suspects)
        compared = [*reading.compared, *suspects]
        overlooked = _overlooked(work, reading, compared)
        fetched = work.source.land_again(
            work.area, work.mirrors, reading, overlooked, beside=reading.pending
        )
    held = round(time.monotonic() - reading.began, 3)
    for name, window in reading.windows.items():
        work.counts[name].info.update(_about(window, reading.clock), snapshot_seconds=held)
        work.counts[name].note("fetched", fetched[name].rows if name in fetched else 0)
        work.counts[name].note("future", reading.future.get(name, 0))
    for landed in (streamed, fetched):
        for name in landed.keys() & work.counts.keys():
            work.counts[name].processed += landed[name].rows
            work.counts[name].spend("stream_seconds", landed[name].seconds)
    with work.mrr.transaction():
        for name in compared:
            _delete(work, name, reading, accept=accept_deletes)
        for name, seen in reading.seen.items():
            if name in compared or name not in known:
                deletes.remember(work.mrr, work.area, name, seen, work.batch_id)
        for name in dict.fromkeys([*reading.pending, *fetched]):
            _merge(work, name, reading)
        _advance(work, reading, refreshed)


def _suspects(work: _Work, reading: Reading, known: Mapping[str, KeysCompared]) -> Sequence[str]:
    """Find the entities whose windows brought a key that may be an old one, changed."""
    return [
        name
        for name in reading.pending
        if name in known
        and name in reading.seen
        and name not in reading.compared
        and deletes.is_suspect(
            work.mrr, work.mirrors[name][0], db.name(*work.area.entities[name].landing)
        )
    ]


def _overlooked(
    work: _Work, reading: Reading, compared: Sequence[str]
) -> dict[str, Sequence[Key] | None]:
    """Find the keys to fetch: what changed before the windows, and is not so in the mirrors."""
    found: dict[str, Sequence[Key] | None] = {}
    for name in compared:
        entity, (target, table) = work.area.entities[name], work.mirrors[name]
        low = reading.windows[name].low
        if low is not None:
            found[name] = deletes.overlooked(work.mrr, entity, target, keys_of(entity, table), low)
    return {name: keys for name, keys in found.items() if keys != []}


def _repair(work: _Work, repair: Repair) -> None:
    """Write the rows of these keys anew: as the source has them, and else as they are in MRR."""
    with work.source.read(work.area, work.marks, {}) as reading:
        streamed = work.source.land_again(work.area, work.mirrors, reading, repair.again)
    with work.mrr.transaction():
        for name, keys in repair.again.items():
            entity, mirrored = work.area.entities[name], work.mirrors[name]
            again = _again(entity, mirrored, keys, (work.batch_id, reading.clock))
            work.counts[name].processed = streamed[name].rows
            work.counts[name].add(mirror.apply(work.mrr, mirrored[0], again, anew=True))
        _record(work, work.marks, is_repair=True)


def _again(
    entity: Entity, mirrored: tuple[Mirror, Table], keys: Sequence[Key], lineage: Lineage
) -> Composable:
    target, table = mirrored
    batch_id, clock = lineage
    return db.compose(
        "extract",
        "again",
        payload=target.parts["payload"],
        payload_m=target.parts["payload_m"],
        mirror=target.parts["mirror"],
        landing=db.name(*entity.landing),
        keys=mirror.keys(table, target.key, keys),
        m_is_k=db.equal("m", "k", target.key),
        m_is_l=db.equal("m", "l", target.key),
        batch_id=db.literal(batch_id),
        clock=db.literal(clock),
        deleted_at=db.literal(clock if entity.deletes == "detect" else None),
    )


def _following(
    mrr: Session, area: Area, source: Source, counts: Mapping[str, Counts]
) -> Mapping[str, tuple[Mirror, Table]]:
    """Read the mirrors after they have followed the source, and say in the log how."""
    mirrors = mirror.read(mrr, area)
    differences = drift.compare(area, source.describe(area), mirrors)
    followed = drift.follow(mrr, mirrors, differences)
    for name in {difference.entity for difference in followed}:
        counts[name].info["drift"] = "; ".join(d.what for d in followed if d.entity == name)
    return mirror.read(mrr, area) if followed else mirrors


def _delete(work: _Work, name: str, reading: Reading, *, accept: bool) -> None:
    entity, (target, table) = work.area.entities[name], work.mirrors[name]
    # What is read as a whole has brought its keys with its rows.
    keys = keys_of(entity, table) if entity.extract == "delta" else Landing(entity.landing, ())
    lineage = (work.batch_id, reading.clock)
    with work.counts[name].timed("apply_seconds"):
        work.counts[name].deleted = deletes.apply(
            work.mrr, entity, target, keys, lineage, accept=accept
        )


def _merge(work: _Work, name: str, reading: Reading) -> None:
    target = work.mirrors[name][0]
    incoming = db.compose(
        "extract",
        "incoming",
        payload=db.names(target.payload),
        landing=db.name(*work.area.entities[name].landing),
        batch_id=db.literal(work.batch_id),
        extracted_at=db.literal(reading.clock),
    )
    with work.counts[name].timed("apply_seconds"), refusals.named(name, mrr=refusals.MERGING):
        _refuse_null_keys(work, name, target.key)
        work.counts[name].add(mirror.apply(work.mrr, target, incoming))


def _refuse_null_keys(work: _Work, name: str, key: Sequence[str]) -> None:
    rows, *nulls = work.mrr.one(
        db.compose(
            "extract",
            "null_keys",
            key=db.names(key),
            nulls=db.joined("count(*) filter (where {} is null)", key),
            landing=db.name(*work.area.entities[name].landing),
        )
    )
    if rows:
        columns = ", ".join(column for column, count in zip(key, nulls, strict=True) if count)
        raise RefusedRowError(
            "mrr",
            f"the key is null in {rows} rows ({columns})",
            sqlstate="23502",
            entity=name,
            todo="Correct them at the source, or name another `key` in "
            f"sql/{work.area.area}/area.yml.",
        )


def _advance(work: _Work, reading: Reading, refreshed: Collection[str]) -> None:
    marks = {name: window.high for name, window in reading.windows.items() if window.high}
    for name, high in marks.items():
        entity = work.area.entities[name]
        watermark.advance(work.mrr, work.area, entity, high, work.batch_id, anew=name in refreshed)
    _record(work, marks, refreshed=refreshed)


def _record(
    work: _Work,
    marks: Mapping[str, datetime],
    *,
    is_repair: bool = False,
    refreshed: Collection[str] = (),
) -> None:
    """Record the batch with the marks that hold after it: the last batch tells those of all."""
    mirror.record_applied(
        work.mrr,
        work.area.area,
        work.batch_id,
        {name: high.isoformat() for name, high in marks.items()},
        is_repair=is_repair,
        refreshed=refreshed,
    )


def _about(window: Window, clock: datetime) -> dict[str, object]:
    """Say in the log what was read, and what held the bound back."""
    about: dict[str, object] = {
        "low": window.low.isoformat() if window.low else None,
        "high": window.high.isoformat() if window.high else None,
        "source_clock": clock.isoformat(),
    }
    if window.held_by:
        about["held_back_by"] = str(window.held_by)
    return about
