"""Aggregates: tables that follow their facts, grain by grain."""

from __future__ import annotations

from tests.fix_aggregates import EVENTS, THINGS, shop
from tests.fix_areas import Make
from tidemark.batch import pipeline
from tidemark.model import Overrides
from tidemark.trust import verify

JAN, FEB = "2025-01-01 12:00Z", "2025-02-01 12:00Z"


def test_aggregates_follow_facts_and_what_they_point_at(made: Make):
    area = shop(made)
    area.put(THINGS, (1, "lamp", "Lux", "Ada", JAN), (2, "desk", "Top", None, JAN))
    area.put(EVENTS, (1, 1, 10, JAN), (2, 2, 20, JAN), (3, 2, 30, FEB), (4, 9, 40, FEB))
    area.run()
    days = "select day::text, sold, amount from by_day order by 1"
    kinds = "select kind, maker, sold, amount from by_kind order by 1, 2"
    things = "select id, name, sold from by_thing order by 1"
    assert area.warehouse.rows("dwh", days) == [("2025-01-01", 2, 30), ("2025-02-01", 2, 70)]
    assert area.warehouse.rows("dwh", kinds) == [
        ("desk", None, 2, 50), ("lamp", "Ada", 1, 10), (None, None, 1, 40)
    ]  # fmt: skip
    assert area.warehouse.rows("dwh", things) == [(1, "Lux", 1), (2, "Top", 2), (9, None, 1)]

    area.change(EVENTS, "at = %s", [FEB], "no = 1")
    area.change(THINGS, "maker = 'Bob', updated_at = now()", (), "id = 2")
    area.delete(EVENTS, "no = %s", [4])
    area.run()
    assert area.warehouse.rows("dwh", days) == [("2025-01-01", 1, 20), ("2025-02-01", 2, 40)]
    assert area.warehouse.rows("dwh", kinds) == [("desk", "Bob", 2, 50), ("lamp", "Ada", 1, 10)]
    assert area.warehouse.rows("dwh", things) == [(1, "Lux", 1), (2, "Top", 2)]


def test_verify_names_the_grain_that_differs_and_mends_it(made: Make):
    area = shop(made)
    area.put(THINGS, (1, "lamp", "Lux", "Ada", JAN))
    area.put(EVENTS, (1, 1, 10, JAN), (2, 9, 20, FEB))
    area.run()
    assert area.differences() == []
    damage = "update by_day set amount = 7 where sold = 1; delete from by_kind where kind is null"
    area.warehouse.execute("dwh", damage)
    found = verify.run(area.servers, area.area)
    assert [*found.lines()] == [
        "by_day 2025-01-01 differs in dwh: amount",
        "by_day 2025-02-01 differs in dwh: amount",
        "by_kind null, null is missing in dwh",
    ]
    pipeline.run(area.servers, area.area, overrides=Overrides(repair=found.repair()))
    assert area.differences() == []
