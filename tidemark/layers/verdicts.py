"""What the number that a check measured means: whether it is broken, and how that is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tidemark.declare.check import AtMost, Check, OfRows
from tidemark.declare.check_kinds import (
    AcceptedValues,
    Between,
    Count,
    Freshness,
    Matches,
    NotNull,
    Query,
    Reconcile,
    Relationships,
    RowCount,
    Unique,
)
from tidemark.layers.checks import Measured
from tidemark.model import CheckResult, CheckStatus, Suspect


@dataclass(frozen=True, slots=True)
class Found:
    """What a check has measured, and what is needed to judge it."""

    measured: Measured
    number: Decimal | None
    """Rows that break it, what it counts, or an age in seconds; None: there is nothing."""
    error: str = ""
    """Why it could not run; '': it could."""
    rows: int | None = None
    """How many rows it looks at, if a share of them may break it."""
    median: Decimal | None = None
    """That of good batches; None: there are none."""
    sample: Sequence[Mapping[str, object]] = ()
    suspects: Sequence[Suspect] = ()
    sides: Sequence[tuple[Mapping[str, object], str | None, str | None]] = ()
    """The first difference of two queries: of what, and both numbers."""


def result(found: Found, *, seconds: float) -> CheckResult:
    """Judge what a check has found."""
    placed = found.measured.placed
    check, status = placed.check, _status(found)
    told = f"it can't run: {found.error}" if found.error else _said(found)
    bound = _bound(found)
    where = f"{placed.entity}: " if placed.entity else ""
    about = f" ({check.description})" if check.description and status != "PASSED" else ""
    limit = "" if found.error else f"; {bound}"
    return CheckResult(
        placed.name,
        placed.entity,
        placed.layer,
        check.severity,
        status,
        found.number,
        bound,
        f"{where}{told}{limit}{about}",
        found.sample,
        seconds,
        suspects=found.suspects,
    )


def _status(found: Found) -> CheckStatus:
    if found.error:
        return "ERROR"
    if not is_broken(found):
        return "PASSED"
    return "FAILED" if found.measured.placed.check.severity == "fail" else "WARNED"


def is_broken(found: Found) -> bool:
    """Whether what a check has measured is not what it may be."""
    check, number = found.measured.placed.check, found.number
    match check:
        case Freshness():
            return number is None or number > Decimal(str(check.freshness.within.total_seconds()))
        case RowCount():
            return _is_out_of_bounds(check.row_count, number or Decimal(0), found.median)
    limit = _at_most(check)
    most = limit.rows if limit.share is None else limit.share * (found.rows or 0)
    return (number or 0) > most


def _at_most(check: Check) -> AtMost:
    return check.at_most if isinstance(check, OfRows | Query) else AtMost()


def _is_out_of_bounds(count: Count, number: Decimal, middle: Decimal | None) -> bool:
    if count.min is not None and number < count.min:
        return True
    if count.max is not None and number > count.max:
        return True
    if count.within is None or middle is None:
        return False
    return abs(number - middle) > count.within.share * middle


def has_share(check: Check) -> bool:
    """Whether a share of the rows may break it."""
    return _at_most(check).share is not None


def holds_of_all(found: Found, result: CheckResult) -> bool:
    """Whether only rows that are written from now on can break a check.

    What a person has accepted of a count of a batch counts as counted.
    """
    if isinstance(found.measured.placed.check, RowCount):
        return not result.is_broken or result.accepted_by is not None
    return not found.error and found.number == 0


def _bound(found: Found) -> str:
    check = found.measured.placed.check
    match check:
        case Freshness():
            return f"at most {check.freshness.within} old"
        case RowCount():
            return _bound_of_count(check.row_count, found.median)
        case Reconcile():
            return f"equal within {check.reconcile.tolerance:f}"
    limit = _at_most(check)
    total = "" if found.rows is None else f" of {found.rows:,}"
    return f"at most {limit}{total}"


def _bound_of_count(count: Count, middle: Decimal | None) -> str:
    told = []
    if count.min is not None:
        told.append(f"at least {count.min:,}")
    if count.max is not None:
        told.append(f"at most {count.max:,}")
    if count.within is not None:
        share = f"within {(count.within.share * 100).normalize():f}% of"
        if middle is None:
            told.append(f"{share} the median of good batches, of which there is none yet")
        else:
            told.append(f"{share} {middle.normalize():,f}, the median of good batches")
    return ", ".join(told)


def _said(found: Found) -> str:
    check, number = found.measured.placed.check, found.number
    columns = ", ".join(check.columns)
    match check:
        case Freshness():
            if number is None:
                return "there is no row"
            return f"the latest {columns} is {timedelta(seconds=round(number))} old"
        case RowCount():
            return f"{number or 0:,} rows"
        case Reconcile():
            return _said_of_sides(found)
        case Query():
            return f"its query returns {_rows(number)}"
    return f"{_rows(number)} {_breaks(check, columns)}"


def _rows(number: Decimal | None) -> str:
    return "1 row" if number == 1 else f"{number or Decimal(0):,f} rows"


def _said_of_sides(found: Found) -> str:
    if found.sides and not found.sides[0][0]:
        _, left, right = found.sides[0]
        return f"left is {left or 'null'}, right is {right or 'null'}"
    return f"{found.number or Decimal(0):,f} numbers differ"


def _breaks(check: Check, columns: str) -> str:
    match check:
        case NotNull():
            return f"without {columns}"
        case Unique():
            return f"too many with the same {columns}"
        case AcceptedValues():
            return f"with another {columns}"
        case Relationships():
            return f"with {columns} that {check.relationships.to} has not"
        case Between():
            low, high = check.between.min, check.between.max
            ends = [f"below {low}"] * (low is not None) + [f"above {high}"] * (high is not None)
            return f"with {columns} {' or '.join(ends)}"
        case Matches():
            return f"with {columns} that does not match"
    raise AssertionError(f"{check.KIND} has no rows that break it")
