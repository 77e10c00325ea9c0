"""Prove that the layers are equal: source = MRR, MRR cleansed = STG and rejects, STG = DWH.

Each server is read at one snapshot, in a transaction that is rolled back, so nothing is written.
Rows that a batch has still to move are pending, and count as no difference: the source may be
written to meanwhile. The area's lock is held, so no batch runs at the same time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise

from tidemark import sources
from tidemark.batch import sending
from tidemark.batch.journal import locked
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.layers import (
    carried,
    claims,
    cleanse,
    deletes,
    derived,
    ledger,
    mirror,
    positions,
    refused,
)
from tidemark.layers.derived import Derivation
from tidemark.layers.mirror import Mirror
from tidemark.model import LAYERS, Key, Layer, Table
from tidemark.postgres import compose, db, transfer, worktable
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Relation, Session
from tidemark.postgres.sessions import Servers
from tidemark.sources import Comparable, Comparison
from tidemark.star import audits, schema
from tidemark.star.audits import Audit
from tidemark.star.schema import Star
from tidemark.trust import compare, pairs, summed
from tidemark.trust.compare import Compared, Difference
from tidemark.trust.verification import REFUSED, REJECTED, Checked, Origin, Verification

_SNAPSHOT = "isolation level repeatable read"


def run(
    servers: Servers, area: Area, *, report: Callable[[Checked], None] = lambda _: None
) -> Verification:
    """Compare all layers of an area, entity by entity.

    Raises:
        LockedError: another process works on the area, and did not end in time.
        ContractError: tables disagree, so that rows can't be compared.
    """
    with ExitStack() as stack:
        stack.enter_context(locked(servers, area, "verify", is_patient=True))
        opened = {layer: stack.enter_context(servers.session(layer, "verify")) for layer in LAYERS}
        # Before the transactions: Citus explains views by a second session, and would read by it
        # from then on, while it does not see what this one writes.
        star = schema.read(opened["stg"], opened["dwh"], area)
        for session in opened.values():
            stack.enter_context(session.rolled_back(_SNAPSHOT))
        source, known = sources.of(servers, area), positions.read(opened["mrr"], area)
        look = None
        if isinstance(source, Comparable):
            look = stack.enter_context(source.compare(area.sourced, known))
        clock = look.clock if look else opened["mrr"].value(compose.statement(__name__, "clock"))
        mirrored = mirror.read(opened["mrr"], area.sourced)
        mrr, stg = opened["mrr"], opened["stg"]
        cleansings = sending.read_cleansings(mrr, stg, area, mirrored, sent=mirrored)
        derivations = derived.read(stg, area, cleansings)
        applied = ledger.last_applied(stg, area.area)
        staging = _Staging(area, mrr, stg, mirrored, cleansings, derivations, applied)
        checks = []
        for check in _checks(look, opened, star, staging):
            checks.append(check)
            report(check)
        found = audits.every(opened["dwh"], star)
        sourced = {name: cleansings[name] for name in mirrored}
        origins = list(_origins(opened["stg"], sourced, checks, found))
        notes = list(_notes(look, opened, area))
        return Verification(area.area, area.source.name, clock, checks, found, origins, notes)


def _origins(
    stg: Session,
    cleansings: Mapping[str, cleanse.Cleansing],
    checks: Iterable[Checked],
    audited: Iterable[Audit],
) -> Iterator[Origin]:
    """Find the MRR keys of what differs in STG and the DWH. The cleansed rows are still there."""
    differing: dict[str, set[Key]] = defaultdict(set)
    for check in checks:
        if check.hop != "extract":
            differing[check.entity].update(one.key for one in check.of_rows)
    for audit in audited:
        differing[audit.entity].update(audit.keys)
    for name in differing.keys() & cleansings.keys():
        known = sorted(key for key in differing[name] if None not in key)
        found = claims.origins(stg, cleansings[name].claims, known)
        yield from (Origin(name, key, mirrored) for key, mirrored in found.items())


def _checks(
    look: Comparison | None,
    opened: Mapping[Layer, Session],
    star: Star,
    staging: _Staging,
) -> Iterator[Checked]:
    area, stg, dwh = staging.area, opened["stg"], opened["dwh"]
    if look is not None:
        for name, entity in area.sourced.entities.items():
            mirrors = staging.mirrored[name]
            extracted = _extracted(look, staging.mrr, area.area, entity, mirrors)
            yield Checked("extract", name, extracted)
    for name in area.entities:
        yield Checked("stage", name, _staged(staging, name))
    reached = star.last_batches
    for name, dimension in star.dimensions.items():
        versions = pairs.observed if dimension.lands == "observations" else pairs.dimension
        pair = versions(dimension, star.feeds[name], reached[name])
        yield Checked("publish", name, _across(area.entities[name], pair, stg, dwh))
    for name, fact in star.facts.items():
        pair = pairs.fact(fact, star.feeds[name], reached[name])
        yield Checked("publish", name, _across(area.entities[name], pair, stg, dwh))
    for one in star.aggregates:
        if one.area == area.area:
            yield Checked("publish", one.aggregate.name, summed.compared(dwh, one), True)


def _across(
    entity: Entity, pair: pairs.RelationPair, sender: Session, receiver: Session
) -> Compared:
    return compare.across(
        pair.common,
        Relation(sender, pair.sent),
        Relation(receiver, pair.kept),
        excused_if=pair.excused_if,
        work=entity.work("compared"),
    )


def _extracted(
    look: Comparison, mrr: Session, area: str, entity: Entity, mirrors: tuple[Mirror, Table]
) -> Compared:
    target, mirrored = mirrors
    there = look.tables[entity.name]
    # A row that is shown elsewhere again is the same, and the mirror says where it was shown first.
    both = {*target.compared.names} & {*there.names}
    columns = [column for column in mirrored.columns if column.name in both]
    common, kept = pairs.mirrored(entity, columns, target)
    sent = look.relation(entity.name, [column.name for column in columns])
    compared = compare.across(
        common,
        sent,
        Relation(mrr, kept),
        excused_if=refused.excuse(area, entity),
        work=entity.work("compared"),
    )
    if entity.deletes == "ignore" and not entity.is_record:
        rest = [one for one in compared.differences if one.kind != "surplus"]
        compared = replace(compared, differences=rest)
    if entity.extract == "full":
        # The next batch reads all rows, and mends whatever differs.
        mended = len(compared.differences)
        return replace(compared, differences=[], pending=compared.pending + mended)
    if entity.deletes == "ignore":
        return compared
    # A comparison of keys mends missing rows, surplus rows and changed watermarks. If the next
    # batch compares keys, these are pending. A change that left the watermark alone stays a
    # difference: no batch would ever find it.
    rest = [one for one in compared.differences if not _is_in_keys(entity, one)]
    mended = len(compared.differences) - len(rest)
    is_deleted = any(one.kind == "surplus" for one in compared.differences)
    if mended and (
        _brings_new_keys(look, mrr, entity, *mirrors)
        or look.will_compare_keys(entity.name, is_deleted=is_deleted)
    ):
        return replace(compared, differences=rest, pending=compared.pending + mended)
    return compared


def _is_in_keys(entity: Entity, difference: Difference) -> bool:
    """Whether a comparison of keys and watermarks sees a difference."""
    return difference.kind != "changed" or entity.watermark in difference.columns


def _brings_new_keys(
    look: Comparison, mrr: Session, entity: Entity, target: Mirror, mirrored: Table
) -> bool:
    """Whether the next window brings a key that the mirror lacks. Then keys are compared."""
    if not deletes.is_small(mrr, target):
        return False
    pending = look.pending_keys(entity.name, deletes.SMALL)
    rows = mirror.key_rows(mirrored, entity.key, pending)
    return bool(pending) and deletes.is_suspect(mrr, target, rows)


@dataclass(frozen=True, slots=True)
class _Staging:
    """What a comparison of MRR and STG needs."""

    area: Area
    mrr: Session
    stg: Session
    mirrored: Mapping[str, tuple[Mirror, Table]]
    cleansings: Mapping[str, cleanse.Cleansing]
    derivations: Mapping[str, Derivation]
    applied: int
    """The last batch that STG has applied."""


def _staged(staging: _Staging, name: str) -> Compared:
    stg, applied, cleansing = staging.stg, staging.applied, staging.cleansings[name]
    if name in staging.derivations:
        derivation = staging.derivations[name]
        many = worktable.FEW + 1
        rows = derived.land(stg, derivation, after=None, batch_id=applied, rows=many).rows
    else:
        rows = _land_mirrored(staging, name)
    is_applied = compose.statement(__name__, "is_applied", applied=db.literal(applied))
    cleanse.clean(stg, cleansing, is_applied, rows=rows)
    target, cleaned = cleansing.target, cleansing.cleaned.name
    pair = pairs.staged(target, cleaned, applied)
    differences, excused = compare.within(
        pair.common, stg, pair.sent, pair.kept, excused_if=pair.excused_if
    )
    rejected = _rejected(staging, cleansing)
    counted = compose.statement(
        __name__,
        "staged_counts",
        mirror=target.name,
        cleaned=cleaned,
        applied=db.literal(applied),
        key=Columns(target.key),
    )
    kept, pending, deleted = stg.one(counted)
    sent = rows - pending - deleted
    compared = Compared(sent, kept, pending, [*differences, *rejected], excused)
    return compared if name in staging.derivations else _with_carried(staging, name, compared)


def _land_mirrored(staging: _Staging, name: str) -> int:
    """Fill STG's landing table with all rows of MRR, in the transaction that is rolled back.

    The cleansing view reads that table, so it is evaluated over all of MRR as stage would do it.
    """
    target, table = staging.mirrored[name]
    landing = staging.cleansings[name].claims.landing
    query = compose.statement(
        __name__,
        "mirrored_rows",
        columns=Columns(landing.names),
        mirror=target.name,
        applied=db.literal(staging.applied),
    )
    job = sending.job(staging.area, name, table, landing, query)
    return transfer.refill(staging.mrr, staging.stg, job)


def _with_carried(staging: _Staging, name: str, compared: Compared) -> Compared:
    """Add the rows that MRR has refused, and STG shows as rejects."""
    area, entity = staging.area, staging.area.entities[name]
    every = carried.job(area, entity, after=0, until=staging.applied)
    transfer.refill(staging.mrr, staging.stg, every)
    sent, kept, differing = carried.differences(staging.stg, area, entity)
    found = [Difference("changed", key, REFUSED) for key in differing]
    return replace(
        compared,
        sent=compared.sent + sent,
        kept=compared.kept + kept,
        differences=[*compared.differences, *found],
    )


def _rejected(staging: _Staging, cleansing: cleanse.Cleansing) -> list[Difference]:
    found = staging.stg.rows(
        compose.statement(
            __name__,
            "reject_differences",
            key=Columns(cleansing.target.key),
            landing=db.name(*cleansing.claims.landing.qualified_name),
            cleaned=cleansing.cleaned.name,
            applied=db.literal(staging.applied),
        ),
        {"area": staging.area.area, "entity": cleansing.entity},
    )
    return [Difference(kind, tuple(key), REJECTED) for key, kind in found]


def _notes(look: Comparison | None, opened: Mapping[Layer, Session], area: Area) -> Iterator[str]:
    """Name batches that the layer before has lost, and rows that are stamped in the future."""
    for sender, receiver in pairwise(LAYERS):
        lost = ledger.lost(opened[sender], opened[receiver], area)
        if lost:
            yield str(lost)
    if look is None:
        yield f"{area.source.name} and mrr can't be compared: the extraction is not verified"
        return
    yield from look.remarks()
