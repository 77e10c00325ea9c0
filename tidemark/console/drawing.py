"""The picture of an area: one entity on its way from the source to the star, one hop each way.

It has at most MOST elements, however many entities the area has. The table beside it has them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tidemark.console import feeding
from tidemark.declare import sharing
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.model import HOPS, Hop, ServerName, label

MOST = 30
"""Elements of the picture, with itself and its title."""
_NEIGHBOURS = 6
"""Those that are drawn: each is a link with a text. The rest is counted in words."""

_WIDE, _TALL, _STEP, _LANE = 190, 40, 250, 64
_TOP = 30
_LONGEST = 25
"""Characters that a box is wide enough for."""
HEADS = ("Source", "MRR", "STG", "Star")
_COLUMNS: Mapping[ServerName, int] = {"source": 0, "mrr": 1, "stg": 2, "dwh": 3}


@dataclass(frozen=True, slots=True)
class Text:
    """Something written; one with an entity is a link to it."""

    x: int
    y: int
    text: str
    area: str = ""
    entity: str = ""
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn."""

    title: str
    height: int
    texts: Sequence[Text]
    boxes: str
    """The path of all boxes."""
    arrows: str
    """That of all arrows."""
    width: int = 3 * _STEP + _WIDE + 2


@dataclass(frozen=True, slots=True)
class _Neighbour:
    area: str
    entity: Entity
    column: int
    """In which it is drawn."""
    is_before: bool
    """Whether its rows flow to the chosen entity, or are pointed at by it."""


def of(area: Area, entity: Entity, moved: Mapping[Hop, int | None]) -> Picture:
    """Draw an entity, with the rows that the last batch moved on its arrows."""
    near = list(_neighbours(area, entity))
    shown = sorted(near[:_NEIGHBOURS], key=lambda one: not one.is_before)
    above = sum(one.is_before for one in shown)
    middle, way = _TOP + above * _LANE, list(_way(area, entity))
    texts = [Text(place * _STEP + 4, 14, head, is_quiet=True) for place, head in enumerate(HEADS)]
    texts += [_text(place, name, middle) for place, name in way[:-1]]
    texts.append(_text(*way[-1], y=middle, area=area.area, entity=entity.name))
    boxes, arrows = [_box(place, middle) for place, _ in way], list[str]()
    for (start, _), (end, _) in pairwise(way):
        arrows.append(_arrow(start, end, middle))
        texts.append(_rows(end, middle, moved[HOPS[end - 1]]))
    places = {place for place, _ in way}
    for nth, one in enumerate(shown):
        y = _TOP + _LANE * (nth + (nth >= above))
        boxes.append(_box(one.column, y))
        texts.append(_text(one.column, one.entity.name, y, one.area, one.entity.name))
        to = one.column if one.column in places else max(places)
        arrows.append(_link(one.column, y, to, middle))
    bottom = _TOP + _LANE * (1 + len(shown))
    if len(near) > len(shown):
        more = f"and {len(near) - len(shown)} more, which the pages of the entities name"
        texts.append(Text(4, bottom - 6, more, is_quiet=True))
    return Picture(_title(area, entity), bottom, texts, " ".join(boxes), " ".join(arrows))


def source(area: Area, entity: Entity) -> str:
    """Say where an entity's rows come from."""
    if entity.is_derived:
        return ", ".join(entity.made_of)
    if entity.origin:
        return f"{area.source.name}: {entity.origin}"
    if entity.files:
        return f"{area.source.name}: {entity.files.pattern}"
    return f"{area.source.name}: {entity.events.event if entity.events else entity.name}"


def _title(area: Area, entity: Entity) -> str:
    return f"{entity.name} of {area.area} on its way to the star, and what is beside it"


def _way(area: Area, entity: Entity) -> Iterator[tuple[int, str]]:
    """Yield the places that an entity's rows pass: column and name."""
    if not entity.is_derived:
        yield 0, source(area, entity).partition(": ")[2]
    for layer, column in _COLUMNS.items():
        table = None if layer == "source" else feeding.table_of(entity, layer)
        if table:
            yield column, label(table)


def _neighbours(area: Area, entity: Entity) -> Iterator[_Neighbour]:
    """Yield what is one hop away: what it is made of, what is made of it, and its star."""
    for name in entity.made_of:
        yield _Neighbour(area.area, area.entities[name], 2, is_before=True)
    for role in {role.entity: role for role in entity.roles.values()}.values():
        home = area.area if role.is_of(area.area) else role.area
        yield _Neighbour(home, area.dimension_of(role), 3, is_before=True)
    for one in area.entities.values():
        if entity.name in one.made_of:
            yield _Neighbour(area.area, one, 2, is_before=False)
        elif any(
            role.is_of(area.area) and area.dimension_of(role) is entity
            for role in one.roles.values()
        ):
            yield _Neighbour(area.area, one, 3, is_before=False)
    for use in sharing.lent(area):
        if use.dimension.name == entity.name:
            yield _Neighbour(use.area.area, use.entity, 3, is_before=False)


def _text(column: int, text: str, y: int, area: str = "", entity: str = "") -> Text:
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return Text(column * _STEP + 8, y + 25, cut, area, entity)


def _rows(column: int, y: int, rows: int | None) -> Text:
    said = "…" if rows is None else f"{rows:,}"
    return Text((column - 1) * _STEP + _WIDE + 6, y + 14, said)


def _box(column: int, y: int) -> str:
    return f"M{column * _STEP + 1} {y}h{_WIDE}v{_TALL}h-{_WIDE}z"


def _arrow(start: int, end: int, y: int) -> str:
    """Draw a line from the right of a box to the left of another one, with a head."""
    x = end * _STEP
    return f"M{start * _STEP + _WIDE + 2} {y + 20}L{x - 2} {y + 20}m-7 -4l7 4l-7 4z"


def _link(column: int, y: int, to: int, middle: int) -> str:
    """Draw a line between boxes of which one is above the other."""
    near, far = (y + _TALL, middle) if y < middle else (y, middle + _TALL)
    # Boxes of one column have a line at their right edge, so that it passes by others' texts.
    return f"M{column * _STEP + _WIDE - 10} {near}L{to * _STEP + _WIDE - 10} {far}"
