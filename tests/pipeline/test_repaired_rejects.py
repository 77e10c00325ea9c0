"""A repair also reaches the DWH for a row that cleansing refuses now: STG has its good version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_areas import Fact, Made, Make
from tests.pipeline.test_changed_keys import APR, FEB, JAN, MAR, TAGS, refused
from tidemark.batch import pipeline
from tidemark.model import Overrides
from tidemark.trust import verify

EVENTS = Fact(
    {"id": "text", "tag": "text", "at": "timestamptz", "amount": "int"},
    ("id",),
    "at",
    dimensions={"thing_key": "things"},
    cleansed={"id": "btrim(id)"},
    refused="case when amount < 0 then '{amount is negative}'::text[] else '{}' end",
)
MEMBERS = "select tag, v from dim_things where thing_key <> 0 and is_current order by 1"
FACTS = "select f.id, d.tag, f.amount from fact_events as f join dim_things as d using (thing_key)"
REFUSED = [
    ("1", "amount is negative"),
    ("Foo", "v is bad"),
    ("bar", "v is bad"),
    ("foo ", "key is taken by Foo"),
]


@pytest.fixture
def area(made: Make) -> Made:
    """Rows whose last version is refused: of its own key, of a changed one, and a fact."""
    area = made(TAGS, EVENTS)
    area.put(TAGS, ("bar", "a", JAN), ("Foo", "b", JAN), ("foo ", "c", JAN))
    area.put(EVENTS, ("1", "foo", FEB, 10))
    area.run()
    area.change(TAGS, "v = 'bad', updated_at = %s", [MAR], "tag in ('bar', 'Foo')")
    area.change(EVENTS, "amount = -1")
    area.run()
    return area


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    "damage",
    [
        "update dim_things set v = 'x' where thing_key <> 0",
        "delete from dim_things where tag = 'bar'",
        "update fact_events set amount = 77",
        "delete from fact_events",
        "update fact_events set thing_key = 0",
    ],
)
def test_a_damage_behind_a_refused_row_is_repaired(area: Made, damage: str):
    before = area.warehouse.rows("dwh", MEMBERS), area.warehouse.rows("dwh", FACTS)
    assert before == ([("bar", "a"), ("foo", "b")], [("1", "foo", 10)])
    assert area.differences() == []
    area.warehouse.execute("dwh", damage)
    found = verify.run(area.servers, area.area)
    assert not found.is_equal

    pipeline.run(area.servers, area.area, overrides=Overrides(repair=found.repair()))

    assert (area.warehouse.rows("dwh", MEMBERS), area.warehouse.rows("dwh", FACTS)) == before
    assert area.differences() == []
    assert refused(area) == REFUSED
    state_of_claims: list[tuple[Any, ...]] = area.warehouse.rows(
        "stg", "select mrr_key ->> 'tag', holds from tidemark.key_claim order by 1"
    )
    assert state_of_claims == [("Foo", True), ("foo ", False)]
    area.change(TAGS, "v = 'good', updated_at = %s", [APR], "tag in ('bar', 'Foo')")
    area.run()
    assert area.warehouse.rows("dwh", MEMBERS) == [("bar", "good"), ("foo", "good")]
    assert area.differences() == []
