"""Rows that cleansing refused, kept with every reason until a later version passes.

Beside them are those that MRR refused (`carried`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tidemark.declare.check import Placed
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.layers.claims import Claims
from tidemark.layers.mirror import LINEAGE
from tidemark.layers.samples import FEW
from tidemark.model import CheckResult, Key, compared_as_text
from tidemark.postgres import compose, db, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.results import Counts


@dataclass(frozen=True, slots=True)
class Reject:
    """One period in which a source row was refused."""

    reject_id: int | None
    """Null if STG does not have it: no batch has found it yet, or it is of no entity."""
    entity: str
    item: str | None
    """Null if cleansing refused it; else MRR did: the item that it is of, empty for a table."""
    key: dict[str, Any]
    reasons: list[str]
    batch_id: int | None
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    row_data: Any
    event: Mapping[str, Any] | None = None
    """Of an area of events: the event, as a file has it that sends it again."""

    @property
    def place(self) -> str:
        """Which row it is: its key, or where it is in the item of its source."""
        if self.item and "_line" in self.key:
            return f"{self.item}, line {self.key.get('_line')}"
        named = ", ".join(f"{column} {value}" for column, value in self.key.items())
        return f"{self.item}, {named}" if self.item else named

    @property
    def row(self) -> str:
        """The row as text: as it came, or as JSON."""
        if self.item is not None and "row_text" in self.row_data:
            return str(self.row_data["row_text"])
        return json.dumps(self.row_data, ensure_ascii=False)


def record(stg: Session, claims: Claims, *, has_open: bool) -> int:
    """Open a reject for each refused MRR key of `cleaned`; resolve those whose row has passed.

    Call it in the transaction that applies the batch.

    Args:
        stg: in that transaction.
        claims: the entity's.
        has_open: whether there are rejects of the entity that are open.

    Returns:
        The number of refused keys.
    """
    which = {"area": claims.area, "entity": claims.entity}
    parts: Parts = {
        "landing": db.name(*claims.landing.qualified_name),
        "cleaned": claims.cleaned.name,
        "key": Columns(claims.target.key),
        "row": _row(claims),
    }
    opened = compose.statement(__name__, "open", parts)
    if has_open:
        stg.queue(compose.statement(__name__, "resolve", parts), which)
        opened = compose.statement(__name__, "open_or_continue", opened=opened)
    return stg.run(opened, which)


def _row(claims: Claims) -> Composable:
    """Compose the jsonb of a landed row `l`. What has no `=` may be json, or have json in it."""
    if compared_as_text(claims.landing.columns):
        return compose.statement(__name__, "careful_row")
    payload = tuple(name for name in claims.landing.names if name not in LINEAGE)
    return compose.statement(__name__, "row", payload=Columns(payload))


def record_in_order(stg: Session, claims: Claims, *, rows: int) -> int:
    """Do the same if `cleaned` may show a key several times, as if one version came at a time.

    Args:
        stg: as above.
        claims: the entity's.
        rows: about how many `cleaned` has.

    Returns:
        The number of refused versions.
    """
    parts: Parts = {
        "area": db.literal(claims.area),
        "entity": db.literal(claims.entity),
        "landing": db.name(*claims.landing.qualified_name),
        "cleaned": claims.cleaned.name,
        "stays": claims.stays.name,
        "key": Columns(claims.target.key),
        "row": _row(claims),
    }
    stays = compose.statement(__name__, "stays", parts)
    worktable.fill(stg, claims.stays, stays, rows=rows)
    for step in ("go_on", "end", "begin"):
        stg.queue(compose.statement(__name__, step, parts))
    refused = int(stg.value(compose.statement(__name__, "count_refused", parts)))
    worktable.release(stg, claims.stays, rows=rows)
    return refused


def resolve(
    stg: Session, area: str, entity: Entity, keys: Sequence[Key], *, at: tuple[int, datetime]
) -> None:
    """Resolve the open rejects of these keys from batches before `at`, whose rows are gone."""
    batch_id, clock = at
    stg.run(
        compose.statement(__name__, "resolve_keys"),
        {
            "area": area,
            "entity": entity.name,
            "columns": list(entity.row_key),
            "keys": db.Json([list(one) for one in keys]),
            "batch_id": batch_id,
            "clock": clock,
        },
    )


def ratios(
    stg: Session, area: Area, batches: Collection[int], counts: Mapping[str, Counts]
) -> list[CheckResult]:
    """Check that the batches did not refuse too many rows of an entity.

    Too many are more than `max_reject_ratio`, or all rows while STG has none of the entity.

    Args:
        stg: in the transaction that applies the batches.
        area: what it allows.
        batches: those that are applied.
        counts: entity -> what the hop did; one of which nothing came is left out.
    """
    return [
        _ratio(stg, area, name, counts[name], batches)
        for name in area.entities
        if counts[name].processed
    ]


def ratio_check(entity: str) -> str:
    """Return the name of the check that not too many rows of an entity are refused."""
    return f"reject_ratio_of_{entity}"


def _ratio(
    stg: Session, area: Area, entity: str, counts: Counts, batches: Collection[int]
) -> CheckResult:
    rows, rejected, limit = counts.processed, counts.rejected, area.monitor
    mirror = db.name(*area.entities[entity].table("stg"))
    is_broken = bool(rejected) and (
        limit.is_too_much(rejected, rows)
        or (
            limit.is_all(rejected, rows)
            and bool(stg.value(compose.statement(__name__, "is_empty", mirror=mirror)))
        )
    )
    told = f"{entity}: {rejected:,} of {rows:,} rows were rejected"
    return CheckResult(
        ratio_check(entity),
        entity,
        "stg",
        "warn",
        "WARNED" if is_broken else "PASSED",
        Decimal(rejected),
        f"at most {limit.max_reject_ratio:.0%} of {rows:,}",
        _too_many(stg, area, entity, told, batches) if is_broken else told,
    )


def _too_many(stg: Session, area: Area, entity: str, told: str, batches: Collection[int]) -> str:
    which = {"area": area.area, "entity": entity, "batches": list(batches)}
    reasons = stg.rows(compose.statement(__name__, "frequent"), which)
    said = "; ".join(f"{reason} ({times:,})" for reason, times in reasons)
    return (
        f"{told}, and the area allows {area.monitor.max_reject_ratio:.0%}: {said}. See `tidemark "
        f"rejects {area.area} --entity {entity}`, and mend the source or the view."
    )


def by_check(
    stg: Session, area: Area, batches: Iterable[int], counts: Mapping[str, Counts]
) -> list[CheckResult]:
    """Say how many rows of these batches were refused by checks that reject rows.

    Args:
        stg: in the transaction that applies the batches.
        area: gives the checks.
        batches: those that are applied.
        counts: entity -> what the hop did; one of which nothing came is left out.
    """
    came = [entity for entity in area.entities.values() if counts[entity.name].processed]
    return _by_check(stg, area.area, came, list(batches), FEW)


def open_by_check(stg: Session, area: Area, *, few: int = FEW) -> list[CheckResult]:
    """Say how many rows are refused now by checks that reject rows."""
    return _by_check(stg, area.area, [*area.entities.values()], None, few)


def _by_check(
    stg: Session, area: str, entities: Sequence[Entity], batches: list[int] | None, few: int
) -> list[CheckResult]:
    asked = [(entity.name, one) for entity in entities for one in entity.rejecting_checks]
    if not asked:
        return []
    reasons = [one.reason for _, one in asked]
    which = {"area": area, "batches": batches, "reasons": reasons, "few": few}
    rows = stg.rows(compose.statement(__name__, "by_check"), which)
    found = {(entity, reason): (number, sample or []) for entity, reason, number, sample in rows}
    return [_refused_by(one, *found.get((name, one.reason), (0, []))) for name, one in asked]


def _refused_by(one: Placed, number: int, sample: Sequence[dict[str, object]]) -> CheckResult:
    return CheckResult(
        one.name,
        one.entity,
        "stg",
        "reject",
        "WARNED" if number else "PASSED",
        Decimal(number),
        "its rows are refused",
        f"{one.entity}: {'1 row was' if number == 1 else f'{number:,} rows were'} refused: "
        f"{one.reason}",
        sample,
    )


def listing(
    stg: Session, area: Area, *, entity: str | None, resolved: bool, limit: int
) -> list[Reject]:
    """Read rejects, the most recently seen first; `entity` None reads those of all entities."""
    name = None if entity is None else area.entity(entity).name
    found = stg.rows(
        compose.statement(__name__, "list"),
        {"area": area.area, "entity": name, "resolved": resolved, "limit": limit},
    )
    return [Reject(*row) for row in found]


def by_reason(stg: Session, area: Area) -> list[tuple[str, str, int]]:
    """Count the open rejects: (entity, reason, rows), the most frequent first."""
    return [
        (entity, reason, count)
        for entity, reason, count in stg.rows(
            compose.statement(__name__, "by_reason"), {"area": area.area}
        )
    ]
