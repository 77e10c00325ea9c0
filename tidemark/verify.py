"""Prove that the layers are equal: source = MRR, MRR cleansed = STG and rejects, STG = DWH.

Each server is read at one snapshot, in a transaction that is rolled back: nothing is written. What
a batch has still to move is pending and makes no difference, so the source may be written to
meanwhile. The area's lock is held, so no batch runs beside it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from tidemark import (
    audits,
    catalog,
    claims,
    compare,
    db,
    deletes,
    ledger,
    mirror,
    published,
    sides,
    source,
    stage,
    star,
    traces,
    transfer,
    watermark,
)
from tidemark.audits import Audit
from tidemark.compare import Compared, Difference, Side
from tidemark.config import Area, Entity
from tidemark.db import Servers, Session
from tidemark.journal import Journal
from tidemark.mirror import Mirror
from tidemark.model import LAYERS, Hop, Key, KeysCompared, Layer, Repair, Table, in_the_future
from tidemark.star import Star

_SNAPSHOT = "isolation level repeatable read"

_COUNTED_AFTER = 11.0
"""Seconds until a session that idles has told the server of its deletes (PGSTAT_IDLE_INTERVAL)."""

_REJECTED = ("reject_reasons",)
"""What differs where rejects do."""

_RECEIVER: dict[Hop, Layer] = {"extract": "mrr", "stage": "stg", "publish": "dwh"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of comparing one entity before and behind one hop."""

    hop: Hop
    entity: str
    compared: Compared

    @property
    def of_rows(self) -> list[Difference]:
        """Differences of rows, under the receiver's keys."""
        return [one for one in self.compared.differences if one.columns != _REJECTED]

    @property
    def of_rejects(self) -> list[Difference]:
        """Differences of rejects, under MRR's keys."""
        return [one for one in self.compared.differences if one.columns == _REJECTED]


@dataclass(frozen=True, slots=True)
class Origin:
    """A key of STG and the DWH that MRR has in another form."""

    entity: str
    key: Key
    mrr_key: Key


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of comparing all layers of an area."""

    area: str
    source: str
    clock: datetime
    """The source's, when its snapshot was taken."""
    checks: list[Checked]
    audits: list[Audit]
    origins: list[Origin]
    """Of the keys that differ, those that cleansing changed."""
    notes: list[str]
    """What is no difference, and has to be known."""

    @property
    def is_equal(self) -> bool:
        """Whether every layer has what it should."""
        return not self.audits and not any(check.compared.differences for check in self.checks)

    def repair(self) -> Repair:
        """Name the keys that a batch has to send again, and those that have to go."""
        mirrored = {(one.entity, one.key): one.mrr_key for one in self.origins}
        again: dict[str, set[Key]] = defaultdict(set)
        surplus: dict[Layer, dict[str, list[Key]]] = {layer: {} for layer in LAYERS}
        rejected: dict[str, list[Key]] = {}
        for check in self.checks:
            name = check.entity
            rows, others = check.of_rows, check.of_rejects
            again[name].update(one.key for one in others)
            if check.hop == "extract":
                again[name].update(one.key for one in rows)
            else:
                again[name].update(mirrored.get((name, one.key), one.key) for one in rows)
            surplus[_RECEIVER[check.hop]][name] = _surplus(rows)
            rejected[name] = rejected.get(name, []) + _surplus(others)
        for audit in self.audits:
            again[audit.entity].update(mirrored.get((audit.entity, k), k) for k in audit.keys)
        return Repair(
            self.clock,
            {
                name: sorted(key for key in keys if None not in key)
                for name, keys in again.items()
                if any(None not in key for key in keys)
            },
            {layer: {n: k for n, k in found.items() if k} for layer, found in surplus.items()},
            {name: keys for name, keys in rejected.items() if keys},
        )


def _surplus(differences: Iterable[Difference]) -> list[Key]:
    return [one.key for one in differences if one.kind == "surplus"]


def run(
    servers: Servers, area: Area, *, report: Callable[[Checked], None] = lambda _: None
) -> Verification:
    """Compare all layers of an area, entity by entity.

    Raises:
        LockedError: another process works on the area.
        ContractError: tables disagree, so that rows can't be compared.
    """
    with ExitStack() as stack:
        journal = Journal(stack.enter_context(servers.session("dwh", f"verify {area.area}")), area)
        stack.enter_context(journal.locked())
        names = (area.source.name, *LAYERS)
        opened = {name: stack.enter_context(servers.session(name, "verify")) for name in names}
        for name, session in opened.items():
            mode = _SNAPSHOT if name in LAYERS else transfer.READ_ONLY
            stack.enter_context(session.rolled_back(mode))
        opened[area.source.name].run(source.limits(area))
        clock = opened[area.source.name].value(db.compose("verify", "clock"))
        shape = star.read(opened["stg"], opened["dwh"], area)
        cleansings = stage.read_cleansings(opened["stg"], area)
        stage.find_out_claims(opened["mrr"], opened["stg"], area, cleansings)
        checks = []
        for check in _checks(servers, opened, area, shape, cleansings):
            checks.append(check)
            report(check)
        found = _audits(opened["dwh"], shape)
        origins = list(_origins(opened["stg"], cleansings, checks, found))
        notes = list(_notes(opened, area, clock))
        return Verification(area.area, area.source.name, clock, checks, found, origins, notes)


def _origins(
    stg: Session,
    cleansings: Mapping[str, stage.Cleansing],
    checks: Iterable[Checked],
    audited: Iterable[Audit],
) -> Iterator[Origin]:
    """Find the MRR keys of what differs behind MRR; what each view made of MRR is still there."""
    differing: dict[str, set[Key]] = defaultdict(set)
    for check in checks:
        if check.hop != "extract":
            differing[check.entity].update(one.key for one in check.of_rows)
    for audit in audited:
        differing[audit.entity].update(audit.keys)
    for name, keys in differing.items():
        known = [key for key in keys if None not in key]
        found = claims.origins(stg, cleansings[name].claims, known)
        yield from (Origin(name, key, mirrored) for key, mirrored in found.items())


def _checks(
    servers: Servers,
    opened: dict[str, Session],
    area: Area,
    shape: Star,
    cleansings: Mapping[str, stage.Cleansing],
) -> Iterator[Checked]:
    stg, dwh = opened["stg"], opened["dwh"]
    mirrored = mirror.read(opened["mrr"], area)
    for name in area.entities:
        yield Checked("extract", name, _extracted(servers, opened, area, name, mirrored[name]))
    staging = _Staging(
        area,
        opened["mrr"],
        stg,
        mirrored,
        cleansings,
        mirror.last_applied(stg, area.area),
    )
    for name in area.entities:
        yield Checked("stage", name, _staged(staging, name))
    reached = published.progress(dwh, area, shape.facts.values())
    for name, dimension in shape.dimensions.items():
        pair = sides.dimension(dimension, shape.sent[name], reached[name])
        yield Checked("publish", name, _across(area.entities[name], pair, stg, dwh))
    for name, fact in shape.facts.items():
        pair = sides.fact(fact, shape.sent[name], reached[name])
        yield Checked("publish", name, _across(area.entities[name], pair, stg, dwh))


def _across(entity: Entity, pair: sides.Pair, sender: Session, receiver: Session) -> Compared:
    return compare.across(
        pair.shape,
        Side(sender, pair.sent),
        Side(receiver, pair.kept),
        excuse=pair.excuse,
        work=entity.work("compared"),
    )


def _extracted(
    servers: Servers,
    opened: dict[str, Session],
    area: Area,
    name: str,
    mirrors: tuple[Mirror, Table],
) -> Compared:
    entity = area.entities[name]
    sender, mrr = opened[area.source.name], opened["mrr"]
    target, mirrored = mirrors
    why = f"entities.{name} of sql/{area.area}/area.yml"
    found = catalog.tables(sender, [entity.source_name])
    table = catalog.require(found, entity.source_name, server=sender.server, why=why)
    columns = [
        column
        for column in mirrored.columns
        if column.name in target.payload and column.name in table.names
    ]
    mark = watermark.marks(mrr, area).get(name)
    low = mark - entity.lookback if mark else None
    compared = _across(entity, sides.extracted(entity, columns, target, low), sender, mrr)
    if entity.deletes == "ignore":
        rest = [one for one in compared.differences if one.kind != "surplus"]
        return replace(compared, differences=rest)
    rest = [one for one in compared.differences if not _is_in_keys(entity, one)]
    mended = len(compared.differences) - len(rest)
    if mended and (
        _brings_new_keys(sender, mrr, entity, mirrors, low)
        or _keys_will_be_compared(servers, area, name, mrr, compared)
    ):
        return replace(compared, differences=rest, pending=compared.pending + mended)
    return compared


def _is_in_keys(entity: Entity, difference: Difference) -> bool:
    """Whether a comparison of keys and watermarks sees a difference."""
    return difference.kind != "changed" or entity.watermark in difference.columns


def _brings_new_keys(
    sender: Session,
    mrr: Session,
    entity: Entity,
    mirrors: tuple[Mirror, Table],
    low: datetime | None,
) -> bool:
    """Whether the next window brings a key that the mirror lacks, for which keys are compared."""
    target, mirrored = mirrors
    if entity.extract == "full" or low is None or not deletes.is_small(mrr, target):
        return False
    found = sender.rows(
        db.compose(
            "verify",
            "late_keys",
            key_texts=db.joined("t.{}::text", entity.key),
            source=db.name(*entity.source_name),
            late=db.compose(
                "verify",
                "is_late",
                watermark=db.name(str(entity.watermark)),
                mark=db.literal(low),
            ),
            limit=db.literal(deletes.SMALL),
        )
    )
    rows = mirror.keys(mirrored, entity.key, [tuple(key) for (key,) in found])
    return bool(found) and deletes.is_suspect(mrr, target, rows)


def _keys_will_be_compared(
    servers: Servers, area: Area, name: str, mrr: Session, compared: Compared
) -> bool:
    """Whether it is time for the next batch to compare keys, and so to mend what differs in them.

    Deletes of a moment ago are waited for until the source has counted them.
    """
    entity, before = area.entities[name], deletes.compared(mrr, area).get(name)
    if entity.extract == "full" or before is None:
        return True
    is_deleted = any(one.kind == "surplus" for one in compared.differences)
    deadline = time.monotonic() + (_COUNTED_AFTER if is_deleted else 0)
    with servers.session(area.source.name, "verify") as session:
        while True:
            clock = session.value(db.compose("verify", "clock"))
            now = KeysCompared(traces.read(session, entity), clock)
            if traces.is_due(entity, before, now):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)


@dataclass(frozen=True, slots=True)
class _Staging:
    """What MRR and STG are compared with."""

    area: Area
    mrr: Session
    stg: Session
    mirrored: Mapping[str, tuple[Mirror, Table]]
    cleansings: Mapping[str, stage.Cleansing]
    applied: int
    """The last batch that STG has applied."""


def _staged(staging: _Staging, name: str) -> Compared:
    stg, applied, cleansing = staging.stg, staging.applied, staging.cleansings[name]
    rows = _land_mirrored(staging, name)
    is_applied = db.compose("verify", "is_applied", applied=db.literal(applied))
    stage.clean(stg, cleansing, is_applied)
    target = cleansing.target
    pair = sides.staged(target, cleansing.cleaned, applied)
    differences, excused = compare.within(pair.shape, stg, pair.sent, pair.kept, excuse=pair.excuse)
    refused = _refused(staging, cleansing)
    counted = db.compose(
        "verify",
        "staged_counts",
        mirror=target.parts["mirror"],
        cleaned=cleansing.cleaned,
        applied=db.literal(applied),
        m_is_c=db.equal("m", "c", target.key),
    )
    kept, pending = stg.one(counted)
    return Compared(rows - pending, kept, pending, [*differences, *refused], excused)


def _land_mirrored(staging: _Staging, name: str) -> int:
    """Fill STG's landing table with all that MRR has, in the transaction that is rolled back."""
    target, table = staging.mirrored[name]
    landing = staging.cleansings[name].claims.landing
    query = db.compose(
        "verify",
        "mirrored_rows",
        columns=db.names(landing.names),
        mirror=target.parts["mirror"],
        condition=db.compose("verify", "is_live_or_pending", applied=db.literal(staging.applied)),
    )
    job = stage.job(staging.area, name, table, landing, query)
    return transfer.refill(staging.mrr, staging.stg, job)


def _refused(staging: _Staging, cleansing: stage.Cleansing) -> list[Difference]:
    found = staging.stg.rows(
        db.compose(
            "verify",
            "reject_differences",
            **cleansing.claims.parts,
            applied=db.literal(staging.applied),
            key_texts=db.text(", ").join(
                db.text("coalesce(s.key, r.key) ->> ") + db.literal(column)
                for column in cleansing.target.key
            ),
        ),
        {"area": staging.area.area, "entity": cleansing.entity},
    )
    return [Difference(kind, tuple(key), _REJECTED) for key, kind in found]


def _notes(opened: Mapping[str, Session], area: Area, clock: datetime) -> Iterator[str]:
    """Say which layers have what the one before them has lost, and what lies in the future."""
    for sender, receiver in pairwise(LAYERS):
        lost = ledger.lost(opened[sender], opened[receiver], area)
        if lost:
            yield str(lost)
    for name, rows in watermark.future(opened[area.source.name], area, clock).items():
        yield f"{name}: {in_the_future(rows)}"


def _audits(dwh: Session, shape: Star) -> list[Audit]:
    found: list[Audit] = []
    for dimension in shape.dimensions.values():
        found += audits.versions(dwh, dimension)
    for fact in shape.facts.values():
        for role in fact.roles:
            found += audits.facts(dwh, fact, role)
    return found
