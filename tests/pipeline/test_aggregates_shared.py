"""Aggregates over a dimension that another area publishes, and publishes that do not end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.fix_aggregates import DECLARED, EVENTS, SELECTS, THINGS, declare
from tests.fix_areas import Dimension, Fact, Made, Make, write
from tests.fix_retail import PATIENCE, wait_until
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.errors import GateError
from tidemark.postgres.sessions import Servers

JAN, FEB, MAR = "2025-01-01Z", "2025-02-01Z", "2025-03-01Z"
PEOPLE = Dimension(
    {
        "id": "int", "v": "text", "nick": "text", "since": "timestamptz",
        "updated_at": "timestamptz",
    },
    ("id",),
    type1=("nick",),
    entity="people",
    source=("public", "people"),
    table="dim_people",
    surrogate="person_key",
    effective="since",
)  # fmt: skip
VISITS = Fact(
    {"no": "int", "id": "int", "at": "timestamptz"}, ("no",), "at", {"k": "people.people"}
)
BY_V = """
select g.v, g.nick, count(*) as visits
from {touched} as g
inner join people.dim_people as p on (p.v, p.nick) is not distinct from (g.v, g.nick)
inner join fact_events as e on p.person_key = e.k
group by g.v, g.nick
"""
ALL = """
select p.v, p.nick, count(*) from fact_events as e
inner join people.dim_people as p on e.k = p.person_key group by 1, 2 order by 1, 2
"""


@pytest.fixture
def people(made: Make, tmp_path: Path) -> Made:
    """The area with the dimension; another one aggregates their visits."""
    write(tmp_path, PEOPLE, area="people", schema="people", landing_schema=None)
    grain = {"events": {"v": "k.v", "nick": "k.nick"}}
    visits = declare(made(VISITS), {"by_v": {"grain": grain}}, {"by_v": BY_V})
    people = Project(tmp_path).area("people")
    both = Made(visits.warehouse, visits.servers, people, tmp_path)
    both.put(PEOPLE, (1, "a", "Al", JAN, JAN), (2, "z", "Zo", JAN, JAN))
    both.run()
    visits.put(VISITS, (1, 1, JAN), (2, 1, MAR), (3, 2, MAR))
    visits.run()
    return both


def test_what_another_area_publishes_moves_the_aggregate_with_it(people: Made):
    rows = people.warehouse.rows
    assert rows("dwh", "table by_v order by 1, 2") == [("a", "Al", 2), ("z", "Zo", 1)]
    kept = rows("dwh", "select xmin::text from by_v where v = 'z'")

    people.change(PEOPLE, "v = 'b', since = %s, updated_at = now()", [FEB], "id = 1")
    people.run()
    moved = [("a", "Al", 1), ("b", "Al", 1), ("z", "Zo", 1)]
    assert rows("dwh", "table by_v order by 1, 2") == rows("dwh", ALL) == moved
    people.change(PEOPLE, "nick = 'Bo', updated_at = now()", (), "id = 1")
    people.run()
    renamed = [("a", "Bo", 1), ("b", "Bo", 1), ("z", "Zo", 1)]
    assert rows("dwh", "table by_v order by 1, 2") == rows("dwh", ALL) == renamed

    same = "select distinct xmin::text from by_v where nick = 'Bo' union "
    same += "select xmin::text from people.dim_people where id = 1"
    assert len(rows("dwh", same)) == 1
    assert rows("dwh", "select xmin::text from by_v where v = 'z'") == kept
    assert people.differences() == []


SUMS = "select (select sum(amount) from fact_events), (select sum(amount) from by_day)"
WAITING = """
    select from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()
"""


TOO_MUCH = {
    "name": "not_too_much",
    "description": "Nobody sells for more than 50 a day",
    "sql": "select from by_day where amount > 50",
}


def test_nobody_sees_facts_without_their_aggregate(made: Make):
    area = declare(made(THINGS, EVENTS, checks=[TOO_MUCH]), DECLARED, SELECTS)
    area.put(EVENTS, (1, 1, 10, JAN))
    area.run()
    area.change(EVENTS, "amount = 60")
    with pytest.raises(GateError, match="not_too_much"):
        area.run()
    rows = area.warehouse.rows
    assert rows("dwh", SUMS) == [(10, 10)]
    area.change(EVENTS, "amount = 11")
    with (
        Servers(area.warehouse.dsn) as own,
        ThreadPoolExecutor(1) as pool,
        closing(area.warehouse.connect("dwh")) as holder,
    ):
        execute(holder, "begin; lock table tidemark.published_aggregate in share mode")
        publish = pool.submit(pipeline.run, own, area.area)
        wait_until(lambda: len(rows("dwh", WAITING)) == 1)
        assert rows("dwh", SUMS) == [(10, 10)]
        execute(holder, "rollback")
        publish.result(PATIENCE)
    assert rows("dwh", SUMS) == [(11, 11)]
