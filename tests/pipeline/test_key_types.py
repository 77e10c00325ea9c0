"""A fact finds its dimension by the type of the dimension's key, whatever its own is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.errors import ContractError
from tidemark.observe import history

JAN, FEB = "2025-01-01Z", "2025-02-01Z"

POINTS = """
    select e.id, d.k::text, d.is_inferred from fact_events as e
    inner join dim_things as d using (thing_key) order by e.id
"""


def star(make: Make, key: str, by: str) -> tuple[Made, Dimension, Fact]:
    """Make a dimension with a key of a type, and a fact that finds it by a column of another."""
    settings = {"deletes": "detect", "max_delete_ratio": 1}
    columns = {"k": key, "a": "text", "updated_at": "timestamptz"}
    things = Dimension(columns, ("k",), settings=settings)
    events = Fact(
        {"id": "int", "thing": by, "at": "timestamptz"},
        ("id",),
        "at",
        {"thing_key": {"entity": "things", "by": ["thing"]}},
        settings=settings,
    )
    return make(things, events), things, events


COMPARED: list[tuple[str, str, list[Any], list[Any], list[str]]] = [
    ("char(5)", "text", ["ab", "x"], ["ab", "ab   ", "x  ", "new", "new  "], ["ab", "x", "new"]),
    ("char(5)", "varchar(8)", ["ab"], ["ab", "ab   ", "new", "new  "], ["ab", "new"]),
    ("varchar(5)", "char(8)", ["ab"], ["ab", "ab   ", "new"], ["ab", "new"]),
    ("text", "char(8)", ["ab"], ["ab", "ab   ", "new"], ["ab", "new"]),
    ("text", "varchar(8)", ["ab", "ab "], ["ab", "ab ", "new"], ["ab", "ab ", "new"]),
    ("bigint", "smallint", [1], [1, 2], ["1", "2"]),
    ("numeric", "int", ["1.00"], [1, 2], ["1.00", "2"]),
    ("numeric(9,2)", "numeric(7,1)", ["1.00"], ["1", "2"], ["1.00", "2.00"]),
    ("interval", "interval", ["1 day"], ["1 day", "24:00", "2 days"], ["1 day", "2 days"]),
]


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize(("key", "by", "there", "named", "members"), COMPARED)
def test_facts_and_dimensions_meet_where_the_keys_are_equal(
    made: Make, key: str, by: str, there: list[Any], named: list[Any], members: list[str]
):
    area, things, events = star(made, key, by)
    area.put(things, *((one, "x", JAN) for one in there))
    area.put(events, *((n, one, FEB) for n, one in enumerate(named)), (99, None, FEB))

    area.run()

    found = area.warehouse.rows("dwh", "select k::text from dim_things order by thing_key")
    assert found == [(None,), *((one,) for one in members)]
    assert {(member, inferred) for _, member, inferred in area.warehouse.rows("dwh", POINTS)} == {
        *((one, n >= len(there)) for n, one in enumerate(members)),
        (None, False),
    }
    assert area.run().changed == 0
    assert area.differences() == []
    area.put(things, *((one, "late", "now") for one in named[-1:]))
    area.change(events, "at = '2025-03-01Z'")
    area.delete(events, "id = 0", [])
    area.run()
    area.run()
    assert [row[2] for row in area.warehouse.rows("dwh", POINTS)] == [False] * len(named)
    assert area.differences() == []


REFUSED = [
    ("bigint", "text", "bigint", "text"),
    ("text", "bigint", "text", "bigint"),
    ("integer", "bigint", "integer", "bigint"),
    ("bigint", "numeric", "bigint", "numeric"),
    ("date", "timestamptz", "date", "timestamp with time zone"),
    ("uuid", "text", "uuid", "text"),
    ("numeric(9,2)", "numeric(9,4)", "numeric(9,2)", "numeric(9,4)"),
]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(("key", "by", "told_key", "told_by"), REFUSED)
def test_keys_that_compare_to_nothing_are_refused_before_anything_moves(
    made: Make, key: str, by: str, told_key: str, told_by: str
):
    area, _, events = star(made, key, by)
    area.put(events, (1, None, FEB))

    with pytest.raises(ContractError) as raised:
        area.run()

    assert str(raised.value) == (
        f"stg and dwh: public.fact_events finds its thing_key by column 'thing' of stg_events, "
        f"which is {told_by}, and the key 'k' of public.dim_things is {told_key}, which can't hold "
        "every value of it. Give both one type: cast it in landing.clean_events, or change the "
        "dimension's in every layer."
    )


def test_a_key_that_is_too_long_is_none_of_those_that_begin_like_it(made: Make):
    area, things, _ = star(made, "varchar(3)", "text")
    area.put(things, ("abc", "x", JAN))
    area.run()
    entity = area.area.entity("things")
    assert len(history.read(area.servers, area.area, entity, ["abc"]).versions) == 1
    assert history.read(area.servers, area.area, entity, ["abcd"]).versions == []
