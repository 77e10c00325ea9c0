"""What is handed over day by day: customers who join, move and leave, and events.

Each day follows from the files of the day before alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from . import clicks, people
from .drops import Customer, Drop, Event

FIRST_DAY = date(2024, 7, 10)
DAYS = 7
CUSTOMERS = 300
SESSIONS, ANONYMOUS, LATE = 70, 8, 2
"""Sessions of a day; of them those without a user, and those that show a day or two later."""
JOINED, CLICK_AT_ONCE, MOVED = 4, 1, 3
LEAVE_EVERY = 3
"""In how many days a customer leaves."""
MALFORMED, NAMELESS = 5, 1
DOUBLED, REPEATED = 3, 2
"""Events that a file shows twice, and those of the day before that it shows again."""


@dataclass(frozen=True, slots=True)
class Start:
    """What all days follow from."""

    random_seed: int
    scale: int
    """How many times as many rows of everything."""


def first_days(start: Start) -> list[Drop]:
    """Make the files of the first days."""
    rng = Random(f"{start.random_seed} {FIRST_DAY}")
    count = CUSTOMERS * start.scale
    pools = people.names(start.random_seed)
    there = people.first_customers(rng, pools, count, FIRST_DAY)
    made = [_Day(start, FIRST_DAY, Drop(FIRST_DAY - timedelta(days=1), there, [])).play()]
    while len(made) < DAYS:
        made.append(next_day(start, made[-1]))
    return made


def next_day(start: Start, last: Drop) -> Drop:
    """Make the files that follow those of a day."""
    return _Day(start, last.date + timedelta(days=1), last).play()


class _Day:
    """One day, as it follows from the one before."""

    def __init__(self, start: Start, on: date, last: Drop) -> None:
        self._start, self._date, self._last = start, on, last
        self._rng = Random(f"{start.random_seed} {on}")
        numbers = (_number(one["event_id"]) for one in last.events)
        self._number = max(numbers, default=0)

    def play(self) -> Drop:
        customers = self._customers()
        events = [*self._events(customers)]
        doubled = self._rng.sample(events, DOUBLED * self._start.scale)
        return Drop(
            self._date, customers, [*events, *doubled, *self._again(), *self._malformed(events)]
        )

    def _customers(self) -> list[Customer]:
        """Let some move, and one leave; those who joined the day before are there now."""
        there = {one["customer_id"]: one for one in self._last.customers}
        if self._is_first:
            return [*there.values()]
        count = self._start.scale
        if (self._date - FIRST_DAY).days % LEAVE_EVERY == 0:
            for gone in self._rng.sample(sorted(there), count):
                del there[gone]
        for moved in self._rng.sample(sorted(there), MOVED * count):
            now = there[moved]["region"].strip().capitalize()
            others = [one for one in people.REGIONS if one != now]
            there[moved] = there[moved] | {"region": self._rng.choice(others)}
        return [*there.values(), *self._joined(self._last.customers, self._last.date)]

    def _joined(self, there: Sequence[Customer], on: date) -> list[Customer]:
        highest = max(int(one["customer_id"]) for one in there)
        count = JOINED * self._start.scale
        return people.joined(self._start.random_seed, on, count, highest=highest)

    def _events(self, customers: Sequence[Customer]) -> Iterator[Event]:
        """Make the sessions of the day, and a few of the days before that come late."""
        scale = self._start.scale
        users = [int(one["customer_id"]) for one in customers]
        new = [int(one["customer_id"]) for one in self._joined(customers, self._date)]
        who: list[int | None] = [None] * (ANONYMOUS * scale)
        who += new[: CLICK_AT_ONCE * scale]
        who += self._rng.choices(users, k=(SESSIONS - ANONYMOUS - CLICK_AT_ONCE) * scale)
        for user in who:
            yield from self._session(user, self._date)
        if not self._is_first:
            for user in self._rng.choices(users, k=LATE * scale):
                back = self._rng.randrange(1, min(3, (self._date - FIRST_DAY).days + 1))
                yield from self._session(user, self._date - timedelta(days=back), mark="L")

    def _session(self, user: int | None, on: date, mark: str = "") -> Iterator[Event]:
        begins = clicks.beginning(self._rng, on)
        for event in clicks.session(self._rng, user, begins):
            yield event | {"event_id": self._id(mark)}

    def _again(self) -> list[Event]:
        """Show events of the day before again: some as they are, one corrected."""
        good = [one for one in self._last.events if not _is_marked(one["event_id"])]
        bad = [one for one in self._last.events if one["event_type"] == "hover"]
        repeated = self._rng.sample(good, REPEATED * self._start.scale) if good else []
        return [*repeated, *(one | {"event_type": "click"} for one in bad)]

    def _malformed(self, events: Sequence[Event]) -> Iterator[Event]:
        scale = self._start.scale
        models = self._rng.choices(events, k=(MALFORMED + NAMELESS) * scale)
        for place, model in enumerate(models[: MALFORMED * scale]):
            yield clicks.malformed(model | {"event_id": self._id("X")}, place)
        for model in models[MALFORMED * scale :]:
            yield model | {"event_id": None}

    def _id(self, mark: str) -> str:
        self._number += 1
        return f"E{self._number:06}{mark}"

    @property
    def _is_first(self) -> bool:
        return self._date == FIRST_DAY


def _number(event_id: Any) -> int:
    return int(str(event_id).strip("ELX")) if event_id else 0


def _is_marked(event_id: Any) -> bool:
    return event_id is None or str(event_id).endswith(("L", "X"))
