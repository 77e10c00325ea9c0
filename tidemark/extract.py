"""First hop: from the operational source into the raw mirror (MRR)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
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
    if overrides.repair:
        counts = _repair(servers, area, batch_id, source, overrides.repair)
        return HopResult("extract", area.area, batch_id, time.monotonic() - start, counts)
    refreshed = {area.entity(name).name for name in overrides.refresh}
    counts = {name: Counts() for name in area.entities}
    with (
        servers.session("mrr", f"extract {area.area}") as mrr,
        mirror.applying(mrr, area.area) as after,
    ):
        if after < batch_id:
            mirrors = _following(mrr, area, source, counts)
            marks = watermark.marks(mrr, area)
            traces = deletes.traces(mrr, area) if after else {}
            for name in refreshed:
                marks.pop(name, None)
                traces[name] = None
            with source.read(area, marks, traces) as reading:
                streamed = source.land(area, mirrors, reading)
            held = round(time.monotonic() - reading.began, 3)
            for name, window in reading.windows.items():
                counts[name].info.update(_about(window, reading.clock), snapshot_seconds=held)
            for name in reading.pending:
                counts[name].processed = streamed[name].rows
                counts[name].info["stream_seconds"] = round(streamed[name].seconds, 3)
            lineage = (batch_id, reading.clock)
            with mrr.transaction():
                for name in reading.compared:
                    entity, (target, table) = area.entities[name], mirrors[name]
                    with counts[name].timed("apply_seconds"):
                        counts[name].deleted = deletes.apply(
                            mrr,
                            entity,
                            target,
                            keys_of(entity, table),
                            lineage,
                            accept=overrides.accept_deletes,
                        )
                for name in reading.traces if not after else reading.compared:
                    deletes.remember(mrr, area, name, reading.traces[name], batch_id)
                for name in reading.pending:
                    _merge(mrr, mirrors[name][0], name, counts[name], lineage)
                _advance(mrr, area, batch_id, reading)
    return HopResult("extract", area.area, batch_id, time.monotonic() - start, counts)


def _repair(
    servers: Servers, area: Area, batch_id: int, source: Source, repair: Repair
) -> dict[str, Counts]:
    """Write the rows of these keys anew: as the source has them, and else as they are in MRR."""
    counts = {name: Counts() for name in area.entities}
    with (
        servers.session("mrr", f"extract {area.area}") as mrr,
        mirror.applying(mrr, area.area) as after,
    ):
        if after < batch_id:
            mirrors = _following(mrr, area, source, counts)
            with source.read(area, watermark.marks(mrr, area), {}) as reading:
                streamed = source.land_again(area, mirrors, reading, repair.again)
            with mrr.transaction():
                for name, keys in repair.again.items():
                    counts[name].processed = streamed[name].rows
                    lineage = (batch_id, reading.clock)
                    again = _again(area.entities[name], mirrors[name], keys, lineage)
                    counts[name].add(mirror.apply(mrr, mirrors[name][0], again, anew=True))
                mirror.record_applied(mrr, area.area, batch_id, {}, is_repair=True)
    return counts


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


def _merge(mrr: Session, target: Mirror, name: str, counts: Counts, lineage: Lineage) -> None:
    batch_id, extracted_at = lineage
    incoming = db.compose(
        "extract",
        "incoming",
        payload=db.names(target.payload),
        landing=db.name("landing", name),
        batch_id=db.literal(batch_id),
        extracted_at=db.literal(extracted_at),
    )
    with counts.timed("apply_seconds"):
        counts.add(mirror.apply(mrr, target, incoming))


def _advance(mrr: Session, area: Area, batch_id: int, reading: Reading) -> None:
    for name, window in reading.windows.items():
        if window.high is not None:
            watermark.advance(mrr, area, area.entities[name], window.high, batch_id)
    marks: Mapping[str, datetime | None] = {n: w.high for n, w in reading.windows.items()}
    mirror.record_applied(
        mrr, area.area, batch_id, {n: high.isoformat() for n, high in marks.items() if high}
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
