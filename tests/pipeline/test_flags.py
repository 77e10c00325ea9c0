"""`deleted_when`: a row whose flag says that it is deleted counts as deleted from STG on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.errors import ContractError
from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME
from tidemark.trust import verify

JAN, FEB, MAR, APR = (f"2025-0{month}-01 00:00:00+00" for month in (1, 2, 3, 4))
FLAG = {"deleted_when": "not is_active -- as the application has it", "extract": "full"}
THINGS = Dimension(
    {"id": "int", "v": "text", "is_active": "boolean", "updated_at": "timestamptz"},
    ("id",),
    type1=("is_active",),
    settings=FLAG,
)
EVENTS = Fact(
    {"no": "int", "id": "int", "at": "timestamptz", "is_active": "boolean"},
    ("no",),
    "at",
    {"thing_key": "things"},
    settings=FLAG,
)
REFUSED = replace(THINGS, refused="case when v = 'bad' then '{v is bad}'::text[] else '{}' end")
VERSIONS = """
    select v, valid_from::text, valid_to::text, is_deleted from dim_things
    where id = 1 order by valid_from
"""
BEGINNING, END = (f"{one:%Y-%m-%d %H:%M:%S}+00" for one in (BEGINNING_OF_TIME, END_OF_TIME))


@pytest.fixture
def area(made: Make) -> Made:
    area = made(THINGS, EVENTS, layers=("operational", "dwh"))
    area.put(THINGS, (1, "a", True, JAN), (2, "b", None, JAN), (3, "c", False, JAN))
    area.put(EVENTS, (1, 1, FEB, True), (2, 2, FEB, None), (3, 1, FEB, False))
    area.run()
    return area


def flag(area: Made, value: str, at: str) -> None:
    """Flag the first thing and the first event."""
    area.change(THINGS, f"is_active = {value}, updated_at = '{at}'", where="id = 1")
    area.change(EVENTS, f"is_active = {value}", where="no = 1")
    area.run()


def numbers(area: Made) -> list[int]:
    return [no for (no,) in area.warehouse.rows("dwh", "select no from fact_events order by no")]


def test_a_flag_that_is_null_deletes_nothing_and_one_that_is_true_does(area: Made):
    assert [row[0] for row in area.published(THINGS)] == ["1", "2"]
    assert numbers(area) == [1, 2]
    assert area.differences() == []
    assert area.run().changed == 0


def test_a_flag_deletes_at_the_time_of_its_change_and_a_return_brings_back(area: Made):
    flag(area, "false", MAR)
    assert numbers(area) == [2]
    assert area.differences() == []
    flag(area, "true", APR)
    assert numbers(area) == [1, 2]
    assert area.warehouse.rows("dwh", VERSIONS) == [
        ("a", BEGINNING, MAR, True),
        ("a", APR, END, False),
    ]
    assert area.differences() == []


def test_a_time_without_a_zone_is_read_in_that_of_the_watermark(made: Make):
    things = replace(
        THINGS,
        columns={**THINGS.columns, "updated_at": "timestamp"},
        settings={**FLAG, "watermark_zone": "Europe/Berlin"},
    )
    area = made(things, layers=("operational", "dwh"))
    area.put(things, (1, "a", True, "2025-01-01 12:00"))
    area.run()
    area.change(things, "is_active = false, updated_at = '2025-02-01 12:00'")
    area.run()
    [(*_, ended, is_deleted)] = area.warehouse.rows("dwh", VERSIONS)
    assert (ended, is_deleted) == ("2025-02-01 11:00:00+00", True)


def test_verify_says_where_stg_takes_no_notice_of_a_flag(area: Made):
    change = "update stg_things set _deleted_at = {} where id = {}"
    area.warehouse.execute("stg", change.format("now()", 1))
    flagged = (
        "insert into stg_things select 3, 'c', false, updated_at, 1, 0, 1, now() from stg_things"
    )
    area.warehouse.execute("stg", f"{flagged} where id = 2")
    [check] = [
        one for one in verify.run(area.servers, area.area).checks[2:4] if one.entity == "things"
    ]
    assert [(one.kind, one.key) for one in check.compared.differences] == [
        ("missing", ("1",)),
        ("surplus", ("3",)),
    ]
    assert (check.compared.sent, check.compared.kept) == (2, 2)


def test_a_row_that_cleansing_refuses_is_deleted_by_its_flag_all_the_same(made: Make):
    area = made(REFUSED)
    area.put(REFUSED, (1, "a", True, JAN), (2, "bad", True, JAN))
    area.run()
    area.change(REFUSED, f"v = 'bad', is_active = false, updated_at = '{FEB}'")
    area.run()
    assert area.published(REFUSED) == []
    assert area.warehouse.rows("stg", "select from stg_rejects where resolved_at is null") == []
    assert area.differences() == []


def test_a_key_whose_holder_is_flagged_goes_to_the_row_that_waits(made: Make):
    columns = {
        "id": "text",
        **{name: kind for name, kind in THINGS.columns.items() if name != "id"},
    }
    things = replace(THINGS, columns=columns, cleansed={"id": "lower(id)"})
    area = made(things)
    area.put(things, ("X", "holds", True, JAN), ("x", "waits", True, JAN))
    area.run()
    area.change(things, f"is_active = false, updated_at = '{FEB}'", where="id = 'X'")
    area.run()
    assert [row[:2] for row in area.published(things)] == [("x", "waits")]
    assert area.differences() == []


BAD = {
    "no column": (
        "active",
        "stg: entities.things.deleted_when of sql/made/area.yml can't be .*active",
    ),
    "no condition": ("id", "must be type boolean"),
    "no expression": ("is_active =", "syntax error"),
}


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("case", BAD)
def test_an_expression_that_makes_no_sense_is_refused_before_anything_moves(made: Make, case: str):
    flag, said = BAD[case]
    area = made(replace(THINGS, settings={"deleted_when": flag}), layers=("operational", "dwh"))
    area.put(THINGS, (1, "a", True, JAN))
    with pytest.raises(ContractError, match=said):
        area.run()
    for layer, table in (("mrr", "mrr_things"), ("stg", "landing.things")):
        assert area.warehouse.rows(layer, f"select from {table}") == []
