"""However changes are spread over batches, an aggregate says what a SELECT over all facts says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_aggregates import shop
from tests.fix_areas import Made, Make
from tests.further import tries
from tidemark.batch import pipeline
from tidemark.model import Overrides
from tidemark.trust import rebuild, verify

NO, ID, DAY = st.integers(1, 4), st.integers(1, 3), st.integers(1, 4)
SOME = st.sampled_from(["a", "b", None])
SOLD = st.tuples(st.just("event"), NO, st.one_of(st.none(), ID), st.integers(0, 2), DAY)
SHOWN = st.tuples(st.just("thing"), ID, SOME, SOME, DAY)
GONE = st.tuples(st.just("no event"), NO)
LOST = st.tuples(st.just("no thing"), ID)
MENDED = st.tuples(st.sampled_from(["fact", "member"]), NO)
REBUILT = st.tuples(st.just("rebuild"), st.sampled_from(["things", "events"]))
CHANGES = st.lists(st.one_of(SOLD, SOLD, SHOWN, SHOWN, GONE, LOST), min_size=1, max_size=3)
STEPS = st.lists(st.one_of(CHANGES, CHANGES, CHANGES, MENDED, REBUILT), min_size=4, max_size=6)
"""Each is changes of one batch, a damage that is mended, or a rebuild."""
FIRST = [
    *(("thing", one, "a", maker, 1) for one, maker in ((1, "a"), (2, None), (3, "b"))),
    *(("event", number, 1 + number % 3, number, number) for number in (1, 2, 3, 4)),
]
"""What is there before: changes that touch nothing would show nothing."""
SOURCE = {
    "event": """
        insert into events (no, thing, amount, at) values (%s, %s, %s, '2025-0%s-01Z')
        on conflict (no) do update
        set thing = excluded.thing, amount = excluded.amount, at = excluded.at
    """,
    "thing": """
        insert into things (id, kind, maker, updated_at) values (%s, %s, %s, '2025-0%s-15Z')
        on conflict (id) do update
        set kind = excluded.kind, maker = excluded.maker, updated_at = excluded.updated_at
    """,
    "no event": "delete from events where no = %s",
    "no thing": "delete from things where id = %s",
}
DAMAGE = {
    "fact": "update fact_events set amount = 7, at = '2025-03-09Z' where no = %s",
    "member": "update dim_things set maker = 'x', kind = 'y' where id = %s",
}


ALL = {
    "by_day": """
        select (at at time zone 'UTC')::date as day, count(*) as sold, sum(amount) as amount
        from fact_events group by 1
    """,
    "by_kind": """
        select t.kind, t.maker, count(*) as sold, sum(e.amount) as amount
        from fact_events as e inner join dim_things as t using (thing_key) group by 1, 2
    """,
    "by_thing": """
        select
            t.id, (select n.name from dim_things as n where n.id = t.id and n.is_current) as name,
            count(*) as sold, max(e.at) as last
        from fact_events as e inner join dim_things as t using (thing_key) group by 1
    """,
}


@pytest.fixture
def sums(made: Make) -> Made:
    return shop(made)


@settings(
    max_examples=tries(6, usually=3),
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_aggregates_are_what_all_facts_say(sums: Made, steps: list[Any]):
    sums.warehouse.execute("operational", "delete from events; delete from things")
    run(sums)
    for step in [FIRST, *steps]:
        if isinstance(step, list):
            for what, *values in step:
                sums.warehouse.execute("operational", SOURCE[what], values)
            run(sums)
        elif step[0] == "rebuild":
            rebuild.run(sums.servers, sums.area, entity=step[1])
        else:
            sums.warehouse.execute("dwh", DAMAGE[step[0]], step[1:])
            run(sums, mends=True)
        assert wrong(sums) == []
    found = verify.run(sums.servers, sums.area)
    assert [one for one in found.checks if one.is_aggregate and one.compared.differences] == []


def run(area: Made, *, mends: bool = False) -> None:
    found = verify.run(area.servers, area.area).repair() if mends else None
    overrides = Overrides(accept_deletes=True, repair=found)
    pipeline.run(area.servers, area.area, overrides=overrides)


def wrong(area: Made) -> list[tuple[str, Any]]:
    """Return the rows that an aggregate has too many or too few."""
    return [
        (name, row)
        for name, query in ALL.items()
        for one, other in ((f"table {name}", query), (query, f"table {name}"))
        for row in area.warehouse.rows("dwh", f"({one}) except all ({other})")
    ]
