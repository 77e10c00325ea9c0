"""Cleanse the rows that MRR sends by the view of their entity, and merge them into STG.

A view judges each row alone. This module decides what concerns several rows: which key of MRR holds
a row of STG (`claims`), and in which order the versions of a key follow each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError
from tidemark.layers import (
    checking,
    checks,
    claims,
    contracts,
    dating,
    flags,
    mirror,
    passed,
    rejects,
    seen,
    versions,
)
from tidemark.layers.checking import Checked
from tidemark.layers.claims import Claims, Examined
from tidemark.layers.ledger import Applied
from tidemark.layers.mirror import LINEAGE, REASONS, Mirror
from tidemark.layers.passed import Landed
from tidemark.model import QualifiedName, Table, label
from tidemark.postgres import catalog, compose, db, question, refusals, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.times import TimeColumn
from tidemark.postgres.worktable import WorkTable
from tidemark.results import Counts

_OWN_COLUMNS = 15
"""Columns that a timeline has in addition to the payload; cleansed rows have fewer."""

_FIRST, _LAST = -(2**63), 2**63 - 1
"""The smallest and the greatest place (`_seq`) that a version may have in a batch."""


@dataclass(frozen=True, slots=True)
class Cleansing:
    """How one entity is cleansed: its view, and the mirror that takes the good rows."""

    entity: str
    qualified_name: QualifiedName
    """Its cleansing view."""
    target: Mirror
    violations: Mapping[str, Composable]
    """Reason -> condition for which a row is refused whatever the view says."""
    deleted_at: Composable
    """Since when a row is deleted."""
    claims: Claims

    @property
    def view(self) -> Composable:
        """The cleansing view's quoted name."""
        return db.name(*self.qualified_name)

    @property
    def cleaned(self) -> WorkTable:
        """See `Claims.cleaned`."""
        return self.claims.cleaned

    def landed(self, *, rewrite: bool) -> Landed:
        """Return the landed rows as `passed` wants them."""
        return Landed(self.claims, self.deleted_at, [*self.violations.values()], rewrite)


Found = dict[QualifiedName, Table]
"""Tables of STG, as its catalog has them."""


def tables(stg: Session, area: Area) -> Question[tuple[Found, Found]]:
    """Ask for STG's mirrors; and for the landing tables and cleansing views."""
    entities = area.entities.values()
    others = {place for one in entities for place in (one.landing, _once(one), one.view)}
    return question.both(mirror.tables(stg, area), catalog.named(stg, sorted(others)))


def read(stg: Session, area: Area) -> dict[str, Cleansing]:
    """Read STG's tables and cleansing views, and check that they fit together.

    Raises:
        ContractError: see `of`.
    """
    return of(area, *question.ask(stg, tables(stg, area)))


def of(area: Area, mirrored: Found, found: Found) -> dict[str, Cleansing]:
    """Return how the entities of an area are cleansed.

    Args:
        area: the area of the entities.
        mirrored: STG's mirrors.
        found: its landing tables and cleansing views.

    Raises:
        ContractError: a view or table is missing; the view lacks a column of the table, or has it
            with a type whose values the table's type can't all hold.
    """
    return checked(area, mirrored, found).whole()


def checked(area: Area, mirrored: Found, found: Found) -> Checked[Cleansing]:
    """Check how the entities of an area are cleansed; see `of`."""
    return checking.each(
        area.entities.values(),
        lambda entity: wrong(area, entity, mirrored, found),
        lambda entity: _made(area, entity, mirrored, found),
    )


def out_of_step(area: Area, sent: Mapping[str, Table], found: Found) -> Iterator[ContractError]:
    """Yield where landing tables can't take what MRR sends.

    Args:
        area: the area of the entities.
        sent: entity -> its mirror's table in MRR.
        found: landing tables that are there.
    """
    for name, table in sent.items():
        landing = found.get(area.entities[name].landing)
        if landing:
            yield from contracts.out_of_step(table, landing)


def _once(entity: Entity) -> QualifiedName:
    """Return the name that the landing table had before areas had schemas."""
    return "landing", entity.name


def wrong(area: Area, entity: Entity, mirrored: Found, found: Found) -> Iterator[ContractError]:
    """Yield what is wrong with STG's tables and the view of an entity; see `of`."""
    yield from mirror.wrong("stg", area, entity, mirrored)
    yield from _wrong_landing(area, entity, found)
    if entity.landing in found:
        why = f"the entity {entity.name}"
        yield from catalog.missing(found, [entity.view], server="stg", why=why)
    view, table = found.get(entity.view), mirrored.get(entity.table("stg"))
    if view:
        yield from _wrong_view(entity, view)
    if table:
        columns = len(table.columns) - len(LINEAGE)
        yield from contracts.too_wide("stg", label(entity.table("stg")), columns, _OWN_COLUMNS)
    if view and table:
        yield from contracts.not_held(area, table, view, (*LINEAGE, REASONS))
        yield from seen.ambiguous(area, entity, table)
        yield from dating.wrong(area, entity, table)


def _wrong_landing(area: Area, entity: Entity, found: Found) -> Iterator[ContractError]:
    """Check the landing table of an entity, which has the columns that its view reads.

    It is missing where it lies in the schema that was that of all areas.
    """
    place, once, why = entity.landing, _once(entity), f"the entity {entity.name}"
    if place not in found and once in found:
        yield ContractError(
            f"stg: the table {'.'.join(place)} does not exist, and {'.'.join(once)} "
            f"does. If {area.area} lands there, set `landing_schema: landing` in "
            f"sql/{area.area}/area.yml; else make the table and its cleansing view in "
            f"{place[0]}, in files of sql/{area.area}/stg/.",
            server="stg",
            table=".".join(place),
        )
    else:
        yield from catalog.missing(found, [place], server="stg", why=why)
    if place in found:
        yield from contracts.without_order("stg", found[place])
        yield from catalog.lacking(found[place], [*entity.row_key, *LINEAGE], server="stg", why=why)


def _wrong_view(entity: Entity, view: Table) -> Iterator[ContractError]:
    why = f"the table {label(entity.table('stg'))} behind it"
    yield from contracts.order_not_passed_on(view)
    yield from catalog.lacking(view, [*LINEAGE, REASONS], server="stg", why=why)
    if REASONS in view.names and view.type_of(REASONS) != "text[]":
        yield ContractError(
            f"stg: {REASONS} is {view.type_of(REASONS)} in {view.name}, and has to be text[]. "
            "Cast it in the view.",
            server="stg",
            table=view.name,
            column=REASONS,
        )


def _made(area: Area, entity: Entity, mirrored: Found, found: Found) -> Cleansing:
    target, table = mirror.made("stg", entity, mirrored)
    landing, view = found[entity.landing], found[entity.view]
    effective = _effective(entity, table)
    own = Claims(area.area, entity.name, landing, view, target, table, effective)
    deleted_at = flags.deleted_at(entity, effective)
    refused = _violations(entity, target, table)
    return Cleansing(entity.name, entity.view, target, refused, deleted_at, own)


def _effective(entity: Entity, table: Table) -> TimeColumn | None:
    """Return the column with the time of a change of a dimension."""
    return dating.dated_by(entity, table.columns) if entity.dimension else None


def _violations(entity: Entity, target: Mirror, table: Table) -> dict[str, Composable]:
    """Compose what the star and checks need of a row: reason -> condition for which it is refused.

    Columns that STG lacks are left out: they are an error of the star's own contract.
    """
    found: dict[str, Composable] = {
        "key is missing": compose.statement(__name__, "no_key", key=Columns(target.key))
    }
    when = None if entity.is_seen else dating.dated_by(entity, table.columns)
    for kind, columns, reason in (
        ("no_instant", [when] if when else [], "{} is missing, or not between {} and {}"),
        ("no_date", dating.days(entity, table.columns).values(), "{} is not between {} and {}"),
    ):
        for column in columns:
            first, last, end = column.span
            said = reason.format(column.name, first, last if kind == "no_instant" else end)
            ends = {"first": db.literal(first), "end": db.literal(end)}
            found[said] = compose.statement(__name__, kind, column=db.name(column.name), **ends)
    for one in entity.rejecting_checks:
        found[one.reason] = checks.refuses(one.check)
    return found


def apply(
    stg: Session,
    cleansing: Cleansing,
    batches: Mapping[int, Applied],
    counts: Counts,
) -> None:
    """Cleanse the landed rows of these batches in one pass, and merge them into STG.

    Many rows of one batch that cleansing passes on are merged as they came (`passed`). If keys are
    in question, batches are applied one after the other; and if one shows a key several times, its
    versions are too: which key holds a row may change with each of them.

    Args:
        stg: in the transaction that applies the batches.
        cleansing: the entity's.
        batches: the batches whose rows may have landed, in order.
        counts: the number of landed rows (`processed`); the results are added.
    """
    if not batches:
        return
    repairs = [batch_id for batch_id, applied in batches.items() if applied.is_repair]
    rows, is_one = counts.processed, len(batches) == 1
    with counts.timed("apply_seconds"):
        if is_one and passed.merge(stg, cleansing.landed(rewrite=bool(repairs)), counts):
            return
        examined = _clean(stg, cleansing, claims.ALL, rows=rows)
        if is_one and not examined.has_order:
            _merge(stg, cleansing, counts, examined, rewrite=bool(repairs))
        elif not examined.is_in_question:
            _merge_in_order(stg, cleansing, counts, examined, repairs)
        else:
            for batch_id, one in _steps(stg, cleansing, batches):
                step = _clean(stg, cleansing, one, rows=rows)
                _merge(stg, cleansing, counts, step, rewrite=batch_id in repairs)
        worktable.release(stg, cleansing.cleaned, rows=rows)


def _merge(
    stg: Session, cleansing: Cleansing, counts: Counts, examined: Examined, *, rewrite: bool
) -> None:
    """Merge the cleansed rows into STG, if there is only one for each key."""
    rows = counts.processed
    if examined.is_in_question:
        landed_again = claims.wake(stg, cleansing.claims)
        if landed_again is not None:
            _clean_more(stg, cleansing, landed_again)
        claims.decide(stg, cleansing.claims)
        claims.keep(stg, cleansing.claims)
    worktable.weigh(stg, cleansing.cleaned, rows=rows)
    good = compose.statement(__name__, "good", _parts(cleansing), rewrite=db.literal(rewrite))
    with refusals.named(cleansing.entity, stg=refusals.STORING):
        counts.add(mirror.apply(stg, cleansing.target, good, rows=rows, rewrite=rewrite))
    if examined.may_have_rejects:
        counts.rejected += rejects.record(stg, cleansing.claims, has_open=examined.has_open)


def _merge_in_order(
    stg: Session,
    cleansing: Cleansing,
    counts: Counts,
    examined: Examined,
    repairs: Collection[int],
) -> None:
    """Merge the cleansed rows into STG, with any number of versions of each key."""
    target, rows = cleansing.target, counts.processed
    good = compose.statement(
        __name__,
        "good_in_order",
        cleaned=cleansing.cleaned.name,
        key=Columns(target.key),
        carried=Columns(tuple(column for column in target.payload if column not in target.key)),
        repairs=db.literal(sorted(repairs)),
    )
    worktable.weigh(stg, cleansing.cleaned, rows=rows)
    with refusals.named(cleansing.entity, stg=refusals.STORING):
        counts.add(versions.apply(stg, target, good, rows=rows, rewrite=repairs))
    if examined.may_have_rejects:
        counts.rejected += rejects.record_in_order(stg, cleansing.claims, rows=rows)


def _steps(
    stg: Session, cleansing: Cleansing, batches: Iterable[int]
) -> Iterator[tuple[int, Composable]]:
    """Yield, in order, batches and conditions for parts of their rows that show each key once."""
    again: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for batch_id, seq, before in stg.rows(
        compose.statement(
            __name__,
            "shown_again",
            landing=cleansing.claims.parts["landing"],
            key=Columns(cleansing.target.key),
        )
    ):
        again[batch_id].append((seq, before))
    for batch_id in batches:
        starts = [_FIRST]
        for seq, before in again[batch_id]:
            if before >= starts[-1]:
                starts.append(seq)
        for start, following in pairwise([*starts, _LAST + 1]):
            which = {"start": db.literal(start), "end": db.literal(following - 1)}
            one = compose.statement(__name__, "one_step", batch_id=db.literal(batch_id), **which)
            yield batch_id, one


def clean(
    stg: Session,
    cleansing: Cleansing,
    is_judged: Composable,
    *,
    rows: int,
    are_known: bool = True,
) -> Examined:
    """Cleanse all landed rows into `cleansing.cleaned`, and refuse those whose key is taken.

    Args:
        stg: in a transaction.
        cleansing: the entity's.
        is_judged: condition over `c`; rows for which it is false wait for their batch.
        rows: how many have landed.
        are_known: see `claims.decide`.
    """
    examined = _clean(stg, cleansing, claims.ALL, rows=rows, is_judged=is_judged)
    if examined.is_in_question:
        claims.decide(stg, cleansing.claims, is_judged=is_judged, are_known=are_known)
    worktable.weigh(stg, cleansing.cleaned, rows=rows)
    return examined


def _clean(
    stg: Session,
    cleansing: Cleansing,
    only: Composable,
    *,
    rows: int,
    is_judged: Composable = claims.ALL,
) -> Examined:
    """Cleanse the landed rows for which `only` is true, and examine the result."""
    query = compose.statement(__name__, "clean", _parts(cleansing), only=only)
    with refusals.named(cleansing.entity, stg=refusals.CLEANSING):
        worktable.fill(stg, cleansing.cleaned, query, rows=rows)
        return claims.examine(stg, cleansing.claims, 0, is_judged=is_judged)


def _clean_more(stg: Session, cleansing: Cleansing, last: int) -> None:
    """Cleanse the landed rows with numbers above `last`, in addition to the cleansed ones."""
    only = compose.statement(__name__, "after", last=db.literal(last))
    query = compose.statement(__name__, "clean", _parts(cleansing), only=only)
    cleaned = cleansing.cleaned.name
    with refusals.named(cleansing.entity, stg=refusals.CLEANSING):
        stg.queue(compose.statement(__name__, "clean_more", cleaned=cleaned, query=query))
        claims.examine(stg, cleansing.claims, last)


def _parts(cleansing: Cleansing) -> Parts:
    return {
        "view": cleansing.view,
        "cleaned": cleansing.cleaned.name,
        "mirror": cleansing.target.name,
        "key": Columns(cleansing.target.key),
        "payload": Columns(cleansing.target.payload),
        "deleted_at": cleansing.deleted_at,
        "violation": [*cleansing.violations.values()],
        "reason": [db.literal(reason) for reason in cleansing.violations],
    }
