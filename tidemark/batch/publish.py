"""Third hop: from STG into the star schema of the DWH, in one transaction for the whole area.

Dimensions in order, facts, gates, high-water marks and the batch's status are one transaction. So a
reader sees batch N or batch N+1, and neither data nor marks can change without the other. Facts of
other areas that point at its dimensions are pointed at the new versions in it as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tidemark.batch import feeding, running
from tidemark.batch.feeding import Delta
from tidemark.batch.running import Running
from tidemark.declare.config import Area
from tidemark.errors import GateError
from tidemark.layers import judging, ledger, mirror, suspects
from tidemark.model import NO_OVERRIDES, Overrides, Repair, Table
from tidemark.postgres import (
    compose,
    db,
    question,
    refusals,
    transfer,
)
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Session
from tidemark.postgres.question import Question
from tidemark.postgres.sessions import Servers
from tidemark.results import Counts, HopResult
from tidemark.star import (
    aggregates,
    audits,
    calendar,
    distribution,
    facts,
    judged,
    members,
    pointers,
    published,
    refresh,
    scd2,
    schema,
)
from tidemark.star.facts import Fact, Resolved
from tidemark.star.refresh import Refresh
from tidemark.star.scd2 import Dimension
from tidemark.star.schema import Star, Stored


def run(
    servers: Servers, area: Area, batch_id: int, *, overrides: Overrides = NO_OVERRIDES
) -> HopResult:
    """Apply to the DWH all batches that STG has applied and the DWH has not.

    Args:
        servers: those of the project.
        area: what to publish.
        batch_id: the batch that runs.
        overrides: a repair names what the DWH has and STG lacks: it is deleted.

    Raises:
        ContractError: a table disagrees with its neighbour. Nothing was moved.
        GateError: checks refused the batch. The DWH is as it was.
        StatementError, ConnectError: the DWH is as it was.
    """
    with (
        servers.session("stg", f"publish {area.area}") as stg,
        running.begun(servers, area, "publish", batch_id, asks=_questions) as hop,
    ):
        (_, stored), repair = hop.known, overrides.repair
        with stg.transaction(transfer.READ_ONLY):
            surplus = list(repair.surplus["dwh"]) if repair else ()
            (star, delta), (told, suspected) = _read(stg, area, stored, surplus)
            accept = judging.Acceptance.said(overrides)
            standing = judging.standing(area, told, accept)
            hop.checks.extend(one for one in standing if one.accepted_by is not None)
            judging.refuse(area, hop.checks, standing=standing)
            if delta.changed:
                held = feeding.Held(area.area, suspected, star.last_batches)
                feeding.land(servers, stg, star, delta, counts=hop.counts, held=held)
                _make_partitions(hop.receiver, star, delta)
        # All rows have landed by now, so this transaction waits for no other server.
        with _suspecting(stg, area, delta), refusals.named(area.area, dwh=refusals.STORING):
            _write(hop, area, star, delta, overrides)
        if any(suspected.values()):
            suspects.settle(stg, area.area, star.last_batches)
            suspects.settle(stg, area.area, dict.fromkeys(star.last_batches, delta.last))
    return hop.result()


_Known = tuple[tuple[int, judging.Known], Stored]
"""The last batch that the DWH has applied, and what checks said; what it has recorded."""


@contextmanager
def _suspecting(stg: Session, area: Area, delta: Delta) -> Iterator[None]:
    """If checks of the DWH refuse the batch, keep in STG which versions they have found."""
    try:
        yield
    except GateError as error:
        found = [one for one in error.checks if one.layer == "dwh"]
        with stg.transaction():
            suspects.keep(stg, area, found, after=min(delta.after.values(), default=0))
        raise


def _write(
    hop: Running[_Known], area: Area, star: Star, delta: Delta, overrides: Overrides
) -> None:
    """Write what has landed, and everything that follows from it, in one transaction."""
    dwh, counts, ((applied, _), _) = hop.receiver, hop.counts, hop.known
    repair = overrides.repair
    with dwh.transaction():
        due = refreshes(area, star, delta, repair)
        if delta.changed or due.whole:
            let_keys_wait(dwh)
            due.begin(dwh)
            if repair and delta.changed:
                _remove_surplus(dwh, star, delta, repair, counts=counts, due=due)
            _apply(dwh, area, star, delta, counts=counts, due=due)
        _judge(hop, area, star, delta, overrides, is_whole=bool(due.whole))
        dwh.queue(compose.statement(__name__, "succeed"), {"batch_id": hop.batch_id})
        record(dwh, area, star, delta, applied=applied)
        if delta.changed:
            hold_readers(dwh, area, star)


def hold_readers(dwh: Session, area: Area, star: Star) -> None:
    """Let readers of facts wait for the commit, where facts are distributed; called last."""
    if area.distribution == "citus":
        written = [one.table for one in star.facts.values()]
        distribution.hold_readers(dwh, [*written, *(one.fact for one in star.pointers)])


def _judge(
    hop: Running[_Known],
    area: Area,
    star: Star,
    delta: Delta,
    overrides: Overrides,
    *,
    is_whole: bool,
) -> None:
    """Check what would be published.

    Raises:
        GateError: something is not as it must be. The caller rolls back.
    """
    dwh, ((_, known), _) = hop.receiver, hop.known
    landed = [one for name, one in star.dimensions.items() if name in delta.changed]
    hop.checks.extend(audits.of_landed(dwh, landed))
    changed = area.entities if is_whole else delta.changed
    if due := judging.due(area, "dwh", known, changed):
        if not changed:  # Checks may read landing tables, and nothing has landed.
            feeding.empty(dwh, star, star.feeds)
        rows = judged.rows(star, area.area, have_landed=True)
        accept = judging.Acceptance.said(overrides)
        found = judging.judge(dwh, area, due, rows, known, batch_id=delta.last, accept=accept)
        hop.checks.extend(found)
    judging.refuse(area, hop.checks)


def _questions(dwh: Session, area: Area) -> Question[_Known]:
    """Ask for everything that a publish has to know about the DWH before it looks at STG."""
    own = question.both(ledger.last(area.area), judging.kept(area))
    return question.both(own, schema.stored(dwh, area))


def _read(
    stg: Session, area: Area, stored: Stored, surplus: Sequence[str]
) -> tuple[tuple[Star, Delta], tuple[judging.Known, dict[str, bool]]]:
    """Read the star, which versions STG has that the DWH lacks, and what checks said before.

    Beside that, the entities that have suspects.
    """
    known = min((one.batch_id for one in stored.published.values()), default=0) - 1
    asked = question.both(mirror.tables(stg, area), ledger.after(area.area, known))
    said = question.both(judging.kept(area), suspects.entities(area))
    (tables, batches), told = question.ask(stg, question.both(asked, said))
    star = schema.of(area, mirror.of("stg", area, tables), stored)
    if min(star.last_batches.values(), default=0) <= known:  # A fact's shape has changed.
        batches = ledger.applied_after(stg, area.area, -1)
    return (star, feeding.delta_of(stg, area, star.last_batches, batches, surplus)), told


def refreshes(area: Area, star: Star, delta: Delta, repair: Repair | None = None) -> Refresh:
    """Say what a batch has to do for the aggregates that follow the star."""
    refilled = [one.table for name, one in star.facts.items() if not delta.after[name]]
    named = repair.aggregates if repair else ()
    return refresh.of(star.aggregates, area=area.area, refilled=refilled, named=named)


def let_keys_wait(dwh: Session) -> None:
    """Defer the star's foreign keys to the end of the transaction."""
    dwh.queue(compose.statement(__name__, "defer"))


def _remove_surplus(
    dwh: Session,
    star: Star,
    delta: Delta,
    repair: Repair,
    *,
    counts: Mapping[str, Counts],
    due: Refresh,
) -> None:
    """Delete the facts that STG lacks, and land the members that it lacks as deleted ones."""
    for name, values in repair.surplus["dwh"].items():
        feed, key = star.feeds[name], star.key(name)
        # A version's beginning, which a difference tells behind its key, is of no use here.
        keys = mirror.key_rows(Table(name, feed.columns), key, values)
        if name in star.facts:
            fact = star.facts[name]
            counts[name].deleted += facts.discard(dwh, fact, keys, notes=due.notes.get(fact.table))
            continue
        dwh.run(
            compose.statement(
                __name__,
                "land_surplus",
                landing=db.name(*feed.landing),
                key=Columns(key),
                keys=keys,
                batch_id=db.literal(delta.last),
                clock=db.literal(repair.clock),
            )
        )


def _make_partitions(dwh: Session, star: Star, delta: Delta) -> None:
    """Make the partitions that the landed facts need, and commit them before the batch.

    PostgreSQL plans a reader's statement before it takes the statement's snapshot. A statement that
    is planned before the batch commits, and takes its snapshot after that, does not know partitions
    that the batch has made: it would see the rest of the batch, and not their facts.
    """
    for fact in star.facts.values():
        if fact.entity in delta.changed:
            facts.ensure_partitions(dwh, fact)


def _apply(
    dwh: Session,
    area: Area,
    star: Star,
    delta: Delta,
    *,
    counts: Mapping[str, Counts],
    due: Refresh,
) -> None:
    # Gates read all landing tables, also those where nothing has landed.
    feeding.empty(dwh, star, sorted(set(star.feeds) - set(delta.changed)))
    # Dimensions first: landed facts are resolved by their new versions. Then existing facts are
    # repointed, since versions that they point at may have been removed or shortened.
    changed = [d for name, d in star.dimensions.items() if name in delta.changed]
    for dimension in changed:
        own = counts[dimension.entity]
        with own.timed("apply_seconds"), refusals.named(dimension.entity, dwh=refusals.STORING):
            before = due.before(dimension, star.pointers)
            own.add(scd2.apply(dwh, dimension, rows=own.processed, before=before))
    _repoint(dwh, star, changed, counts=counts, due=due)
    for fact in star.facts.values():
        own = counts[fact.entity]
        with own.timed("apply_seconds"), refusals.named(fact.entity, dwh=refusals.STORING):
            if fact.entity in delta.changed:
                found = prepare_fact(dwh, area, fact, delta, counts)
                notes = due.notes.get(fact.table)
                own.add(facts.apply(dwh, fact, found, rows=own.processed, notes=notes))
    _take_over(dwh, star, changed, delta, counts=counts, due=due)
    for dimension in changed:
        scd2.cleanup(dwh, dimension, rows=counts[dimension.entity].processed)
    dwh.queue(aggregates.forget(area))
    due.run(dwh, batch_id=delta.last, rows=sum(counts[name].processed for name in star.feeds))


def _repoint(
    dwh: Session,
    star: Star,
    changed: Sequence[Dimension],
    *,
    counts: Mapping[str, Counts],
    due: Refresh,
) -> None:
    """Point facts at the versions that hold now. They may be facts of other areas."""
    for dimension in changed:
        for pointer in star.pointers_at(dimension):
            own = counts[pointer.entity]
            with own.timed("apply_seconds"), refusals.named(pointer.entity, dwh=refusals.STORING):
                notes = due.notes.get(pointer.fact)
                own.repointed += pointers.repoint(dwh, pointer, dimension, notes=notes)


def _take_over(
    dwh: Session,
    star: Star,
    changed: Sequence[Dimension],
    delta: Delta,
    *,
    counts: Mapping[str, Counts],
    due: Refresh,
) -> None:
    """Point facts at an inferred member whose key has no observation any more.

    They are those that still name the key, so the landed ones have to be written before.
    """
    for dimension in changed:
        if dimension.lands != "observations":
            continue
        own = counts[dimension.entity]
        with own.timed("apply_seconds"), refusals.named(dimension.entity, dwh=refusals.STORING):
            for pointer in star.pointers_at(dimension):
                gone = pointers.orphaned(pointer, dimension)
                own.inferred += members.infer(dwh, dimension.members, gone, batch_id=delta.last)
            has_taken_over = scd2.take_over(dwh, dimension)
        if has_taken_over:
            _repoint(dwh, star, [dimension], counts=counts, due=due)


def prepare_fact(
    dwh: Session, area: Area, fact: Fact, delta: Delta, counts: Mapping[str, Counts]
) -> Resolved:
    """Find the keys of the landed facts, and make the members and dates that they need."""
    rows = counts[fact.entity].processed
    found = facts.resolve(dwh, fact, applied=delta.known[fact.entity], rows=rows)
    for role in found.lacking:
        unknown = facts.unknown(fact, role)
        with refusals.named(role.dimension.entity, dwh=refusals.STORING):
            inferred = members.infer(dwh, role.dimension, unknown, batch_id=delta.last)
        counts[role.dimension.entity].inferred += inferred
    calendar.cover(dwh, area.calendar, facts.unknown_years(dwh, fact))
    return found


def record(dwh: Session, area: Area, star: Star, delta: Delta, *, applied: int) -> None:
    """Move the marks of the tables that were behind, and record the batch as applied."""
    behind = [name for name, reached in delta.after.items() if reached < delta.last]
    published.record(
        dwh,
        area,
        behind,
        batch_id=delta.last,
        marks=delta.marks,
        whole=[one for name, one in star.whole.items() if not delta.after[name] and delta.last],
    )
    if delta.last > applied:
        ledger.record(dwh, area, delta.last, delta.marks, delta.changed)
