"""First hop: from the source into the raw mirror (MRR)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from tidemark.batch import agreement, landing, merging, running
from tidemark.batch.landing import Landed, Lineage, Work
from tidemark.batch.running import Running
from tidemark.declare.config import Area
from tidemark.errors import RefusedRowError
from tidemark.layers import (
    deletes,
    drift,
    judging,
    ledger,
    mirror,
    positions,
    seen,
)
from tidemark.layers.mirror import Mirror, Mirrored
from tidemark.model import NO_OVERRIDES, Key, Overrides, QualifiedName, Repair, Table
from tidemark.postgres import (
    compose,
    db,
    question,
)
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Landing, Streamed
from tidemark.results import HopResult
from tidemark.sources import Delta, Source

_Known = tuple[tuple[int, judging.Known], tuple[positions.Stored, dict[QualifiedName, Table]]]
"""The last batch that MRR has applied, and what its checks said; its positions and its mirrors'
tables."""


def run(
    servers: Servers,
    area: Area,
    batch_id: int,
    source: Source,
    *,
    overrides: Overrides = NO_OVERRIDES,
) -> HopResult:
    """Read the new rows of each entity in one consistent look, and merge them into the mirror.

    A batch that MRR has applied already, or that a later one has overtaken, does nothing.

    Args:
        servers: those of the project.
        area: what to extract.
        batch_id: the batch that writes it.
        source: where the rows come from.
        overrides: what a person asks of this extraction.

    Raises:
        UnknownNameError: the overrides name no entity of the area, or no item that was taken.
        ContractError, WindowError: before anything moves.
        DeleteGuardError: more is gone from the source than may be; MRR is as it was.
        StatementError, ConnectError: MRR is as it was, the positions too.
    """
    whole, area = area, area.sourced
    repair = overrides.repair.among(area.entities) if overrides.repair else None
    refreshed = {area.entity(name).name for name in overrides.refresh}
    with running.begun(servers, area, "extract", batch_id, asks=_questions) as hop:
        mrr, counts, ((after, _), (stored, _)) = hop.receiver, hop.counts, hop.known
        if after < batch_id:
            if overrides.retry or repair:
                stored = positions.read(mrr, area)  # Items matter that the source need not show.
            known = positions.known(mrr, area, stored, refreshed=refreshed, retried=overrides.retry)
            with agreement.told_at_once(servers, whole), source.open(area, known) as delta:
                mirrors = _following(servers, whole, hop, delta)
                work = Work(servers, mrr, area, delta, batch_id, mirrors, known, counts)
                if repair:
                    resent = landing.land_resent(work, repair)
                else:
                    landed = landing.land(work)
            # The look at the source has ended here: its snapshot no longer holds up vacuum there.
            with _key_named(mrr, area, delta.tables):
                if repair:
                    _repair(hop, work, repair, resent)
                else:
                    _apply(hop, work, landed, refreshed, overrides)
    return hop.result()


def _questions(mrr: Session, area: Area) -> Question[_Known]:
    """Ask for everything that an extraction has to know about MRR before it looks at the source."""
    return question.both(
        question.both(ledger.last(area.area), judging.kept(area)),
        question.both(positions.at_hand(area), mirror.tables(mrr, area)),
    )


@contextmanager
def _key_named(mrr: Session, area: Area, shown: Mapping[str, Table]) -> Iterator[None]:
    """If a snapshot shows a key twice, say which: the landing table still has both rows."""
    try:
        yield
    except RefusedRowError as error:
        if error.sqlstate != mirror.UNIQUE_VIOLATION or error.entity not in area.entities:
            raise
        entity = area.entities[error.entity]
        repeated = landing.repeated(mrr, area, entity, shown[entity.name], entity.landing)
        if repeated is None:
            raise
        raise repeated from error


def _apply(
    hop: Running[_Known],
    work: Work,
    landed: Landed,
    refreshed: Collection[str],
    overrides: Overrides,
) -> None:
    """Merge what has landed, in one transaction with the positions and the applied batch."""
    accept_deletes = overrides.accept_deletes
    landing.refuse_repeated(work, landed.to_merge, landed.keyed)
    reached = work.delta.positions
    with work.mrr.transaction():
        for name in landed.compared:
            _delete(work, name, apart=name in landed.keyed, accept=accept_deletes)
        for name in landed.to_merge:
            merging.merge(work, name, landed.streamed[name], accept_deletes=accept_deletes)
        work.delta.landed(work.mrr, work.batch_id)
        positions.record(work.mrr, work.area, reached, work.batch_id)
        entities = {*landed.to_merge, *landed.compared}
        _judge(hop, work, entities, overrides)
        _record(work, positions.marks(reached), entities, refreshed=refreshed)


def _judge(
    hop: Running[_Known], work: Work, changed: Collection[str], overrides: Overrides
) -> None:
    """Run the checks of MRR, which see what has landed."""
    (_, known), accept = hop.known[0], judging.Acceptance.said(overrides)
    found = judging.of_mirrors(
        work.mrr,
        work.area,
        "mrr",
        known,
        batch_id=work.batch_id,
        changed=changed,
        accept=accept,
    )
    hop.checks.extend(found)


def _repair(
    hop: Running[_Known], work: Work, repair: Repair, streamed: Mapping[str, Streamed]
) -> None:
    """Write the rows of these keys again, as the source has them now.

    A row that the source lacks is written as MRR has it; with `deletes: detect`, as deleted.
    """
    landing.refuse_repeated(work, streamed)
    with work.mrr.transaction():
        for name, keys in repair.resent.items():
            entity, mirrored = work.area.entities[name], work.mirrors[name]
            # What is refused is not gone.
            is_gone = entity.is_record or entity.deletes == "detect"
            is_gone = is_gone and not streamed[name].refused
            payload, clock = mirrored[0].payload, work.delta.clock
            landed = landing.relation(entity, payload, [streamed[name]], clock)
            if streamed[name].is_ordered:
                landed = landing.last(entity, payload, landed)
            resent = _resent(landed, mirrored, keys, work.lineage, is_gone=is_gone)
            work.counts[name].processed = streamed[name].rows + streamed[name].refused
            merging.keep_refused(work, name, [streamed[name]], items=())
            merged = mirror.apply(work.mrr, mirrored[0], resent, rows=len(keys), rewrite=True)
            work.counts[name].add(merged)
        _judge(hop, work, repair.resent, NO_OVERRIDES)
        _record(work, positions.marks(work.positions), repair.resent, is_repair=True)


def _resent(
    landed: Composable,
    mirrored: tuple[Mirror, Table],
    keys: Sequence[Key],
    lineage: Lineage,
    *,
    is_gone: bool,
) -> Composable:
    target, table = mirrored
    batch_id, clock = lineage
    return compose.statement(
        __name__,
        "resent",
        payload=Columns(target.payload),
        compared=target.compared,
        key=Columns(target.key),
        mirror=target.name,
        landing=landed,
        keys=mirror.key_rows(table, target.key, keys),
        batch_id=db.literal(batch_id),
        clock=db.literal(clock),
        deleted_at=db.literal(clock if is_gone else None),
    )


def _following(
    servers: Servers, area: Area, hop: Running[_Known], delta: Delta
) -> Mapping[str, Mirrored]:
    """Let the mirrors follow the source's columns, log what changed, and return the new mirrors.

    If rows may move, the layers behind MRR are checked first.
    """
    mrr, (_, (_, found)) = hop.receiver, hop.known
    mirrors = mirror.of("mrr", area.sourced, found)
    differences = drift.compare(area.sourced, delta.tables, mirrors)
    if delta.to_send or delta.compared:
        agreement.require_behind(servers, area, drift.expected(mirrors, differences))
    followed = drift.follow(mrr, mirrors, differences)
    for name in {difference.entity for difference in followed}:
        hop.counts[name].drift = "; ".join(d.what for d in followed if d.entity == name)
    return mirror.read(mrr, area.sourced) if followed else mirrors


def _delete(work: Work, name: str, *, apart: bool, accept: bool) -> None:
    entity, (target, table) = work.area.entities[name], work.mirrors[name]
    keys = landing.keys_of(entity, table) if apart else Landing(entity.landing, ())
    with work.counts[name].timed("apply_seconds"):
        work.counts[name].deleted = deletes.apply(
            work.mrr, entity, target, keys, work.lineage, rows=table.rows, accept=accept
        )


def _record(
    work: Work,
    marks: Mapping[str, datetime],
    entities: Collection[str],
    *,
    is_repair: bool = False,
    refreshed: Collection[str] = (),
) -> None:
    """Record the batch, with the marks of all entities as they are after it."""
    seen.keep_clocks(work.mrr, work.area.area, {work.batch_id: work.delta.clock})
    ledger.record(
        work.mrr,
        work.area,
        work.batch_id,
        {name: high.isoformat() for name, high in marks.items()},
        entities,
        is_repair=is_repair,
        refreshed=refreshed,
    )
