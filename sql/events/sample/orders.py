"""Products and orders of the shop, and what follows from an order; no I/O and no clock."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from random import Random

from . import people
from .lines import Event

CENT = Decimal("0.01")
TAX = Decimal("0.2")
SHIPPING, NOTHING = Decimal("4.90"), Decimal("0.00")
FREE_FROM = 50
"""What the items of an order have to come to for free shipping."""
CATALOGUE = {
    "Books": (5, 40), "Electronics": (20, 600), "Garden": (8, 150), "Home": (5, 250),
    "Toys": (4, 80),
}  # fmt: skip
"""Category -> lowest and highest price."""
MAKERS = ("Bluepeak", "Cadenza", "Everline", "Fernway", "Kavya", "Northgate")
PRODUCTS = 60

FATES = {"order_fulfilled": 88, "order_cancelled": 8, "": 4}
"""What becomes of an order, and how often."""
REFUNDED = 0.1
LONGEST = 3
"""In how many days the back office has done its work."""


@cache
def products(random_seed: int) -> Sequence[Event]:
    """Draw the products."""
    rng = Random(f"{random_seed} products")
    made = []
    for number in range(1, PRODUCTS + 1):
        category = rng.choice([*CATALOGUE])
        price = Decimal(f"{rng.randrange(*CATALOGUE[category])}.{rng.choice(('99', '49', '00'))}")
        name = f"{rng.choice(MAKERS)} {category} {number}"
        made.append({"id": f"P{number:04}", "name": name, "category": category, "price": price})
    return made


def items(rng: Random, random_seed: int, mark: str = "") -> list[Event]:
    """Fill a cart for an order of a mark: each product once, but for one that comes twice."""
    count = rng.choices((1, 2, 3, 4), weights=(45, 30, 15, 10))[0] + (mark == "I")
    chosen = [
        {"product": product, "quantity": rng.choices((1, 2, 3), weights=(75, 18, 7))[0]}
        for product in rng.sample(products(random_seed), count)
    ]
    return [*chosen, chosen[0] | {"quantity": 4}] if mark == "T" else chosen


def order(order_id: str, status: str, items: Sequence[Event]) -> Event:
    """Make an order whose total is that of its items, with tax and shipping."""
    value = sum((item["product"]["price"] * item["quantity"] for item in items), NOTHING)
    tax = (value * TAX).quantize(CENT)
    shipping = SHIPPING if value < FREE_FROM else NOTHING
    return {
        "order_id": order_id,
        "status": status,
        "currency": "USD",
        "total_amount": value + tax + shipping,
        "tax": tax,
        "shipping": shipping,
        "items": [*items],
    }


def at_work(rng: Random, on: date) -> datetime:
    """Draw when the back office does something on a day."""
    return midnight(on) + timedelta(milliseconds=rng.randrange(8 * 3_600_000, 17 * 3_600_000))


def midnight(on: date) -> datetime:
    """Return when a day begins (UTC)."""
    return datetime.combine(on, time(), UTC)


def stamp(at: datetime) -> str:
    """Write an instant as events do."""
    return f"{at.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def of_back_office(random_seed: int, kind: str, at: datetime, customer: int, order: Event) -> Event:
    """Make an event that has no session; it has no id yet."""
    return {
        "event_timestamp": stamp(at),
        "event_type": kind,
        "customer": people.customer(random_seed, customer, at.date()),
        "order": order | {"status": kind.removeprefix("order_")},
    }


def follow(random_seed: int, event: Event, written: date) -> Iterator[tuple[datetime, Event]]:
    """Yield what follows from an event of an order, and when the collector writes that.

    An event that is shown again or corrected keeps its id; others have none yet.
    """
    mark, order_mark = event["event_id"][-1], event["order"]["order_id"][-1]
    rng = Random(f"{random_seed} {event['order']['order_id']} {event['event_type']}")
    next_day = at_work(rng, written + timedelta(days=1))
    is_again = mark in "CR" and not event["event_timestamp"].startswith(str(written))
    if mark == "C" and not is_again:
        yield next_day, event | {"order": _corrected(event["order"])}
        return
    if mark == "R" and is_again:
        return
    if mark == "R":
        yield next_day, event
    if order_mark != "O":
        yield from _goes_on(rng, random_seed, event, written)
    elif event["event_type"] == "order_fulfilled":
        yield next_day, _placed(rng, random_seed, event)


def _goes_on(
    rng: Random, random_seed: int, event: Event, written: date
) -> Iterator[tuple[datetime, Event]]:
    order, kind = event["order"], ""
    if event["event_type"] == "order_placed":
        is_certain = order["order_id"][-1] in "IT"
        fate = rng.choices([*FATES], weights=[*FATES.values()])[0]
        kind = "order_fulfilled" if is_certain else fate
    elif event["event_type"] == "order_fulfilled" and rng.random() < REFUNDED:
        kind = "order_refunded"
    if not kind:
        return
    if order["order_id"].endswith("I") and kind == "order_fulfilled":
        order = _lacking(order)
    days = 1 if kind == "order_cancelled" else rng.randrange(1, LONGEST + 1)
    at = at_work(rng, written + timedelta(days=days))
    customer = people.number(event["customer"]["customer_id"])
    yield at, of_back_office(random_seed, kind, at, customer, order)


def _placed(rng: Random, random_seed: int, fulfilled: Event) -> Event:
    """Make the event with which an order began, of which only the end has come."""
    late = timedelta(milliseconds=rng.randrange(18 * 3_600_000, 23 * 3_600_000))
    at = datetime.fromisoformat(fulfilled["event_timestamp"]) - late
    customer = people.number(fulfilled["customer"]["customer_id"])
    begun = of_back_office(random_seed, "order_placed", at, customer, fulfilled["order"])
    session_id = f"S{begun['order']['order_id'][1:]}"
    return {"session_id": session_id, **begun, "session": {"channel": "app", "device": "mobile"}}


def _corrected(order: Event) -> Event:
    """Add the postage of one more parcel."""
    return order | {
        "total_amount": order["total_amount"] + SHIPPING,
        "shipping": order["shipping"] + SHIPPING,
    }


def _lacking(wanted: Event) -> Event:
    """Take the last item off an order."""
    return order(wanted["order_id"], wanted["status"], wanted["items"][:-1])
