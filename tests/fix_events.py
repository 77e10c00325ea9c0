"""The events area in a project of its own, and files of events for it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.fix_files import Dropped, of_the_house
from tidemark.model import ServerName

Event = dict[str, Any]

MARTS = (
    """
    select customer_id, email, first_name, last_name, country, valid_from, valid_to
    from events.dim_customers where customer_key <> 0 order by customer_id, valid_from
    """,
    """
    select order_id, ordered_at, order_status, is_fulfilled, o.customer_id, session_id, channel,
        device, currency, total_amount, tax, shipping, item_count, items_amount, placed_at,
        fulfilled_at, cancelled_at, refunded_at, updated_at, event_count, d.email
    from events.fct_orders as o inner join events.dim_customers as d using (customer_key)
    order by order_id
    """,
    """
    select order_id, product_id, ordered_at, order_status, product_name, category, quantity,
        unit_price, line_item_revenue
    from events.fct_order_items order by order_id, product_id
    """,
    """
    select order_id, order_date, order_status, customer_email, customer_name, customer_country,
        total_amount
    from events.analytics_orders order by order_id
    """,
    """
    select order_id, product_id, ordered_at, order_status, product_name, category, quantity,
        unit_price, line_item_revenue, customer_country
    from events.analytics_order_items order by order_id, product_id
    """,
    """
    select customer_id, orders_placed, total_orders, total_spent, first_order_date,
        last_order_date, items_bought, favorite_category
    from events.analytics_customer_summary order by customer_id
    """,
)
"""What analysts see, without keys and batches."""


def event(event_id: str | None, at: str, event_type: str = "page_view", **said: Any) -> Event:
    """Make an event; `at` is a time of 2025-11-01, or a whole one."""
    time = at if "T" in at else f"2025-11-01T{at}Z"
    return {"event_id": event_id, "event_timestamp": time, "event_type": event_type, **said}


def item(product: str, price: object = 10, quantity: object = 1, category: str = "books") -> Event:
    return {
        "product": {"id": product, "name": product.upper(), "category": category, "price": price},
        "quantity": quantity,
    }


def order(
    event_id: str,
    at: str,
    status: str = "placed",
    *items: Event,
    order_id: str = "o1",
    customer: str | None = "c1",
    **said: Any,
) -> Event:
    """Make an event of an order; `said` is of the order."""
    told = {"order_id": order_id, "status": status, "currency": "EUR", **said}
    if items:
        told["items"] = list(items)
    who = {"customer": {"customer_id": customer, "email": f"{customer}@example.com"}}
    return event(event_id, at, f"order_{status}", order=told, **(who if customer else {}))


class Shop(Dropped):
    """The area, migrated. A test drops files of events."""

    def events(self, *events: Event | str, path: str = "2025/11/01/10/events_001") -> None:
        """Drop a file; a text is a line as it is."""
        lines = [one if isinstance(one, str) else json.dumps(one) for one in events]
        content = gzip.compress("\n".join([*lines, ""]).encode(), mtime=0)
        self.drop(f"events/raw-events/{path}.json.gz", content)

    def dwh(self, query: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows("dwh", query)

    def stg(self, query: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows("stg", query)

    def marts(self) -> list[list[tuple[Any, ...]]]:
        """What analysts see."""
        return [self.dwh(query) for query in MARTS]

    def rejects(self) -> list[tuple[Any, ...]]:
        """File, line and reasons of open rejects."""
        return self.stg(
            "select coalesce(key ->> '_file', item), coalesce(key ->> '_line', key ->> 'line'), "
            "reasons from stg_rejects where resolved_at is null order by 1, 2"
        )


Shops = Callable[[str], Shop]


@pytest.fixture
def shops(platforms: dict[ServerName, str], tmp_path: Path) -> Iterator[Shops]:
    """Make the area in a project and in databases of the name that is given."""
    with ExitStack() as stack:

        def make(name: str) -> Shop:
            return Shop(*stack.enter_context(of_the_house(platforms, tmp_path / name, "events")))

        yield make


@pytest.fixture
def events_shop(shops: Shops) -> Shop:
    """The area, migrated; nothing is dropped yet."""
    return shops("events_shop")
