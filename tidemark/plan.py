"""What a run would move: windows, what holds them back, rows and deletes to come, drift.

It writes nothing. Keys of the source, where rows of it are gone, stay in temporary tables of the
session that compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidemark import deletes, drift, mirror, transfer, watermark
from tidemark.config import Area, Entity
from tidemark.db import Servers, Session
from tidemark.drift import Difference
from tidemark.mirror import Mirror
from tidemark.model import Table
from tidemark.source import PostgresSource, Reading, keys_of


@dataclass(frozen=True, slots=True)
class Planned:
    """What the next batch would read of one entity. `low` None: from the start."""

    entity: str
    low: datetime | None
    high: datetime | None
    rows: int
    deleted: int
    held_by: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next batch of an area would do."""

    area: str
    entities: list[Planned]
    drift: list[Difference]
    stops: list[str]
    """The errors that the batch would stop with. No row of it would move."""
    to_stage: int
    """Batches that MRR has applied and STG has not."""
    to_publish: int
    """Batches that STG has applied and the DWH has not."""


def make(servers: Servers, area: Area) -> Plan:
    """Look at the source and at how far each layer has come.

    Raises:
        ContractError: a table or column that area.yml names is missing.
        WindowError: no safe upper bound is known.
    """
    source = PostgresSource(servers)
    with (
        servers.session("mrr", "plan") as mrr,
        servers.session("stg", "plan") as stg,
        servers.session("dwh", "plan") as dwh,
    ):
        mirrors = mirror.read(mrr, area)
        differences = drift.compare(area, source.describe(area), mirrors)
        marks = watermark.marks(mrr, area)
        traces = deletes.traces(mrr, area) if mirror.last_applied(mrr, area.area) else {}
        with source.read(area, marks, traces) as reading:
            planned, objections = [], []
            for name, entity in area.entities.items():
                deleted, objection = 0, None
                if name in reading.compared:
                    deleted, objection = _deleted(mrr, source, entity, mirrors[name])
                planned.append(_planned(area, name, source, reading, deleted))
                objections += [objection] if objection else []
        staged = mirror.last_applied(stg, area.area)
        return Plan(
            area=area.area,
            entities=planned,
            drift=differences,
            stops=[*(d.what for d in differences if d.action == "stop"), *objections],
            to_stage=len(mirror.applied_after(mrr, area.area, staged)),
            to_publish=len(
                mirror.applied_after(stg, area.area, mirror.last_applied(dwh, area.area))
            ),
        )


def _planned(
    area: Area, name: str, source: PostgresSource, reading: Reading, deleted: int
) -> Planned:
    window = reading.windows[name]
    return Planned(
        entity=name,
        low=window.low,
        high=window.high,
        rows=source.count(area, reading, name) if name in reading.pending else 0,
        deleted=deleted,
        held_by=str(window.held_by) if window.held_by else None,
    )


def _deleted(
    mrr: Session, source: PostgresSource, entity: Entity, mirrored: tuple[Mirror, Table]
) -> tuple[int, str | None]:
    """Count the rows that are gone from the source, and say what the guard has against it."""
    target, table = mirrored
    with transfer.temporary(mrr, keys_of(entity, table)) as keys:
        source.send_keys(entity, mrr, keys)
        return deletes.count(mrr, entity, target, keys)
