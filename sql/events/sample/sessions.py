"""Sessions of the shop, step by step towards an order; no I/O and no clock."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from . import lines, orders, people

STEPS = ("page_view", "product_view", "add_to_cart", "checkout_started", "order_placed")
LOOK, CART, CHECKOUT, ORDER = 0, 2, 3, 4
"""Steps: how far a session comes."""
CHANNELS = ("direct", "search", "email", "social", "app")
DEVICES = ("desktop", "mobile", "tablet")
OPENS, CLOSES = 7 * 3_600_000, 22 * 3_600_000
"""When the first and the last session begin, in milliseconds of the day (UTC)."""
LONGEST = 237_000
"""Milliseconds between two events, beside three seconds: a session ends within an hour or so."""
AHEAD = timedelta(days=50 * 365)
"""How far in the future the time of an event is that has its clock wrong."""


class Ids:
    """Ids of what one day makes: E251103-000001, the next one E251103-000002."""

    def __init__(self, on: date) -> None:
        self._day = f"{on:%y%m%d}"
        self._counts = Counter[str]()

    def next(self, kind: str, mark: str = "") -> str:
        """Return a new id of a kind."""
        self._counts[kind] += 1
        return f"{kind}{self._day}-{self._counts[kind]:06}{mark}"


@dataclass(frozen=True, slots=True)
class Visit:
    """What a session will be."""

    begins: datetime
    last: int
    """Its last step."""
    customer: int | None = None
    logs_in: int = 0
    """At which step it is known who the customer is."""
    mark: str = ""
    """How the id of its last event ends; L is that of all."""
    order_mark: str = ""


def begins(rng: Random, on: date) -> datetime:
    """Draw when a session begins on a day."""
    return orders.midnight(on) + timedelta(milliseconds=rng.randrange(OPENS, CLOSES))


def events(rng: Random, random_seed: int, visit: Visit, ids: Ids) -> Iterator[tuple[datetime, str]]:
    """Yield the lines of a session's events, each with its time."""
    at, session_id = visit.begins, ids.next("S")
    items = orders.items(rng, random_seed, visit.order_mark) if visit.last >= CART else []
    who, session = _written_once(rng, random_seed, visit)
    steps = _steps(rng, visit.last, len(items))
    for place, step in enumerate(steps, 1):
        mark = visit.mark if place == len(steps) or visit.mark == "L" else ""
        order = ""
        if step == ORDER:
            made = orders.order(ids.next("O", visit.order_mark), "placed", items)
            order = f', "order": {lines.line(made)}'
        line = (
            f'{{"event_id": "{ids.next("E", mark)}", "session_id": "{session_id}", '
            f'"event_timestamp": "{orders.stamp(at + AHEAD if mark == "F" else at)}", '
            f'"event_type": "{STEPS[step]}"{who if step >= visit.logs_in else ""}{order}{session}'
        )
        yield at, line
        if mark == "D":
            yield at, line
        at += timedelta(milliseconds=3_000 + int(rng.random() * LONGEST))


def _written_once(rng: Random, random_seed: int, visit: Visit) -> tuple[str, str]:
    """Write what all events of a session say: who it is, and the end of their lines."""
    session = {"channel": rng.choice(CHANNELS), "device": rng.choice(DEVICES)}
    end = f', "session": {lines.line(session)}}}'
    if visit.customer is None:
        return "", end
    customer = people.customer(random_seed, visit.customer, visit.begins.date())
    return f', "customer": {lines.line(customer)}', end


def _steps(rng: Random, last: int, items: int) -> list[int]:
    """Return the steps of a session: one or two looks at a page and at a product, the others once.

    Each item is put into the cart on its own.
    """
    looks = [step for step in (0, 1)[: last + 1] for _ in range(1 + (rng.random() < 0.5))]
    return [*looks, *[CART] * items, *range(CHECKOUT, last + 1)]
