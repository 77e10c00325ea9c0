"""Columns may have any name: letters, key words, words of Tidemark's own, the longest there are."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import tidemark
from tests.fix_areas import Dimension, Fact, Made, Make
from tests.fix_servers import connect
from tests.queries import rows
from tidemark.errors import ContractError
from tidemark.layers.mirror import LINEAGE
from tidemark.model import ServerName
from tidemark.observe import history
from tidemark.postgres import sqlfiles
from tidemark.star.scd2 import VERSIONING
from tidemark.trust import verify

JAN, FEB = "2025-01-01Z", "2025-02-01Z"
LETTERS = tuple("lcmkrsdtxfiuvobnhw") + tuple("aegjpqyz")
"""First those that are aliases somewhere."""

OWN_WORDS = """
    nth reasons row_data next_from what range kind key position day reason named touched
""".split()


def words(server: str) -> list[str]:
    """Return the key words that are reserved, and what statements call tables and columns."""
    home = Path(tidemark.__file__).parent
    files = [path.relative_to(home.parent).with_suffix("") for path in home.rglob("*.sql")]
    modules = [".".join(path.parts) for path in files]
    text = " ".join(text for name in modules for text in sqlfiles.statements(name).values())
    named = re.findall(r"\b([a-z]\w*)(?=[.),]|$)", text, re.MULTILINE)
    with closing(connect(server)) as connection:
        reserved = rows(
            connection, "select word from pg_get_keywords() where catcode in ('R', 'T')"
        )
    taken = {*LINEAGE, *VERSIONING, "reject_reasons", "ctid"}
    return sorted({*named, *(word for (word,) in reserved)} - taken)


def travels(area: Made, things: Dimension, events: Fact) -> None:
    """Send rows through the four servers: new, changed, deleted, refused, inferred, back again."""
    things_value, events_value = things.type2[-1], list(events.columns)[-1]

    def one(entity: Dimension | Fact, n: int, stamp: str | None) -> tuple[object, ...]:
        times = ("timestamptz",)
        return tuple(stamp if kind in times else str(n) for kind in entity.columns.values())

    area.put(things, *(one(things, n, JAN) for n in range(4)))
    area.put(events, *(one(events, n, FEB) for n in range(6)), one(events, 9, None))
    area.run()
    assert area.differences() == []
    key, event_key = f'"{things.key[0]}"', f'"{events.key[0]}"'
    stamp = f'"{things.watermark}" = now()'
    area.change(things, f"\"{things_value}\" = 'new', {stamp}", where=f"{key} = '1'")
    area.change(things, f"\"{things.type1[0]}\" = 'new', {stamp}", where=f"{key} = '2'")
    area.change(events, f"\"{events_value}\" = 'new'", where=f"{event_key} = '1'")
    area.delete(things, f"{key} = '3'", [])
    area.delete(events, f"{event_key} = '3'", [])
    area.run()
    assert area.differences() == []
    area.change(events, f'"{events.event_time}" = %s', [FEB], where=f"{event_key} = '9'")
    area.run()
    assert area.run().changed == 0
    assert area.differences() == []
    assert area.published(events) == area.sent(events)


def pair(
    names: list[str], key: tuple[str, ...], event_key: tuple[str, ...]
) -> tuple[Dimension, Fact]:
    """Make a dimension and a fact with columns of these names, which are texts all."""
    texts = dict.fromkeys(names, "text")
    settings = {"deletes": "detect", "max_delete_ratio": 0.5}
    things = Dimension(
        {**texts, "stamp": "timestamptz"},
        key,
        type1=(next(name for name in names if name not in key),),
        watermark="stamp",
        surrogate="thing_no",
        settings=settings,
    )
    events = Fact(
        {**texts, "moment": "timestamptz", "last_one": "text"},
        event_key,
        "moment",
        {"thing_no": {"entity": "things", "by": list(key)}},
        settings=settings,
    )
    return things, events


def test_columns_may_be_called_like_an_alias(made: Make):
    things, events = pair(list(LETTERS), LETTERS[:15], LETTERS[15:])
    travels(made(things, events), things, events)


@pytest.mark.further
def test_columns_may_be_called_like_a_key_word_or_like_tables_and_columns_of_ours(
    made: Make, servers: dict[ServerName, str]
):
    key, others = tuple(OWN_WORDS), words(servers["dwh"])
    things, events = pair([*key, *(w for w in others if w not in key)], key, key)
    travels(made(things, events), things, events)


LONG = ["ü" * 31 + "a", "ü" * 31 + "b", "x" * 62 + "%", "x" * 62 + '"', "🐘" * 15 + "{}'"]


def test_names_may_be_as_long_as_postgresql_takes_them(made: Make):
    """They differ in their last byte alone, and so do the two roles that verify tells apart."""
    assert {len(name.encode()) for name in LONG} == {63}
    key, role = (LONG[0], LONG[2]), ("r" * 62 + "a", "r" * 62 + "b")
    things, events = pair(LONG, key, (LONG[1],))
    by = {"entity": "t" * 48, "by": list(key)}
    things = replace(things, entity="t" * 48, mrr="ö" * 24, stg="ö" * 24, table="ö" * 24)
    things = replace(things, source=("public", "x" * 63))
    roles = dict.fromkeys(role, by)
    events = replace(events, entity="e" * 48, mrr="m" * 48, stg="s" * 48, dimensions=roles)
    events = replace(events, source=("public", "x" * 62 + "y"), table="f" * 48)
    area = made(things, events)

    travels(area, things, events)

    area.warehouse.execute("dwh", f"update {'f' * 48} set {role[1]} = 0 where \"{LONG[1]}\" = '1'")
    found = verify.run(area.servers, area.area).checks[-1].compared.differences
    assert [one.columns for one in found] == [tuple(f"{role[1]}.{column}" for column in key)]


def test_schemas_may_have_any_name_and_be_as_long(made: Make):
    things, events = pair(["a", "b", "c"], ("a",), ("b",))
    schemas = {"schema": "Our 'b\"s' {100%}" + "ö" * 10, "landing_schema": "L.% {}" + "x" * 57}
    area = made(things, replace(events, table="f" * 11), **schemas)
    assert len(f"{area.area.schema_name}.{'f' * 11}".encode()) == 48
    travels(area, things, replace(events, table="f" * 11))


TAKEN = [
    ({"_pending": "text"}, "mrr: public.mrr_things has a column '_pending'"),
    ({"_mrr_key": "text"}, "stg: public.stg_things has a column '_mrr_key'"),
    ({"_effective": "text"}, "dwh: public.dim_things has a column '_effective'"),
]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(("columns", "said"), TAKEN)
def test_a_name_that_a_statement_needs_is_refused_before_anything_moves(
    made: Make, columns: dict[str, str], said: str
):
    things = Dimension({"id": "int", **columns, "updated_at": "timestamptz"}, ("id",))
    area = made(things)
    area.put(things, (1, "x", JAN))
    with pytest.raises(ContractError) as raised:
        area.run()
    assert str(raised.value).startswith(f"{said}, a name that Tidemark keeps for a column of its")
    assert area.published(things) == []


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize("name", ["_row", "_position", "_what", "_landed"])
def test_a_key_may_not_be_called_like_a_column_of_a_work_table(made: Make, name: str):
    things = Dimension({name: "int", "a": "text", "updated_at": "timestamptz"}, (name,))
    area = made(things)
    with pytest.raises(ContractError, match=f"^mrr: public.mrr_things has a column '{name}'"):
        area.run()


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("name", ["_by_0", "_may_be_here", "_member_7"])
def test_a_fact_may_not_have_a_column_of_its_work_table(made: Make, name: str):
    events = Fact({"id": "int", name: "text", "at": "timestamptz"}, ("id",), "at")
    area = made(events)
    area.put(events, (1, "x", JAN))
    with pytest.raises(ContractError, match=f"^dwh: public.fact_events has a column '{name}'"):
        area.run()


def test_the_time_of_a_change_may_be_called_like_a_column_of_a_dimension(made: Make):
    columns = {"id": "int", "a": "text", "valid_from": "timestamptz", "changed_at": "timestamptz"}
    things = Dimension(columns, ("id",), watermark="changed_at", effective="valid_from")
    area = made(things)
    area.put(things, (1, "x", JAN, FEB))
    area.run()
    area.change(things, "a = 'y', valid_from = now(), changed_at = now()")
    area.run()
    assert len(area.warehouse.rows("dwh", "select from dim_things where id = 1")) == 2
    assert area.differences() == []


def test_an_attribute_may_not_be_a_column_that_versions_have(made: Make):
    columns = {"id": "int", "changed_at": "timestamptz", "updated_at": "timestamptz"}
    declared = {"table": "dim_things", "surrogate_key": "thing_key", "type2": ["changed_at"]}
    settings = {"dimension": declared}
    area = made(things := Dimension(columns, ("id",), effective="changed_at", settings=settings))
    area.put(things, (1, JAN, JAN))
    with pytest.raises(ContractError, match="declares 'changed_at', and every dimension has a"):
        area.run()


def test_a_table_of_stg_may_not_have_reasons_of_its_own(made: Make):
    area = made(things := Dimension({"id": "int", "updated_at": "timestamptz"}, ("id",)))
    area.warehouse.execute("stg", "alter table stg_things add column reject_reasons text[]")
    area.put(things, (1, JAN))
    with pytest.raises(ContractError, match="has a column 'reject_reasons', a name"):
        area.run()


def test_a_column_called_like_a_fact_is_not_taken_for_its_count(made: Make):
    things = Dimension({"id": "int", "events": "text", "updated_at": "timestamptz"}, ("id",))
    events = Fact({"no": "int", "id": "int", "at": "timestamptz"}, ("no",), "at", {"k": "things"})
    area = made(things, events)
    area.put(things, (1, "many", JAN))
    area.put(events, (1, 1, FEB))
    area.run()
    found = history.read(area.servers, area.area, area.area.entity("things"), ["1"])
    assert found.only(["events", "events (facts)"]) == [("many", 1)]
