"""An entity may read a view: its key is checked in the rows that come."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_areas import Dimension, Made, Make
from tidemark.errors import ContractError, NullWatermarkError, RefusedRowError
from tidemark.observe import plan

COLUMNS = {"id": "int", "v": "text", "updated_at": "timestamptz"}
JAN = "2025-01-01Z"

VIEWS = {
    "view": "create view shown as select id, v, updated_at from things",
    "materialized view": "create materialized view shown as select id, v, updated_at from things",
}


def viewed(make: Make, view: str = VIEWS["view"], **settings: Any) -> tuple[Made, Dimension]:
    """Make an area whose only entity reads the view `shown` of the table `things`."""
    own = {"source": "public.shown", "deletes": "detect", **settings}
    things = Dimension(COLUMNS, ("id",), settings=own)
    area = make(things)
    area.warehouse.execute("operational", f"{view}; grant select on shown to tidemark_etl")
    return area, things


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("extract", ["delta", "full"])
@pytest.mark.parametrize("kind", ["view", "materialized view"])
def test_a_view_is_followed(made: Make, kind: str, extract: str):
    """New rows, changed ones and deletes arrive, and the layers are equal after each batch."""
    area, things = viewed(made, VIEWS[kind], extract=extract, settle="0s")
    area.put(things, (1, "a", JAN), (2, "b", JAN), (3, "c", JAN), (4, "d", JAN), (5, "e", JAN))
    for statement in (
        "select 1",
        "update things set v = 'z', updated_at = now() where id = 1",
        "insert into things values (6, 'f', now())",
        "delete from things where id = 2",
    ):
        area.warehouse.execute("operational", statement)
        if kind == "materialized view":
            area.warehouse.execute("operational", "refresh materialized view shown")
        area.run()
        assert area.published(things) == [row[:2] for row in area.sent(things)]
        assert area.differences() == []


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("extract", ["delta", "full"])
@pytest.mark.parametrize(
    ("column", "where", "named"),
    [("(1 / (id - 7))::text", "true", ", in column 'v'"), ("v", "1 / (id - 7) < 2", "")],
)
def test_a_row_that_a_view_can_not_compute_stops_the_batch_and_is_told_without_its_values(
    made: Make, extract: str, column: str, where: str, named: str
):
    view = f"create view shown as select id, {column} as v, updated_at from things where {where}"
    area, things = viewed(made, view, extract=extract)
    area.put(things, (1, "a", JAN), (7, "secret", JAN))
    with pytest.raises(RefusedRowError) as caught:
        area.run()
    assert str(caught.value) == (
        f"things: operational refused a row: division by zero{named}. Correct the row there, or "
        "the view that computes it."
    )
    assert area.mirrored(things) == []


@pytest.mark.further(but=["an equal row-full", "a later row-delta"])
@pytest.mark.parametrize("extract", ["delta", "full"])
@pytest.mark.parametrize(
    "more",
    ["select * from things", "select 1, 'b', updated_at from things", "select 1, 'b', now()"],
    ids=["an equal row", "another row", "a later row"],
)
def test_a_key_that_a_view_shows_twice_is_named(made: Make, extract: str, more: str):
    view = "create or replace view shown as select * from things"
    area, things = viewed(made, f"{view} union all {more}", extract=extract)
    area.put(things, (1, "a", JAN))
    said = (
        "things: the snapshot of public.shown shows the key id=1 more than once, and nothing was "
        "moved. Make it one row (no index says that the keys of a view are unique), or name "
        "another `key` in sql/made/area.yml."
    )
    if more != "select 1, 'b', now()" or extract == "full":
        assert refused(area) == said
    area.warehouse.execute("operational", view)
    area.run()
    before = area.mirrored(things), area.published(things)
    area.warehouse.execute("operational", f"{view} union all {more}")
    assert refused(area) == said
    assert (area.mirrored(things), area.published(things)) == before


def refused(area: Made) -> str:
    with pytest.raises(ContractError) as raised:
        area.run()
    return str(raised.value)


def test_a_key_that_a_view_shows_twice_is_planned(made: Make):
    area, things = viewed(made)
    area.put(things, (1, "a", JAN))
    area.run()
    area.warehouse.execute(
        "operational",
        "create or replace view shown as select * from things union all select * from things",
    )
    (stop,) = plan.make(area.servers, area.area).stops
    assert "public.shown shows the key id=1 more than once" in stop


def test_what_a_view_lacks_is_refused_as_a_table_s(made: Make):
    area, things = viewed(made)
    area.put(things, (1, "a", None))
    with pytest.raises(NullWatermarkError, match="1 rows have no updated_at"):
        area.run()
    area.warehouse.execute(
        "operational",
        "create or replace view shown as select null::int as id, v, now() - interval '1 h' as "
        "updated_at from things",
    )
    area.run()
    assert area.mirrored(things) == []
    reasons = area.warehouse.rows("mrr", "select reasons from tidemark.refused")
    assert reasons == [(["key is null: id"],)]


COSTS = {
    "detect": "public.shown is a view, of which no deletes are counted: each batch reads all its "
    "keys",
    "ignore": "public.shown is a view: without an index behind updated_at, each batch reads all of "
    "it",
    "full": "public.shown is a view, and is read as a whole in each batch",
}


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("how", COSTS)
def test_a_plan_says_what_a_view_costs(made: Make, how: str):
    area, _ = viewed(made, **({"extract": "full"} if how == "full" else {"deletes": how}))
    (planned,) = plan.make(area.servers, area.area).entities
    assert planned.notes == [COSTS[how]]
