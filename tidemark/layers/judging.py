"""Run checks in the transaction that writes what they look at, and keep what they said.

A check runs when rows of its entity were written, when it is new or another one, when it says
something of the time, and in each batch until what it found is gone. It judges the rows as they are
in the end of the batch. So a corrected source clears what it failed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from statistics import median
from typing import Any

from tidemark.declare.check import Placed
from tidemark.declare.check_kinds import (
    Freshness,
    Query,
    Reconcile,
    Relationships,
    RowCount,
    Within,
)
from tidemark.declare.config import Area
from tidemark.errors import GateError, StatementError
from tidemark.layers import checks, samples, suspects, verdicts
from tidemark.layers.checks import Measured
from tidemark.layers.verdicts import Found
from tidemark.model import CheckResult, CheckStatus, Layer, Overrides, Suspect
from tidemark.postgres import compose, db, question
from tidemark.postgres.db import Session
from tidemark.postgres.question import Question

_LONGEST_HISTORY = 100

_OF_THE_CHECK = ("0A", "20", "21", "22", "26", "2F", "34", "38", "39", "42", "P0")
"""Classes of SQLSTATEs that say that a query is wrong, or can't be computed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a layer has kept of a check: what it said last."""

    layer: Layer
    entity: str | None
    definition: str
    status: CheckStatus
    since: int
    batch_id: int
    value: Decimal | None
    bound: str
    message: str
    sample: Sequence[Mapping[str, object]]
    good_values: Sequence[Decimal]
    suspects: Sequence[Suspect]


Known = Mapping[str, Kept]
"""Name of a check -> what a layer has kept of it."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Checks that a person lets pass once, and who."""

    names: Collection[str] = ()
    by: str = ""

    @staticmethod
    def said(overrides: Overrides) -> Acceptance:
        """Return what a person asks of a batch."""
        return Acceptance(overrides.accept_checks, overrides.by)

    def of(self, result: CheckResult) -> CheckResult:
        """Return the result as accepted, if it is broken and its check is among them."""
        if result.is_broken and result.check in self.names:
            return replace(result, accepted_by=self.by)
        return result


NOBODY = Acceptance()


def kept(area: Area) -> Question[Known]:
    """Ask a layer what it has kept of an area's checks."""

    def read(rows: Sequence[tuple[Any, ...]]) -> Known:
        names = [each.name for each in fields(Kept)]
        return {name: _kept(dict(zip(names, about, strict=True))) for name, *about in rows}

    return question.of(compose.statement(__name__, "kept"), {"area": area.area}, read)


def _kept(about: dict[str, Any]) -> Kept:
    value = about["value"]
    read = {
        "value": None if value is None else Decimal(str(value)),
        "good_values": [Decimal(str(one)) for one in about["good_values"]],
        "suspects": [(entity, key) for entity, key in about["suspects"]],
    }
    return Kept(**{**about, **read})


def _on(area: Area, layer: Layer) -> Iterator[Placed]:
    for one in area.placed_checks:
        if one.layer == layer and one.check.severity != "reject":
            yield one


def due(area: Area, layer: Layer, known: Known, changed: Collection[str]) -> list[Placed]:
    """Return the checks that have to run.

    Args:
        area: gives the checks.
        layer: which of them.
        known: what the layer has kept of them.
        changed: entities of which rows may have been written.
    """
    return [one for one in _on(area, layer) if _is_due(one, known.get(one.name), changed)]


def judge(
    session: Session,
    area: Area,
    due: Sequence[Placed],
    rows: checks.All,
    known: Known,
    *,
    batch_id: int,
    accept: Acceptance = NOBODY,
) -> list[CheckResult]:
    """Run checks that are due, and keep what they say.

    Args:
        session: in the transaction that applies the batch.
        area: that of the checks.
        due: checks of one layer.
        rows: entity -> its rows.
        known: what the layer has kept of them.
        batch_id: the last batch that is applied.
        accept: checks that may be broken this time.
    """
    if not due:
        return []
    same = _same(due, known)
    measured = _with_lost(session, [_measured(one, rows, same.get(one.name)) for one in due])
    began = time.monotonic()
    found = [_found(session, one, same) for one in _numbers(session, measured)]
    seconds = time.monotonic() - began
    results = [accept.of(verdicts.result(one, seconds=seconds)) for one in found]
    is_good = not any(result.is_open for result in results)
    _keep(session, area, found, results, same, batch_id=batch_id, is_good=is_good)
    return results


def of_mirrors(
    session: Session,
    area: Area,
    layer: Layer,
    known: Known,
    *,
    batch_id: int,
    changed: Collection[str],
    accept: Acceptance = NOBODY,
) -> list[CheckResult]:
    """Run the checks of MRR or STG that are due; see `due` and `judge`."""
    return judge(
        session,
        area,
        due(area, layer, known, changed),
        checks.of_mirrors(area, layer),
        known,
        batch_id=batch_id,
        accept=accept,
    )


def look(
    session: Session, area: Area, layer: Layer, rows: checks.All, known: Known, *, few: int
) -> list[Found]:
    """Run all checks of a layer over all rows, and keep nothing."""
    every = [Measured(one, _rows(one, rows), rows) for one in _on(area, layer)]
    same = _same([one.placed for one in every], known)
    numbers = _numbers(session, every)
    return [_found(session, one, same, few=few, is_kept=False) for one in numbers]


def refuse(
    area: Area, results: Sequence[CheckResult], *, standing: Sequence[CheckResult] = ()
) -> None:
    """Raise a GateError if a result forbids to publish; without one, do nothing.

    Args:
        area: that of the checks.
        results: what checks of the hop found.
        standing: what others found before it.
    """
    broken = [result for result in (*standing, *results) if result.is_open]
    if not broken:
        return
    names = " ".join(f"--accept-check '{one.check}'" for one in broken)
    said = [f"{area.area}: {one}" for one in broken]
    todo = (
        "Nothing was published. `dq_check_logs` in the DWH has keys of these rows. Correct the "
        "source or the rule and run again, or publish it as it is, once: `tidemark run "
        f"{area.area} {names}`."
    )
    # One line, as long as there is one thing to say.
    message = f"{said[0]}. {todo}" if len(said) == 1 else "\n".join([*said, todo])
    raise GateError(message, broken=broken, checks=results)


def standing(area: Area, known: Known, accept: Acceptance = NOBODY) -> list[CheckResult]:
    """Return what forbids to publish of what layers before the DWH have kept."""
    found: list[CheckResult] = []
    for one in area.placed_checks:
        last = known.get(one.name)
        if one.layer != "dwh" and one.check.severity == "fail" and last:
            if last.status == "PASSED" or last.layer != one.layer:
                continue
            told = CheckResult(
                one.name,
                one.entity,
                one.layer,
                one.check.severity,
                last.status,
                last.value,
                last.bound,
                last.message,
                last.sample,
                suspects=last.suspects,
            )
            found.append(accept.of(told))
    return found


def carry(stg: Session, area: Area, known: Known, *, after: int) -> None:
    """Keep in STG what checks of MRR said in batches after one that it has applied.

    Call it in the transaction that applies these batches.
    """
    of_mrr = {one.name for one in _on(area, "mrr")}
    rows = [
        {"check_name": name, **_row(one)}
        for name, one in known.items()
        if name in of_mrr and one.batch_id > after
    ]
    if rows:
        which = {"area": area.area, "results": db.Json(rows)}
        stg.queue(compose.statement(__name__, "keep"), which)


def _same(placed: Sequence[Placed], known: Known) -> Known:
    """Leave out what is kept of other checks, those of before that had these names too."""
    return {
        one.name: last
        for one in placed
        if (last := known.get(one.name)) and last.definition == one.definition
    }


def _is_due(one: Placed, last: Kept | None, changed: Collection[str]) -> bool:
    if last is None or last.definition != one.definition or last.status != "PASSED":
        return True
    match one.check:
        case Freshness():
            return True
        case Query() | Reconcile():
            return bool(changed)
        case Relationships():
            return one.check.relationships.to in changed or one.entity in changed
    return one.entity in changed


def _measured(one: Placed, rows: checks.All, last: Kept | None) -> Measured:
    since = last.since if last is not None and checks.has_scope(one) else 0
    if one.layer == "dwh" and last is not None and last.since != last.batch_id:
        since = 0  # It held last in an older batch, and landing tables have rows of this one alone.
    return Measured(one, _rows(one, rows), rows, since)


def _rows(one: Placed, rows: checks.All) -> checks.Rows | None:
    return rows[one.entity] if one.entity else None


def _with_lost(session: Session, measured: Sequence[Measured]) -> list[Measured]:
    """Let checks of what rows point at look at all of them, if what they point at lost rows."""
    asked: dict[str, int] = {}
    for one in measured:
        if (to := _pointed_at(one)) and one.since:
            asked[to] = min(one.since, asked.get(to, one.since))
    rows = measured[0].others
    lost = checks.lost(session, [(rows[name], since) for name, since in asked.items()])
    return [replace(one, since=0) if _pointed_at(one) in lost else one for one in measured]


def _pointed_at(one: Measured) -> str:
    """Return the entity whose rows a check looks up; '' of another kind."""
    check = one.placed.check
    return check.relationships.to if isinstance(check, Relationships) else ""


def _numbers(session: Session, measured: Sequence[Measured]) -> Iterator[Found]:
    """Measure all in as few statements as there are tables; where one is wrong, each alone."""
    if not measured:
        return
    try:
        found = _together(session, measured)
    except StatementError as error:
        if not _is_of_a_check(error):
            raise
        if len(measured) == 1:
            found = [Found(measured[0], None, error=str(error))]
        else:
            found = [each for one in measured for each in _numbers(session, [one])]
    yield from found


def _together(session: Session, measured: Sequence[Measured]) -> list[Found]:
    with session.savepoint():
        rows = session.rows(compose.union_all(checks.statements(measured)))
    numbers = dict(pair for places, values in rows for pair in zip(places, values, strict=True))
    return [Found(one, numbers[place]) for place, one in enumerate(measured)]


def _is_of_a_check(error: StatementError) -> bool:
    return (error.sqlstate or "").startswith(_OF_THE_CHECK)


def _found(
    session: Session, found: Found, known: Known, *, few: int = samples.FEW, is_kept: bool = True
) -> Found:
    """Add to a number what is needed to judge it."""
    one, last = found.measured, known.get(found.measured.placed.name)
    check = one.placed.check
    if isinstance(check, RowCount) and check.row_count.within:
        found = replace(found, median=_median(check.row_count.within, last))
    if found.error:
        return found
    if verdicts.has_share(check) and found.number:
        found = replace(found, rows=checks.count_all(session, one))
    if verdicts.is_broken(found):
        found = replace(found, sample=samples.sample(session, one, few=few))
        if check.severity == "fail" and is_kept:
            found = replace(found, suspects=suspects.of(session, one))
        if isinstance(check, Reconcile):
            found = replace(found, sides=samples.differing(session, one, few=1))
    return found


def _median(within: Within, last: Kept | None) -> Decimal | None:
    values = last.good_values[-within.batches :] if last else ()
    return Decimal(median(values)) if values else None


def _keep(
    session: Session,
    area: Area,
    found: Sequence[Found],
    results: Sequence[CheckResult],
    known: Known,
    *,
    batch_id: int,
    is_good: bool,
) -> None:
    rows: list[dict[str, object]] = []
    for one, result in zip(found, results, strict=True):
        placed = one.measured.placed
        last = known.get(placed.name)
        good = list(last.good_values) if last else []
        if isinstance(placed.check, RowCount) and is_good and result.value is not None:
            good += [] if result.is_broken else [result.value]
        since = last.since if last else 0
        kept_now = Kept(
            result.layer,
            result.entity,
            placed.definition,
            result.status,
            batch_id if verdicts.holds_of_all(one, result) else since,
            batch_id,
            result.value,
            result.bound,
            result.message,
            result.sample,
            good[-_LONGEST_HISTORY:],
            result.suspects,
        )
        rows.append({"check_name": placed.name, **_row(kept_now)})
    which = {"area": area.area, "results": db.Json(rows)}
    session.queue(compose.statement(__name__, "keep"), which)


def _row(one: Kept) -> dict[str, object]:
    value = None if one.value is None else str(one.value)
    return {**asdict(one), "value": value, "good_values": [str(each) for each in one.good_values]}
