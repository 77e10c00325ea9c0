"""Rows that cleansing refused, kept with every reason until a later version passes.

Beside them are those that MRR refused (`carried`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.layers.claims import Claims
from tidemark.model import Key
from tidemark.postgres import compose, db, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Session
from tidemark.results import Counts


@dataclass(frozen=True, slots=True)
class Reject:
    """One period in which a source row was refused."""

    reject_id: int
    entity: str
    item: str | None
    """Null if cleansing refused it; else MRR did: the item that it is of, empty for a table."""
    key: dict[str, Any]
    reasons: list[str]
    batch_id: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    row_data: Any

    @property
    def place(self) -> str:
        """Which row it is: its key, or where it is in the item of its source."""
        if self.item:
            return f"{self.item}, line {self.key.get('_line')}"
        return ", ".join(f"{column} {value}" for column, value in self.key.items())

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
        has_open: whether there are rejects that may be resolved.

    Returns:
        The number of refused keys.
    """
    which = {"area": claims.area, "entity": claims.entity}
    parts: Parts = {
        "landing": db.name(*claims.landing.qualified_name),
        "cleaned": claims.cleaned.name,
        "key": Columns(claims.target.key),
    }
    if has_open:
        stg.queue(compose.statement(__name__, "resolve", parts), which)
    return stg.run(compose.statement(__name__, "open", parts), which)


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


def warning(
    stg: Session, area: Area, entity: str, counts: Counts, batches: Iterable[int]
) -> str | None:
    """Return a warning if the batches refused too many rows of an entity; None otherwise.

    Too many are more than `max_reject_ratio`, or all rows while STG has none of the entity.
    """
    rows, rejected = counts.processed, counts.rejected
    mirror = db.name(*area.entities[entity].table("stg"))
    if not rejected or not (
        area.monitor.is_too_much(rejected, rows)
        or (
            area.monitor.is_all(rejected, rows)
            and stg.value(compose.statement(__name__, "is_empty", mirror=mirror))
        )
    ):
        return None
    which = {"area": area.area, "entity": entity, "batches": list(batches)}
    reasons = stg.rows(compose.statement(__name__, "frequent"), which)
    said = "; ".join(f"{reason} ({times:,})" for reason, times in reasons)
    return (
        f"{entity}: {rejected:,} of {rows:,} rows were rejected, and the area allows "
        f"{area.monitor.max_reject_ratio:.0%}: {said}. See `tidemark rejects {area.area} --entity "
        f"{entity}`, and mend the source or the view."
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
