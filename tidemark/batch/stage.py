"""Second hop: from the raw mirror (MRR) through cleansing into STG."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tidemark.batch import deriving, running
from tidemark.batch.deriving import Lacking
from tidemark.batch.running import Running
from tidemark.declare.config import Area
from tidemark.errors import ContractError, RefusedRowError, StatementError, refuse
from tidemark.layers import (
    carried,
    claims,
    cleanse,
    contracts,
    derived,
    flags,
    ledger,
    made,
    mirror,
    reads,
    rejects,
    seen,
    unmoved,
)
from tidemark.layers.cleanse import Cleansing
from tidemark.layers.contracts import Narrower
from tidemark.layers.ledger import Applied
from tidemark.layers.mirror import REASONS, Mirror
from tidemark.model import Repair, Table
from tidemark.postgres import (
    compose,
    db,
    question,
    refusals,
    transfer,
    worktable,
)
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Job, Landing, Streamed
from tidemark.results import Counts, HopResult

Mirrors = Mapping[str, tuple[Mirror, Table]]
"""Entity -> its mirror in MRR, and the mirror's table."""

_TOO_WIDE = ("22001", "22003")
"""SQLSTATEs of a text that is too long, and of a number that has too many digits."""


_Known = tuple[int, dict[str, bool]]
"""The last batch that STG has applied, and entities to be taken as a whole: see `made.noted`."""


@dataclass(frozen=True, slots=True)
class _Sending:
    """The job that sends one entity, and the columns of its landing table that are narrower."""

    job: Job
    narrower: Sequence[Narrower]


@dataclass(frozen=True, slots=True)
class _Sent:
    """What has landed in STG, and how it is cleansed."""

    cleansings: Mapping[str, Cleansing]
    sendings: Sequence[_Sending]
    batches: Mapping[int, Applied]
    """Those that may have written what was sent: all, if a table is new."""
    carried: Mapping[str, int]
    """Entities of which MRR has other refused rows than before -> how many are new."""


_NOTHING = _Sent({}, (), {}, {})


def run(servers: Servers, area: Area, batch_id: int, *, repair: Repair | None = None) -> HopResult:
    """Apply to STG all batches that MRR has applied and STG has not.

    Args:
        servers: those of the project.
        area: what to stage.
        batch_id: the batch that runs.
        repair: names rows that STG has and MRR lacks. They are deleted.

    Raises:
        ContractError: a table or view disagrees with its neighbour. Nothing was moved.
        StatementError, ConnectError: STG is as it was.
    """
    with (
        servers.session("mrr", f"stage {area.area}") as mrr,
        running.begun(servers, area, "stage", batch_id, asks=_questions) as hop,
    ):
        after, noted = hop.known
        again = {name: is_new for name, is_new in noted.items() if name in area.entities}
        # One snapshot of MRR decides which batches are applied, and which versions are sent.
        with mrr.transaction(transfer.READ_ONLY):
            batches, refused = question.ask(
                mrr, question.both(ledger.after(area.area, after), carried.changed(area, after))
            )
            lacking = Lacking(area, after, batches, again, repair)
            sent = _send(servers, mrr, hop, lacking, refused) if batches else _NOTHING
        if batches:
            # All rows have landed by now, so this transaction waits for no other server.
            with _told(hop.receiver, sent.cleansings), hop.receiver.transaction():
                _apply(hop.receiver, lacking, sent, hop.counts)
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
        cleansings = read_cleansings(mrr, stg, area, mirrors, sent=changed)
    since = {name: 0 if lacking.again.get(name) else lacking.after for name in changed}
    sendings = _sendings(area, mirrors, cleansings, since, changed)
    span = {"after": lacking.after, "until": max(lacking.batches)}
    jobs = [carried.job(area, area.entities[name], **span) for name in refused]
    for landed, result in _stream(servers, area, snapshot, sendings, jobs).items():
        name = landed.partition(".")[0]
        hop.counts[name].processed += result.rows if landed == name else refused[name]
        hop.counts[name].spend("stream_seconds", result.seconds)
    # A table that is new gets versions of batches that STG has applied long ago.
    is_any_new = any(lacking.again.get(name) for name in changed)
    every = ledger.applied_after(mrr, area.area, 0) if is_any_new else lacking.batches
    return _Sent(cleansings, sendings, every, refused)


def _apply(stg: Session, lacking: Lacking, sent: _Sent, counts: Mapping[str, Counts]) -> None:
    """Cleanse what has landed, and merge it into STG; then make what is derived of it."""
    area, batches, repair = lacking.area, lacking.batches, lacking.repair
    for sending in sent.sendings:
        name = sending.job.landing.entity
        landed = sent.batches if lacking.again.get(name) else batches
        cleanse.apply(stg, sent.cleansings[name], landed, counts[name])
    for name, new in sent.carried.items():
        carried.apply(stg, area, area.entities[name])
        counts[name].rejected += new
    for name in {*_sent_names(sent.sendings), *sent.carried}:
        counts[name].warning = _warning(stg, area, sent.cleansings[name], counts[name], batches)
    if repair:
        _remove_surplus(stg, area, repair, max(batches), counts)
    written = _written(sent.sendings, repair)
    written |= deriving.run(stg, lacking, written, counts, sent.cleansings)
    if lacking.again:
        made.taken(stg, area.area, lacking.again)
    _record(stg, area, batches, written)


def _warning(
    stg: Session, area: Area, cleansing: Cleansing, counts: Counts, batches: Mapping[int, Applied]
) -> str | None:
    """Say what is wrong with the rows of an entity, although they were applied."""
    name, found = cleansing.entity, []
    found.append(rejects.warning(stg, area, name, counts, batches))
    if counts.updated:
        entity, target = area.entities[name], cleansing.target
        found.append(unmoved.warning(stg, area, entity, target, batches))
    return " ".join(filter(None, found)) or None


def _questions(_: Session, area: Area) -> Question[_Known]:
    """Ask for the last batch that STG has applied, and for entities to be taken as a whole."""
    return question.both(ledger.last(area.area), made.noted(area.area))


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


def _sent_names(sendings: Sequence[_Sending]) -> list[str]:
    return [sending.job.landing.entity for sending in sendings]


def _written(sendings: Sequence[_Sending], repair: Repair | None) -> set[str]:
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
    changed = mirror.changed(mrr, bare, dict.fromkeys(bare, after))
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


def _sendings(
    area: Area,
    mirrors: Mirrors,
    cleansings: Mapping[str, Cleansing],
    after: Mapping[str, int],
    changed: Mapping[str, Sequence[int]],
) -> list[_Sending]:
    """Say what is sent of the entities that have changed, the largest first.

    A landing table belongs to the view that reads it: it is sent the columns that it has.

    Raises:
        ContractError: a landing table can't take what MRR has.
    """
    sendings: list[tuple[float, _Sending]] = []
    for name, refreshes in changed.items():
        (source, table), landing = mirrors[name], cleansings[name].claims.landing
        query = mirror.delta(source, after=after[name], columns=landing.names)
        for batch_id in refreshes:
            query = mirror.with_refreshed(query, source, batch_id, columns=landing.names)
        sendings.append((table.rows, _sending(area, name, table, landing, query)))
    return [sending for _, sending in sorted(sendings, key=lambda one: -one[0])]


def job(area: Area, name: str, mirrored: Table, landing: Table, query: Composable) -> Job:
    """Return the job that sends rows of MRR to the landing table of a cleansing view.

    Raises:
        ContractError: the landing table can't take what MRR has.
    """
    return _sending(area, name, mirrored, landing, query).job


def _sending(area: Area, name: str, mirrored: Table, landing: Table, query: Composable) -> _Sending:
    refuse(contracts.out_of_step(mirrored, landing))
    narrower = contracts.narrower(mirrored, landing)
    binary = not narrower and transfer.is_binary_safe(landing.columns, landing.columns)
    numbered = compose.statement(
        __name__,
        "numbered",
        columns=Columns(landing.names),
        passed=Columns(tuple(name for name in landing.names if name != claims.NUMBER)),
        rows=query,
    )
    return _Sending(
        Job(Landing(landing.qualified_name, landing.columns), numbered, binary), narrower
    )


def _stream(
    servers: Servers,
    area: Area,
    snapshot: str,
    sendings: Sequence[_Sending],
    others: Sequence[Job],
) -> Mapping[str, Streamed]:
    """Fill the landing tables, of other jobs too.

    Raises:
        ContractError: a landing table is narrower than its mirror, and a value is too wide for it.
    """
    jobs = [*(sending.job for sending in sendings), *others]
    try:
        return transfer.stream_all(servers, sender=("mrr", snapshot), receiver="stg", jobs=jobs)
    except StatementError as error:
        narrower = [what for sending in sendings for what in sending.narrower]
        if error.sqlstate not in _TOO_WIDE or not narrower:
            raise
        what = "; ".join(each.what for each in narrower)
        raise ContractError(
            f"mrr and stg: a value is too wide for its landing table: {what}. `tidemark migrate` "
            "brings it in step.",
            server="stg",
            table=narrower[0].table,
            column=narrower[0].column,
        ) from error


def read_cleansings(
    mrr: Session, stg: Session, area: Area, mirrors: Mirrors, *, sent: Iterable[str]
) -> Mapping[str, Cleansing]:
    """Read how entities are cleansed, in a transaction of STG; derive unknown claims first.

    Raises:
        ContractError: the landing table of one of `sent` can't take what MRR has; or see
            `cleanse.of`.
    """
    asked = question.both(cleanse.tables(stg, area), reads.of_cleansing(area))
    ((mirrored, found), read_by), are_unknown = question.ask(
        stg, question.both(asked, claims.are_unknown(area.area))
    )
    cleansings = cleanse.checked(area, mirrored, found)
    landed = cleanse.out_of_step(area, {name: mirrors[name][1] for name in sent}, found)
    refuse((*landed, *cleansings.problems, *reads.beside_landed(area, read_by)))
    refuse(flags.wrong(stg, area, {name: one.target for name, one in cleansings.sound.items()}))
    if are_unknown:
        _find_out_claims(mrr, stg, area, mirrors, cleansings.sound)
    return cleansings.sound


def _find_out_claims(
    mrr: Session,
    stg: Session,
    area: Area,
    mirrors: Mirrors,
    cleansings: Mapping[str, Cleansing],
) -> None:
    """Derive the claims of rows that were staged before claims were kept."""
    applied = question.ask(stg, ledger.last(area.area))
    for name in mirrors:
        cleansing, (source, table) = cleansings[name], mirrors[name]
        landing = cleansing.claims.landing
        query = mirror.as_of(source, applied, columns=landing.names)
        rows = transfer.refill(mrr, stg, job(area, name, table, landing, query))
        examined = cleanse.clean(stg, cleansing, claims.ALL, rows=rows, are_known=False)
        claims.take_over(stg, cleansing.claims)
        rejects.record(stg, cleansing.claims, has_open=examined.has_open)
        worktable.release(stg, cleansing.cleaned, rows=rows)
    claims.are_known(stg, area.area)
