"""A source changes, and a person does what each message says: the change arrives in the star."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.declare.project import Project
from tidemark.errors import ContractError
from tidemark.install import migrate

JAN, FEB, MAR = "2025-01-01Z", "2025-02-01Z", "2025-03-01Z"
BIG = 2**31 + 5
SETTINGS = {"deletes": "detect", "max_delete_ratio": 0.9}
VIEWS = {
    "mrr": "create view kept as select k from mrr_things_history",
    "stg": "create view good as select k, a from stg_things",
    "dwh": """
        create view seen as select k, a from dim_things;
        create view counted as select s.k, count(*) as n from seen as s group by s.k;
        create view happened as
        select e.id, e.thing from fact_events as e inner join seen as s on e.thing = s.k
    """,
}

POINTS = "from fact_events as e join dim_things as d using (thing_key)"


def star(make: Make, key: str, attribute: str = "text") -> tuple[Made, Dimension, Fact]:
    """Make a dimension and a fact with keys of a type, and views upon them in every layer."""
    columns = {"k": key, "a": attribute, "updated_at": "timestamptz"}
    things = Dimension(columns, ("k",), settings=SETTINGS)
    events = Fact(
        {"id": key, "thing": key, "at": "timestamptz"},
        ("id",),
        "at",
        {"thing_key": {"entity": "things", "by": ["thing"]}},
        settings=SETTINGS,
    )
    files = {}
    for layer, text in VIEWS.items():
        dropped = re.findall(r"create view (\w+)", text)
        files[f"{layer}/views/more.sql"] = f"drop view if exists {', '.join(dropped)};{text}"
    return make(things, events, files=files), things, events


def follow(area: Made, edit: Callable[[str], None] = lambda _: None) -> list[str]:
    """Run, and do what the error says, until there is no error; return the errors.

    `edit` is what a person does to other files before the migration.
    """
    said: list[str] = []
    while True:
        try:
            area.run()
        except ContractError as error:
            for problem in map(str, error.problems):
                said.append(problem)
                assert len(said) <= 14, said
                for folder in re.findall(r"into a new file of (\S+/)", problem):
                    file = area.home / folder / f"{50 + len(said)}_follow.sql"
                    file.write_text(problem.split("`")[1])
                edit(problem)
            migrate.migrate(Project(area.home), area.servers)
        else:
            return said


def grow(area: Made, *changes: str) -> None:
    for change in changes:
        area.warehouse.execute("operational", f"alter table {change}")


def test_keys_that_grow_from_int_to_bigint_arrive_by_following_every_message(made: Make):
    area, things, events = star(made, "int")
    area.put(things, *((n, "old", JAN) for n in (1, 2, 3)))
    area.put(events, *((n, n, FEB) for n in (1, 2, 3)))
    area.run()
    grow(area, "things alter k type bigint", "events alter id type bigint, alter thing type bigint")
    area.put(things, (BIG, "old", JAN))
    area.change(things, "updated_at = now()", where=f"k = {BIG}")
    area.put(events, (BIG, BIG, FEB), (BIG + 1, BIG + 2, FEB))

    follow(area)

    query = f"select e.id, d.k, d.is_inferred {POINTS}"
    expected = [*((n, n, False) for n in (1, 2, 3)), (BIG, BIG, False), (BIG + 1, BIG + 2, True)]
    assert sorted(area.warehouse.rows("dwh", query)) == expected
    area.change(things, "a = 'new', updated_at = now()", where=f"k = {BIG}")
    area.run()
    area.change(things, "updated_at = now()", where=f"k = {BIG}")  # nothing new: a confirmation
    area.run()
    area.delete(things, f"k = {BIG}", [])
    area.delete(events, f"id = {BIG}", [])
    area.run()
    confirmed = "select k from tidemark.dim_things_confirmed"
    assert area.warehouse.rows("dwh", confirmed) == [(BIG,)]
    assert area.warehouse.rows("mrr", "select distinct k from mrr_things_history") == [(BIG,)]
    assert len(area.warehouse.rows("dwh", "select from counted")) == 6
    assert area.differences() == []


GROWN: list[tuple[str, str, Any, Any]] = [
    ("varchar(3)", "varchar(9)", "abc", "abcdefgh"),
    ("varchar(3)", "text", "abc", "abcdefgh"),
    ("smallint", "int", 7, 40_000),
    ("numeric(4,2)", "numeric(8,4)", "1.25", "1234.0625"),
    ("char(3)", "char(9)", "abc", "abcdefgh"),
]


@pytest.mark.further(one_in=5)
@pytest.mark.parametrize(("old", "new", "small", "large"), GROWN)
def test_keys_of_other_types_grow_as_well(made: Make, old: str, new: str, small: Any, large: Any):
    area, things, events = star(made, old)
    area.put(things, (small, "old", JAN))
    area.put(events, (small, small, FEB))
    area.run()
    grow(area, f"things alter k type {new}", f"events alter id type {new}, alter thing type {new}")
    area.put(things, (large, "old", JAN))
    area.change(things, "updated_at = now()")
    area.put(events, (large, large, FEB))

    follow(area)

    query = (
        "select e.id::text, d.k::text from fact_events as e join dim_things as d using (thing_key)"
    )
    assert {row[1] for row in area.warehouse.rows("dwh", query)} == {
        row[0] for row in area.warehouse.rows("operational", "select k::text from things")
    }
    assert area.differences() == []


ATTRIBUTES: list[tuple[str, str, Any]] = [
    ("smallint", "integer", 40_000),
    ("numeric(8,2)", "numeric(12,2)", "1234567890.25"),
    ("numeric(8,2)", "numeric(14,4)", "1.0625"),
    ("varchar(3)", "varchar(9)", "abcdefgh"),
    ("timestamp(0)", "timestamp", "2025-01-01 12:00:00.123"),
    ("date", "timestamptz", "2025-01-01 12:00Z"),
    ("real", "double precision", "0.1"),
    ("text", "integer using 7", "40000"),
    ("boolean", "text", "true"),
]


@pytest.mark.further(one_in=5)
@pytest.mark.parametrize(("old", "new", "value"), ATTRIBUTES)
def test_attributes_grow_by_following_every_message(made: Make, old: str, new: str, value: Any):
    area, things, _ = star(made, "int", old)
    area.put(things, (1, None, JAN))
    area.run()
    grow(area, f"things alter a type {new}")
    area.change(things, "a = %s, updated_at = now()", [value])

    follow(area)

    assert area.published(things) == [row[:-1] for row in area.sent(things)]
    assert area.differences() == []


def test_a_column_that_was_renamed_is_renamed_in_every_layer(made: Make):
    """Views and area.yml name it too: those a person has to edit."""
    area, things, _ = star(made, "int")
    area.put(things, (1, "old", JAN))
    area.run()
    grow(area, "things rename a to b")
    declared = area.home / "sql" / "made" / "area.yml"
    declared.write_text(declared.read_text().replace("- a\n", "- b\n"))
    area.area = Project(area.home).area()
    area.warehouse.execute("operational", "update things set b = 'new', updated_at = now()")

    files = {"operational and mrr": "stg/views/clean_things.sql", "stg": "stg/views/more.sql"}
    files["dwh"] = "dwh/views/more.sql"

    def edit(said: str) -> None:
        if said.partition(":")[0] in files:
            path = area.home / "sql" / "made" / files[said.partition(":")[0]]
            text = path.read_text().replace('"a"', '"b"').replace("k, a from", "k, b from")
            path.write_text(text)

    follow(area, edit)

    assert area.warehouse.rows("dwh", "select k, b, is_current from dim_things where k = 1") == [
        (1, "old", False),
        (1, "new", True),
    ]
    assert area.differences() == []


TIMES = [("date", "timestamptz"), ("timestamptz(0)", "timestamptz"), ("timestamp", "timestamptz")]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(("old", "new"), TIMES)
def test_a_time_that_a_fact_is_partitioned_by_is_cast_in_the_view(made: Make, old: str, new: str):
    """PostgreSQL retypes no such column."""
    events = Fact({"id": "int", "at": old}, ("id",), "at")
    area = made(events)
    area.put(events, (1, "2025-02-01"))
    area.run()
    grow(area, f"events alter at type {new}")
    area.put(events, (2, "2025-02-01 12:00:00.4Z"))
    view = area.home / "sql" / "made" / "stg" / "views" / "clean_events.sql"

    def edit(said: str) -> None:
        if "Cast it in landing.clean_events" in said:
            view.write_text(view.read_text().replace('"at" as', f'"at"::{old} as'))

    follow(area, edit)

    sent = f"select id, at::{old}::text from events order by id"
    query = "select id, at::text from fact_events order by id"
    with area.servers.session("operational", "test") as source:
        assert area.warehouse.rows("dwh", query) == source.rows(sent)
    assert area.differences() == []


def test_a_column_that_nothing_feeds_was_not_renamed_to_one_of_tidemark(made: Make):
    area, things, _ = star(made, "int")
    area.warehouse.execute("dwh", "alter table dim_things add parent bigint")
    area.put(things, (1, "old", JAN))
    with pytest.raises(ContractError) as raised:
        area.run()
    assert str(raised.value) == (
        "dwh: nothing feeds public.dim_things.parent: STG has no such column. Add it to STG, "
        "rename it, or give it a default."
    )


HALVES = [
    ("mrr", "alter table mrr_things_history alter a type varchar(9)"),
    ("mrr", "alter table mrr_things_history drop a"),
    ("stg", "alter table stg_things_history alter a type varchar(9)"),
    ("stg", "alter table stg_things_history rename a to z"),
    ("stg", "alter table stg_things_history add z int not null default 1; "
     "alter table stg_things_history alter z drop default"),
    ("dwh", "alter table tidemark.dim_things_confirmed alter k type smallint"),
    ("dwh", "alter table tidemark.dim_things_confirmed rename k to z"),
]  # fmt: skip


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(("layer", "statement"), HALVES)
def test_what_is_made_beside_a_table_is_a_part_of_its_contract(
    made: Make, layer: Any, statement: str
):
    area, things, _events = star(made, "int")
    area.warehouse.execute(layer, statement)
    area.put(things, (1, "old", JAN))

    assert len(follow(area)) == 1

    area.change(things, "a = 'new', updated_at = now()")
    area.run()
    area.change(things, "updated_at = now()")
    area.run()
    assert area.differences() == []
