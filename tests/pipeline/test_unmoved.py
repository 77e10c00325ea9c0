"""A change that leaves the time of change as it was overwrites a version: the batch says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_areas import Dimension, Made, Make
from tidemark.batch import pipeline
from tidemark.model import Overrides

JAN, MAR, LATER = "2025-01-01Z", "2025-03-01Z", "2041-01-01Z"
PEOPLE = Dimension(
    {"id": "int", "city": "text", "name": "text", "moved_at": "timestamptz"},
    ("id",),
    type1=("name",),
    effective="moved_at",
    settings={"extract": "full", "watermark": None, "max_delete_ratio": 1.0},
)
SAID = (
    "things: type-2 columns changed in 1 rows and moved_at did not, so what they were before was "
    "overwritten and has no version. Name a column that moves with every change as "
    "`dimension.effective` in sql/made/area.yml, or say `effective: seen`."
)
CHANGES: dict[str, tuple[str, list[str]]] = {
    "nothing": ("name = name", []),
    "the city alone": ("city = 'Oslo'", [SAID]),
    "the city and its time": (f"city = 'Oslo', moved_at = '{MAR}'", []),
    "what is not type 2": ("name = 'Ada'", []),
    "a plan": (f"city = 'Oslo', moved_at = '{LATER}'", []),
}


@pytest.fixture
def area(made: Make) -> Made:
    area = made(PEOPLE, layers=("operational", "dwh"))
    area.put(PEOPLE, (1, "Rome", "A", JAN), (2, "Bern", "B", JAN))
    area.run()
    return area


def changed(area: Made, to: str) -> list[str]:
    """Change a row, run, and return the warnings of the batch."""
    area.change(PEOPLE, to, where="id = 1")
    return [warning for hop in area.run().hops for warning in hop.warnings]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("what", CHANGES)
def test_only_a_change_that_is_swallowed_warns(area: Made, what: str):
    to, said = CHANGES[what]
    assert changed(area, to) == said
    logged = "select error_message from etl_logs where status = 'WARNING'"
    assert [text for (text,) in area.warehouse.rows("dwh", logged)] == said
    assert area.differences() == []


def test_a_plan_that_is_changed_before_its_time_overwrites_nothing(area: Made):
    changed(area, f"moved_at = '{LATER}'")
    assert changed(area, "city = 'Oslo'") == []


def test_a_deleted_row_that_comes_back_changed_is_not_one_of_them(area: Made):
    area.delete(PEOPLE, "id = %s", [1])
    area.run()
    area.put(PEOPLE, (1, "Oslo", "A", JAN))
    assert changed(area, "name = name") == []


def test_what_other_rules_of_cleansing_make_is_not_one_of_them(area: Made):
    area.warehouse.execute("stg", "update stg_things set city = 'ROME' where id = 1")
    refresh = Overrides(refresh=frozenset(["things"]))
    done: Any = pipeline.run(area.servers, area.area, overrides=refresh)
    assert [warning for hop in done.hops for warning in hop.warnings] == []
