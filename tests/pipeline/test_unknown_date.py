"""A fact without a date points at the unknown date, or has a null key if its column may be null."""

from __future__ import annotations

from dataclasses import replace

from tests.fix_areas import Fact, Make

EVENTS = Fact(
    {"event": "integer", "ordered": "date", "sent": "date", "at": "timestamptz"},
    key=("event",),
    event_time="at",
    dates={"ordered_key": "ordered", "sent_key": "sent"},
)
KEYS = "select event, ordered_key, sent_key from fact_events order by 1"
JOINED = """
    select f.event, d.full_date::text
    from fact_events as f join dwh_dim_date as d on f.ordered_key = d.date_key order by 1
"""


def test_an_inner_join_loses_no_fact_without_a_date(made: Make):
    area = made(EVENTS)
    area.warehouse.execute("dwh", "alter table fact_events alter ordered_key set not null")
    area.put(EVENTS, (1, "2025-02-03", "2025-02-04", "2025-02-03Z"), (2, None, None, "2025-02-03Z"))
    area.run()
    assert area.warehouse.rows("dwh", KEYS) == [(1, 20250203, 20250204), (2, 0, None)]
    assert area.warehouse.rows("dwh", JOINED) == [(1, "2025-02-03"), (2, None)]
    assert area.differences() == []
    area.change(EVENTS, "ordered = sent, sent = ordered")
    area.change(EVENTS, "ordered = null, sent = null", where="event = 1")
    area.run()
    assert area.warehouse.rows("dwh", KEYS) == [(1, 0, None), (2, 0, None)]
    assert area.differences() == []


def test_a_key_column_that_may_be_null_from_now_on_is_null(made: Make):
    area = made(EVENTS)
    area.warehouse.execute("dwh", "alter table fact_events alter ordered_key set not null")
    area.put(EVENTS, (1, None, None, "2025-02-03Z"))
    area.run()
    area.warehouse.execute("dwh", "alter table fact_events alter ordered_key drop not null")
    area.run()
    assert area.warehouse.rows("dwh", KEYS) == [(1, None, None)]
    assert area.differences() == []


def test_a_fact_may_have_no_date_at_all(made: Make):
    area = made(replace(EVENTS, dates={"ordered_key": "ordered"}))
    area.put(EVENTS, (1, None, None, "2025-02-03Z"))
    area.run()
    days = "select date_key from dwh_dim_date"
    assert area.warehouse.rows("dwh", days) == [(0,)]
