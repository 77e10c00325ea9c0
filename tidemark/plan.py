"""What a run would move: windows, what holds them back, rows to come. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidemark import deletes, mirror, watermark
from tidemark.config import Area
from tidemark.db import Servers
from tidemark.source import PostgresSource


@dataclass(frozen=True, slots=True)
class Planned:
    """What the next batch would read of one entity. `low` None: from the start."""

    entity: str
    low: datetime | None
    high: datetime | None
    rows: int
    held_by: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next batch of an area would do."""

    area: str
    entities: list[Planned]
    to_stage: int
    """Batches that MRR has applied and STG has not."""
    to_publish: int
    """Batches that STG has applied and the DWH has not."""


def make(servers: Servers, area: Area) -> Plan:
    """Look at the source and at how far each layer has come.

    Raises:
        ContractError, WindowError: what the run would stop with.
    """
    source = PostgresSource(servers)
    with (
        servers.session("mrr", "plan") as mrr,
        servers.session("stg", "plan") as stg,
        servers.session("dwh", "plan") as dwh,
    ):
        mirrors = mirror.read(mrr, area)
        marks = watermark.marks(mrr, area)
        traces = deletes.traces(mrr, area) if mirror.last_applied(mrr, area.area) else {}
        with source.read(area, mirrors, marks, traces) as reading:
            planned = [
                Planned(
                    entity=name,
                    low=window.low,
                    high=window.high,
                    rows=source.count(area, reading, name) if name in reading.pending else 0,
                    held_by=str(window.held_by) if window.held_by else None,
                )
                for name, window in reading.windows.items()
            ]
        staged = mirror.last_applied(stg, area.area)
        return Plan(
            area=area.area,
            entities=planned,
            to_stage=len(mirror.applied_after(mrr, area.area, staged)),
            to_publish=len(
                mirror.applied_after(stg, area.area, mirror.last_applied(dwh, area.area))
            ),
        )
