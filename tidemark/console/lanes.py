"""The picture of a key's life: where each bar, tick and dot stands. Templates draw it.

One axis of time is shared by all lanes. Versions that began with time begin at its left edge, and
those that are open end at its right one. It reaches as far as what happened in the world; when
Tidemark saw it may be years later, and then stands at the edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME

LABELS = 150
"""Width of the names of lanes."""
WIDTH = 960
_MARGIN = 10
_LANE = 26
_LETTER = 6.6
"""Width of a letter, about."""
_TICKS = 4
_LEAST = 2.0
"""Width of the narrowest bar."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in a lane."""

    begins: datetime
    ends: datetime
    text: str
    kind: str = "plain"
    """`plain`, `gone` or `refused`: the class that styles it."""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """An instant in a lane."""

    at: datetime
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """What stands beside each other in one line of the picture."""

    name: str
    bars: Sequence[Bar] = ()
    spots: Sequence[Spot] = ()
    is_of_the_world: bool = True
    """Whether the axis has to reach as far as it does."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A bar or a spot where it is drawn."""

    x: float
    width: float
    """0: it is a spot."""
    text: str
    shown: str
    """What of the text fits into it."""
    kind: str
    link: str


@dataclass(frozen=True, slots=True)
class Line:
    """A lane where it is drawn."""

    name: str
    y: float
    things: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """All lanes, and the axis below them."""

    width: float
    height: float
    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, datetime], ...]
    """Where an instant is written below the lanes."""
    first: datetime
    last: datetime
    """The instants at both edges of the axis."""
    cursor: float | None
    """Where the instant is at which a person looks; None: beyond the edges."""

    @property
    def left(self) -> float:
        """Where the axis begins."""
        return LABELS

    @property
    def right(self) -> float:
        """Where it ends."""
        return WIDTH - _MARGIN

    @property
    def lane(self) -> float:
        """The height of a lane."""
        return _LANE


def draw(lanes: Sequence[Lane], *, cursor: datetime | None = None) -> Picture:
    """Place lanes, of which at least one has something in it."""
    scale = _Scale.of(lanes)
    lines = tuple(
        Line(lane.name, 4 + number * _LANE, tuple(_things(lane, scale)))
        for number, lane in enumerate(lanes)
    )
    steps = (scale.first + (scale.last - scale.first) * n / _TICKS for n in range(_TICKS + 1))
    return Picture(
        width=WIDTH,
        height=_LANE * len(lanes) + 30,
        lines=lines,
        ticks=tuple((scale.x(at), at.replace(microsecond=0)) for at in steps),
        first=scale.first,
        last=scale.last,
        cursor=scale.x(cursor) if cursor and scale.first <= cursor <= scale.last else None,
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    first: datetime
    last: datetime

    @classmethod
    def of(cls, lanes: Iterable[Lane]) -> _Scale:
        """Return the scale on which all that has a time has a place, with some room around it."""
        known = _known(lane for lane in lanes if lane.is_of_the_world)
        if len(known) < 2:
            known |= _known(lanes)
        first, last = min(known, default=BEGINNING_OF_TIME), max(known, default=END_OF_TIME)
        room = max((last - first) * 0.06, timedelta(minutes=1))
        try:
            return cls(first - room, last + room)
        except OverflowError:
            return cls(first, last)

    def x(self, at: datetime) -> float:
        part = (at - self.first) / (self.last - self.first)
        return round(LABELS + min(max(part, 0.0), 1.0) * (WIDTH - LABELS - _MARGIN), 1)


def _known(lanes: Iterable[Lane]) -> set[datetime]:
    times = (at for lane in lanes for at in _times(lane))
    return {at for at in times if BEGINNING_OF_TIME < at < END_OF_TIME}


def _times(lane: Lane) -> Iterable[datetime]:
    for bar in lane.bars:
        yield from (bar.begins, bar.ends)
    yield from (spot.at for spot in lane.spots)


def _things(lane: Lane, scale: _Scale) -> Iterable[Placed]:
    for bar in lane.bars:
        x = scale.x(bar.begins)
        width = max(round(scale.x(bar.ends) - x, 1), _LEAST)
        fits = int((width - 8) / _LETTER)
        text = bar.text
        shown = text if len(text) <= fits else f"{text[: fits - 1]}…" if fits > 2 else ""
        yield Placed(x, width, text, shown, bar.kind, bar.link)
    for spot in lane.spots:
        yield Placed(scale.x(spot.at), 0, spot.text, "", "spot", spot.link)
