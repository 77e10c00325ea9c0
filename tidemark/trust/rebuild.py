"""Derive STG and the DWH again from what MRR has seen, and write what differs.

STG is emptied and staged in one pass. A dimension is derived in a scratch table. Then the versions
of the real dimension are changed to match it; a version that exists already keeps its surrogate
key. Readers see the whole result at once, or nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tidemark.batch import feeding, publish, sending
from tidemark.batch.feeding import Delta
from tidemark.batch.journal import locked
from tidemark.declare import sharing
from tidemark.declare.config import Area
from tidemark.layers import (
    carried,
    claims,
    cleanse,
    deltas,
    derived,
    judging,
    ledger,
    mirror,
    rulesets,
)
from tidemark.layers.derived import Derivation
from tidemark.layers.ledger import Applied, Lost
from tidemark.layers.mirror import Mirror
from tidemark.layers.rulesets import Others
from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME, LAYERS, label
from tidemark.postgres import (
    compose,
    db,
    locks,
    question,
    refusals,
    transfer,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sessions import Servers
from tidemark.results import Counts
from tidemark.star import (
    audits,
    facts,
    judged,
    published,
    scd2,
    schema,
)
from tidemark.star.facts import Fact
from tidemark.star.scd2 import Dimension
from tidemark.star.schema import Star
from tidemark.trust import compare, handover, lost_history, summed
from tidemark.trust.compare import Changes, CommonColumns, Origin

ORIGINS: Mapping[str, Origin] = {"stg": "stg", "dwh": "dwh"}


def run(
    servers: Servers,
    area: Area,
    *,
    entity: str | None = None,
    origin: Origin = "stg",
    dry_run: bool = False,
    accept_lost_history: bool = False,
    tell: Callable[[Lost | Others], None] = lambda _: None,
) -> list[Changes]:
    """Rebuild an area, or one entity of it with the facts that point at it.

    Args:
        servers: those of the project.
        area: what to rebuild.
        entity: its name; None: all.
        origin: the first layer to derive again.
        dry_run: roll everything back.
        accept_lost_history: go on although versions to derive from are missing: retention has
            deleted them, or the layer before was restored from an older backup.
        tell: called with batches that can't be derived again, unless that is refused, and with
            batches that were made by other rules than today's.

    Returns:
        What changed, table by table.

    Raises:
        LockedError: another process works on the area, and did not end in time.
        LostHistoryError: versions from which others were derived are gone.
        GateError, ContractError, StatementError: the layers are as they were.
    """
    names = _with_derived(area, [area.entity(entity).name] if entity else list(area.entities))
    beside = sharing.beside(area)
    with ExitStack() as stack:
        journal = stack.enter_context(
            locked(servers, area, "rebuild", beside=beside, is_patient=True)
        )
        mrr, stg, dwh = (
            stack.enter_context(servers.session(layer, f"rebuild {area.area}")) for layer in LAYERS
        )
        rebuilt = (stg, dwh) if origin == "stg" else (dwh,)
        lost = lost_history.batches(mrr, stg, dwh, area, origin)
        if not dry_run and not accept_lost_history:
            lost_history.refuse_deleted(mrr if origin == "stg" else stg, area)
            lost_history.refuse(mrr, area, lost)
        _tell(tell, area, lost, rebuilt)
        if not dry_run:
            stack.enter_context(journal.logged("rebuild", None))
        last = ledger.last(area.area)
        for session, others in ((stg, ()), (dwh, beside)):
            stack.enter_context(locks.writing(servers, session, area.area, last, beside=others))
        star = schema.read(stg, dwh, area)
        stack.enter_context(_transactions(mrr, stg, dwh, area, is_kept=not dry_run))
        changes = list(_rebuild_stg(mrr, stg, area, names)) if origin == "stg" else []
        _judge_stg(stg, area, is_rebuilt=origin == "stg")
        if entity is None:  # Else the other entities still have rows of these batches.
            for gone in lost:
                ledger.forget(stg if gone.layer == "stg" else dwh, gone)
        changes += _rebuild_dwh(stg, dwh, area, star, names)
        if entity is None:
            for session in rebuilt:
                rulesets.made_anew(session, area)
        if not dry_run:
            publish.hold_readers(dwh, area, star)
    return changes


def _judge_stg(stg: Session, area: Area, *, is_rebuilt: bool) -> None:
    """Raise a GateError for what checks of MRR and STG forbid, those of STG by what it has now."""
    if is_rebuilt:
        last = ledger.last_applied(stg, area.area)
        judging.of_mirrors(stg, area, "stg", {}, batch_id=last, changed=area.entities)
    said = judging.standing(area, question.ask(stg, judging.kept(area)))
    judging.refuse(area, [], standing=said)


@contextmanager
def _transactions(
    mrr: Session, stg: Session, dwh: Session, area: Area, *, is_kept: bool
) -> Iterator[None]:
    """Read MRR at one snapshot for the block, and write STG and the DWH; or roll both back."""
    with ExitStack() as stack:
        # A constraint that is checked at the end of the transaction belongs to no single entity.
        todo = refusals.STORING
        stack.enter_context(refusals.named(area.area, stg=todo, dwh=todo))
        # STG is opened after the DWH, so it commits first. If the DWH then fails to commit, another
        # rebuild finds STG rebuilt. The other way round, the DWH would be ahead of STG.
        for session in (dwh, stg):
            stack.enter_context(session.transaction() if is_kept else session.rolled_back())
        stack.enter_context(mrr.transaction(transfer.READ_ONLY))
        yield


def _tell(
    tell: Callable[[Lost | Others], None],
    area: Area,
    lost: Iterable[Lost],
    rebuilt: Iterable[Session],
) -> None:
    for one in lost:
        tell(one)
    for session in rebuilt:
        for other in rulesets.others(session, area):
            tell(other)


def _with_derived(area: Area, names: Sequence[str]) -> list[str]:
    """Add the entities that are made of these, each behind them."""
    found = list(names)
    for entity in area.derived:
        if entity.name not in found and {*entity.made_of} & {*found}:
            found.append(entity.name)
    return found


def _rebuild_stg(mrr: Session, stg: Session, area: Area, names: Sequence[str]) -> Iterator[Changes]:
    sourced = [name for name in names if not area.entities[name].is_derived]
    mirrored = mirror.read(mrr, area.sourced)
    cleansings = sending.read_cleansings(mrr, stg, area, mirrored, sent=sourced)
    batches = ledger.applied_after(mrr, area.area, 0)
    applied = ledger.last_applied(stg, area.area)
    for name in sourced:
        target, landing = cleansings[name].target, cleansings[name].claims.landing
        source, table = mirrored[name]
        versions = deltas.versions(source, after=0, columns=landing.names)
        job = sending.job(area, name, table, landing, versions)
        before = db.name(*area.entities[name].work("before"))
        parts: Parts = {
            "mirror": target.name,
            "before": before,
            "history": target.history,
            "payload": Columns(target.payload),
            "key": Columns(target.key),
            "landing": job.landing.name,
            "applied": db.literal(applied),
        }
        counts = Counts(processed=transfer.refill(mrr, stg, job))
        stg.run(compose.statement(__name__, "forget_later", parts))
        worktable.make(stg, before, compose.statement(__name__, "keep", parts))
        stg.run(compose.statement(__name__, "empty", parts))
        stg.run(compose.statement(__name__, "forget_rejects"), {"area": area.area, "entity": name})
        transfer.refill(mrr, stg, carried.job(area, area.entities[name], after=0, until=applied))
        carried.apply(stg, area, area.entities[name])
        claims.forget(stg, cleansings[name].claims)
        landed = stg.rows(compose.statement(__name__, "batches", parts))
        seen = {batch_id: batches[batch_id] for (batch_id,) in landed}
        cleanse.apply(stg, cleansings[name], seen, counts)
        for each in (target.name, target.history):
            stg.queue(compose.statement(__name__, "keep_first_batches", parts, table=each))
        yield _changes_of_stg(stg, target, before)
        worktable.drop(stg, before)
    if applied in batches:
        last = {applied: batches[applied]}
        for name, derivation in derived.read(stg, area, cleansings).items():
            if name in names:
                yield _rebuild_derived(stg, derivation, last)


def _rebuild_derived(stg: Session, derivation: Derivation, last: Mapping[int, Applied]) -> Changes:
    """Make derived rows anew. One that comes out equal keeps its lineage: the DWH has it."""
    target, (batch_id,) = derivation.cleansing.target, last
    before = db.name(*derivation.entity.work("before"))
    payload = Columns(target.payload)
    keep = compose.statement(__name__, "keep", payload=payload, mirror=target.name)
    worktable.make(stg, before, keep)
    rows = worktable.FEW + 1
    landed = derived.land(stg, derivation, after=None, batch_id=batch_id, rows=rows)
    counts = Counts(processed=landed.rows)
    cleanse.apply(stg, derivation.cleansing, last, counts)
    changes = _changes_of_stg(stg, target, before)
    worktable.drop(stg, before)
    return changes


def _changes_of_stg(stg: Session, target: Mirror, before: Composable) -> Changes:
    attributes = tuple(one for one in target.compared.names if one not in target.key)
    common = CommonColumns(target.key, attributes, texts=target.texts)
    was, now = (
        compose.statement(__name__, "live", payload=Columns(target.payload), table=table)
        for table in (before, target.name)
    )
    differences = compare.count(common, stg, was, now)
    return Changes(
        "stg",
        label(target.table),
        added=differences["surplus"],
        changed=differences["changed"],
        removed=differences["missing"],
    )


def _rebuild_dwh(
    stg: Session, dwh: Session, area: Area, star: Star, names: Sequence[str]
) -> Iterator[Changes]:
    publish.let_keys_wait(dwh)
    first = min(star.last_batches.values(), default=0) - 1
    batches = ledger.applied_after(stg, area.area, first)
    delta = feeding.delta_of(stg, area, star.last_batches, batches)
    dimensions = [d for name, d in star.dimensions.items() if name in names]
    feeding.empty(dwh, star, star.feeds)
    held = feeding.held_back(stg, area, star)
    for dimension in dimensions:
        rows = transfer.refill(stg, dwh, feeding.job(star, dimension.entity, after=0, held=held))
        yield from _rebuild_lent(dwh, star, dimension, rows, batch_id=delta.last)
    tables = {dimension.table for dimension in dimensions}
    rebuilt = [
        fact
        for name, fact in star.facts.items()
        if name in names or {role.dimension.table for role in fact.roles} & tables
    ]
    # All facts are sent, and any of them may be in its table already: none counts as new.
    whole = replace(delta, known=dict.fromkeys(delta.after, delta.last))
    for fact in rebuilt:
        rows = transfer.refill(stg, dwh, feeding.job(star, fact.entity, after=0, held=held))
        facts.ensure_partitions(dwh, fact)
        with refusals.named(fact.entity, dwh=refusals.STORING):
            changes = _rebuild_fact(dwh, area, fact, whole, rows)
        yield changes
    yield from summed.rebuild(dwh, star, [*dimensions, *rebuilt], batch_id=delta.last)
    asked = judging.due(area, "dwh", {}, area.entities)
    found = judging.judge(dwh, area, asked, judged.rows(star, area.area), {}, batch_id=delta.last)
    judging.refuse(area, [*audits.of_landed(dwh, dimensions), *found])
    # Tables that are not rebuilt are left to the next batch, which records what it has applied.
    if delta.last:
        published.record(
            dwh,
            area,
            [*(one.entity for one in dimensions), *(one.entity for one in rebuilt)],
            batch_id=delta.last,
            marks=delta.marks,
            whole=[*(one for one in dimensions if one.entity in star.whole), *rebuilt],
        )


def _rebuild_lent(
    dwh: Session, star: Star, dimension: Dimension, rows: int, *, batch_id: int
) -> Iterator[Changes]:
    """Rebuild a dimension, and point the facts of other areas at its versions."""
    if lent := handover.pointers(star, dimension):
        handover.keep(dwh, dimension)
    with refusals.named(dimension.entity, dwh=refusals.STORING):
        changes = _rebuild_dimension(dwh, dimension, rows)
    yield changes
    for table, moved in handover.repoint(dwh, dimension, lent, batch_id=batch_id):
        yield Changes("dwh", label(table), added=0, changed=moved, removed=0)


def _rebuild_dimension(dwh: Session, dimension: Dimension, rows: int) -> Changes:
    scratch = replace(dimension, is_scratch=True)
    parts = _dimension_parts(dimension, scratch)

    def step(name: str, **more: Composable) -> int:
        return dwh.run(compose.statement(__name__, name, parts, **more))

    step("create_dimension")
    step("number_downwards")
    step("create_confirmed")
    step("seed_inferred")
    scd2.apply(dwh, scratch, rows=rows)
    scd2.cleanup(dwh, scratch, rows=rows)
    step("keep_keys")
    worktable.analyze(dwh, scratch.name)
    changes = Changes(
        "dwh",
        label(dimension.table),
        removed=step("remove_versions"),
        changed=step("change_versions", current=db.literal(False))
        + step("change_versions", current=db.literal(True)),
        added=step("add_versions"),
    )
    step("forget_confirmations")
    step("confirm")
    step("drop_dimension")
    return changes


def _dimension_parts(dimension: Dimension, scratch: Dimension) -> Parts:
    return {
        "dimension": dimension.name,
        "confirmed": dimension.confirmed,
        "scratch": scratch.name,
        "scratch_confirmed": scratch.confirmed,
        "surrogate": db.name(dimension.surrogate),
        "nk": Columns(dimension.natural_key),
        "written": Columns(dimension.written),
        "changing": Columns(dimension.changing),
        **Columns(dimension.changing, texts=dimension.texts).split(),
        "from_beginning": db.literal(dimension.first_version == "beginning"),
        "beginning": db.literal(BEGINNING_OF_TIME),
        "end": db.literal(END_OF_TIME),
    }


def _rebuild_fact(dwh: Session, area: Area, fact: Fact, delta: Delta, rows: int) -> Changes:
    counts = {name: Counts() for name in (*area.entities, *sharing.written(area))}
    counts[fact.entity].processed = rows
    found = publish.prepare_fact(dwh, area, fact, delta, counts)
    done = facts.apply(dwh, fact, found, rows=rows)
    surplus = facts.remove_surplus(dwh, fact)
    return Changes(
        "dwh",
        label(fact.table),
        added=done.inserted,
        changed=done.updated,
        removed=done.deleted + surplus,
    )
