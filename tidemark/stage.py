"""Second hop: from the raw mirror (MRR) through cleansing into STG."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from tidemark import catalog, db, mirror, rejects, transfer
from tidemark.config import Area
from tidemark.db import Composable, Servers, Session
from tidemark.mirror import LINEAGE, LINEAGE_COLUMNS, Applied, Mirror
from tidemark.model import Column, Counts, HopResult, Repair, Table
from tidemark.transfer import Job, Landing

_REASONS = "reject_reasons"


@dataclass(frozen=True, slots=True)
class Cleansing:
    """How one entity is cleansed: its view, and the mirror that takes the good rows."""

    entity: str
    target: Mirror

    @property
    def view(self) -> Composable:
        """The cleansing view."""
        return db.name("landing", f"clean_{self.entity}")

    @property
    def cleaned(self) -> Composable:
        """The view's result for one batch."""
        return db.name("landing", f"cleaned_{self.entity}")


def run(servers: Servers, area: Area, batch_id: int, *, repair: Repair | None = None) -> HopResult:
    """Bring STG up to what MRR has applied, batch by batch.

    Args:
        servers: the four servers.
        area: what to stage.
        batch_id: the batch that runs.
        repair: names what STG has and MRR lacks: it is deleted.

    Raises:
        ContractError: a table or view disagrees with its neighbour. Nothing was moved.
        StatementError, ConnectError: STG is as it was.
    """
    start = time.monotonic()
    counts = {name: Counts() for name in area.entities}
    with (
        servers.session("mrr", f"stage {area.area}") as mrr,
        servers.session("stg", f"stage {area.area}") as stg,
        mirror.applying(stg, area.area) as after,
    ):
        with mrr.transaction(transfer.READ_ONLY):
            batches = mirror.applied_after(mrr, area.area, after)
            jobs = _jobs(mrr, area, after) if batches else []
            if jobs:
                cleansings = read_cleansings(stg, area)
                transfer.prepare(stg, [job.landing for job in jobs])
                snapshot = mrr.value(db.compose("source", "export_snapshot"))
                streamed = transfer.stream_all(
                    servers, sender=("mrr", snapshot), receiver="stg", jobs=jobs
                )
                for name, result in streamed.items():
                    counts[name].processed = result.rows
                    counts[name].info["stream_seconds"] = round(result.seconds, 3)
        if batches:
            with stg.transaction():
                for job in jobs:
                    name = job.landing.entity
                    apply(stg, area, cleansings[name], batches, counts[name])
                last = max(batches)
                if repair:
                    _remove_surplus(stg, area, repair, last, counts)
                is_repair = any(applied.is_repair for applied in batches.values())
                mirror.record_applied(
                    stg, area.area, last, batches[last].marks, is_repair=is_repair
                )
    return HopResult("stage", area.area, batch_id, time.monotonic() - start, counts)


def _remove_surplus(
    stg: Session, area: Area, repair: Repair, batch_id: int, counts: Mapping[str, Counts]
) -> None:
    mirrors = mirror.read(stg, area)
    for name, keys in repair.surplus["stg"].items():
        target, table = mirrors[name]
        incoming = db.compose(
            "stage",
            "surplus",
            payload_m=target.parts["payload_m"],
            mirror=target.parts["mirror"],
            keys=mirror.keys(table, target.key, keys),
            m_is_k=db.equal("m", "k", target.key),
            batch_id=db.literal(batch_id),
            clock=db.literal(repair.clock),
        )
        counts[name].deleted += mirror.apply(stg, target, incoming).updated
        rejects.resolve(stg, area.area, area.entities[name], keys, at=(batch_id, repair.clock))


def landing(name: str, mirrored: Table) -> Landing:
    """Return STG's landing table of an entity, whose rows come from a table of MRR."""
    return Landing(name, (*_payload(mirrored), *LINEAGE_COLUMNS))


def _jobs(mrr: Session, area: Area, after: int) -> list[Job]:
    """One job per entity that has versions after batch `after`, the largest first."""
    mirrors = mirror.read(mrr, area)
    jobs: list[tuple[float, Job]] = []
    for name, (source, table) in mirrors.items():
        if mirror.has_delta(mrr, source, after=after):
            target = landing(name, table)
            columns = [column.name for column in target.columns]
            query = mirror.delta(source, after=after, columns=columns)
            binary = transfer.is_binary_safe(target.columns, target.columns)
            jobs.append((table.rows, Job(target, query, binary)))
    return [job for _, job in sorted(jobs, key=lambda job: -job[0])]


def _payload(table: Table) -> tuple[Column, ...]:
    return tuple(column for column in table.columns if column.name not in LINEAGE)


def read_cleansings(stg: Session, area: Area) -> dict[str, Cleansing]:
    """Read STG's tables and cleansing views, and check that they fit together.

    Raises:
        ContractError: a view or table is missing, or the view lacks a column of the table.
    """
    mirrors = mirror.read(stg, area)
    views = {name: ("landing", f"clean_{name}") for name in mirrors}
    found = catalog.tables(stg, list(views.values()))
    for name, (target, table) in mirrors.items():
        view = catalog.require(found, views[name], layer="stg", why=f"the entity {name}")
        why = f"the table {target.table} behind it"
        catalog.require_columns(view, [*table.names, _REASONS], layer="stg", why=why)
    return {name: Cleansing(name, target) for name, (target, _) in mirrors.items()}


def apply(
    stg: Session,
    area: Area,
    cleansing: Cleansing,
    batches: Mapping[int, Applied],
    counts: Counts,
) -> None:
    """Cleanse what landed of these batches, one after the other, and merge it into STG."""
    for batch_id, applied in batches.items():
        one = db.compose("stage", "one_batch", batch_id=db.literal(batch_id))
        only = one if len(batches) > 1 else db.text("true")
        with counts.timed("apply_seconds"):
            _apply_batch(stg, area, cleansing, only, counts, anew=applied.is_repair)


def _apply_batch(
    stg: Session,
    area: Area,
    cleansing: Cleansing,
    only: Composable,
    counts: Counts,
    *,
    anew: bool,
) -> None:
    clean(stg, cleansing, only)
    good = db.compose("stage", "good", **_parts(cleansing))
    counts.add(mirror.apply(stg, cleansing.target, good, anew=anew))
    counts.rejected += rejects.record(
        stg, area.area, cleansing.entity, cleansing.target.key, cleansing.cleaned
    )
    stg.run(db.compose("stage", "drop_cleaned", cleaned=cleansing.cleaned))


def clean(stg: Session, cleansing: Cleansing, only: Composable) -> None:
    """Cleanse those landed rows on which `only` is true into `cleansing.cleaned`."""
    parts = {**_parts(cleansing), "batch": only}
    stg.run(db.compose("stage", "drop_cleaned", **parts))
    stg.run(db.compose("stage", "clean", **parts))
    stg.run(db.compose("stage", "refuse_missing_keys", **parts))
    stg.run(db.compose("stage", "refuse_duplicates", **parts))
    stg.run(db.compose("transfer", "analyze", landing=cleansing.cleaned))


def _parts(cleansing: Cleansing) -> dict[str, Composable]:
    target = cleansing.target
    return {
        "cleaned": cleansing.cleaned,
        "view": cleansing.view,
        "payload": target.parts["payload"],
        "payload_m": target.parts["payload_m"],
        "mirror": target.parts["mirror"],
        "m_is_c": db.equal("m", "c", target.key),
        "key": db.names(target.key),
    }
