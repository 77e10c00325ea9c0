"""One more business day of the sample application: what a warehouse meets in real life."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from random import Random
from typing import Any

import sqlalchemy as sa

from . import rows, store
from .history import Progress
from .rows import Chunk, Rules

Values = Mapping[str, Any]
"""Column name -> value."""

AT_LEAST = 3
"""Rows that a step touches however small the table is, if it has as many."""
ON_OFFER = 5_000
"""Customers and products, at most, that the day's sales are spread over."""

NEXT_SEGMENT = dict(pairwise(rows.SEGMENTS))
NEXT_STATUS = {"pending": "completed", "completed": "returned"}
PRICE_CHANGES = tuple(map(Decimal, ("0.8", "0.9", "0.95", "1.05", "1.1", "1.25")))


class Day:
    """A day's work in the caller's transaction; `updated_at` is left to defaults and triggers.

    What is done follows from the random seed and from what is in the tables. The newest sale is
    part of the seed, so the next day differs from this one.
    """

    def __init__(
        self,
        connection: sa.Connection,
        tables: Sequence[sa.Table],
        until: datetime,
        *,
        random_seed: int,
        dirty: float,
    ) -> None:
        self._connection = connection
        self._customers, self._products, self._sales = tables
        self._until = until
        self._dirty = dirty
        self._people = rows.make_people(random_seed)
        self._newest = {table.name: store.newest(connection, table) for table in tables}
        self._rng = Random(f"{random_seed} {self._newest['sales']}")
        self._movers: list[int] = []

    def play(self, progress: Progress) -> dict[str, int]:
        """Play every step; return the number of rows that each of them touched."""
        steps: dict[str, Callable[[], int]] = {
            "customers added": self._add_customers,
            "products added": self._add_products,
            "customers moved": self._move,
            "customers upgraded": self._upgrade,
            "contacts edited": self._edit_contacts,
            "prices changed": self._change_prices,
            "products regrouped": self._regroup,
            "products renamed": self._rename,
            "customers corrected": self._correct_customers,
            "products corrected": self._correct_products,
            "sales corrected": self._correct_sales,
            "sales amended": self._amend,
            "sales moved in time": self._move_in_time,
            "sales added": self._add_sales,
            "sales backdated": self._add_backdated_sales,
        }
        counts = {}
        for done, (label, step) in enumerate(steps.items(), start=1):
            counts[label] = step()
            progress("business day", done, len(steps))
        return counts

    def _add_customers(self) -> int:
        made = rows.customers(self._rng, self._people, self._some(self._customers, 0.001))
        return self._add(self._customers, made, rows.BROKEN_CUSTOMERS)

    def _add_products(self) -> int:
        made = rows.products(self._rng, self._people, self._some(self._products, 0.001))
        return self._add(self._products, made, rows.BROKEN_PRODUCTS)

    def _move(self) -> int:
        def moved(customer: sa.Row[Any]) -> Values:
            self._movers.append(customer.customer_id)
            return _only(rows.customer(self._rng, self._people), "city", "country")

        return self._change(self._customers, 0.005, moved)

    def _upgrade(self) -> int:
        return self._change(
            self._customers,
            0.0025,
            lambda customer: {"segment": NEXT_SEGMENT[customer.segment]},
            where=self._customers.c.segment.in_(list(NEXT_SEGMENT)),
        )

    def _edit_contacts(self) -> int:
        def edited(customer: sa.Row[Any]) -> Values:
            new = rows.customer(self._rng, self._people)
            contact = self._rng.choice(("name", "email", "phone"))
            return {**_only(customer._mapping, "name", "email", "phone"), contact: new[contact]}

        return self._change(self._customers, 0.0025, edited)

    def _change_prices(self) -> int:
        def repriced(product: sa.Row[Any]) -> Values:
            price = product.unit_price * self._rng.choice(PRICE_CHANGES)
            return {"unit_price": price.quantize(Decimal("0.01"))}

        where = self._products.c.unit_price > 0
        return self._change(self._products, 0.02, repriced, where=where)

    def _regroup(self) -> int:
        def regrouped(product: sa.Row[Any]) -> Values:
            others = [group for group in rows.GROUPS if group != product.product_group]
            return {"product_group": self._rng.choice(others)}

        return self._change(self._products, 0.005, regrouped)

    def _rename(self) -> int:
        def renamed(_: sa.Row[Any]) -> Values:
            return _only(rows.product(self._rng, self._people), "name")

        return self._change(self._products, 0.005, renamed)

    def _correct_customers(self) -> int:
        return self._correct(
            self._customers,
            rows.BROKEN_CUSTOMERS,
            lambda: rows.customer(self._rng, self._people),
        )

    def _correct_products(self) -> int:
        return self._correct(
            self._products,
            rows.BROKEN_PRODUCTS,
            lambda: rows.product(self._rng, self._people),
        )

    def _correct_sales(self) -> int:
        def corrected() -> Values:
            return {column: values[0] for column, values in self._make_sales(1).items()}

        return self._correct(self._sales, rows.BROKEN_SALES, corrected)

    def _amend(self) -> int:
        def amended(sale: sa.Row[Any]) -> Values:
            old = _only(sale._mapping, "quantity", "discount", "status")
            match self._rng.choice(tuple(old)):
                case "quantity":
                    return {**old, "quantity": sale.quantity + self._rng.randrange(1, 4)}
                case "discount":
                    return {**old, "discount": "0.25" if sale.discount < Decimal("0.2") else "0.1"}
                case _:
                    return {**old, "status": NEXT_STATUS.get(sale.status, "completed")}

        where = sa.and_(self._sales.c.quantity > 0, self._sales.c.discount.between(0, 1))
        return self._change(self._sales, 0.001, amended, where=where)

    def _move_in_time(self) -> int:
        def moved(sale: sa.Row[Any]) -> Values:
            earlier = timedelta(days=self._rng.randrange(1, 60))
            return {"transaction_timestamp": sale.transaction_timestamp - earlier}

        where = self._sales.c.transaction_timestamp < self._until
        return self._change(self._sales, 0.0002, moved, where=where)

    def _add_sales(self) -> int:
        made = self._make_sales(self._some(self._sales, 0.009))
        # Who moved today buys from the new address: the newest sales are theirs.
        for back, mover in enumerate(self._movers[: len(made["customer_id"])], start=1):
            made["customer_id"][-back] = str(mover)
            made["transaction_timestamp"][-back] = str(self._until)
        return self._add(self._sales, made, rows.BROKEN_SALES)

    def _add_backdated_sales(self) -> int:
        made = self._make_sales(self._some(self._sales, 0.001), oldest=300)
        return self._add(self._sales, made, rows.BROKEN_SALES)

    def _make_sales(self, count: int, *, oldest: int = 0) -> Chunk:
        """Make sales of the last ten hours, or of as many hours up to `oldest` days before."""
        buyers, products, prices = self._on_offer
        made = rows.sales(self._rng, buyers, products, prices, count)
        ages = sorted(
            timedelta(
                days=self._rng.randint(min(1, oldest), oldest),
                minutes=self._rng.randrange(1, 600),
            )
            for _ in range(count)
        )
        return {**made, "transaction_timestamp": [str(self._until - age) for age in reversed(ages)]}

    @cached_property
    def _on_offer(self) -> tuple[list[int], list[int], list[str]]:
        """Customers, those of today first, products and the prices of the products."""
        key = self._customers.c.customer_id
        today = sa.select(key).where(key > self._newest["customers"]).order_by(key)
        buyers = [*self._connection.scalars(today)]
        buyers += [row.customer_id for row in self._pick(self._customers, ON_OFFER)]
        products = self._pick(self._products, ON_OFFER)
        # Where the product's price is broken, the sale's still is good.
        prices = [f"{abs(row.unit_price or 0):.2f}" for row in products]
        return buyers, [row.product_id for row in products], prices

    def _some(self, table: sa.Table, share: float) -> int:
        """Return how many rows a share of the table is; its newest id tells how large it is."""
        return max(AT_LEAST, round(share * self._newest[table.name]))

    def _pick(
        self, table: sa.Table, count: int, where: sa.ColumnElement[bool] | None = None
    ) -> Sequence[sa.Row[Any]]:
        """Draw rows that were there before the day, in an order that the random seed decides."""
        key = store.key(table)
        draw = sa.func.hashint8extended(key, self._rng.getrandbits(62))
        found = sa.select(table).where(key <= self._newest[table.name])
        if where is not None:
            found = found.where(where)
        return self._connection.execute(found.order_by(draw, key).limit(count)).all()

    def _change(
        self,
        table: sa.Table,
        share: float,
        change: Callable[[sa.Row[Any]], Values],
        *,
        where: sa.ColumnElement[bool] | None = None,
    ) -> int:
        """Overwrite what `change` returns, always the same columns, in a share of the rows."""
        key = store.key(table).name
        picked = self._pick(table, self._some(table, share), where)
        changed = [{key: row._mapping[key], **change(row)} for row in picked]
        return store.overwrite(self._connection, table, changed)

    def _correct(self, table: sa.Table, rules: Rules, make: Callable[[], Values]) -> int:
        """Give rows that `rows.spoil` broke a good value in every broken column."""
        broken = {name: _is_broken(table.c[name], values) for name, values in rules.items()}
        key = store.key(table).name
        picked = self._pick(table, self._some(table, 0.001), sa.or_(*broken.values()))
        good = [{key: row._mapping[key], **_only(make(), *rules)} for row in picked]
        return store.overwrite(self._connection, table, good, only=broken)

    def _add(self, table: sa.Table, made: Chunk, rules: Rules) -> int:
        return store.copy(
            self._connection, table, [rows.spoil(self._rng, made, rules, self._dirty)]
        )


def _only(values: Mapping[Any, Any], *columns: str) -> dict[str, Any]:
    return {column: values[column] for column in columns}


def _is_broken(column: sa.Column[Any], values: Sequence[str]) -> sa.ColumnElement[bool]:
    listed = [sa.cast(value, column.type) for value in values if value != rows.NULL]
    return sa.or_(column.is_(None), column.in_(listed))
