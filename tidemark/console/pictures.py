"""Pictures as values: where each bar of a strip or a Gantt stands. Templates draw them as SVG.

Colours only repeat what a mark says. Behind each picture is a table of the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeGuard

from tidemark.console import shown

_SLOT = 12
"""Width of a bar of a strip with the gap beside it."""
_TALL = 48
"""Height of the highest bar."""
_LOWEST = 3
"""Height of a bar of 0: something was there."""


@dataclass(frozen=True, slots=True)
class Column:
    """One bar of a strip before it is drawn."""

    id: str
    value: float | None
    """What its height says; None: there is none."""
    status: str
    """Decides colour and mark; '': plain, without a mark."""
    label: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a strip."""

    column: Column
    x: int
    height: float

    @property
    def y(self) -> float:
        """Where it begins, from above."""
        return round(_TALL - self.height, 1)

    @property
    def tone(self) -> str:
        """How it is coloured."""
        return shown.tone(self.column.status)

    @property
    def mark(self) -> str:
        """What stands below it."""
        return shown.STATUS_MARKS.get(self.column.status, "")


@dataclass(frozen=True, slots=True)
class Strip:
    """Bars side by side, the last one at the right."""

    label: str
    bars: Sequence[Bar]
    width: int
    height: int = _TALL + 16
    slot: int = _SLOT


def strip(label: str, columns: Sequence[Column], slots: int) -> Strip:
    """Draw columns into so many places; heights are logarithmic, since a first load is so long."""
    logs = [math.log1p(abs(one.value)) if _is_drawn(one.value) else 0.0 for one in columns]
    most = max(logs, default=0) or 1
    first = slots - len(columns)
    bars = [
        Bar(one, (first + nth) * _SLOT, _height(one.value, height / most))
        for nth, (one, height) in enumerate(zip(columns, logs, strict=True))
    ]
    return Strip(label, bars, slots * _SLOT)


def _height(value: float | None, part: float) -> float:
    return 0.0 if value is None else round(max(_LOWEST, part * _TALL), 1)


def _is_drawn(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took from one instant to another."""

    start: datetime
    end: datetime
    status: str
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    """What stands in one line of a Gantt."""

    name: str
    spans: Sequence[Span]
    is_part: bool = False
    """Whether it is a part of the lane above it."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One span where it is drawn."""

    span: Span
    x: float
    width: float

    @property
    def end(self) -> float:
        """Where its mark stands."""
        return round(self.x + self.width + 3, 1)

    @property
    def tone(self) -> str:
        """How it is coloured."""
        return shown.tone(self.span.status)

    @property
    def mark(self) -> str:
        """What stands beside it."""
        return shown.STATUS_MARKS.get(self.span.status, "")


@dataclass(frozen=True, slots=True)
class Gantt:
    """Lanes below each other, on one axis of time."""

    label: str
    lanes: Sequence[tuple[Lane, int, Sequence[Drawn]]]
    """Lane, where it is from above, and its spans."""
    ticks: Sequence[tuple[float, str]]
    names: int = 190
    """Width of the names."""
    width: int = 720
    height: int = field(default=0)


_LINE = 22
_AXIS = 24
_NARROWEST = 2.0


def gantt(label: str, lanes: Iterable[Lane], start: datetime, end: datetime) -> Gantt:
    """Draw lanes between two instants."""
    whole = max((end - start).total_seconds(), 0.001)
    blank = Gantt(label, (), ())
    scale = (blank.width - blank.names - 20) / whole

    def place(at: datetime) -> float:
        inside = min(max((at - start).total_seconds(), 0), whole)
        return round(blank.names + inside * scale, 1)

    drawn = [
        (
            lane,
            _AXIS + nth * _LINE,
            [
                Drawn(
                    one,
                    place(one.start),
                    max(_NARROWEST, round(place(one.end) - place(one.start), 1)),
                )
                for one in lane.spans
            ],
        )
        for nth, lane in enumerate(lanes)
    ]
    ticks = [
        (round(blank.names + whole * part * scale, 1), shown.seconds(whole * part))
        for part in (0, 0.5, 1)
    ]
    return Gantt(label, drawn, ticks, height=_AXIS + len(drawn) * _LINE + 4)
