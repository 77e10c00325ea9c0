"""The events area: what becomes of events, whenever and however they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.fix_events import Event, Shop, event, item, order

ADA = {"customer_id": "c1", "email": "ada@example.com", "first_name": "Ada", "country": "NL"}
VERSIONS = """
    select email, country, valid_from::text, is_current from events.dim_customers
    where customer_id = 'c1' order by valid_from
"""
SUMMARY = """
    select total_orders, total_spent::int, last_order_date::text, favorite_category,
        frequency, monetary, customer_segment
    from events.analytics_customer_summary where customer_id = 'c1'
"""


def test_an_order_is_one_row_with_its_last_state_and_the_times_of_all(events_shop: Shop):
    shop = events_shop
    shop.events(
        order("e3", "12:00:00", "refunded"),
        order("e1", "10:00:00", "placed", item("p1", 10, 2), item("p2"), total_amount=30),
        order("e2", "11:00:00", "fulfilled", item("p1", 10, 2)),
    )
    shop.run()
    times = [f"2025-11-01 {hour}:00:00+00" for hour in (10, 11, 12)]
    assert shop.dwh(
        "select order_id, order_status, is_fulfilled, placed_at::text, fulfilled_at::text, "
        "refunded_at::text, cancelled_at, total_amount::int, item_count, items_amount::int, "
        "event_count from events.fct_orders"
    ) == [("o1", "refunded", False, *times, None, 30, 2, 20, 3)]
    # The last event that has items lacks p2, so that went.
    assert shop.dwh(
        "select product_id, quantity, unit_price::int, line_item_revenue::int "
        "from events.fct_order_items"
    ) == [("p1", 2, 10, 20)]
    assert shop.differences() == []


def test_a_late_event_moves_what_it_has_to_and_nothing_else(events_shop: Shop):
    shop = events_shop
    shop.events(
        order("e2", "11:00:00", "fulfilled", item("p1"), total_amount=10),
        order("f1", "11:00:00", "placed", item("p1"), order_id="o2", customer="c2"),
    )
    shop.run()
    touched = "select order_id, _batch_id from events.fct_orders order by 1"
    assert shop.dwh(touched) == [("o1", 1), ("o2", 1)]
    late = order("e1", "2025-09-30T10:00:00Z", "placed", item("p9"))
    shop.events(late, path="2025/09/30/10/late_002")
    shop.run()
    assert shop.dwh(touched) == [("o1", 2), ("o2", 1)]
    assert shop.dwh("select ordered_at::text, order_status from events.fct_orders order by 1") == [
        ("2025-09-30 10:00:00+00", "fulfilled"),
        ("2025-11-01 11:00:00+00", "placed"),
    ]
    assert shop.dwh("select order_date::text from events.analytics_orders order by 1") == [
        ("2025-09-30",),
        ("2025-11-01",),
    ]
    assert shop.differences() == []


def test_of_the_contents_of_an_event_the_greatest_place_counts_whenever_it_came(
    events_shop: Shop,
):
    shop = events_shop
    first, last = (event("e1", "10:00:00", customer={**ADA, "country": at}) for at in ("NL", "BE"))
    shop.events(last, path="2025/11/03/10/b")
    shop.run()
    shop.events(first, path="2025/11/02/10/a")
    shop.run()
    counts = "select country, source_file from events.stg_events"
    assert shop.stg(counts) == [("BE", "raw-events/2025/11/03/10/b.json.gz")]
    shop.events(first, first, path="2025/11/03/11/a")
    shop.run()
    assert shop.stg(counts) == [("NL", "raw-events/2025/11/03/11/a.json.gz")]
    kept = "select count(*), count(distinct event_data) from events.raw_events"
    assert shop.warehouse.rows("mrr", kept) == [(4, 2)]
    assert shop.differences() == []


def test_a_changed_address_is_history_of_one_customer(events_shop: Shop):
    shop = events_shop
    moved = {"customer_id": "c1", "email": "ada@example.org"}
    shop.events(event("e1", "10:00:00", customer=ADA), event("e3", "12:00:00", customer=moved))
    shop.run()
    noon = "2025-11-01 12:00:00+00"
    assert shop.dwh(VERSIONS) == [
        ("ada@example.com", "NL", "1900-01-01 00:00:00+00", False),
        ("ada@example.org", "NL", noon, True),
    ]
    # Told late: the country was another one in between, and what says nothing of it keeps it.
    shop.events(event("e2", "11:00:00", customer={**ADA, "country": "BE"}), path="2025/11/02/00/x")
    shop.run()
    assert shop.dwh(VERSIONS) == [
        ("ada@example.com", "NL", "1900-01-01 00:00:00+00", False),
        ("ada@example.com", "BE", "2025-11-01 11:00:00+00", False),
        ("ada@example.org", "BE", noon, True),
    ]
    assert shop.differences() == []


LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
WRONG: dict[str, tuple[Event | str, list[str]]] = {
    "broken": ('{"event_id": "e', []),
    "no object": ("[1]", ["the line is no object", "event_id is missing"]),
    "no id": (event(None, "10:00:00"), ["event_id is missing"]),
    "blank id": (event(" ", "10:00:00"), ["event_id is missing"]),
    "no time": (event("e1", "2025-11-41T10:00:00Z"), ["event_timestamp is not a time"]),
    "future": (event("e1", LATER), ["event_timestamp is in the future"]),
    "far future": (event("e1", "2199-01-01T00:00:00Z"), ["event_timestamp is in the future"]),
    "amount": (order("e1", "10:00:00", total_amount="ten"), ["total_amount is not an amount"]),
    "thirds": (order("e1", "10:00:00", total_amount=0.333), ["total_amount is not an amount"]),
    "negative": (order("e1", "10:00:00", tax=-1), ["tax is negative"]),
    "quantity": (
        order("e1", "10:00:00", "placed", item("p1", 1, 0), item("p1", "x")),
        ["a price is not an amount", "a quantity is not a positive whole number"],
    ),
    "product": (order("e1", "10:00:00", "placed", item(" ")), ["a product has no id"]),
    "items": (order("e1", "10:00:00", items={"p1": 1}), ["items is no list"]),
    "customer": (event("e1", "10:00:00", customer="c1"), ["customer is no object"]),
    "order": (event("e1", "10:00:00", "order_placed"), ["order_id is missing"]),
    "long id": (order("e" * 3000, "10:00:00"), ["an id has more than 200 characters"]),
    "long customer": (
        event("e1", "10:00:00", customer={"customer_id": "c" * 201}),
        ["an id has more than 200 characters"],
    ),
    "long product": (
        order("e1", "10:00:00", "placed", item("p" * 3000)),
        ["the id of a product has more than 200 characters"],
    ),
}


def test_a_wrong_event_is_a_reject_with_its_reasons_and_moves_nothing(events_shop: Shop):
    for fault, (line, _) in WRONG.items():
        good = event(f"good {fault}", "10:00:00", customer=ADA)
        events_shop.events(good, line, path=f"2025/11/01/10/{fault}")
    events_shop.run()
    rejects = {path: (int(number), told) for path, number, told in events_shop.rejects()}
    assert len(events_shop.rejects()) == len(WRONG)
    for fault, (_, reasons) in WRONG.items():
        number, told = rejects[f"raw-events/2025/11/01/10/{fault}.json.gz"]
        assert (number, fault == "broken" or {*reasons} <= {*told}) == (2, True), fault
    staged = "select event_id from events.stg_events order by 1"
    fine = [(f"good {fault}",) for fault in sorted(WRONG)]
    assert events_shop.stg(staged) == fine
    events_shop.events(event("next", "11:00:00"), path="2025/11/01/11/a")
    events_shop.run()
    assert events_shop.stg(staged) == [*fine, ("next",)]
    assert events_shop.differences() == []


def test_a_reject_is_resolved_when_its_file_comes_again_without_it(events_shop: Shop):
    shop = events_shop
    shop.events(order("e1", "10:00:00", total_amount="ten"), event("e2", "10:00:00"))
    shop.run()
    assert [reasons for *_, reasons in shop.rejects()] == [["total_amount is not an amount"]]
    shop.events(order("e1", "10:00:00", total_amount=10), event("e2", "10:00:00"))
    shop.run()
    assert shop.rejects() == []
    assert shop.dwh("select total_amount::int from events.fct_orders") == [(10,)]
    assert shop.differences() == []


def test_sessions_tell_how_long_they_took_and_whether_they_ended_in_an_order(events_shop: Shop):
    shop = events_shop
    at: Event = {"session_id": "s1", "session": {"channel": "web", "device": "phone"}}
    shop.events(
        event("e1", "10:00:00", **at),
        event("e2", "10:01:30", "add_to_cart", **at),
        event("e3", "10:00:00", session_id="s2"),
    )
    shop.run()
    told = (
        "select session_id, duration_seconds::int, event_count, has_cart, is_converted, "
        "customer_id, device from events.int_session_events order by 1"
    )
    looked = ("s2", 0, 1, False, False, None, None)
    assert shop.stg(told) == [("s1", 90, 2, True, False, None, "phone"), looked]
    shop.events({**order("e4", "10:02:00"), **at}, path="2025/11/04/00/late")
    shop.run()
    assert shop.stg(told) == [("s1", 120, 3, True, True, "c1", "phone"), looked]
    assert shop.differences() == []


def bought(count: int, *, total: int, of: str = "books") -> list[Event]:
    return [
        order(
            f"e{of}{number}",
            f"{10 + number:02}:00:00",
            "fulfilled",
            item("p", total, 1, of),
            order_id=f"{of}{number}",
            total_amount=total,
        )
        for number in range(count)
    ]


def test_customers_are_rated_by_what_they_have_bought(events_shop: Shop):
    shop = events_shop
    shop.events(*bought(5, total=100), *bought(1, total=900, of="toys"))
    shop.run()
    assert shop.dwh(SUMMARY) == [
        (6, 1400, "2025-11-01", "books", "medium", "high", "Loyal"),
    ]
    shop.events(order("back", "23:00:00", "refunded", order_id="toys0"), path="2025/11/02/00/a")
    shop.run()
    assert shop.dwh(SUMMARY) == [(5, 500, "2025-11-01", "books", "medium", "medium", "Loyal")]
    rated = "select days_since_last_order, recency, customer_activity_status from {}('{}')"
    for date, told in (
        ("2025-12-01", (30, "high", "active")),
        ("2025-12-02", (31, "medium", "inactive")),
        ("2026-01-31", (91, "low", "inactive")),
        ("2025-10-31", (None, "low", "inactive")),
    ):
        assert shop.dwh(rated.format("events.fn_customer_summary", date)) == [told]
    history = "select total_orders, total_spent::int from events.int_customer_purchase_history"
    assert shop.dwh(history) == [(5, 500)]
