"""Tables of neighbouring layers that disagree: said before anything moves, with the remedy."""

from __future__ import annotations

import re

import pytest

from tests.fix_areas import Dimension, Fact, Make
from tidemark.errors import ContractError

JAN = "2025-01-01Z"

NARROWED = [
    ("numeric(14,4)", "numeric(10,2)", "1.2345"),
    ("numeric", "numeric(10,2)", "1.2345"),
    ("timestamp with time zone", "date", "2025-01-01 12:00Z"),
    ("timestamp with time zone", "timestamp(0) with time zone", "2025-01-01 12:00:00.5Z"),
    ("timestamp without time zone", "timestamp with time zone", "2025-01-01 12:00"),
    ("time without time zone", "time(0) without time zone", "12:00:00.5"),
    ("text", "character varying(3)", "abc"),
    ("text", "character(3)", "abc"),
    ("bigint", "integer", "7"),
    ("double precision", "real", "0.1"),
    ("interval", "interval year to month", "1 year 5 days"),
    ("bit varying(5)", "bit varying(3)", "101"),
    ("numeric(14,4)[]", "numeric(10,2)[]", "{1.2345}"),
    ("json", "jsonb", '{"a": 1, "a": 2}'),
    ("public.code", "character varying(3)", "abcde"),
]


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize(("kind", "target", "value"), NARROWED)
def test_a_table_that_is_narrower_than_its_view_is_refused(
    made: Make, kind: str, target: str, value: str
):
    things = Dimension({"id": "int", "x": kind, "updated_at": "timestamptz"}, ("id",))
    area = made(things, first="create domain public.code as varchar(5)")
    for table in ("stg_things", "stg_things_history"):
        area.warehouse.execute("stg", f"alter table {table} drop x, add x {target}")
    area.put(things, (1, value, JAN))

    with pytest.raises(ContractError) as raised:
        area.run()

    assert re.sub(r' using "x"::[^;]*', "", str(raised.value)) == (
        f"stg: column 'x' is {kind} in landing.clean_things, and {target} in public.stg_things "
        "can't hold every value of it. Put "
        f'`alter table if exists "stg_things" alter column "x" type {kind}; '
        f'alter table if exists "stg_things_history" alter column "x" type {kind};` into a new '
        "file of sql/made/stg/ and run `tidemark migrate`, or cast it in the view."
    )
    error = raised.value
    assert (error.server, error.table, error.column) == ("stg", "public.stg_things", "x")
    assert f"`{'; '.join(error.statements)};`" in str(error)
    assert area.warehouse.rows("stg", "select from landing.things") == []


HELD = [
    ("integer", "bigint"),
    ("integer", "numeric"),
    ("smallint", "real"),
    ("numeric(8,2)", "numeric(12,4)"),
    ("character varying(5)", "text"),
    ("character(5)", "text"),
    ("public.code", "text"),
    ("timestamp(0) with time zone", "timestamp with time zone"),
    ("numeric(8,2)[]", "numeric[]"),
]
"""The value is 7."""


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize(("kind", "target"), HELD)
def test_a_table_that_is_wider_than_its_view_takes_its_rows(made: Make, kind: str, target: str):
    value = {"t": JAN, "n": "{7}"}.get(kind[0] if kind.endswith("]") or kind[0] == "t" else "", "7")
    things = Dimension({"id": "int", "x": kind, "updated_at": "timestamptz"}, ("id",))
    area = made(things, first="create domain public.code as varchar(5)")
    for table in ("stg_things", "stg_things_history"):
        area.warehouse.execute("stg", f"alter table {table} alter x type {target}")
    area.warehouse.execute("dwh", f"alter table dim_things alter x type {target}")
    area.put(things, (1, value, JAN), (2, None, JAN))
    area.run()
    area.change(things, "x = null, updated_at = now()", where="id = 1")
    area.run()
    assert [row[1] for row in area.published(things)] == [None, None]
    assert area.run().changed == 0
    assert area.differences() == []


KEY = "alter table things drop constraint things_pkey, add constraint things_pkey"


def test_a_key_whose_index_carries_other_columns_is_one(made: Make):
    things = Dimension({"id": "int", "x": "text", "updated_at": "timestamptz"}, ("id",))
    area = made(things)
    area.warehouse.execute("operational", f"{KEY} primary key (id) include (x)")
    area.put(things, (1, "v", JAN))
    area.run()
    assert area.published(things) == [("1", "v")]


def test_a_column_that_an_index_carries_is_no_part_of_a_key(made: Make):
    things = Dimension({"id": "int", "x": "text", "updated_at": "timestamptz"}, ("id", "x"))
    area = made(things)
    area.warehouse.execute("operational", f"{KEY} unique (id, updated_at) include (x)")
    with pytest.raises(ContractError, match=r"no unique index of public\.things lies within"):
        area.run()


def test_an_index_that_was_never_finished_holds_no_key(made: Make):
    """`create index concurrently` leaves it where rows are not unique."""
    things = Dimension({"id": "int", "x": "text", "updated_at": "timestamptz"}, ("id",))
    area = made(things)
    area.warehouse.execute(
        "operational",
        "update pg_index set indisvalid = false where indexrelid = 'things_pkey'::regclass",
    )
    with pytest.raises(ContractError, match=r"no unique index of public\.things lies within"):
        area.run()


UNORDERED = """
    drop view landing.clean_things;
    create view landing.clean_things as
    select id, updated_at, _batch_id, _first_batch_id, _extracted_at, _deleted_at,
        '{}'::text[] as reject_reasons
    from landing.things
"""


def test_a_view_that_does_not_pass_the_order_of_versions_on_is_refused(made: Make):
    things = Dimension({"id": "int", "updated_at": "timestamptz"}, ("id",))
    area = made(things)
    area.warehouse.execute("stg", UNORDERED)
    area.put(things, (1, JAN))
    with pytest.raises(ContractError) as raised:
        area.run()
    assert str(raised.value) == (
        "stg: landing.clean_things has no column '_seq', the order of the versions that a batch "
        "shows of a key. Add the line `, _seq` behind the last column of the view, and of those "
        "that it reads, and run `tidemark migrate`."
    )


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("mrr_things", "_seq"),
        ("mrr_things_history", "_seq"),
        ("mrr_things_history", "_replaced_by"),
    ],
)
def test_a_mirror_that_an_older_tidemark_made_is_to_be_migrated(
    made: Make, table: str, column: str
):
    area = made(Dimension({"id": "int", "updated_at": "timestamptz"}, ("id",)))
    area.warehouse.execute("mrr", f"alter table {table} drop column {column}")
    with pytest.raises(ContractError, match=rf"mrr: public\.{table} has no column '{column}'"):
        area.run()


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("extract", ["delta", "full"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_key_that_a_snapshot_shows_twice_is_named(made: Make, extract: str, is_first: bool):
    """A unique index holds over one table, and not over those that inherit from it."""
    columns = {"id": "int", "part": "text", "updated_at": "timestamptz"}
    things = Dimension(columns, ("id", "part"), settings={"extract": extract})
    area = made(things)
    if not is_first:
        area.put(things, (7, "p", JAN), (7, "q", JAN))
        area.run()
        if extract == "delta":
            area.change(things, "updated_at = now()")
    else:
        area.put(things, (7, "p", JAN))
    area.warehouse.execute(
        "operational",
        "create table more () inherits (things); insert into more values (7, 'p', now())",
    )
    before = area.mirrored(things)

    with pytest.raises(ContractError) as raised:
        area.run()

    assert str(raised.value) == (
        "things: the snapshot of public.things shows the key id=7, part=p more than once, and "
        "nothing was moved. Make it one row (a table that others inherit from has no unique index "
        "over them), or name another `key` in sql/made/area.yml."
    )
    assert area.mirrored(things) == before


@pytest.mark.further(one_in=5)
@pytest.mark.parametrize("kind", ["text", "integer", "time without time zone", "tstzrange"])
@pytest.mark.parametrize("what", ["dimension.effective", "fact.event_time", "fact.dates"])
def test_what_dates_no_row_is_refused(made: Make, what: str, kind: str):
    columns = {"id": "int", "at": kind, "updated_at": "timestamptz"}
    entity: Dimension | Fact = Dimension(columns, ("id",), effective="at", entity="events")
    if what != "dimension.effective":
        dates = {"at_key": "at"} if what == "fact.dates" else {}
        entity = Fact(columns, ("id",), "at" if not dates else "updated_at", dates=dates)
    area = made(entity)
    area.put(entity, (1, None, JAN))

    with pytest.raises(ContractError) as raised:
        area.run()

    assert str(raised.value) == (
        f"stg: column 'at' is {kind} in public.{entity.stg}, and {what} of entities.events in "
        "sql/made/area.yml takes date, timestamp or timestamptz. Cast it in "
        "landing.clean_events, and give the column such a type in STG and the DWH."
    )


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("read", "named"),
    [
        ("stg_events", "public.stg_events"),
        ("stg_events_history", "public.stg_events_history"),
        ("landing.events", "landing.events"),
        ("(select * from looked_up)", "public.stg_events"),
    ],
)
def test_a_cleansing_view_reads_its_own_rows_alone(made: Make, read: str, named: str):
    things = Dimension({"id": "int", "updated_at": "timestamptz"}, ("id",))
    events = Fact({"no": "int", "id": "int", "at": "timestamptz"}, ("no",), "at")
    area = made(things, events)
    view = "create view looked_up as select id from stg_events"
    area.warehouse.execute("stg", view)
    area.warehouse.execute("stg", "create table countries (id int)")
    definition = area.warehouse.rows("stg", "select pg_get_viewdef('landing.clean_things')")[0][0]
    rows = definition.rstrip().rstrip(";")
    looking = f"{rows} where exists (select from {read} as o) or exists (select from countries)"
    area.warehouse.execute("stg", f"create or replace view landing.clean_things as {looking}")
    area.put(things, (1, JAN))
    with pytest.raises(ContractError) as refused:
        area.run()
    assert f"stg: the view landing.clean_things reads {named}. A row there may change" in str(
        refused.value
    )
