"""Second hop: from the raw mirror (MRR) through cleansing into STG."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tidemark.batch import deriving, running, sending
from tidemark.batch.deriving import Lacking
from tidemark.batch.running import Running
from tidemark.batch.sending import Sending
from tidemark.declare.config import Area
from tidemark.errors import RefusedRowError
from tidemark.layers import (
    carried,
    claims,
    cleanse,
    deltas,
    derived,
    judging,
    ledger,
    made,
    mirror,
    rejects,
    seen,
    suspects,
    unmoved,
)
from tidemark.layers.cleanse import Cleansing
from tidemark.layers.ledger import Applied
from tidemark.layers.mirror import REASONS
from tidemark.model import NO_OVERRIDES, Overrides, Repair
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

_Known = tuple[tuple[int, dict[str, bool]], judging.Known]
"""The last batch that STG has applied, and entities to be taken as a whole: see `made.noted`. And
what checks said."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """What has landed in STG, and how it is cleansed."""

    cleansings: Mapping[str, Cleansing]
    sendings: Sequence[Sending]
    batches: Mapping[int, Applied]
    """Those that may have written what was sent: all, if a table is new."""
    carried: Mapping[str, int]
    """Entities of which MRR has other refused rows than before -> how many are new."""


_NOTHING = _Sent({}, (), {}, {})


def run(
    servers: Servers, area: Area, batch_id: int, *, overrides: Overrides = NO_OVERRIDES
) -> HopResult:
    """Apply to STG all batches that MRR has applied and STG has not.

    Args:
        servers: those of the project.
        area: what to stage.
        batch_id: the batch that runs.
        overrides: a repair names rows that STG has and MRR lacks. They are deleted.

    Raises:
        ContractError: a table or view disagrees with its neighbour. Nothing was moved.
        StatementError, ConnectError: STG is as it was.
    """
    with (
        servers.session("mrr", f"stage {area.area}") as mrr,
        running.begun(servers, area, "stage", batch_id, asks=_questions) as hop,
    ):
        (after, noted), _ = hop.known
        again = {name: is_new for name, is_new in noted.items() if name in area.entities}
        # One snapshot of MRR decides which batches are applied, and which versions are sent.
        with mrr.transaction(transfer.READ_ONLY):
            (batches, refused), told = question.ask(
                mrr,
                question.both(
                    question.both(ledger.after(area.area, after), carried.changed(area, after)),
                    judging.kept(area),
                ),
            )
            lacking = Lacking(area, after, batches, again, overrides.repair)
            sent = _send(servers, mrr, hop, lacking, refused) if batches else _NOTHING
        if batches:
            # All rows have landed by now, so this transaction waits for no other server.
            with _told(hop.receiver, sent.cleansings), hop.receiver.transaction():
                written = _apply(hop.receiver, lacking, sent, hop.counts)
                _judge(hop, lacking, written, told, overrides)
    return hop.result()


def _send(
    servers: Servers,
    mrr: Session,
    hop: Running[_Known],
    lacking: Lacking,
    refused: Mapping[str, int],
) -> _Sent:
    """Fill STG's landing tables with what it lacks of MRR, and read how it is cleansed."""
    area, stg = lacking.area, hop.receiver
    sourced = area.sourced
    changed = _changed(mrr, sourced, lacking)
    refused = {name: new for name, new in refused.items() if name in sourced.entities}
    if not changed and not refused:
        return _NOTHING
    found, snapshot = question.ask(
        mrr, question.both(mirror.tables(mrr, sourced), transfer.sharing_snapshot())
    )
    mirrors = mirror.of("mrr", sourced, found)
    with stg.transaction():
        cleansings = sending.read_cleansings(mrr, stg, area, mirrors, sent=changed)
    since = {name: 0 if lacking.again.get(name) else lacking.after for name in changed}
    sendings = sending.of_changed(area, mirrors, cleansings, since, changed)
    span = {"after": lacking.after, "until": max(lacking.batches)}
    jobs = [carried.job(area, area.entities[name], **span) for name in refused]
    for landed, result in sending.stream(servers, area, snapshot, sendings, jobs).items():
        name = landed.partition(".")[0]
        hop.counts[name].processed += result.rows if landed == name else refused[name]
        hop.counts[name].spend("stream_seconds", result.seconds)
    # A table that is new gets versions of batches that STG has applied long ago.
    is_any_new = any(lacking.again.get(name) for name in changed)
    every = ledger.applied_after(mrr, area.area, 0) if is_any_new else lacking.batches
    return _Sent(cleansings, sendings, every, refused)


def _apply(stg: Session, lacking: Lacking, sent: _Sent, counts: Mapping[str, Counts]) -> set[str]:
    """Cleanse what has landed, and merge it into STG; then make what is derived of it.

    Returns:
        The entities of which rows may have been written.
    """
    area, batches, repair = lacking.area, lacking.batches, lacking.repair
    for one in sent.sendings:
        name = one.job.landing.entity
        landed = sent.batches if lacking.again.get(name) else batches
        cleanse.apply(stg, sent.cleansings[name], landed, counts[name])
    for name, new in sent.carried.items():
        carried.apply(stg, area, area.entities[name])
        counts[name].rejected += new
    for name in {*_sent_names(sent.sendings), *sent.carried}:
        if counts[name].updated:
            target = sent.cleansings[name].target
            told = unmoved.warning(stg, area, area.entities[name], target, batches)
            counts[name].warning = told
    if repair:
        _remove_surplus(stg, area, repair, max(batches), counts)
    written = _written(sent.sendings, repair)
    written |= deriving.run(stg, lacking, written, counts, sent.cleansings)
    if lacking.again:
        made.taken(stg, area.area, lacking.again)
    _record(stg, area, batches, written)
    return written


def _judge(
    hop: Running[_Known],
    lacking: Lacking,
    written: Collection[str],
    told: judging.Known,
    overrides: Overrides,
) -> None:
    """Run the checks of STG, and say what those have refused that reject rows.

    What the checks of MRR said (`told`) is kept beside it.
    """
    area, (_, known) = lacking.area, hop.known
    judging.carry(hop.receiver, area, told, after=lacking.after)
    found = rejects.ratios(hop.receiver, area, lacking.batches, hop.counts)
    found += rejects.by_check(hop.receiver, area, lacking.batches, hop.counts)
    found += judging.of_mirrors(
        hop.receiver,
        area,
        "stg",
        known,
        batch_id=max(lacking.batches),
        changed=written,
        accept=judging.Acceptance.said(overrides),
    )
    hop.checks.extend(found)
    of_mrr = [one for one in judging.standing(area, told) if one.layer == "mrr"]
    suspects.keep(hop.receiver, area, [*of_mrr, *found], after=lacking.after)


def _questions(_: Session, area: Area) -> Question[_Known]:
    """Ask for the last batch that STG has applied, and for entities to be taken as a whole."""
    asked = question.both(ledger.last(area.area), made.noted(area.area))
    return question.both(asked, judging.kept(area))


def _record(
    stg: Session, area: Area, batches: Mapping[int, Applied], entities: Collection[str]
) -> None:
    seen.keep_clocks(stg, area.area, {each: about.clock for each, about in batches.items()})
    for batch_id, about in batches.items():
        marks = derived.with_marks(area, about.marks)
        ledger.record(stg, area, batch_id, marks, entities, is_repair=about.is_repair)


@contextmanager
def _told(stg: Session, cleansings: Mapping[str, Cleansing]) -> Iterator[None]:
    """Add to the error of a refused row what the view shows: the landed rows are still there."""
    try:
        yield
    except RefusedRowError as error:
        if error.entity not in cleansings:
            raise
        target, view = cleansings[error.entity].target, cleansings[error.entity].view
        if error.column is None and error.is_data:
            raise refusals.of_column(error, stg, view, (*target.payload, REASONS)) from error
        if error.column in target.payload:
            raise refusals.of_rows(error, stg, view) from error
        raise


def _remove_surplus(
    stg: Session, area: Area, repair: Repair, batch_id: int, counts: Mapping[str, Counts]
) -> None:
    cleansings = cleanse.read(stg, area)
    for name, keys in repair.surplus["stg"].items():
        target, table = cleansings[name].target, cleansings[name].claims.table
        incoming = compose.statement(
            __name__,
            "surplus",
            payload=Columns(target.payload),
            mirror=target.name,
            keys=mirror.key_rows(table, target.key, keys),
            key=Columns(target.key),
            batch_id=db.literal(batch_id),
            clock=db.literal(repair.clock),
        )
        counts[name].deleted += mirror.apply(stg, target, incoming, rows=len(keys)).updated
        claims.forget_holders(stg, cleansings[name].claims, keys)
    for name, keys in repair.rejects.items():
        claims.forget_waiting(stg, cleansings[name].claims, keys)
        rejects.resolve(stg, area.area, area.entities[name], keys, at=(batch_id, repair.clock))


def _sent_names(sendings: Sequence[Sending]) -> list[str]:
    return [one.job.landing.entity for one in sendings]


def _written(sendings: Sequence[Sending], repair: Repair | None) -> set[str]:
    """Find the entities of which the batches may write versions."""
    return {*_sent_names(sendings), *(repair.surplus["stg"] if repair else ())}


def _changed(mrr: Session, area: Area, lacking: Lacking) -> dict[str, Sequence[int]]:
    """Find the entities that have versions after batch `after`, and the batches of their refreshes.

    An entity that was refreshed since is sent as a whole, to be cleansed by today's rules. So is
    one that has to be taken again, with the last batch; if its table is new, with all batches.
    """
    after, batches, again = lacking.after, lacking.batches, lacking.again
    touched = ledger.touched(batches, dict.fromkeys(area.entities, after))
    bare = {name: mirror.bare(area.entities[name], "mrr") for name in touched}
    asked = deltas.changed(bare, dict.fromkeys(bare, after))
    changed = question.ask(mrr, asked) if bare else []
    refreshes = {
        name: [batch_id for batch_id, one in batches.items() if name in one.refreshed]
        for name in area.entities
    }
    for name in again.keys() & refreshes.keys():
        refreshes[name] = [] if again[name] else sorted({*refreshes[name], max(batches)})
    return {
        name: found
        for name, found in refreshes.items()
        if found or name in changed or again.get(name)
    }
