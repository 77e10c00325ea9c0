"""What events say, in plain Python: the specification of the events area's marts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Event = Mapping[str, Any]
Row = tuple[Any, ...]

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
ATTRIBUTES = ("email", "first_name", "last_name", "country")
STATES = ("placed", "fulfilled", "cancelled", "refunded")


@dataclass(frozen=True)
class Line:
    """A line of a file, which shows an event."""

    path: str
    number: int
    event: Event


def marts(lines: Iterable[Line]) -> list[list[Row]]:
    """Return the rows of all marts, as `tests.fix_events.MARTS` reads them."""
    events = distinct(lines)
    versions, orders = customers(events), folded(events)
    items = [row for one in orders for row in _items(one)]
    return [
        [(who, *row) for who in sorted(versions) for row in versions[who]],
        [_order(one, versions) for one in orders],
        items,
        [_analysed(one, versions) for one in orders],
        [(*row, _in_force(one, versions)[3]) for one in orders for row in _items(one)],
        summaries(orders),
    ]


def distinct(lines: Iterable[Line]) -> list[Event]:
    """Return the events, in event time: of each the line with the greatest place."""
    ordered = sorted(lines, key=lambda one: (one.path.encode(), one.number))
    found = {one.event["event_id"]: one.event for one in ordered}
    return sorted(found.values(), key=lambda one: (at(one), one["event_id"]))


def at(event: Event) -> datetime:
    """Return when an event was."""
    return datetime.fromisoformat(event["event_timestamp"])


def customers(events: Iterable[Event]) -> dict[str, list[Row]]:
    """Return the versions of each customer: attributes, begin and end."""
    states: dict[str, dict[datetime, Row]] = defaultdict(dict)
    for one in events:
        told = one.get("customer") or {}
        if who := told.get("customer_id"):
            known = [*states[who].values()]
            before = known[-1] if known else (None,) * 4
            now = tuple(told.get(name) or was for name, was in zip(ATTRIBUTES, before, strict=True))
            states[who][at(one)] = now
    return {who: _versions(found) for who, found in states.items()}


def _versions(states: Mapping[datetime, Row]) -> list[Row]:
    changes: list[tuple[datetime, Row]] = []
    for when, state in states.items():
        if not changes or changes[-1][1] != state:
            changes.append((when, state))
    begins = [FIRST, *(when for when, _ in changes[1:])]
    ends = [*begins[1:], LAST]
    return [(*one[1], *span) for one, *span in zip(changes, begins, ends, strict=True)]


def folded(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return the orders, by their ids; of each, what the last event said that says it."""
    found: dict[str, dict[str, Any]] = {}
    for one in events:
        told = one.get("order") or {}
        state = told.get("status")
        if not told.get("order_id") or not state:
            continue
        order = found.setdefault(told["order_id"], {"ordered_at": at(one), "events": 0})
        customer, session = one.get("customer") or {}, one.get("session") or {}
        said = {**told, "customer_id": customer.get("customer_id"), **session}
        said["session_id"] = one.get("session_id")
        order |= {name: value for name, value in said.items() if value is not None}
        order |= {"updated_at": at(one), "events": order["events"] + 1}
        order.setdefault(f"{state}_at", at(one))
    return [found[name] for name in sorted(found)]


def _in_force(order: Mapping[str, Any], versions: Mapping[str, list[Row]]) -> Row:
    """Return the customer of an order as it was then; all null without one."""
    known = versions.get(order.get("customer_id", ""), [])
    return next((row for row in known if row[4] <= order["ordered_at"] < row[5]), (None,) * 6)


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _came_to(order: Mapping[str, Any]) -> tuple[int, Decimal]:
    each = order.get("items", [])
    pieces = sum(one["quantity"] for one in each)
    return pieces, sum(
        (one["quantity"] * Decimal(str(one["product"]["price"])) for one in each), Decimal(0)
    )


def _is_fulfilled(order: Mapping[str, Any]) -> bool:
    return bool(order["status"] == "fulfilled")


def _order(order: Mapping[str, Any], versions: Mapping[str, list[Row]]) -> Row:
    named = ("customer_id", "session_id", "channel", "device", "currency")
    return (
        order["order_id"],
        order["ordered_at"],
        order["status"],
        _is_fulfilled(order),
        *(order.get(name) for name in named),
        *(_money(order.get(name)) for name in ("total_amount", "tax", "shipping")),
        *_came_to(order),
        *(order.get(f"{state}_at") for state in STATES),
        order["updated_at"],
        order["events"],
        _in_force(order, versions)[0],
    )


def _items(order: Mapping[str, Any]) -> list[Row]:
    lines: dict[str, list[Any]] = defaultdict(list)
    for one in order.get("items", []):
        lines[one["product"]["id"]].append(one)
    rows = []
    for product in sorted(lines):
        pieces, revenue = _came_to({"items": lines[product]})
        last = lines[product][-1]["product"]
        price = (revenue / pieces).quantize(Decimal("0.01"), ROUND_HALF_UP)
        about = (last["name"], last["category"], pieces, price, revenue)
        rows.append((order["order_id"], product, order["ordered_at"], order["status"], *about))
    return rows


def _analysed(order: Mapping[str, Any], versions: Mapping[str, list[Row]]) -> Row:
    email, first, last, country, *_ = _in_force(order, versions)
    name = " ".join(filter(None, (first, last))) or None
    date = order["ordered_at"].date()
    total = _money(order.get("total_amount"))
    return (order["order_id"], date, order["status"], email, name, country, total)


def summaries(orders: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return what each customer with an order has bought."""
    by_customer: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in orders:
        if one.get("customer_id"):
            by_customer[one["customer_id"]].append(one)
    return [_summary(who, by_customer[who]) for who in sorted(by_customer)]


def _summary(who: str, orders: list[Mapping[str, Any]]) -> Row:
    bought = [one for one in orders if _is_fulfilled(one)]
    spent = sum((_money(one.get("total_amount")) or Decimal(0) for one in bought), Decimal(0))
    days = [one["ordered_at"].date() for one in bought]
    pieces, revenue = Counter[str](), Counter[str]()
    for row in (row for one in bought for row in _items(one) if row[5] is not None):
        pieces[row[5]] += row[6]
        revenue[row[5]] += row[8]
    favorite = min(pieces, key=lambda one: (-pieces[one], -revenue[one], one), default=None)
    return (
        who,
        len(orders),
        len(bought),
        spent,
        min(days, default=None),
        max(days, default=None),
        sum(_came_to(one)[0] for one in bought),
        favorite,
    )
