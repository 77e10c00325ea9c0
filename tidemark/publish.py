"""Third hop: from STG into the star schema of the DWH, in one transaction for the whole area.

Dimensions in order, facts, gates, high-water marks and the batch's status: a reader sees batch N
or batch N+1, and the mark can't move without the data nor the data without the mark.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from tidemark import calendar, db, facts, mirror, quality, scd2, star, transfer
from tidemark.config import Area
from tidemark.db import Servers, Session
from tidemark.mirror import LINEAGE, LINEAGE_COLUMNS
from tidemark.model import Counts, HopResult
from tidemark.star import Star
from tidemark.transfer import Job, Landing


def run(servers: Servers, area: Area, batch_id: int) -> HopResult:
    """Bring the DWH up to what STG has applied.

    Raises:
        ContractError: a table disagrees with its neighbour. Nothing was moved.
        GateError: a data-quality gate refused the batch. The DWH is as it was.
        StatementError, ConnectError: the DWH is as it was.
    """
    start = time.monotonic()
    counts = {name: Counts() for name in area.entities}
    with (
        servers.session("stg", f"publish {area.area}") as stg,
        servers.session("dwh", f"publish {area.area}") as dwh,
    ):
        after = mirror.last_applied(dwh, area.area)
        with stg.transaction(transfer.READ_ONLY):
            batches = mirror.applied_after(stg, area.area, after)
            changed = _changed(stg, area, after) if batches else []
            shape = star.read(stg, dwh, area) if changed else None
            if shape:
                _land(servers, stg, dwh, shape, changed, after, counts)
        if batches:
            with dwh.transaction():
                if shape:
                    _apply(dwh, area, shape, changed, after, max(batches), counts)
                _finish(dwh, area, batch_id, max(batches), batches[max(batches)])
    return HopResult("publish", area.area, batch_id, time.monotonic() - start, counts)


def _changed(stg: Session, area: Area, after: int) -> list[str]:
    """Entities with a DWH table that have versions after batch `after`."""
    return [
        name
        for name, entity in area.entities.items()
        if entity.dwh
        and mirror.has_delta(stg, mirror.Mirror(entity.stg, (), entity.key), after=after)
    ]


def _land(
    servers: Servers,
    stg: Session,
    dwh: Session,
    shape: Star,
    changed: Sequence[str],
    after: int,
    counts: Mapping[str, Counts],
) -> None:
    """Fill the landing tables of what changed, and empty the others: gates read them all."""
    landings = {
        name: Landing(name, (*sent.columns, *LINEAGE_COLUMNS)) for name, sent in shape.sent.items()
    }
    transfer.prepare(dwh, list(landings.values()))
    for name in set(landings) - set(changed):
        dwh.run(db.compose("transfer", "truncate", landing=landings[name].name))
    jobs = [
        Job(
            landings[name],
            mirror.delta(
                shape.sent[name].mirror,
                after=after,
                columns=(*shape.sent[name].mirror.payload, *LINEAGE),
                history=name in shape.dimensions,
            ),
            binary=True,
        )
        for name in sorted(changed, key=lambda name: -shape.sent[name].rows)
    ]
    snapshot = stg.value(db.compose("source", "export_snapshot"))
    streamed = transfer.stream_all(servers, sender=("stg", snapshot), receiver="dwh", jobs=jobs)
    for name, result in streamed.items():
        counts[name].processed = result.rows
        counts[name].info["stream_seconds"] = round(result.seconds, 3)


def _apply(
    dwh: Session,
    area: Area,
    shape: Star,
    changed: Sequence[str],
    after: int,
    last: int,
    counts: Mapping[str, Counts],
) -> None:
    rebuilt = [d for name, d in shape.dimensions.items() if name in changed]
    for dimension in rebuilt:
        with counts[dimension.entity].timed("apply_seconds"):
            counts[dimension.entity].add(scd2.apply(dwh, dimension))
    for fact in shape.facts.values():
        with counts[fact.entity].timed("apply_seconds"):
            for role in fact.roles:
                if role.dimension in rebuilt:
                    counts[fact.entity].note("repointed", facts.repoint(dwh, fact, role))
            if fact.entity in changed:
                _apply_fact(dwh, area, fact, after, last, counts)
    for dimension in rebuilt:
        scd2.cleanup(dwh, dimension)
    quality.gate(dwh, area)


def _apply_fact(
    dwh: Session,
    area: Area,
    fact: facts.Fact,
    after: int,
    last: int,
    counts: Mapping[str, Counts],
) -> None:
    for role in fact.roles:
        inferred = scd2.infer(
            dwh, role.dimension, landing=fact.entity, by=role.by, batch_id=last
        )
        counts[role.dimension.entity].note("inferred", inferred)
    facts.ensure_partitions(dwh, fact)
    calendar.cover(dwh, area.calendar, facts.years(dwh, fact))
    counts[fact.entity].add(facts.apply(dwh, fact, applied=after))


def _finish(
    dwh: Session, area: Area, batch_id: int, last: int, marks: Mapping[str, str]
) -> None:
    """Move the marks and end the batch."""
    for name, entity in area.entities.items():
        if entity.dwh:
            dwh.run(
                db.compose("publish", "mark"),
                {
                    "table": entity.dwh,
                    "area": area.area,
                    "entity": name,
                    "high": marks.get(name),
                    "batch_id": last,
                },
            )
    mirror.record_applied(dwh, area.area, last, marks)
    dwh.run(db.compose("publish", "succeed"), {"batch_id": batch_id})
