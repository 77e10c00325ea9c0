"""One area: how its entities flow from the source to the star, and what the last batch moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark.console import drawing, feeding
from tidemark.console.entity import kind
from tidemark.console.page import Asked, Page, Refused
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.model import HOPS, LAYERS, Hop, label
from tidemark.postgres import compose

LATEST = 30
"""Batches that are looked at for the last change."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The last batch of an area."""

    batch_id: int
    status: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved of an entity, hop by hop."""

    rows: Mapping[Hop, int | None]
    """Of the last batch; None: the hop has not ended."""
    changed_in: int | None
    """The last batch that moved any; None: none of the LATEST has."""
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """One entity in the table of an area."""

    entity: Entity
    kind: str
    source: str
    tables: Mapping[str, str]
    """Layer -> table; '': none."""
    moved: Moved


def show(asked: Asked) -> Page:
    """Show an area. There are counts of rows here, and no row."""
    area = asked.area
    last, moved = _moved(asked)
    lines = [_line(area, entity, moved[entity.name]) for entity in area.entities.values()]
    chosen = _chosen(asked)
    values = {
        "area": area,
        "last": last,
        "lines": lines,
        "latest": LATEST,
        "chosen": chosen.name,
        "picture": drawing.of(area, chosen, moved[chosen.name].rows),
    }
    return Page("area.html", f"Area {area.area}", values)


def _chosen(asked: Asked) -> Entity:
    """Return the entity of the picture: that of `?entity=`, or the first fact."""
    area, name = asked.area, asked.text("entity")
    if name:
        if name not in area.entities:
            raise Refused(404, f"{area.area} has no such entity. The table has those it has.")
        return area.entities[name]
    return (*area.facts, *area.dimensions, *area.entities.values())[0]


def _moved(asked: Asked) -> tuple[Batch | None, dict[str, Moved]]:
    which = {"area": asked.area.area}
    with asked.servers.session("dwh", "console") as dwh:
        batches = dwh.rows(compose.statement(__name__, "last_batch"), which)
        found = dwh.rows(compose.statement(__name__, "moved"), {**which, "batches": LATEST})
    ended = {hop for entity, hop, is_of_last, *_ in found if entity is None and is_of_last}
    of: dict[str, dict[Hop, Sequence[object]]] = {name: {} for name in asked.area.entities}
    for entity, hop, _, *rest in found:
        if entity in of:
            of[entity][hop] = rest
    moved = {name: _one(each, ended) for name, each in of.items()}
    return (Batch(*batches[0]) if batches else None), moved


def _one(of: Mapping[Hop, Sequence[object]], ended: set[Hop]) -> Moved:
    rows: dict[Hop, int | None] = {}
    for hop in HOPS:
        count = of[hop][0] if hop in of else None
        rows[hop] = int(str(count)) if count is not None else 0 if hop in ended else None
    changes = [(each[1], each[2]) for each in of.values() if each[1] is not None]
    batch, at = max(changes, key=lambda one: (int(str(one[0])), str(one[1])), default=(None, None))
    return Moved(
        rows,
        int(str(batch)) if batch is not None else None,
        at if isinstance(at, datetime) else None,
    )


def _line(area: Area, entity: Entity, moved: Moved) -> Line:
    places = {layer: feeding.table_of(entity, layer) for layer in LAYERS}
    tables: dict[str, str] = {layer: label(at) if at else "" for layer, at in places.items()}
    return Line(entity, kind(entity), drawing.source(area, entity), tables, moved)
