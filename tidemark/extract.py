"""First hop: from the operational source into the raw mirror (MRR)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from tidemark import catalog, db, mirror, watermark
from tidemark.config import Area
from tidemark.db import Servers, Session
from tidemark.mirror import LINEAGE, Mirror
from tidemark.model import Counts, HopResult, Table, Window
from tidemark.source import Reading, Source


def run(servers: Servers, area: Area, batch_id: int, source: Source) -> HopResult:
    """Read each entity's window at one snapshot, and merge it into the mirror.

    A batch that MRR has applied already, or that a later one has overtaken, does nothing.

    Raises:
        ContractError, WindowError: before anything moves.
        StatementError, ConnectError: MRR is as it was, the marks too.
    """
    start = time.monotonic()
    counts = {name: Counts() for name in area.entities}
    with servers.session("mrr", f"extract {area.area}") as mrr:
        if mirror.last_applied(mrr, area.area) < batch_id:
            mirrors = read_mirrors(mrr, area)
            with source.read(area, mirrors, watermark.marks(mrr, area)) as reading:
                streamed = source.land(area, mirrors, reading) if reading.pending else {}
            for name, window in reading.windows.items():
                counts[name].info = _about(window, reading.clock)
            for name, result in streamed.items():
                counts[name].processed = result.rows
                counts[name].info["stream_seconds"] = round(result.seconds, 3)
            with mrr.transaction():
                for name in reading.pending:
                    _merge(mrr, mirrors[name][0], name, batch_id, reading, counts[name])
                _advance(mrr, area, batch_id, reading)
    return HopResult("extract", area.area, batch_id, time.monotonic() - start, counts)


def read_mirrors(mrr: Session, area: Area) -> dict[str, tuple[Mirror, Table]]:
    """Read the mirror tables of an area from MRR's catalog.

    Raises:
        ContractError: one does not exist, or lacks the key or the lineage columns.
    """
    found = catalog.tables(mrr, [("public", entity.mrr) for entity in area.entities.values()])
    mirrors = {}
    for name, entity in area.entities.items():
        why = f"entities.{name}.mrr of sql/{area.area}/area.yml"
        table = catalog.require(found, ("public", entity.mrr), layer="mrr", why=why)
        catalog.require_columns(table, [*entity.key, *LINEAGE], layer="mrr", why=why)
        payload = tuple(column for column in table.names if column not in LINEAGE)
        mirrors[name] = (Mirror(entity.mrr, payload, entity.key), table)
    return mirrors


def _merge(
    mrr: Session, target: Mirror, name: str, batch_id: int, reading: Reading, counts: Counts
) -> None:
    incoming = db.compose(
        "extract",
        "incoming",
        payload=db.names(target.payload),
        landing=db.name("landing", name),
        batch_id=db.literal(batch_id),
        extracted_at=db.literal(reading.clock),
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
