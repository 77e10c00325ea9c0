"""What the collector writes day by day; no I/O and no clock.

Each day follows from what was written on the days before alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from . import faults, files, lines, orders, people, sessions
from .files import File
from .people import FIRST_DAY
from .sessions import CART, CHECKOUT, LOOK, ORDER, Visit

FIRST_DAYS = tuple(FIRST_DAY + timedelta(days=n) for n in range(7))
VISITS = 60
"""Sessions of a day by those who come now and then."""
STRANGERS, LOGGED_IN = 0.6, 0.25
"""The shares of them who stay unknown, and who are known from the start. Others log in midway."""

Written = Iterable[tuple[str, date]]
"""Lines of orders, each with the day on which its file was written."""
Due = tuple[datetime, str]
"""When the collector writes a line, and the line; without an id, if it is to have a new one."""


@dataclass(frozen=True, slots=True)
class Start:
    """What all days follow from."""

    random_seed: int
    scale: int
    """How many times as many rows of everything."""


def make(start: Start, dates: Iterable[date], written: Written) -> Iterator[File]:
    """Yield the files of some days, hour by hour, that follow the lines of the days before."""
    due = defaultdict[date, list[Due]](list)
    for line, on in written:
        _follow(start, line, on, due)
    for on in dates:
        for file in _Day(start, on, due.pop(on, [])).files():
            for line in filter(lines.is_of_order, file.lines):
                _follow(start, line, on, due)
            yield file


def _follow(start: Start, line: str, written: date, due: dict[date, list[Due]]) -> None:
    """Keep what follows from a line, by day."""
    for at, event in orders.follow(start.random_seed, lines.event(line), written):
        due[at.date()].append((at, lines.line(event)))


class _Day:
    """One day, as it follows from those before."""

    def __init__(self, start: Start, on: date, due: Sequence[Due]) -> None:
        self._seed, self._scale, self._date = start.random_seed, start.scale, on
        self._due = due
        self._rng = Random(f"{start.random_seed} {on}")
        self._ids = sessions.Ids(on)
        self._hours = defaultdict[int, list[tuple[datetime, str]]](list)

    def files(self) -> Iterator[File]:
        # An order that is in its file twice is followed once.
        for at, line in sorted({*self._due, *self._out_of_order()}):
            whole = line if lines.has_id(line) else lines.with_id(line, self._ids.next("E"))
            self._hours[at.hour].append((at, whole))
        self._add_malformed()
        yield from self._played(self._date, [*self._visits()])
        for late in files.LATE:
            if (on := self._date - timedelta(days=late)) >= FIRST_DAY:
                yield from self._played(on, [*self._late_visits(on)], late)

    def _played(self, on: date, visits: Sequence[Visit], late: int = 0) -> Iterator[File]:
        """Play sessions in turn, and yield each hour's file when nothing can be added to it."""
        begun = defaultdict[int, list[Visit]](list)
        for visit in visits:
            begun[visit.begins.hour].append(visit)
        for hour in range(24):
            for visit in begun.pop(hour, ()):
                for at, line in sessions.events(self._rng, self._seed, visit, self._ids):
                    self._hours[at.hour].append((at, line))
            if found := self._hours.pop(hour, None):
                found.sort(key=lambda one: one[0])
                yield File(on, hour, [line for _, line in found], late)

    def _out_of_order(self) -> Iterator[Due]:
        """Yield ends of orders of the day before, whose beginnings come on the day after."""
        for _ in range(self._scale if self._date > FIRST_DAY else 0):
            items = orders.items(self._rng, self._seed)
            order = orders.order(self._ids.next("O", "O"), "fulfilled", items)
            at = orders.at_work(self._rng, self._date)
            who = self._anybody()
            event = orders.of_back_office(self._seed, "order_fulfilled", at, who, order)
            yield at, lines.line(event)

    def _add_malformed(self) -> None:
        for place in range(faults.WAYS * self._scale):
            visit = self._visit(self._date, ORDER, self._anybody(), mark="X", order_mark="X")
            *_, (at, line) = sessions.events(self._rng, self._seed, visit, self._ids)
            self._hours[at.hour].append((at, faults.malformed(lines.event(line), place)))

    def _visits(self) -> Iterator[Visit]:
        """Yield the sessions of the day: of anybody, of regulars, and of those with a mark."""
        on = self._date
        for _ in range(VISITS * self._scale):
            yield self._any_visit(on)
        for number, count in people.regulars(self._scale, on):
            for _ in range(count):
                yield self._visit(on, ORDER, number)
        for number in people.changing(self._scale):
            yield self._visit(on, self._rng.randrange(ORDER), number)
        for _ in range(self._scale):
            yield self._visit(on, LOOK, None, mark="D")
            yield self._visit(on, CART, None, mark="F")
            for mark in "CDR":
                yield self._visit(on, ORDER, self._anybody(), mark=mark)
            for mark in "IT":
                yield self._visit(on, ORDER, self._anybody(), order_mark=mark)

    def _late_visits(self, on: date) -> Iterator[Visit]:
        for _ in range(self._scale):
            yield self._visit(on, ORDER, self._anybody(), mark="L")
            yield self._visit(on, CART, self._anybody(), logs_in=1, mark="L")

    def _any_visit(self, on: date) -> Visit:
        chance = self._rng.random()
        if chance < STRANGERS:
            (last,) = self._rng.choices(range(CHECKOUT), weights=(45, 35, 20))
            return self._visit(on, last, None)
        if chance < STRANGERS + LOGGED_IN:
            (last,) = self._rng.choices(range(ORDER + 1), weights=(20, 30, 25, 13, 12))
            return self._visit(on, last, self._anybody())
        (last,) = self._rng.choices(range(1, ORDER + 1), weights=(20, 35, 20, 25))
        logs_in = self._rng.randrange(1, min(last, CHECKOUT) + 1)
        return self._visit(on, last, self._anybody(), logs_in=logs_in)

    def _visit(
        self,
        on: date,
        last: int,
        customer: int | None,
        *,
        logs_in: int = 0,
        mark: str = "",
        order_mark: str = "",
    ) -> Visit:
        begins = sessions.begins(self._rng, on)
        return Visit(begins, last, customer, logs_in, mark, order_mark)

    def _anybody(self) -> int:
        return self._rng.randrange(1, people.CUSTOMERS * self._scale + 1)
