"""Second hop: from the raw mirror (MRR) through cleansing into STG."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tidemark import (
    catalog,
    claims,
    compose,
    contracts,
    db,
    ddl,
    mirror,
    refusals,
    rejects,
    transfer,
    worktable,
)
from tidemark.claims import Claims
from tidemark.compose import Columns, Parts
from tidemark.config import Area, Entity
from tidemark.contracts import Narrower
from tidemark.db import Composable, Servers, Session
from tidemark.errors import ContractError, RefusedRowError, StatementError
from tidemark.mirror import LINEAGE, REASONS, Applied, Mirror
from tidemark.model import Counts, HopResult, Place, Repair, Table, label
from tidemark.transfer import Job, Landing, Streamed

NUMBER = "_first_batch_id"
"""Lineage column in which a landed row has its number, so that what a view makes of it can be told:
the first batch of a row is STG's own to know."""

_OWN_COLUMNS = 13
"""Columns beside the payload of what cleansing yields; a timeline has as many of its own."""

_TOO_WIDE = ("22001", "22003")
"""A text that is too long, a number that has too many digits."""


@dataclass(frozen=True, slots=True)
class Cleansing:
    """How one entity is cleansed: its view, and the mirror that takes the good rows."""

    entity: str
    place: Place
    """Its cleansing view."""
    target: Mirror
    misfits: Mapping[str, Composable]
    """Reason -> condition on which a row is refused whatever the view says."""
    claims: Claims

    @property
    def view(self) -> Composable:
        """The cleansing view's quoted name."""
        return db.name(*self.place)

    @property
    def cleaned(self) -> Composable:
        """The view's result for one batch."""
        return self.claims.cleaned


@dataclass(frozen=True, slots=True)
class _Sending:
    """What is sent of one entity, and which columns of its landing table are narrower."""

    job: Job
    narrower: Sequence[Narrower]


def run(servers: Servers, area: Area, batch_id: int, *, repair: Repair | None = None) -> HopResult:
    """Bring STG up to what MRR has applied, batch by batch.

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
        mirror.applying(servers, stg, area.area) as after,
    ):
        with mrr.transaction(transfer.READ_ONLY):
            batches = mirror.applied_after(mrr, area.area, after)
            sendings = _sendings(mrr, stg, area, after, batches) if batches else []
            cleansings: Mapping[str, Cleansing] = {}
            if sendings:
                cleansings = read_cleansings(stg, area)
                with stg.transaction():
                    find_out_claims(mrr, stg, area, cleansings)
                snapshot = mrr.value(compose.statement("source", "export_snapshot"))
                for name, result in _stream(servers, area, snapshot, sendings).items():
                    counts[name].processed = result.rows
                    counts[name].info["stream_seconds"] = round(result.seconds, 3)
        if batches:
            with _told(stg, cleansings), stg.transaction():
                for sending in sendings:
                    name = sending.job.landing.entity
                    apply(stg, area, cleansings[name], batches, counts[name])
                    counts[name].warning = rejects.warning(stg, area, name, counts[name], batches)
                if repair:
                    _remove_surplus(stg, area, repair, max(batches), counts)
                for applied_id, about in batches.items():
                    mirror.record_applied(
                        stg, area.area, applied_id, about.marks, is_repair=about.is_repair
                    )
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
    cleansings = read_cleansings(stg, area)
    for name, keys in repair.surplus["stg"].items():
        target, table = cleansings[name].target, cleansings[name].claims.table
        incoming = compose.statement(
            "stage",
            "surplus",
            payload=Columns(target.payload),
            mirror=target.parts["mirror"],
            keys=mirror.keys(table, target.key, keys),
            key=Columns(target.key),
            batch_id=db.literal(batch_id),
            clock=db.literal(repair.clock),
        )
        counts[name].deleted += mirror.apply(stg, target, incoming).updated
        claims.forget_holders(stg, cleansings[name].claims, keys)
    for name, keys in repair.rejects.items():
        claims.forget_waiting(stg, cleansings[name].claims, keys)
        rejects.resolve(stg, area.area, area.entities[name], keys, at=(batch_id, repair.clock))


def _sendings(
    mrr: Session, stg: Session, area: Area, after: int, batches: Mapping[int, Applied]
) -> list[_Sending]:
    """Find the entities that have versions after batch `after`, the largest first.

    One that was refreshed since is sent as a whole, to be judged by today's rules.

    A landing table belongs to the view that reads it: it is sent the columns that it has.

    Raises:
        ContractError: a table is missing, or a landing table can't take what MRR has.
    """
    mirrors = mirror.read(mrr, area)
    landings = read_landings(stg, area)
    sendings: list[tuple[float, _Sending]] = []
    for name, (source, table) in mirrors.items():
        refreshes = [batch_id for batch_id, one in batches.items() if name in one.refreshed]
        if refreshes or mirror.has_delta(mrr, source, after=after):
            columns = landings[name].names
            query = mirror.delta(source, after=after, columns=columns)
            for batch_id in refreshes:
                query = mirror.with_again(query, source, batch_id, columns=columns)
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
        "stage",
        "numbered",
        columns=db.text(", ").join(
            compose.statement("stage", "number") if column == NUMBER else db.name(column)
            for column in landing.names
        ),
        rows=query,
    )
    return _Sending(Job(Landing(landing.place, landing.columns), numbered, binary), narrower)


def read_landings(stg: Session, area: Area) -> dict[str, Table]:
    """Read the landing tables: each belongs to a cleansing view, and has the columns it reads.

    Raises:
        ContractError: one is missing, or lies where landing tables lay before areas had schemas.
    """
    wanted = {name: entity.landing for name, entity in area.entities.items()}
    before = {name: ("landing", name) for name in wanted}
    found = catalog.tables(stg, list({*wanted.values(), *before.values()}))
    landings = {}
    for name, table in wanted.items():
        why = f"the entity {name}"
        if table not in found and before[name] in found:
            raise ContractError(
                f"stg: the table {'.'.join(table)} does not exist, and {'.'.join(before[name])} "
                f"does. If {area.area} lands there, set `landing_schema: landing` in "
                f"sql/{area.area}/area.yml; else make the table and its cleansing view in "
                f"{table[0]}, in files of sql/{area.area}/stg/."
            )
        landings[name] = catalog.require(found, table, server="stg", why=why)
        contracts.require_order("stg", landings[name])
        needed = [*area.entities[name].key, *mirror.LINEAGE]
        catalog.require_columns(landings[name], needed, server="stg", why=why)
    return landings


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


def read_cleansings(stg: Session, area: Area) -> dict[str, Cleansing]:
    """Read STG's tables and cleansing views, and check that they fit together.

    Raises:
        ContractError: a view or table is missing, or the view lacks a column of the table, or has
            it with a type of which the table's can't hold every value.
    """
    mirrors = mirror.read(stg, area)
    landings = read_landings(stg, area)
    views = {name: entity.view for name, entity in area.entities.items()}
    found = catalog.tables(stg, list(views.values()))
    for name, (target, table) in mirrors.items():
        view = catalog.require(found, views[name], server="stg", why=f"the entity {name}")
        why = f"the table {label(target.table)} behind it"
        contracts.require_order_passed_on(view)
        catalog.require_columns(view, [*LINEAGE, REASONS], server="stg", why=why)
        if view.type_of(REASONS) != "text[]":
            raise ContractError(
                f"stg: {REASONS} is {view.type_of(REASONS)} in {view.name}, and has to be text[]. "
                "Cast it in the view."
            )
        contracts.require_room("stg", label(target.table), len(target.payload), _OWN_COLUMNS)
        contracts.require_held(area, table, view, (*LINEAGE, REASONS))
        contracts.require_dates(area, area.entities[name], table)
    return {
        name: Cleansing(
            name,
            views[name],
            target,
            _misfits(area.entities[name], target),
            Claims(area.area, name, landings[name], target, table, _effective(area.entities[name])),
        )
        for name, (target, table) in mirrors.items()
    }


def _effective(entity: Entity) -> str | None:
    """Return the column with the time of a change of a dimension."""
    return str(entity.dimension.effective or entity.watermark) if entity.dimension else None


def _misfits(entity: Entity, target: Mirror) -> dict[str, Composable]:
    """Compose what a row needs to have a place in the star; columns that STG lacks fail later."""
    instants, dates = [], []
    effective = _effective(entity)
    if effective:
        instants = [effective]
    if entity.fact:
        instants, dates = [entity.fact.event_time], list(entity.fact.dates.values())
    found: dict[str, Composable] = {
        "key is missing": compose.statement("stage", "no_key", key=Columns(target.key))
    }
    for kind, columns, reason in (
        ("no_instant", instants, "{} is missing, or not between 0001-01-01 and 9999-12-30"),
        ("no_date", dates, "{} is not between 0001-01-01 and 9999-12-31"),
    ):
        for column in set(columns) & set(target.payload):
            found[reason.format(column)] = compose.statement("stage", kind, column=db.name(column))
    return found


def apply(
    stg: Session,
    area: Area,
    cleansing: Cleansing,
    batches: Mapping[int, Applied],
    counts: Counts,
) -> None:
    """Cleanse what landed of these batches, one after the other, and merge it into STG."""
    for batch_id, applied in batches.items():
        one = compose.statement("stage", "one_batch", batch_id=db.literal(batch_id))
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
    if _clean(stg, cleansing, only):
        landed_again = claims.wake(stg, cleansing.claims)
        if landed_again is not None:
            _clean_more(stg, cleansing, landed_again)
        claims.decide(stg, cleansing.claims)
        claims.keep(stg, cleansing.claims)
    worktable.analyze(stg, cleansing.cleaned)
    good = compose.statement("stage", "good", _parts(cleansing), anew=db.literal(anew))
    with refusals.named(cleansing.entity, stg=refusals.STORING):
        counts.add(mirror.apply(stg, cleansing.target, good, anew=anew))
    counts.rejected += rejects.record(stg, cleansing.claims)
    worktable.drop(stg, cleansing.cleaned)


def clean(
    stg: Session, cleansing: Cleansing, is_judged: Composable, *, are_known: bool = True
) -> None:
    """Cleanse all that landed into `cleansing.cleaned`, and refuse whose key is taken.

    Args:
        stg: in a transaction.
        cleansing: the entity's.
        is_judged: condition over `c`; rows on which it is false wait for their batch.
        are_known: see `claims.decide`.
    """
    if _clean(stg, cleansing, claims.ALL, is_judged=is_judged):
        claims.decide(stg, cleansing.claims, is_judged=is_judged, are_known=are_known)
    worktable.analyze(stg, cleansing.cleaned)


def _clean(
    stg: Session, cleansing: Cleansing, only: Composable, *, is_judged: Composable = claims.ALL
) -> bool:
    """Cleanse the landed rows on which `only` is true; whether keys of theirs are in question."""
    parts = {**_parts(cleansing), "batch": only, "last": db.literal(0)}
    with refusals.named(cleansing.entity, stg=refusals.CLEANSING):
        worktable.make(stg, cleansing.cleaned, compose.statement("stage", "clean", parts))
    stg.run(compose.statement("stage", "refuse_misfits", parts))
    return claims.examine(stg, cleansing.claims, 0, is_judged=is_judged)


def _clean_more(stg: Session, cleansing: Cleansing, last: int) -> None:
    """Cleanse what landed behind number `last` beside what is cleansed already."""
    parts = {**_parts(cleansing), "last": db.literal(last)}
    with refusals.named(cleansing.entity, stg=refusals.CLEANSING):
        stg.run(compose.statement("stage", "clean_more", parts))
    stg.run(compose.statement("stage", "refuse_misfits", parts))
    claims.examine(stg, cleansing.claims, last)


def find_out_claims(
    mrr: Session, stg: Session, area: Area, cleansings: Mapping[str, Cleansing]
) -> None:
    """Find out once who holds what was staged before claims were kept; in a transaction of STG."""
    if not claims.are_unknown(stg, area.area):
        return
    applied = mirror.last_applied(stg, area.area)
    mirrors = mirror.read(mrr, area)
    for name, cleansing in cleansings.items():
        source, table = mirrors[name]
        landing = cleansing.claims.landing
        query = mirror.as_of(source, applied, columns=landing.names)
        transfer.refill(mrr, stg, job(area, name, table, landing, query))
        clean(stg, cleansing, claims.ALL, are_known=False)
        claims.take_over(stg, cleansing.claims)
        rejects.record(stg, cleansing.claims)
        worktable.drop(stg, cleansing.cleaned)
    claims.are_known(stg, area.area)


def _parts(cleansing: Cleansing) -> Parts:
    return {
        "view": cleansing.view,
        "cleaned": cleansing.cleaned,
        "mirror": cleansing.target.parts["mirror"],
        "key": Columns(cleansing.target.key),
        "payload": Columns(cleansing.target.payload),
        "misfits": db.text(" or ").join(cleansing.misfits.values()),
        "reasons": [
            compose.statement("stage", "reason", misfit=misfit, reason=db.literal(reason))
            for reason, misfit in cleansing.misfits.items()
        ],
    }
