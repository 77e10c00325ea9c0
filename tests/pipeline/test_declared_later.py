"""What is declared later is published as if it had been declared from the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.declare.star import Role
from tidemark.observe import plan, status
from tidemark.trust import rebuild, verify

THINGS = Dimension(
    {"id": "integer", "colour": "text", "painted_at": "timestamptz", "updated_at": "timestamptz"},
    key=("id",),
    effective="painted_at",
    settings={"deletes": "detect", "max_delete_ratio": 1.0},
)
OTHERS = Dimension(
    {"code": "text", "name": "text", "updated_at": "timestamptz"},
    key=("code",),
    entity="others",
    source=("public", "others"),
    mrr="mrr_others",
    stg="stg_others",
    table="dim_others",
    surrogate="other_key",
)
EVENTS = Fact(
    {
        "event": "integer",
        "id": "integer",
        "code": "text",
        "day": "date",
        "amount": "integer",
        "at": "timestamptz",
    },
    key=("event",),
    event_time="at",
    dimensions={"thing_key": "things", "other_key": "others"},
    dates={"day_key": "day"},
    settings={"deletes": "detect", "max_delete_ratio": 1.0},
)
ROLES: Mapping[str, Any] = {column: Role(entity=e) for column, e in EVENTS.dimensions.items()}
JAN, FEB, MAR = (datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2, 3))
VERSIONS = """
    select id, colour, valid_from, valid_to, is_current, is_deleted, is_inferred
    from dim_things where thing_key <> 0 order by id, valid_from
"""
FACTS = """
    select event, amount, day_key, t.colour, t.valid_from, o.code
    from fact_events as f
    join dim_things as t using (thing_key) join dim_others as o using (other_key)
    order by event
"""


def declared(area: Area, **entities: Mapping[str, Any]) -> Area:
    """Return the area with other settings of some entities."""
    changed = {name: area.entities[name].model_copy(update=s) for name, s in entities.items()}
    return area.model_copy(update={"entities": {**area.entities, **changed}})


def fact(area: Area, **settings: Any) -> Area:
    """Return the area with other settings of its fact."""
    whole = area.entities["events"].fact
    assert whole
    return declared(area, events={"fact": whole.model_copy(update=settings)})


WITHOUT = {
    "things": {"things": {"dimension": None}, "events": {"fact": None}},
    "events": {"events": {"fact": None}},
    "all": {"things": {"dimension": None}, "events": {"fact": None}, "others": {"dimension": None}},
}


def first(made: Made) -> None:
    for number in (1, 2, 3):
        made.put(THINGS, (number, "red", JAN, "now"))
        made.put(EVENTS, (number, number, "a", "2025-02-15", number * 10, FEB))
    made.put(OTHERS, ("a", "first", "now"))


def later(made: Made) -> None:
    made.change(THINGS, "colour = 'blue', painted_at = %s, updated_at = now()", [MAR], "id = 1")
    made.delete(THINGS, "id = 2", [])
    made.delete(EVENTS, "event = 2", [])
    made.put(EVENTS, (4, 1, "b", None, 40, datetime(2025, 3, 2, tzinfo=UTC)))


def star(made: Made) -> tuple[Any, Any]:
    """Return versions and facts, without surrogate keys and the clocks of deletes."""
    versions = [
        (*row[:3], row[3] if not row[5] else None, *row[4:])
        for row in made.warehouse.rows("dwh", VERSIONS)
    ]
    return versions, made.warehouse.rows("dwh", FACTS)


EXPECTED_FACTS = [
    (1, 10, 20250215, "red", datetime(1900, 1, 1, tzinfo=UTC), "a"),
    (3, 30, 20250215, "red", datetime(1900, 1, 1, tzinfo=UTC), "a"),
    (4, 40, None, "blue", MAR, "b"),
]
BEGINNING, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
EXPECTED = (
    [
        (1, "red", BEGINNING, MAR, False, False, False),
        (1, "blue", MAR, END, True, False, False),
        (2, "red", BEGINNING, None, False, True, False),
        (3, "red", BEGINNING, END, True, False, False),
    ],
    EXPECTED_FACTS,
)


def test_what_is_declared_from_the_start_comes_out_so(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    first(made)
    made.run()
    later(made)
    made.run()
    assert star(made) == EXPECTED


@pytest.fixture
def make(made: Make) -> Make:
    return made


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("missing", WITHOUT)
@pytest.mark.parametrize("is_changed", [False, True], ids=["nothing new", "with a change"])
def test_what_is_declared_later_gets_all_that_stg_has(make: Make, missing: str, is_changed: bool):
    made = make(THINGS, OTHERS, EVENTS)
    whole = made.area
    made.area = declared(whole, **WITHOUT[missing])
    first(made)
    made.run()
    if not is_changed:
        later(made)
    made.run()
    made.area = whole
    if is_changed:
        later(made)
    made.run()
    assert star(made) == EXPECTED
    assert made.differences() == []
    assert made.run().changed == 0


@pytest.mark.further
def test_a_table_that_waits_for_its_first_publish_is_said_to_have_nothing(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    whole, made.area = made.area, declared(made.area, **WITHOUT["events"])
    first(made)
    made.run()
    made.run()
    made.area = whole
    waiting = verify.run(made.servers, made.area)
    events = next(c.compared for c in waiting.checks if (c.hop, c.entity) == ("publish", "events"))
    marks = {mark.table: mark.batch_id for mark in status.read(made.servers, made.area).marks}
    assert (events.sent, events.kept, events.pending, events.differences) == (0, 0, 3, [])
    assert waiting.is_equal
    assert marks == {"dim_others": 2, "dim_things": 2, "fact_events": None}
    assert plan.make(made.servers, made.area).to_publish == 2
    made.run()
    assert plan.make(made.servers, made.area).to_publish == 0


def test_a_table_that_was_not_declared_for_a_while_gets_what_it_missed(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    whole = made.area
    first(made)
    made.run()
    made.area = declared(whole, **WITHOUT["all"])
    later(made)
    made.run()
    made.area = whole
    made.run()
    assert star(made) == EXPECTED
    assert made.differences() == []


def test_a_rebuild_publishes_what_was_declared_since(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    whole = made.area
    made.area = declared(whole, **WITHOUT["all"])
    first(made)
    made.run()
    later(made)
    made.run()
    made.area = whole
    rebuild.run(made.servers, made.area)
    assert star(made) == EXPECTED
    assert made.run().changed == 0


def test_a_rebuild_of_one_entity_leaves_the_others_to_the_next_batch(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    first(made)
    made.run()
    later(made)
    made.change(OTHERS, "name = 'second', updated_at = now()")
    batch = pipeline.begin(made.servers, made.area)
    for hop in ("extract", "stage"):
        pipeline.run_hop(made.servers, made.area, hop, batch)
    rebuild.run(made.servers, made.area, entity="things", origin="dwh")
    made.run()
    names = "select name from dim_others where is_current and code = 'a'"
    assert made.warehouse.rows("dwh", names) == [("second",)]
    assert star(made) == EXPECTED


def _role_is_another(made: Made) -> Area:
    made.warehouse.execute("dwh", "alter table fact_events alter other_key set default 0")
    return fact(made.area, dimensions={"thing_key": ROLES["thing_key"]})


def _date_is_missing(made: Made) -> Area:
    made.warehouse.execute("dwh", "alter table fact_events alter day_key set default 0")
    return fact(made.area, dates={})


def _column_is_another(made: Made) -> Area:
    return fact(made.area, rename={"amount": "id"})


def _key_is_found_otherwise(made: Made) -> Area:
    return fact(made.area, dimensions={**ROLES, "thing_key": Role(entity="things", by=("amount",))})


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    "before", [_role_is_another, _date_is_missing, _column_is_another, _key_is_found_otherwise]
)
def test_facts_that_are_made_of_something_else_are_made_anew(make: Make, before: Any):
    made = make(THINGS, OTHERS, EVENTS)
    whole = made.area
    made.area = before(made)
    first(made)
    made.run()
    later(made)
    made.run()
    assert star(made) != EXPECTED
    made.area = whole
    pending = verify.run(made.servers, made.area)
    assert [one for check in pending.checks for one in check.compared.differences] == []
    assert plan.make(made.servers, made.area).to_publish == 2
    made.run()
    assert star(made)[1] == EXPECTED_FACTS
    assert made.differences() == []
    assert made.run().changed == 0


def test_a_column_that_a_fact_gains_is_filled_for_the_old_ones(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    made.warehouse.execute("dwh", "alter table fact_events drop column amount")
    first(made)
    made.run()
    made.warehouse.execute("dwh", "alter table fact_events add column amount integer")
    made.run()
    amounts = "select event, amount from fact_events order by 1"
    assert made.warehouse.rows("dwh", amounts) == [(1, 10), (2, 20), (3, 30)]


@pytest.mark.further
def test_a_fact_that_moves_to_another_table_is_there_as_a_whole(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    first(made)
    made.run()
    later(made)
    made.run()
    table = replace(EVENTS, table="moved").dwh()
    made.warehouse.execute("dwh", f"set local role tidemark_etl; {table}")
    made.area = fact(made.area, table="moved")
    made.run()
    moved = FACTS.replace("fact_events", "moved")
    assert made.warehouse.rows("dwh", moved) == EXPECTED_FACTS
    assert made.differences() == []


@pytest.mark.further
def test_facts_that_went_are_kept_where_deletes_become_soft(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    deleted = "alter table fact_events add column is_deleted boolean not null default false"
    made.warehouse.execute("dwh", deleted)
    first(made)
    made.run()
    later(made)
    made.run()
    removing, made.area = made.area, fact(made.area, on_delete="soft")
    made.run()
    kept = "select event from fact_events where is_deleted"
    assert made.warehouse.rows("dwh", kept) == [(2,)]
    assert made.differences() == []
    made.area = removing
    made.run()
    assert made.warehouse.rows("dwh", kept) == []
    assert made.differences() == []


def test_a_warehouse_that_remembers_no_shape_sends_its_facts_once_and_writes_nothing(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    first(made)
    made.run()
    made.warehouse.execute("dwh", "delete from tidemark.published_fact")
    again = made.run()
    assert (again.changed, again.hops[-1].entities["events"].processed) == (0, 3)
    assert made.run().hops[-1].entities["events"].processed == 0


def test_a_column_of_a_dimension_that_was_never_published_is_no_added_one(make: Make):
    made = make(THINGS, OTHERS, EVENTS)
    whole = made.area
    made.area = declared(whole, **WITHOUT["things"])
    made.warehouse.execute(
        "dwh", "alter table dim_things drop colour; alter table dim_things add colour text"
    )
    made.put(THINGS, (1, None, JAN, "now"))
    made.run()
    made.change(THINGS, "colour = 'red', painted_at = %s, updated_at = now()", [MAR])
    made.run()
    made.area = whole
    made.run()
    assert [row[:3] for row in made.warehouse.rows("dwh", VERSIONS)] == [
        (1, None, BEGINNING),
        (1, "red", MAR),
    ]
    assert made.differences() == []
