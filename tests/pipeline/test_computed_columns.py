"""Columns of the star that no entity fills: PostgreSQL computes or counts them."""

from __future__ import annotations

from tests.fix_areas import Dimension, Fact, Make
from tidemark.trust import rebuild

JAN, FEB, MAR = "2025-01-01Z", "2025-02-01Z", "2025-03-01Z"
THINGS = Dimension({"k": "int", "a": "text", "updated_at": "timestamptz"}, ("k",))
EVENTS = Fact(
    {"id": "int", "k": "int", "a": "text", "at": "timestamptz"},
    ("id",),
    "at",
    {"thing_key": "things"},
)
COMPUTED = """
    add upper_a text not null generated always as (coalesce(upper(a), '')) stored,
    add lower_a text not null generated always as (coalesce(lower(a), '')) virtual,
    add number bigint generated always as identity,
    add seven int not null default 7
"""


def test_a_star_may_have_columns_that_postgresql_computes(made: Make):
    area = made(THINGS, EVENTS)
    for table in ("dim_things", "fact_events"):
        area.warehouse.execute("dwh", f"alter table {table} {COMPUTED}")
    area.put(THINGS, (1, "Old", JAN), (2, "Two", JAN))
    area.put(EVENTS, (1, 1, "One", FEB), (2, 7, "Two", MAR))
    area.run()
    area.change(THINGS, "a = 'New', updated_at = now()", where="k = 1")
    area.change(EVENTS, "a = 'New'", where="id = 1")
    area.run()
    assert area.differences() == []
    lost = "delete from dim_things where k = 2; delete from fact_events where id = 2"
    area.warehouse.execute("dwh", lost)

    rebuild.run(area.servers, area.area)

    query = "select a, upper_a, lower_a, seven from {} where a is not null order by a"
    expected = [(a, a.upper(), a.lower(), 7) for a in ("New", "Old", "Two")]
    assert area.warehouse.rows("dwh", query.format("dim_things")) == expected
    expected = [(a, a.upper(), a.lower(), 7) for a in ("New", "Two")]
    assert area.warehouse.rows("dwh", query.format("fact_events")) == expected
    assert area.differences() == []
