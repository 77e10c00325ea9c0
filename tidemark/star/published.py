"""How far each table of the DWH has come, and what its columns and keys were made of.

The last published batch is kept for each table. It is 0 for a table that was declared later than
others. It is 0 too for a fact, and for a dimension of observations, whose columns or keys have
changed. Such a table gets all that STG has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidemark.declare.config import Area
from tidemark.model import label
from tidemark.postgres import compose, db, question
from tidemark.postgres.db import Row, Session
from tidemark.postgres.question import Question
from tidemark.star.facts import Fact
from tidemark.star.scd2 import Dimension


@dataclass(frozen=True, slots=True)
class Published:
    """What the DWH has recorded about one table."""

    batch_id: int
    """The last batch that is in it; 0: none was ever published."""
    shape: Mapping[str, Any] | None = None
    """What its columns and keys were made of; None: it is a dimension of changes, or not known."""


def tables(area: Area) -> Question[dict[str, Published]]:
    """Ask what the DWH remembers of the table of each entity that has one."""

    def read(rows: Sequence[Row]) -> dict[str, Published]:
        found = {(entity, table): Published(*about) for entity, table, *about in rows}
        return {
            name: found.get((name, label(entity.table("dwh"))), Published(0))
            for name, entity in area.entities.items()
            if entity.dwh
        }

    return question.of(compose.statement(__name__, "tables"), {"area": area.area}, read)


def last_batches(
    known: Mapping[str, Published], whole: Iterable[Fact | Dimension]
) -> dict[str, int]:
    """Say up to which batch the table of each entity is what area.yml and the catalogs say."""
    reached = {name: published.batch_id for name, published in known.items()}
    restarted = {one.entity: 0 for one in whole if known[one.entity].shape != _shape(one)}
    return {**reached, **restarted}


def record(
    dwh: Session,
    area: Area,
    entities: Iterable[str],
    *,
    batch_id: int,
    marks: Mapping[str, str],
    whole: Iterable[Fact | Dimension],
) -> None:
    """Record that tables have come as far as a batch; call it in the transaction that writes them.

    Args:
        dwh: in the publishing transaction.
        area: whose tables.
        entities: those that have a table.
        batch_id: the last batch that STG has applied.
        marks: entity -> high-water mark of that batch.
        whole: tables among them whose shape is remembered.
    """
    moved = [
        {
            "table_name": label(area.entities[name].table("dwh")),
            "entity": name,
            "high_water_mark": marks.get(name),
        }
        for name in entities
    ]
    if moved:
        which = {"area": area.area, "moved": db.Json(moved), "batch_id": batch_id}
        dwh.queue(compose.statement(__name__, "mark"), which)
    for one in whole:
        dwh.queue(
            compose.statement(__name__, "remember"),
            {"table": label(one.table), "shape": db.Json(_shape(one))},
        )


def _shape(one: Fact | Dimension) -> dict[str, Any]:
    """Return what a table's columns and keys are made of, as it would come back from JSON."""
    return _shape_of_fact(one) if isinstance(one, Fact) else _shape_of_dimension(one)


def _shape_of_dimension(dimension: Dimension) -> dict[str, Any]:
    return {
        "key": list(dimension.natural_key),
        "type2": list(dimension.type2),
        "type1": list(dimension.type1),
        "untracked": list(dimension.untracked),
        "effective": str(dimension.effective),
        "tie_breaker": dimension.tie_breaker,
        "has_ends": dimension.has_ends,
        "first_version": dimension.first_version,
    }


def _shape_of_fact(fact: Fact) -> dict[str, Any]:
    return {
        "key": list(fact.natural_key),
        "columns": dict(fact.columns),
        "event_time": str(fact.event_time),
        "dimensions": {
            role.column: {"table": label(role.dimension.table), "by": list(role.by)}
            for role in fact.roles
        },
        "dates": {key: str(column) for key, column in fact.dates.items()},
        "nullable": sorted(fact.nullable),
        "on_delete": fact.on_delete,
    }
