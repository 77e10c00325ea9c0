"""What the stage hop sends from MRR to STG, and how it is cleansed there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidemark.declare.config import Area
from tidemark.errors import ContractError, StatementError, refuse
from tidemark.layers import (
    claims,
    cleanse,
    contracts,
    deltas,
    flags,
    ledger,
    reads,
    rejects,
)
from tidemark.layers.cleanse import Cleansing
from tidemark.layers.contracts import Narrower
from tidemark.layers.mirror import Mirror
from tidemark.model import Table
from tidemark.postgres import compose, question, transfer, worktable
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Job, Landing, Streamed

Mirrors = Mapping[str, tuple[Mirror, Table]]
"""Entity -> its mirror in MRR, and the mirror's table."""

_TOO_WIDE = ("22001", "22003")
"""SQLSTATEs of a text that is too long, and of a number that has too many digits."""


@dataclass(frozen=True, slots=True)
class Sending:
    """The job that sends one entity, and the columns of its landing table that are narrower."""

    job: Job
    narrower: Sequence[Narrower]


def of_changed(
    area: Area,
    mirrors: Mirrors,
    cleansings: Mapping[str, Cleansing],
    after: Mapping[str, int],
    changed: Mapping[str, Sequence[int]],
) -> list[Sending]:
    """Say what is sent of the entities that have changed, the largest first.

    A landing table belongs to the view that reads it: it is sent the columns that it has.

    Raises:
        ContractError: a landing table can't take what MRR has.
    """
    sendings: list[tuple[float, Sending]] = []
    for name, refreshes in changed.items():
        (source, table), landing = mirrors[name], cleansings[name].claims.landing
        query = deltas.versions(source, after=after[name], columns=landing.names)
        for batch_id in refreshes:
            query = deltas.with_refreshed(query, source, batch_id, columns=landing.names)
        sendings.append((table.rows, _sending(area, name, table, landing, query)))
    return [sending for _, sending in sorted(sendings, key=lambda one: -one[0])]


def job(area: Area, name: str, mirrored: Table, landing: Table, query: Composable) -> Job:
    """Return the job that sends rows of MRR to the landing table of a cleansing view.

    Raises:
        ContractError: the landing table can't take what MRR has.
    """
    return _sending(area, name, mirrored, landing, query).job


def _sending(area: Area, name: str, mirrored: Table, landing: Table, query: Composable) -> Sending:
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
    return Sending(
        Job(Landing(landing.qualified_name, landing.columns), numbered, binary), narrower
    )


def stream(
    servers: Servers,
    area: Area,
    snapshot: str,
    sendings: Sequence[Sending],
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
        query = deltas.as_of(source, applied, columns=landing.names)
        rows = transfer.refill(mrr, stg, job(area, name, table, landing, query))
        examined = cleanse.clean(stg, cleansing, claims.ALL, rows=rows, are_known=False)
        claims.take_over(stg, cleansing.claims)
        rejects.record(stg, cleansing.claims, has_open=examined.has_open)
        worktable.release(stg, cleansing.cleaned, rows=rows)
    claims.are_known(stg, area.area)
