"""The state of a warehouse: freshness, batches, rejects, rows per layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from tidemark import sources
from tidemark.batch import problems
from tidemark.declare.config import Area
from tidemark.layers import rejects
from tidemark.model import ServerName, label
from tidemark.postgres import compose, db, question
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sessions import Servers
from tidemark.sources import Comparable
from tidemark.star import aggregates, computed


@dataclass(frozen=True, slots=True)
class Mark:
    """How fresh one published table is: it has every change before `high_water_mark`."""

    table: str
    high_water_mark: datetime | None
    batch_id: int | None
    """None: nothing was published yet. The next publish sends all that STG has."""
    last_updated: datetime | None


@dataclass(frozen=True, slots=True)
class Summed:
    """How far one aggregate has come."""

    table: str
    batch_id: int | None
    """The last batch whose facts it has; None: it was never published."""
    computed_at: datetime | None
    is_due: bool
    """Whether the next publish computes all of its grains."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, as the DWH has recorded it."""

    batch_id: int
    status: str
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    rows_extracted: int
    snapshot_seconds: float | None
    """How long its snapshot was open on the source; None: nothing was extracted."""
    error_message: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Open rejects of one entity for one reason."""

    entity: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one entity that were taken."""

    entity: str
    taken: int
    set_aside: int
    last: str | None
    """The path of the one that was taken last; of one batch, the last in its order."""
    modified: datetime | None
    lag_seconds: float | None
    """How long before now it was modified."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one area."""

    area: str
    source: ServerName
    marks: list[Mark]
    batches: list[Batch]
    files: list[Files]
    """Of an area whose source is files."""
    rejects: list[Refused]
    aggregates: list[Summed]
    checks: list[problems.Broken]


@dataclass(frozen=True, slots=True)
class LayerRows:
    """How many rows each layer has of one entity; `dwh` counts versions, `rejected` counts keys."""

    entity: str
    source: int | None
    """None: a source of its kind can't be counted."""
    mrr: int | None
    """None: it is derived from other entities in STG."""
    stg: int
    rejected: int
    dwh: int | None


def read(servers: Servers, area: Area, *, batches: int = 10) -> Status:
    """Read marks, the last batches and the open rejects of an area."""
    with servers.session("dwh", "status") as dwh, servers.session("stg", "status") as stg:
        return Status(
            area=area.area,
            source=area.source.name,
            marks=marks(dwh, [area])[area.area],
            batches=last_batches(dwh, area, batches),
            files=_files(servers, area) if area.has_files else [],
            rejects=refused(stg, area),
            aggregates=_aggregates(dwh, area),
            checks=problems.broken(dwh, [area])[area.area],
        )


def last_batches(dwh: Session, area: Area, limit: int) -> list[Batch]:
    """Read the last batches of an area, the last one first."""
    return batches_of(dwh, [area], limit)[area.area]


def batches_of(dwh: Session, areas: Collection[Area], limit: int) -> dict[str, list[Batch]]:
    """Read the last batches of each area, the last one first."""
    found: dict[str, list[Batch]] = {area.area: [] for area in areas}
    which = {"areas": [*found], "limit": limit}
    for area, *row in dwh.rows(compose.statement(__name__, "batches"), which):
        found[area].append(Batch(*row))
    return found


def _files(servers: Servers, area: Area) -> list[Files]:
    with servers.session("mrr", "status") as mrr:
        found = mrr.rows(compose.statement(__name__, "files"), {"area": area.area})
    return [Files(*row) for row in found]


def marks(dwh: Session, areas: Collection[Area]) -> dict[str, list[Mark]]:
    """Read the marks of each area's tables. One declared since the last publish has none."""
    found: dict[str, list[Mark]] = {area.area: [] for area in areas}
    for area, *row in dwh.rows(compose.statement(__name__, "marks"), {"areas": [*found]}):
        found[area].append(Mark(*row))
    for each in areas:
        declared = {label(e.table("dwh")) for e in each.entities.values() if e.dwh}
        new = declared - {mark.table for mark in found[each.area]}
        found[each.area] += (Mark(table, None, None, None) for table in sorted(new))
    return found


def _aggregates(dwh: Session, area: Area) -> list[Summed]:
    """Say how far each aggregate has come, in the order of area.yml."""
    some = aggregates.of(area)
    if not some:
        return []
    found = dwh.rows(compose.statement(__name__, "aggregates"), {"area": area.area})
    known = {table: (batch_id, at) for table, batch_id, at in found}
    return [
        Summed(label(one.table), *known.get(label(one.table), (None, None)), not reads.is_published)
        for one, reads in zip(some, question.ask(dwh, computed.asked(some)), strict=True)
    ]


def refused(stg: Session, area: Area) -> list[Refused]:
    """Count an area's open rejects by reason, the most frequent first."""
    return [Refused(*row) for row in rejects.by_reason(stg, area)]


def layer_rows(servers: Servers, area: Area) -> list[LayerRows]:
    """Count every entity's rows in every layer. Counts are exact, so each table is read whole."""
    with (
        servers.session("mrr", "status") as mrr,
        servers.session("stg", "status") as stg,
        servers.session("dwh", "status") as dwh,
    ):
        refused: dict[str, int] = dict(
            stg.rows(compose.statement(__name__, "count_rejects"), {"area": area.area})
        )
        there = source_rows(servers, area)
        return [
            LayerRows(
                entity=name,
                source=there.get(name),
                mrr=None
                if entity.is_derived
                else _count(mrr, db.name(*entity.table("mrr")), "count_current"),
                stg=_count(stg, db.name(*entity.table("stg")), "count_current"),
                rejected=refused.get(name, 0),
                dwh=_count(dwh, db.name(*entity.table("dwh"))) if entity.dwh else None,
            )
            for name, entity in area.entities.items()
        ]


def source_rows(servers: Servers, area: Area) -> Mapping[str, int]:
    """Count the rows of an area's source: entity -> rows. Empty if a source of its kind can't."""
    source = sources.of(servers, area)
    return source.rows(area.sourced) if isinstance(source, Comparable) else {}


def _count(session: Session, table: Composable, statement: str = "count") -> int:
    return int(session.value(compose.statement(__name__, statement, table=table)))
