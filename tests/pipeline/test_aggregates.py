"""Aggregates: tables that follow their facts, grain by grain."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.fix_aggregates import BY_DAY, DECLARED, EVENTS, SELECTS, THINGS, declare, shop
from tests.fix_areas import Made, Make
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.errors import ContractError
from tidemark.install import migrate, reset
from tidemark.model import LAYERS, Overrides
from tidemark.observe import status
from tidemark.postgres import worktable
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


def test_many_facts_are_summed_up_in_a_table_that_is_dropped(
    made: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worktable, "FEW", -1)
    area = shop(made)
    area.put(THINGS, (1, "lamp", "Lux", "Ada", JAN))
    for amount in (10, 20):
        area.put(EVENTS, (amount, 1, amount, JAN), (amount + 1, 1, amount, FEB))
        area.run()
        assert area.differences() == []
    days = "select day::text, sold, amount from by_day order by 1"
    assert area.warehouse.rows("dwh", days) == [("2025-01-01", 2, 30), ("2025-02-01", 2, 30)]
    left = "select relname from pg_class where relname like %(name)s"
    assert area.warehouse.rows("dwh", left, {"name": "%.evaluated"}) == []


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


def test_only_touched_grains_are_written(made: Make):
    area = shop(made)
    area.put(THINGS, (1, "lamp", "Lux", "Ada", JAN), (2, "desk", "Top", "Bob", JAN))
    area.put(EVENTS, (1, 1, 10, JAN), (2, 2, 20, FEB))
    area.run()
    before = kept(area)
    area.change(EVENTS, "amount = 11", (), "no = 1")
    area.run()
    after = kept(area)
    assert [key for key in before if before[key] != after[key]] == [
        ("by_day", "2025-01-01"), ("by_kind", "lamp"), ("by_thing", "1")
    ]  # fmt: skip
    area.change(THINGS, "name = 'Oak', updated_at = now()", (), "id = 2")
    area.run()
    assert [key for key in before if kept(area)[key] != after[key]] == [("by_thing", "2")]


def test_new_facts_are_not_looked_for_and_touched_grains_are_counted(made: Make):
    area = shop(made)
    area.put(THINGS, (1, "lamp", "Lux", "Ada", JAN))
    area.put(EVENTS, *((no, 1, no, at) for no, at in enumerate((JAN, JAN, FEB))))
    area.run()
    area.put(EVENTS, (7, 1, 7, JAN), (8, 1, 8, JAN))
    area.change(EVENTS, "amount = 9", (), "no = 0")
    area.run()
    noted = 'select count(*) from landing."events.changed" where _is_sought'
    counted = "select reltuples from pg_class where relname like %(name)s order by relname"
    assert area.warehouse.rows("dwh", noted) == [(0,)]
    assert area.warehouse.rows("dwh", counted, {"name": "by_%.touched"}) == [(1,), (1,), (1,)]


def test_a_grain_may_read_a_column_that_postgresql_computes(made: Make):
    area = made(THINGS, EVENTS)
    area.warehouse.execute(
        "dwh",
        "alter table fact_events add column is_large boolean "
        "generated always as (amount > 15) stored",
    )
    select = """
    select g.is_large, count(*) as sold, max(e.amount) as most
    from {touched} as g inner join fact_events as e on g.is_large = e.is_large
    group by g.is_large
    """
    grain = {"by_size": {"grain": {"events": {"is_large": "events.is_large"}}}}
    area = declare(area, grain, {"by_size": select})
    for amounts in ((10, 20), (30, 20), (30, 5)):
        for no, amount in enumerate(amounts):
            area.delete(EVENTS, "no = %s", [no])
            area.put(EVENTS, (no, 1, amount, JAN))
        area.run()
        assert area.differences() == []
    sizes = "select is_large, sold, most from by_size order by 1"
    assert area.warehouse.rows("dwh", sizes) == [(False, 1, 5), (True, 1, 30)]


def kept(area: Made) -> dict[tuple[str, str], str]:
    """Return which transaction has written each grain."""
    grains = {"by_day": "day", "by_kind": "kind", "by_thing": "id"}
    query = " union all ".join(
        f"select '{name}', {grain}::text, xmin::text from {name}" for name, grain in grains.items()
    )
    return {(name, grain): xmin for name, grain, xmin in area.warehouse.rows("dwh", query)}


def test_an_edited_select_is_computed_anew_by_the_next_publish(made: Make):
    area = shop(made)
    area.put(EVENTS, (1, 9, 10, JAN))
    area.run()
    edited = BY_DAY.replace("sum(e.amount)", "-sum(e.amount)")
    area = declare(area, DECLARED, {"by_day": edited})
    assert [one.is_due for one in summed(area)] == [True, False, False]
    area.run()
    assert area.warehouse.rows("dwh", "select amount from by_day") == [(-10,)]
    assert [one.is_due for one in summed(area)] == [False, False, False]
    wider = edited.replace("count(*) as sold", "count(*) as sold, min(e.no) as first")
    area = declare(area, DECLARED, {"by_day": wider})
    area.run()
    assert area.warehouse.rows("dwh", "select day::text, first, amount from by_day") == [
        ("2025-01-01", 1, -10)
    ]
    assert migrate.migrate(Project(area.home), area.servers, only=["dwh"])["dwh"].made == []
    for layer in LAYERS[::-1]:
        reset.run(area.servers, Project(area.home), area.area, [layer])
    assert summed_tables(area) == []


@pytest.mark.further
def test_an_aggregate_that_is_taken_out_is_in_nobodys_way_and_may_come_back(made: Make):
    area = shop(made)
    area.put(THINGS, (1, "lamp", "Lux", "Ada", JAN))
    area.put(EVENTS, (1, 1, 10, JAN))
    area.run()
    without = declare(area, {name: DECLARED[name] for name in DECLARED if name != "by_day"}, {})
    views = "select relname from pg_class where relname like %(name)s"
    assert area.warehouse.rows("dwh", views, {"name": "by_day%.%"}) == []
    assert area.warehouse.rows("dwh", "select sold, amount from by_day") == [(1, 10)]
    area.put(EVENTS, (2, 1, 20, JAN))
    without.run()
    back = declare(area, DECLARED, SELECTS)
    back.run()
    assert area.warehouse.rows("dwh", "select sold, amount from by_day") == [(2, 30)]
    assert back.differences() == []


def summed(area: Made) -> list[status.Summed]:
    return status.read(area.servers, area.area).aggregates


def summed_tables(area: Made) -> list[Any]:
    query = "select relname from pg_class where relname ~ '^by_(day|kind|thing)'"
    return area.warehouse.rows("dwh", query)


SELECT = "select {0} as day from {{touched}} as g {1} group by g.day"
JOINED = "inner join fact_events as e on (e.at at time zone 'UTC')::date = g.day"
CALLING = "select g.day, max({0}) as found from {{touched}} as g " + JOINED + " group by g.day"
REFUSED = {
    "does not read {touched}": "select date '2025-01-01' as day --{touched}\nfrom fact_events as e",
    "reads things_of_others": SELECT.format("g.day", JOINED + ", things_of_others"),
    "reads dim_other": SELECT.format("g.day", JOINED + ", dim_other"),
    "reads pg_catalog.pg_class": SELECT.format("g.day", JOINED + ", pg_class"),
    "does not read fact_events": SELECT.format("g.day", ""),
    "reads fact_other, and the grain": SELECT.format("g.day", JOINED + ", fact_other"),
    "has no column 'day'": SELECT.format("g.day", JOINED).replace("as day", "as d"),
    "calls now()": CALLING.format("now() - e.at"),
    "calls current_date": CALLING.format("current_date"),
    "calls random()": CALLING.format("random()"),
    "calls today()": CALLING.format("today()"),
}


def test_what_would_change_without_facts_is_refused_before_anything_moves(made: Make):
    other = replace(
        THINGS, entity="others", source=("public", "others"), table="dim_other", mrr="mrr_others",
        stg="stg_others", surrogate="other_key",
    )  # fmt: skip
    facts = replace(
        EVENTS, entity="more", source=("public", "more"), table="fact_other", mrr="mrr_more",
        stg="stg_more",
    )  # fmt: skip
    area = made(THINGS, EVENTS, other, facts)
    area.warehouse.execute(
        "dwh",
        "create table things_of_others (); alter table things_of_others owner to tidemark_etl; "
        "create function today() returns date language sql stable as 'select current_date'",
    )
    for said, select in REFUSED.items():
        declared = declare(area, {"by_day": DECLARED["by_day"]}, {"by_day": select})
        with pytest.raises(ContractError, match=re.escape(said)):
            declared.run()
