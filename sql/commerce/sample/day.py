"""The drop of one more day: new rows, rows that have changed, and a few that are faulty."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from . import drops, rows
from .drops import Drop, Row
from .first import spoil

NEXT_STATUS = {"PLACED": "SHIPPED", "SHIPPED": "DELIVERED"}
PRICE_CHANGES = tuple(map(Decimal, ("0.9", "0.95", "1.05", "1.1")))


def next_day(folder: Path, last: date, random_seed: int) -> Drop:
    """Make the drop that follows the last one; its orders are of the day before it."""
    return _Day(folder, last + timedelta(days=1), random_seed).play()


class _Day:
    """One day's work on what all drops before it say."""

    def __init__(self, folder: Path, on: date, random_seed: int) -> None:
        self._date = on
        self._known = {kind: drops.read(folder, kind) for kind in drops.COLUMNS}
        self._people = rows.make_people(random_seed)
        self._rng = Random(f"{random_seed} {on}")

    def play(self) -> Drop:
        customers, products = self._customers(), self._products()
        orders, lines, payments = self._orders(self._now("customers", customers), products)
        made = {
            "customers": customers,
            "products": products,
            "orders": [*self._moved_on(), *orders],
            "order_lines": lines,
            "payments": [*self._settled(), *payments],
        }
        return Drop(self._date, made)

    def _customers(self) -> list[Row]:
        """Some move, some change their segment, some join; one gives no address of an e-mail."""
        changed = []
        for old in self._some("customers", 8):
            new = rows.customer(self._rng, self._people, old["customer_id"])
            kept = ("city", "state", "country") if self._rng.random() < 0.6 else ("segment",)
            changed.append(old | {name: new[name] for name in kept})
        joined = [self._new_customer(n) for n in range(1, 5)]
        faulty = self._new_customer(5, faulty=True) | {"email": "not-an-email"}
        return [*changed, *joined, faulty]

    def _new_customer(self, further: int, *, faulty: bool = False) -> Row:
        key = self._key("CUST", "customers", further, faulty=faulty)
        return rows.customer(self._rng, self._people, key)

    def _products(self) -> list[Row]:
        """Prices change, one product is discontinued, one is new."""
        *repriced, ended = self._some("products", 4)
        for old in repriced:
            price = Decimal(old["unit_price"]) * self._rng.choice(PRICE_CHANGES)
            old["unit_price"] = str(price.quantize(rows.CENT))
        ended["status"] = "DISCONTINUED"
        return [*repriced, ended, rows.product(self._rng, self._key("PROD", "products", 1))]

    def _orders(
        self, customers: Sequence[Row], products: Sequence[Row]
    ) -> tuple[list[Row], list[Row], list[Row]]:
        """Make the orders of the day before, each with its lines and its payment."""
        orders: list[Row] = []
        lines: list[Row] = []
        payments: list[Row] = []
        on, on_offer = self._date - timedelta(days=1), self._now("products", products)
        buyers = [one["customer_id"] for one in customers if "X" not in one["customer_id"]]
        for n in range(1, self._rng.randrange(15, 20)):
            order_id = self._key("ORD", "orders", n, faulty=n == 1)
            own = [
                rows.line(
                    self._rng,
                    self._key("LINE", "order_lines", len(lines) + k + 1),
                    order_id,
                    self._rng.choice(on_offer),
                )
                for k in range(self._rng.randrange(1, 6))
            ]
            placed = rows.Placed(order_id, self._rng.choice(buyers), on)
            order = rows.order(self._rng, placed, own, "PLACED")
            status = self._rng.choices(("SUCCESS", "PENDING", "FAILED"), weights=(80, 15, 5))[0]
            paid = rows.payment(self._rng, self._key("PAY", "payments", n), order, status)
            if n == 1:
                spoil(self._rng, order, paid)
            orders.append(order)
            lines += own
            payments.append(paid)
        lines.append(self._faulty_line(lines[-1], len(lines) + 1))
        return orders, lines, payments

    def _faulty_line(self, like: Row, further: int) -> Row:
        """Return one more line, of a quantity that nobody can buy."""
        key = self._key("LINE", "order_lines", further, faulty=True)
        return like | {"order_line_id": key, "quantity": "-1"}

    def _moved_on(self) -> list[Row]:
        """Let older orders go on: most are shipped or delivered, one is cancelled."""
        open_ones = [one for one in self._known["orders"].values() if one["status"] in NEXT_STATUS]
        *going, cancelled = self._rng.sample(open_ones, min(25, len(open_ones)))
        return [
            *(one | {"status": NEXT_STATUS[one["status"]]} for one in going),
            cancelled | {"status": "CANCELLED"},
        ]

    def _settled(self) -> list[Row]:
        """Let older payments go on: what was pending is paid or fails; what failed is tried again.

        A second try is a payment of its own.
        """
        known = self._known["payments"].values()
        pending = [one for one in known if one["payment_status"] == "PENDING"]
        failed = [one for one in known if one["payment_status"] == "FAILED"]
        again = self._rng.sample(failed, min(2, len(failed)))
        statuses = ("SUCCESS", "SUCCESS", "FAILED")
        return [
            *(one | {"payment_status": self._rng.choice(statuses)} for one in pending),
            *(
                one
                | {
                    "payment_id": self._key("PAY", "payments", 50 + n),
                    "payment_date": (self._date - timedelta(days=1)).isoformat(),
                    "payment_status": "SUCCESS",
                }
                for n, one in enumerate(again)
            ),
        ]

    def _some(self, kind: str, count: int) -> list[Row]:
        """Draw rows of before, as copies; none that is faulty."""
        good = [row for key, row in self._known[kind].items() if "X" not in key]
        return [dict(row) for row in self._rng.sample(good, count)]

    def _now(self, kind: str, changed: Sequence[Row]) -> list[Row]:
        """Return all rows of a kind, as the day leaves them."""
        key = drops.COLUMNS[kind][0]
        return [*(self._known[kind] | {row[key]: row for row in changed}).values()]

    def _key(self, prefix: str, kind: str, further: int, *, faulty: bool = False) -> str:
        """Return the id that lies so far behind the highest one of a kind."""
        highest = max(map(rows.number, self._known[kind]))
        return rows.key(prefix, highest + further, faulty=faulty)
