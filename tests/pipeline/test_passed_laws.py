"""Rows that are merged as they came are the rows that cleansing would have merged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_areas import Made, Make
from tests.pipeline.test_derived import CUSTOMERS, INPUT, change, declare, write
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.model import Overrides
from tidemark.trust import rebuild

GOODS = "create table goods (id int primary key, n int, updated_at timestamptz default now())"
PAIRS = """
create view landing.derive_{0} as
select
    g.id / 2 as pair,
    sum(g.n) as n,
    case when sum(g.n) > 8 then array['too many'] else '{{}}' end as reject_reasons
from landing.live_goods as g
where g.n > 0
group by g.id / 2
"""
TOUCHED = {"query": "select id / 2 as pair from changed", "columns": {"pair": "pair"}}
PAIR = {"from": ["goods"], "key": ["pair"], "touched_by": {"goods": TOUCHED}}
TWINS = {"goods": "copied", "pairs": "copied_pairs"}
"""Entities whose views pass rows on -> those that have the same rows, and views of a person's."""
HELD = ("stg_{0}", "stg_{0}_history", 'landing."{0}"')
REJECTS = """
select key, row_data, reasons, batch_id, first_seen_at, last_seen_at, resolved_at
from stg_rejects where entity = %s order by first_seen_at, key::text, resolved_at
"""
IDS = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, st.sampled_from([None, 0, 1, 9, 9])),
        st.tuples(st.just("put"), IDS, st.sampled_from([None, 0, 1, 9, 9])),
        st.tuples(st.just("drop"), IDS, st.none()),
        st.sampled_from([("extract",), ("run",), ("rebuild",)]),
    ),
    min_size=4,
    max_size=12,
)
PUT = """
insert into goods (id, n) values ({0}, {1})
on conflict (id) do update set n = excluded.n, updated_at = clock_timestamp()
"""


ACCEPTED = Overrides(accept_deletes=True)


@pytest.fixture
def twins(made: Make, no_rows_are_few: None) -> Made:
    """Goods and their pairs, both as entities that pass rows on, and as twins that do not."""
    area = made(CUSTOMERS, layers=("operational", "dwh"))
    area.warehouse.execute("operational", f"{GOODS}; grant select on goods to tidemark_etl")
    goods = {"source": "goods", **INPUT}
    area = declare(area, goods=goods, copied=goods, pairs=PAIR, copied_pairs=PAIR)
    for name in ("pairs", "copied_pairs"):
        write(area, f"stg/views/derive_{name}.sql", PAIRS.format(name))
    migrate.migrate(Project(area.home), area.servers)
    for name in TWINS.values():
        view = f"landing.clean_{name}"
        [(text,)] = area.warehouse.rows("stg", f"select pg_get_viewdef('{view}'::regclass)")
        person_s = f"create or replace view {view} as {text.rstrip(';')} where true"
        area.warehouse.execute("stg", person_s)
    return area


def test_rows_that_a_made_view_passes_on_are_not_copied(twins: Made):
    change(twins, f"{PUT.format(1, 1)}; {PUT.format(2, 2)}")
    run(twins)
    assert copied(twins) == {"copied", "copied_pairs"}
    pairs = twins.warehouse.rows("stg", "select pair, n from stg_pairs order by 1")
    assert pairs == [(0, 1), (1, 2)]
    change(twins, PUT.format(3, 9))
    run(twins)
    assert copied(twins) == {"copied", "copied_pairs", "pairs"}, "one is refused"


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_passed_rows_and_cleansed_ones_are_the_same(twins: Made, steps: list[tuple[Any, ...]]):
    change(twins, "delete from goods")
    for what, *values in [*steps, ("run",)]:
        if what == "put":
            change(twins, PUT.format(values[0], "null" if values[1] is None else values[1]))
        elif what == "drop":
            change(twins, f"delete from goods where id = {values[0]}")
        elif what == "extract":
            pipeline.run_hop(twins.servers, twins.area, "extract", overrides=ACCEPTED)
        elif what == "run":
            run(twins)
        else:
            rebuild.run(twins.servers, twins.area)
        assert [held(twins, name) for name in TWINS] == [
            held(twins, name) for name in TWINS.values()
        ]
    assert twins.differences() == []


def run(area: Made) -> None:
    result = pipeline.run(area.servers, area.area, overrides=ACCEPTED)
    staged = result.hops[1].entities
    for name, twin in TWINS.items():
        assert told(staged[name]) == told(staged[twin])


def told(counts: Any) -> tuple[int, ...]:
    return counts.processed, counts.inserted, counts.updated, counts.deleted, counts.rejected


def held(area: Made, entity: str) -> list[Any]:
    """All that STG has of an entity."""
    queries = [f"select * from {one.format(entity)} order by 1, _batch_id, _seq" for one in HELD]
    found = [area.warehouse.rows("stg", query) for query in queries]
    return [*found, area.warehouse.rows("stg", REJECTS, [entity])]


def copied(area: Made) -> set[str]:
    """The entities of which a hop has made a copy of what their views return."""
    query = "select tablename from pg_tables where tablename like '%.cleaned'"
    return {name.partition(".")[0] for (name,) in area.warehouse.rows("stg", query)} - {"things"}
