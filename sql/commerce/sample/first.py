"""The first drop: everything that the shop has after its first sixty days.

Its counts are those of the inventory in docs/commerce.md.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from . import rows
from .drops import Drop, Row

FIRST_DAY = date(2025, 10, 7)
DAYS = 60
CUSTOMERS = 500
BUYERS = 432
"""Customers with an order that counts as a sale."""
PRODUCTS = 100
ORDERS = 1000
LINES = 3064
NOT_SALES = 85
"""Orders that were cancelled, or whose payment failed."""
FAULTY = 5
"""Orders that do not add up; their ids end in X."""


def first_drop(random_seed: int) -> Drop:
    """Make the first drop; it is handed over on the day after the last order."""
    rng = Random(f"{random_seed} first drop")
    people = rows.make_people(random_seed)
    customers = [rows.customer(rng, people, rows.key("CUST", n + 1)) for n in range(CUSTOMERS)]
    products = [rows.product(rng, rows.key("PROD", n + 1)) for n in range(PRODUCTS)]
    lost = _not_sales(rng)
    faulty = set(rng.sample(sorted(set(range(ORDERS)) - lost), FAULTY))
    buyers = _buyers(rng, [one["customer_id"] for one in customers], lost)
    orders: list[Row] = []
    lines: list[Row] = []
    payments: list[Row] = []
    for n, count in enumerate(_line_counts(rng)):
        order_id = rows.key("ORD", n + 1, faulty=n in faulty)
        own = [
            rows.line(rng, rows.key("LINE", len(lines) + k), order_id, rng.choice(products))
            for k in range(1, count + 1)
        ]
        on = FIRST_DAY + timedelta(days=n * DAYS // ORDERS)
        is_cancelled = n in lost and rng.random() < 0.5
        placed = rows.Placed(order_id, buyers[n], on)
        order = rows.order(rng, placed, own, _status(rng, n, is_cancelled))
        is_failed = n in lost and not is_cancelled
        payment = rows.payment(rng, rows.key("PAY", n + 1), order, _paid(rng, n, is_failed))
        if n in faulty:
            spoil(rng, order, payment)
        lines += own
        orders.append(order)
        payments.append(payment)
    return Drop(
        FIRST_DAY + timedelta(days=DAYS),
        {
            "customers": customers,
            "products": products,
            "orders": orders,
            "order_lines": lines,
            "payments": payments,
        },
    )


def spoil(rng: Random, order: Row, payment: Row) -> None:
    """Let an order not add up: its total is not that of its lines, or not what was paid."""
    one, column = rng.choice(((order, "total_amount"), (payment, "payment_amount")))
    one[column] = str(Decimal(one[column]) + rng.randrange(5, 50))


def _not_sales(rng: Random) -> set[int]:
    """Draw the orders that don't count. The first order of each day does, so no day is without."""
    firsts = {-(-day * ORDERS // DAYS) for day in range(DAYS)}
    return set(rng.sample(sorted(set(range(ORDERS)) - firsts), NOT_SALES))


def _buyers(rng: Random, customers: Sequence[str], lost: set[int]) -> list[str]:
    """Say who placed each order, so that BUYERS customers have one that counts."""
    buying = rng.sample(customers, BUYERS)
    others = [one for one in customers if one not in set(buying)]
    due = iter(rng.sample(buying, BUYERS))
    sold = rng.sample(sorted(set(range(ORDERS)) - lost), ORDERS - len(lost))
    who = {n: next(due, None) or rng.choice(buying[: BUYERS // 3]) for n in sold}
    return [who.get(n) or rng.choice(others) for n in range(ORDERS)]


def _line_counts(rng: Random) -> Iterator[int]:
    counts = [rng.randrange(1, 6) for _ in range(ORDERS)]
    while sum(counts) != LINES:
        step = 1 if sum(counts) < LINES else -1
        n = rng.randrange(ORDERS)
        counts[n] = min(max(counts[n] + step, 1), 6)
    yield from counts


def _status(rng: Random, n: int, is_cancelled: bool) -> str:
    if is_cancelled:
        return "CANCELLED"
    if n < 0.9 * ORDERS:
        return "DELIVERED"
    return rng.choice(("SHIPPED", "DELIVERED") if n < 0.96 * ORDERS else ("PLACED", "SHIPPED"))


def _paid(rng: Random, n: int, is_failed: bool) -> str:
    if is_failed:
        return "FAILED"
    return "PENDING" if n > 0.97 * ORDERS and rng.random() < 0.5 else "SUCCESS"
