"""What a run would move: windows, what holds them back, rows and deletes to come, drift.

It writes nothing. If keys have to be compared, those of the source go into a temporary table of the
session that compares them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from tidemark import sources
from tidemark.batch import agreement, landing
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError
from tidemark.layers import (
    deletes,
    drift,
    ledger,
    mirror,
    positions,
)
from tidemark.layers.drift import ColumnDrift
from tidemark.layers.mirror import Mirror
from tidemark.model import Positions, ServerName, Table, Window
from tidemark.postgres import compose, question, transfer
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Landing, Task
from tidemark.sources import Countable, Delta, Itemized
from tidemark.sources import window as in_window
from tidemark.star import schema


@dataclass(frozen=True, slots=True)
class Planned:
    """What the next batch would read of one entity. `low` None: from the start."""

    entity: str
    low: datetime | None
    high: datetime | None
    rows: int
    """Rows of the window, and rows that are fetched since no window has brought them."""
    deleted: int
    future: int
    """Rows whose watermark lies in the future: no window contains them before that time."""
    compared_by: datetime | None
    """When keys are compared at the latest: now, if this batch does it. None: they never are."""
    held_by: str | None
    items: list[str]
    """The items that are new, such as files, in their order."""
    notes: list[str]
    """Why all rows are read again, and what a look at it costs that one at a table does not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next batch of an area would do."""

    area: str
    source: ServerName
    entities: list[Planned]
    drift: list[ColumnDrift]
    stops: list[str]
    """The errors that the batch would stop with, before any row moves."""
    to_stage: int
    """Batches that MRR has applied and STG has not."""
    to_publish: int
    """Batches that STG has applied and a table of the DWH has not."""


def make(servers: Servers, area: Area) -> Plan:
    """Plan the next batch: look at the source, and at the batches that each layer has applied.

    Where tables disagree so that a look is not possible, the plan says only what stops the batch.

    Raises:
        WindowError: no safe upper bound is known.
    """
    problems = [str(problem) for problem in agreement.problems(servers, area)]
    differences: list[ColumnDrift] = []
    planned: list[tuple[Planned, str | None]] = []
    with (
        servers.session("mrr", "plan") as mrr,
        servers.session("stg", "plan") as stg,
        servers.session("dwh", "plan") as dwh,
    ):
        with suppress(ContractError):
            differences, planned = _looked(servers, mrr, area.sourced)
        staged = ledger.last_applied(stg, area.area)
        return Plan(
            area=area.area,
            source=area.source.name,
            entities=[entity for entity, _ in planned],
            drift=differences,
            stops=[*problems, *filter(None, (objection for _, objection in planned))],
            to_stage=len(ledger.applied_after(mrr, area.area, staged)),
            to_publish=len(ledger.applied_after(stg, area.area, _published(stg, dwh, area))),
        )


def _looked(
    servers: Servers, mrr: Session, area: Area
) -> tuple[list[ColumnDrift], list[tuple[Planned, str | None]]]:
    """Look at the source: return how it differs from MRR, and what is planned."""
    asked = question.both(positions.at_hand(area), mirror.tables(mrr, area))
    found, tables = question.ask(mrr, asked)
    mirrors = mirror.of("mrr", area, tables)
    known = positions.known(mrr, area, found)
    with sources.of(servers, area).open(area, known) as delta:
        look = _Look(area, mrr, delta, known)
        planned = [_planned(look, name, mirrors[name]) for name in area.entities]
        return drift.compare(area, delta.tables, mirrors), planned


def _published(stg: Session, dwh: Session, area: Area) -> int:
    """Read the last batch that every table of the DWH has."""
    applied, stored = question.ask(
        dwh, question.both(ledger.last(area.area), schema.stored(dwh, area))
    )
    with suppress(ContractError):
        star = schema.of(area, mirror.read(stg, area), stored)
        return min([applied, *star.last_batches.values()])
    return applied


@dataclass(frozen=True, slots=True)
class _Look:
    """What one plan looks at."""

    area: Area
    mrr: Session
    delta: Delta
    positions: Positions


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What a comparison of keys would find."""

    deleted: int = 0
    objection: str | None = None
    """Why the guard of deletes would refuse the batch."""
    overlooked: int = 0


def _planned(look: _Look, name: str, mirrored: tuple[Mirror, Table]) -> tuple[Planned, str | None]:
    """Say what the batch would read of an entity, and what it would stop with."""
    delta = look.delta
    window = delta.windows.get(name, Window(None, None))
    entity, shown = look.area.entities[name], delta.tables.get(name)
    found = _compared(look, entity, window, mirrored)
    comparison = found or _Comparison()
    planned = Planned(
        entity=name,
        low=window.low,
        high=window.high,
        rows=_count(delta, name) + comparison.overlooked,
        deleted=comparison.deleted,
        future=delta.future.get(name, 0),
        compared_by=delta.clock if found else delta.compared_by.get(name),
        held_by=str(window.held_by) if window.held_by else None,
        items=list(delta.items[name]) if isinstance(delta, Itemized) else [],
        notes=[*filter(None, (window.why, _cost(entity, shown) if shown else None))],
    )
    return planned, comparison.objection


def _cost(entity: Entity, shown: Table) -> str:
    """Say what a batch has to read where there is no table that counts its deletes."""
    if shown.kind in {"table", "files"}:
        return ""
    what = f"{shown.name} is a {shown.kind}"
    if entity.extract == "full":
        return f"{what}, and is read as a whole in each batch"
    if entity.deletes == "detect":
        return f"{what}, of which no deletes are counted: each batch reads all its keys"
    return f"{what}: without an index behind {entity.watermark}, each batch reads all of it"


def _count(delta: Delta, name: str) -> int:
    return delta.count(name) if name in delta.to_send and isinstance(delta, Countable) else 0


def _compared(
    look: _Look, entity: Entity, window: Window, mirrored: tuple[Mirror, Table]
) -> _Comparison | None:
    """Compare keys where the batch would; None where it would not."""
    name, (target, table) = entity.name, mirrored
    is_due = name in look.delta.compared
    if not is_due and not (
        landing.may_be_suspect(look.area, look.delta, look.positions, name)
        and deletes.is_small(look.mrr, target)
    ):
        return None
    with transfer.temporary(look.mrr, landing.keys_of(entity, table)) as keys:
        transfer.land(look.mrr, Task(keys, partial(look.delta.send_keys, name)))
        shown = look.delta.tables[name]
        if landing.may_repeat(entity, shown) and (
            repeated := landing.repeated(look.mrr, look.area, entity, shown, keys.qualified_name)
        ):
            return _Comparison(objection=str(repeated))
        if not is_due and not deletes.is_suspect(
            look.mrr, target, _new(entity, table, window, keys)
        ):
            return None
        overlooked = 0
        if window.low is not None:
            watermark = landing.watermark(entity, table, window)
            overlooked = deletes.count_overlooked(look.mrr, target, keys, watermark, window.low)
        return _Comparison(*deletes.count(look.mrr, entity, target, keys), overlooked)


def _new(entity: Entity, mirrored: Table, window: Window, keys: Landing) -> Composable:
    condition = in_window.condition(landing.watermark(entity, mirrored, window), window)
    return compose.statement(__name__, "in_window", keys=keys.name, condition=condition)
