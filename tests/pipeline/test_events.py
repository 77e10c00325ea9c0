"""The events area: what becomes of events, whenever and however they come."""

from __future__ import annotations

from tests.fix_events import Shop, item, order

ADA = {"customer_id": "c1", "email": "ada@example.com", "first_name": "Ada", "country": "NL"}


def test_an_order_is_one_row_with_its_last_state_and_the_times_of_all(events_shop: Shop):
    shop = events_shop
    shop.events(
        order("e3", "12:00:00", "refunded"),
        order("e1", "10:00:00", "placed", item("p1", 10, 2), item("p2"), total_amount=30),
        order("e2", "11:00:00", "fulfilled", item("p1", 10, 2)),
    )
    shop.run()
    assert shop.dwh(
        "select order_id, order_status, is_fulfilled, placed_at::text, fulfilled_at::text, "
        "refunded_at::text, cancelled_at, total_amount::int, item_count, items_amount::int, "
        "event_count from events.fct_orders"
    ) == [
        (
            "o1",
            "refunded",
            False,
            "2025-11-01 10:00:00+00",
            "2025-11-01 11:00:00+00",
            "2025-11-01 12:00:00+00",
            None,
            30,
            2,
            20,
            3,
        )
    ]
    assert shop.dwh(
        "select product_id, quantity, unit_price::int, line_item_revenue::int "
        "from events.fct_order_items"
    ) == [("p1", 2, 10, 20)]
    assert shop.differences() == []
