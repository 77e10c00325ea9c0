"""Tables may be as wide as PostgreSQL has them, or it is said before anything moves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_areas import LINEAGE, Dimension, Fact, Made, Make
from tests.queries import execute
from tidemark.errors import ContractError
from tidemark.trust import verify

JAN, FEB = "2025-01-01Z", "2025-02-01Z"


def wide(count: int) -> dict[str, str]:
    return {f"c{number}": "text" for number in range(count)}


def put(area: Made, entity: Dimension | Fact, *values: Any) -> None:
    """Insert a row of which only the first and the last columns have values."""
    names = list(entity.columns)
    with area.warehouse.connect("operational") as source:
        named = f"{names[0]}, {names[-1]}"
        execute(source, f"insert into {entity.source[1]} ({named}) values (%s, %s)", values)


def differences(area: Made) -> list[Any]:
    found = verify.run(area.servers, area.area)
    return [*found.audits, *(one for check in found.checks for one in check.compared.differences)]


def test_a_dimension_may_have_as_many_columns_as_work_tables_have_room_for(made: Make):
    columns = {"id": "int", **wide(1583), "updated_at": "timestamptz"}
    things = Dimension(columns, ("id",), type1=tuple(wide(1583))[::2])
    area = made(things)
    put(area, things, 1, JAN)
    area.run()
    area.change(things, "c1 = 'new', c2 = 'late', updated_at = now()")
    area.run()
    query = "select c1, c2 from dim_things where id = 1 order by valid_from"
    assert area.warehouse.rows("dwh", query) == [(None, "late"), ("new", "late")]
    assert differences(area) == []


@pytest.mark.further
def test_a_fact_may_have_as_many_columns_as_a_work_table_has_room_for(made: Make):
    things = Dimension({"id": "int", "updated_at": "timestamptz"}, ("id",))
    roles = {f"role{n}_key": {"entity": "things", "by": [f"c{n}"]} for n in range(2)}
    columns = {"id": "int", **wide(1583), "c0": "int", "c1": "int", "at": "timestamptz"}
    events = Fact(columns, ("id",), "at", roles)
    area = made(things, events)
    put(area, things, 1, JAN)
    put(area, events, 1, FEB)
    area.run()
    area.change(events, "c0 = 1, c1 = 7")
    area.run()
    query = "select role0_key, role1_key from fact_events"
    assert area.warehouse.rows("dwh", query) == [(1, 2)]
    assert differences(area) == []


def test_a_table_that_leaves_a_work_table_no_room_is_refused(made: Make):
    columns = {"id": "int", **wide(1584), "updated_at": "timestamptz"}
    area = made(things := Dimension(columns, ("id",)))
    put(area, things, 1, JAN)
    with pytest.raises(ContractError) as raised:
        area.run()
    assert str(raised.value) == (
        "stg: stg_things has 1586 columns to move, and a batch needs 15 beside them: more than the "
        "1600 that PostgreSQL lets a table have. Leave out 1."
    )


@pytest.mark.further
def test_a_mirror_takes_new_columns_as_long_as_it_has_room(made: Make):
    """A column that was dropped keeps its place."""
    columns = {"id": "int", **wide(20), "updated_at": "timestamptz"}
    area = made(things := Dimension(columns, ("id",)))
    fill = "; ".join(
        f"alter table mrr_things add x{n} int; alter table mrr_things drop x{n}"
        for n in range(1600 - 22 - len(LINEAGE) - 1)
    )
    area.warehouse.execute("mrr", f"set role tidemark_etl; {fill}; reset role")
    area.warehouse.execute("operational", "alter table things add y1 int, add y2 int")
    put(area, things, 1, JAN)

    with pytest.raises(ContractError) as raised:
        area.run()

    assert str(raised.value).startswith(
        "operational and mrr: column 'y2' (integer) is new in public.things, and public.mrr_things "
        "has no room for it: PostgreSQL counts 1600 columns of a table, dropped ones too"
    )
    entity = area.area.entities["things"].model_copy(update={"on_new_column": "ignore"})
    area.area = area.area.model_copy(update={"entities": {"things": entity}})
    area.run()
    assert len(area.published(things)) == 1
