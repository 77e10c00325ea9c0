"""Second hop: from the raw mirror (MRR) through cleansing into STG."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tidemark.declare.config import Area
from tidemark.errors import ContractError, RefusedRowError, StatementError
from tidemark.layers import (
    claims,
    cleanse,
    contracts,
    ledger,
    mirror,
    rejects,
)
from tidemark.layers.cleanse import Cleansing
from tidemark.layers.contracts import Narrower
from tidemark.layers.ledger import Applied
from tidemark.layers.mirror import REASONS
from tidemark.model import Counts, HopResult, Repair, Table
from tidemark.postgres import (
    compose,
    db,
    ddl,
    locks,
    refusals,
    transfer,
)
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Servers, Session
from tidemark.postgres.transfer import Job, Landing, Streamed

NUMBER = "_first_batch_id"
"""Lineage column in which a landed row has its number, so that what a view makes of it can be told:
the first batch of a row is STG's own to know."""

_TOO_WIDE = ("22001", "22003")
"""A text that is too long, a number that has too many digits."""


@dataclass(frozen=True, slots=True)
class _Sending:
    """What is sent of one entity, and which columns of its landing table are narrower."""

    job: Job
    narrower: Sequence[Narrower]


def run(servers: Servers, area: Area, batch_id: int, *, repair: Repair | None = None) -> HopResult:
    """Bring STG up to what MRR has applied.

    Args:
        servers: those of the project.
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
        locks.writing(servers, stg, area.area, ledger.last(area.area)) as after,
    ):
        with mrr.transaction(transfer.READ_ONLY):
            batches = ledger.applied_after(mrr, area.area, after)
            sendings = _sendings(mrr, stg, area, after, batches) if batches else []
            cleansings: Mapping[str, Cleansing] = {}
            if sendings:
                cleansings = cleanse.read(stg, area)
                with stg.transaction():
                    find_out_claims(mrr, stg, area, cleansings)
                snapshot = transfer.shared_snapshot(mrr)
                for name, result in _stream(servers, area, snapshot, sendings).items():
                    counts[name].processed = result.rows
                    counts[name].info["stream_seconds"] = round(result.seconds, 3)
        if batches:
            with _told(stg, cleansings), stg.transaction():
                for sending in sendings:
                    name = sending.job.landing.entity
                    cleanse.apply(stg, cleansings[name], batches, counts[name])
                    counts[name].warning = rejects.warning(stg, area, name, counts[name], batches)
                if repair:
                    _remove_surplus(stg, area, repair, max(batches), counts)
                entities = _written(sendings, repair)
                for applied_id, about in batches.items():
                    is_repair = about.is_repair
                    ledger.record(stg, area, applied_id, about.marks, entities, is_repair=is_repair)
    return HopResult("stage", area.area, batch_id, time.monotonic() - start, counts)


@contextmanager
def _told(stg: Session, cleansings: Mapping[str, Cleansing]) -> Iterator[None]:
    """Say of a refused row what the view still shows: the rows that landed are there."""
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


def _written(sendings: Sequence[_Sending], repair: Repair | None) -> set[str]:
    """Find the entities of which the batches may write versions."""
    return {sending.job.landing.entity for sending in sendings} | {
        *(repair.surplus["stg"] if repair else ())
    }


def _sendings(
    mrr: Session, stg: Session, area: Area, after: int, batches: Mapping[int, Applied]
) -> list[_Sending]:
    """Find the entities that have versions after batch `after`, the largest first.

    One that was refreshed since is sent as a whole, to be judged by today's rules.

    A landing table belongs to the view that reads it: it is sent the columns that it has.

    Raises:
        ContractError: a table is missing, or a landing table can't take what MRR has.
    """
    touched = ledger.touched(batches, dict.fromkeys(area.entities, after))
    bare = {name: mirror.bare(area.entities[name], "mrr") for name in touched}
    changed = mirror.changed(mrr, bare, dict.fromkeys(bare, after))
    if not changed and not any(one.refreshed for one in batches.values()):
        return []
    mirrors = mirror.read(mrr, area)
    landings = cleanse.read_landings(stg, area)
    sendings: list[tuple[float, _Sending]] = []
    for name, (source, table) in mirrors.items():
        refreshes = [batch_id for batch_id, one in batches.items() if name in one.refreshed]
        if refreshes or name in changed:
            columns = landings[name].names
            query = mirror.delta(source, after=after, columns=columns)
            for batch_id in refreshes:
                query = mirror.with_refreshed(query, source, batch_id, columns=columns)
            sendings.append((table.rows, _sending(area, name, table, landings[name], query)))
    return [sending for _, sending in sorted(sendings, key=lambda one: -one[0])]


def job(area: Area, name: str, mirrored: Table, landing: Table, query: Composable) -> Job:
    """Return the job that sends rows of MRR to the landing table of a cleansing view.

    Raises:
        ContractError: the landing table can't take what MRR has.
    """
    return _sending(area, name, mirrored, landing, query).job


def _sending(area: Area, name: str, mirrored: Table, landing: Table, query: Composable) -> _Sending:
    narrower = contracts.narrower(area, mirrored, landing)
    binary = not narrower and transfer.is_binary_safe(landing.columns, landing.columns)
    numbered = compose.statement(
        __name__,
        "numbered",
        columns=db.raw(", ").join(
            compose.statement(__name__, "number") if column == NUMBER else db.name(column)
            for column in landing.names
        ),
        rows=query,
    )
    return _Sending(
        Job(Landing(landing.qualified_name, landing.columns), numbered, binary), narrower
    )


def _stream(
    servers: Servers, area: Area, snapshot: str, sendings: Sequence[_Sending]
) -> Mapping[str, Streamed]:
    """Fill the landing tables.

    Raises:
        ContractError: a landing table is narrower than its mirror, and a value is too wide for it.
    """
    jobs = [sending.job for sending in sendings]
    try:
        return transfer.stream_all(servers, sender=("mrr", snapshot), receiver="stg", jobs=jobs)
    except StatementError as error:
        narrower = [what for sending in sendings for what in sending.narrower]
        if error.sqlstate not in _TOO_WIDE or not narrower:
            raise
        what = "; ".join(each.what for each in narrower)
        said = f"mrr and stg: a value is too wide for its landing table: {what}."
        statements = [statement for each in narrower for statement in each.statements]
        raise ContractError(f"{said} {ddl.remedy(area.area, 'stg', statements)}.") from error


def find_out_claims(
    mrr: Session, stg: Session, area: Area, cleansings: Mapping[str, Cleansing]
) -> None:
    """Find out once who holds what was staged before claims were kept; in a transaction of STG."""
    if not claims.are_unknown(stg, area.area):
        return
    applied = ledger.last_applied(stg, area.area)
    mirrors = mirror.read(mrr, area)
    for name, cleansing in cleansings.items():
        source, table = mirrors[name]
        landing = cleansing.claims.landing
        query = mirror.as_of(source, applied, columns=landing.names)
        transfer.refill(mrr, stg, job(area, name, table, landing, query))
        examined = cleanse.clean(stg, cleansing, claims.ALL, are_known=False)
        claims.take_over(stg, cleansing.claims)
        rejects.record(stg, cleansing.claims, has_open=examined.has_open)
        cleanse.cleanup(stg, cleansing)
    claims.are_known(stg, area.area)
