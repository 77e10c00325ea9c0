"""First hop: from the operational source into the raw mirror (MRR)."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark import db, deletes, drift, mirror, watermark
from tidemark.config import Area, Entity
from tidemark.db import Composable, Servers, Session
from tidemark.mirror import Mirror
from tidemark.model import NO_OVERRIDES, Counts, HopResult, Key, Overrides, Repair, Table, Window
from tidemark.source import Reading, Source, keys_of

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
        servers: the four servers.
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
        mirror.applying(mrr, area.area) as after,
    ):
        if after < batch_id:
            mirrors = _following(mrr, area, source, counts)
            marks = watermark.marks(mrr, area)
            work = _Work(mrr, area, source, batch_id, mirrors, marks, counts)
            if overrides.repair:
                _repair(work, overrides.repair)
            else:
                traces = deletes.traces(mrr, area) if after else None
                _windows(work, refreshed, traces, accept_deletes=overrides.accept_deletes)
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


def _windows(
    work: _Work,
    refreshed: Collection[str],
    traces: Mapping[str, str | None] | None,
    *,
    accept_deletes: bool,
) -> None:
    """Read what is new since marks and traces; `traces` None: nothing was ever extracted."""
    marks = {name: mark for name, mark in work.marks.items() if name not in refreshed}
    known = {**(traces or {}), **dict.fromkeys(refreshed)}
    with work.source.read(work.area, marks, known) as reading:
        streamed = work.source.land(work.area, work.mirrors, reading)
    held = round(time.monotonic() - reading.began, 3)
    for name, window in reading.windows.items():
        work.counts[name].info.update(_about(window, reading.clock), snapshot_seconds=held)
    for name in reading.pending:
        work.counts[name].processed = streamed[name].rows
        work.counts[name].info["stream_seconds"] = round(streamed[name].seconds, 3)
    with work.mrr.transaction():
        for name in reading.compared:
            _delete(work, name, reading, accept=accept_deletes)
        for name in reading.traces if traces is None else reading.compared:
            trace = reading.traces[name]
            deletes.remember(work.mrr, work.area, name, trace, work.batch_id)
        for name in reading.pending:
            _merge(work, name, reading)
        _advance(work, reading)


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
        landing=db.name("landing", entity.name),
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
    lineage = (work.batch_id, reading.clock)
    with work.counts[name].timed("apply_seconds"):
        work.counts[name].deleted = deletes.apply(
            work.mrr, entity, target, keys_of(entity, table), lineage, accept=accept
        )


def _merge(work: _Work, name: str, reading: Reading) -> None:
    target = work.mirrors[name][0]
    incoming = db.compose(
        "extract",
        "incoming",
        payload=db.names(target.payload),
        landing=db.name("landing", name),
        batch_id=db.literal(work.batch_id),
        extracted_at=db.literal(reading.clock),
    )
    with work.counts[name].timed("apply_seconds"):
        work.counts[name].add(mirror.apply(work.mrr, target, incoming))


def _advance(work: _Work, reading: Reading) -> None:
    marks = {name: window.high for name, window in reading.windows.items() if window.high}
    for name, high in marks.items():
        watermark.advance(work.mrr, work.area, work.area.entities[name], high, work.batch_id)
    _record(work, marks, is_repair=False)


def _record(work: _Work, marks: Mapping[str, datetime], *, is_repair: bool) -> None:
    """Record the batch with the marks that hold after it: the last batch tells those of all."""
    mirror.record_applied(
        work.mrr,
        work.area.area,
        work.batch_id,
        {name: high.isoformat() for name, high in marks.items()},
        is_repair=is_repair,
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
