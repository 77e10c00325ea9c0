"""A refresh after a change of a cleansing view: existing rows are cleansed again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make, write
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.layers import rejects
from tidemark.model import Overrides
from tidemark.trust import verify

JAN, FEB, MAR = (f"2025-{month:02}-01 00:00Z" for month in range(1, 4))

THINGS = Dimension(
    {"tag": "text", "v": "text", "updated_at": "timestamptz"},
    ("tag",),
    settings={"deletes": "detect", "max_delete_ratio": 1, "lookback": "9000d"},
)
UPPER = replace(THINGS, cleansed={"v": "upper(v)"})
LOWER_KEYS = replace(THINGS, cleansed={"tag": "lower(tag)"})
STRICT = replace(THINGS, refused="array_remove(array[case when v = 'b' then 'is b' end], null)")
EVENTS = Fact(
    {"id": "int", "tag": "text", "v": "text", "at": "timestamptz"},
    ("id",),
    "at",
    dimensions={"thing_key": "things"},
)
ROWS = [("A", "a", JAN), ("b", "b", JAN), ("gone", "g", JAN)]
STAGED = "select tag, v from stg_things where _deleted_at is null order by 1"
CURRENT = "select tag, v from dim_things where is_current and thing_key <> 0 order by 1"
VERSIONS = "select tag, v from dim_things where thing_key <> 0 order by 1, valid_from"


@pytest.fixture
def things(made: Make) -> Made:
    """An area after two batches: a row was changed in the second, and one deleted."""
    area = made(THINGS, EVENTS)
    area.put(THINGS, *ROWS)
    area.put(EVENTS, (1, "A", "a", MAR))
    area.run()
    area.change(THINGS, "v = 'aa', updated_at = %s", [FEB], "tag = 'A'")
    area.delete(THINGS, "tag = %s", ["gone"])
    area.run()
    return area


def rewrite(area: Made, *entities: Dimension | Fact) -> None:
    """Change the cleansing views."""
    write(area.home, *entities)
    migrate.migrate(Project(area.home), area.servers)


def refresh(area: Made, *names: str) -> Any:
    overrides = Overrides(refresh=frozenset(names))
    return pipeline.run(area.servers, area.area, overrides=overrides)


def stage_of(batch: Any, entity: str) -> tuple[int, ...]:
    """Return rows, inserted, updated, deleted, rejected of an entity's stage hop."""
    return tuple(batch.hops[1].entities[entity].as_dict().values())


def test_a_refresh_corrects_the_values_of_all_rows(things: Made):
    rewrite(things, UPPER, replace(EVENTS, cleansed={"v": "v || '!'"}))
    things.run()
    assert things.warehouse.rows("stg", STAGED) == [("A", "aa"), ("b", "b")]

    batch = refresh(things, "things", "events")
    assert stage_of(batch, "things") == (2, 0, 2, 0, 0)
    assert things.warehouse.rows("stg", STAGED) == [("A", "AA"), ("b", "B")]
    assert things.warehouse.rows("dwh", CURRENT) == [("A", "AA"), ("b", "B")]
    # The same instant shows what the later batch says; versions from before stay as they were.
    assert things.warehouse.rows("dwh", VERSIONS) == [
        ("A", "a"),
        ("A", "AA"),
        ("b", "B"),
        ("gone", "g"),
    ]
    assert things.warehouse.rows("dwh", "select id, v from fact_events") == [(1, "a!")]
    assert verify.run(things.servers, things.area).is_equal


def test_a_refresh_writes_nothing_where_the_view_says_the_same(things: Made):
    batch = refresh(things, "things")
    assert stage_of(batch, "things") == (2, 0, 0, 0, 0)
    assert batch.changed == 0
    assert things.differences() == []


def test_rows_that_a_changed_view_refuses_are_rejects_and_pass_again(things: Made):
    rewrite(things, STRICT, EVENTS)
    assert stage_of(refresh(things, "things"), "things") == (2, 0, 0, 0, 1)
    with things.servers.session("stg", "test") as stg:
        [found] = rejects.listing(stg, things.area, entity=None, resolved=False, limit=9)
    assert (found.key, found.reasons) == ({"tag": "b"}, ["is b"])
    assert verify.run(things.servers, things.area).is_equal

    rewrite(things, THINGS, EVENTS)
    refresh(things, "things")
    open_ones = "select count(*) from stg_rejects where resolved_at is null"
    assert things.warehouse.rows("stg", open_ones) == [(0,)]
    assert things.differences() == []


@pytest.mark.further
def test_keys_that_a_changed_view_changes_are_moved(things: Made):
    things.put(THINGS, ("B", "bb", FEB))
    things.run()
    rewrite(things, LOWER_KEYS, replace(EVENTS, cleansed={"tag": "lower(tag)"}))
    refresh(things, "things", "events")
    assert things.warehouse.rows("stg", STAGED) == [("a", "aa"), ("b", "b")]
    assert things.warehouse.rows("dwh", CURRENT) == [("a", "aa"), ("b", "b")]
    points = "select d.tag from fact_events as f join dim_things as d using (thing_key)"
    assert things.warehouse.rows("dwh", points) == [("a",)]
    assert verify.run(things.servers, things.area).is_equal


def test_a_refresh_among_batches_that_stg_catches_up_with(things: Made):
    def extract(*names: str) -> None:
        overrides = Overrides(refresh=frozenset(names))
        pipeline.run_hop(things.servers, things.area, "extract", overrides=overrides)

    things.change(THINGS, "v = 'b2', updated_at = %s", [FEB], "tag = 'b'")
    extract()
    rewrite(things, UPPER, EVENTS)
    extract("things")
    things.change(THINGS, "v = 'b3', updated_at = %s", [MAR], "tag = 'b'")
    things.run()
    assert things.warehouse.rows("stg", STAGED) == [("A", "AA"), ("b", "B3")]
    assert things.warehouse.rows("dwh", CURRENT) == [("A", "AA"), ("b", "B3")]
    assert verify.run(things.servers, things.area).is_equal
