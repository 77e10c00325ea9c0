"""An entity may read a query, which lies in a file of its area."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.fix_areas import Dimension, Made, Make
from tidemark.declare.project import Project
from tidemark.errors import ContractError, WindowError
from tidemark.install import migrate
from tidemark.observe import doctor, plan
from tidemark.postgres.sessions import Servers
from tidemark.trust import verify

COLUMNS = {"id": "int", "v": "text", "updated_at": "timestamptz"}
JAN = "2025-01-01Z"
SELECT = "select id, v, updated_at from things"
NAME = "sql/made/source/things.sql"


def things(**settings: Any) -> Dimension:
    own = {"source": {"query": "source/things.sql"}, "deletes": "detect", **settings}
    return Dimension(COLUMNS, ("id",), settings=own)


THINGS = things()


def ask(area: Made, query: str) -> None:
    """Write the query, and let its tables be made."""
    file = area.home / NAME
    file.parent.mkdir(exist_ok=True)
    file.write_text(query, "utf-8")
    area.area = Project(area.home).area()
    migrate.migrate(Project(area.home), area.servers)


def asked(make: Make, query: str = SELECT, **settings: Any) -> Made:
    area = make(things(**settings), layers=("operational", "dwh"))
    area.put(THINGS, (1, "a", JAN), (2, "b", JAN), (3, "c", JAN), (4, "d", JAN), (5, "e", JAN))
    ask(area, query)
    return area


def change(area: Made, *statements: str) -> None:
    for statement in statements:
        area.warehouse.execute("operational", statement)


def columns(area: Made, layer: str, table: str) -> list[tuple[str, str]]:
    return area.warehouse.rows(
        layer,
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and attname !~ '^_' order by attnum",
        [table],
    )


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("extract", ["delta", "full"])
def test_a_query_is_followed(made: Make, extract: str):
    """New rows, changed ones and deletes arrive, and the layers are equal after each batch."""
    area = asked(made, f"{SELECT} where v <> 'hidden' -- of today", extract=extract)
    for statement in (
        "select 1",
        "update things set v = 'z', updated_at = now() where id = 1",
        "insert into things values (6, 'f', now()), (7, 'hidden', now())",
        "delete from things where id = 2",
        "update things set v = 'hidden', updated_at = now() where id = 3",
    ):
        change(area, statement)
        area.run()
        shown = [row[:2] for row in area.sent(THINGS) if row[1] != "hidden"]
        assert area.published(THINGS) == shown
        assert area.differences() == []


def test_columns_have_the_types_of_the_query(made: Make):
    area = asked(made)
    change(
        area,
        "create type mood as enum ('good', 'bad'); create domain price as numeric(10, 2)",
        "grant usage on type mood to tidemark_etl",
    )
    ask(
        area,
        "select id, v, updated_at, 1.5::price as p, 1.5::numeric(3, -1) as n, 'a'::varchar(3) as c,"
        " 'a'::char(2) as f, 'a'::varchar as w, 1.5 as u, 'good'::mood as m, null as nothing, "
        "'2025-01-01'::timestamp(0) as t, array[1] as a, b'101' as bits, 'a'::bpchar as b "
        "from things;",
    )
    area.run()
    assert columns(area, "mrr", "mrr_things")[3:] == [
        ("p", "numeric(10,2)"),
        ("n", "numeric(3,-1)"),
        ("c", "character varying(3)"),
        ("f", "character(2)"),
        ("w", "character varying"),
        ("u", "numeric"),
        ("m", "text"),
        ("nothing", "text"),
        ("t", "timestamp without time zone"),
        ("a", "integer[]"),
        ("bits", '"bit"'),
        ("b", "bpchar"),
    ]
    assert area.differences() == []


WELL = (
    f"\ufeff{SELECT};",
    f"-- things;\n/* all; /* of */ them */ {SELECT} ; -- that is all\n/* ; */",
    f"{SELECT} -- that is all",
    "select id, v || '%%s%' as v, updated_at from things where v not like '%(x)s%'",
    "select id, v || '{v}' as v, updated_at from things",
    "select id, e'it\\'s; )' || $q$ ;( $q$ || ';' || v as v, updated_at from things;",
    f"with t as ({SELECT}) select * from t order by id limit 100",
    "select * from (values (1, 'a', '2025-01-01Z'::timestamptz)) as t (id, v, updated_at) "
    f"union all {SELECT} where id <> 1",
    "table things",
)


def test_a_query_may_look_as_it_likes(made: Make):
    area = asked(made)
    for query in WELL:
        ask(area, query)
        area.run()
        assert area.differences() == []
        ((shown,),) = area.warehouse.rows("operational", f"select count(*) from ({SELECT}) as q")
        assert len(area.published(THINGS)) == shown


ILL = {
    "": "has to hold one SELECT and nothing else.",
    "-- nothing": "has to hold one SELECT and nothing else.",
    f"{SELECT}; {SELECT}": "has to hold one SELECT and nothing else.",
    f"{SELECT}) as a, (select 1": "has to hold one SELECT and nothing else.",
    "selct 1": "can't be run: operational: syntax error at or near",
    "delete from things": "can't be run: operational: syntax error at or near",
    "with d as (delete from things returning *) select * from d": "can't be run: operational: WITH "
    "clause containing a data-modifying statement must be at the top level",
    "select * into other from things": "can't be run: operational: SELECT ... INTO is not allowed",
    "select id, v, updated_at from things where id = $1": "can't be run: operational: there is no "
    "parameter $1",
    "select * from things for update": "can't be run: operational: cannot execute SELECT FOR "
    "UPDATE in a read-only transaction",
    "select * from thigns": "can't be run: operational: relation",
    "select *, id from things": "yields 'id' twice. Name each column once.",
    "select *, row(1, 2) as r from things": "yields 'r', which is record. Cast it to a type that",
    "select v, updated_at from things": "has no column 'id', but entities.things of "
    "sql/made/area.yml names it.",
}


def test_what_is_wrong_with_a_query_is_told_before_anything_moves(made: Make):
    area = asked(made)
    area.run()
    file = area.home / NAME
    for query, said in ILL.items():
        file.write_text(query, "utf-8")
        with pytest.raises(ContractError) as raised:
            area.run()
        assert f"operational: {NAME}" in str(raised.value)
        assert said in str(raised.value)
    file.unlink()
    (stop,) = plan.make(area.servers, area.area).stops
    assert stop == (
        f"operational: {NAME}, the query of entities.things, does not exist. Write it, or correct "
        "`source`."
    )
    with pytest.raises(ContractError, match="does not exist"):
        verify.run(area.servers, area.area)


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("extract", ["delta", "full"])
def test_a_key_that_a_query_yields_twice_is_named(made: Make, extract: str):
    area = asked(made, f"{SELECT} union all {SELECT} where id = 3", extract=extract)
    with pytest.raises(ContractError) as raised:
        area.run()
    assert f"things: the snapshot of {NAME} shows the key id=3 more than once" in str(raised.value)
    assert area.warehouse.rows("mrr", "select * from mrr_things") == []


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("extract", ["delta", "full"])
def test_rows_of_an_edited_query_are_pending_and_come_with_the_next_batch(made: Make, extract: str):
    """Their watermarks are as they were, so no window would bring them."""
    area = asked(made, extract=extract)
    area.run()
    ask(area, "select id, upper(v) as v, updated_at from things where id <> 5")
    checked = verify.run(area.servers, area.area).checks[0]
    assert (checked.compared.differences, checked.compared.pending) == ([], 5)
    (planned,) = plan.make(area.servers, area.area).entities
    assert (planned.low, planned.rows, planned.deleted) == (None, 4, 1)
    assert "its source is another query or table than before" in planned.notes[0]
    area.run()
    assert area.published(THINGS) == [("1", "A"), ("2", "B"), ("3", "C"), ("4", "D")]
    assert area.differences() == []
    (planned,) = plan.make(area.servers, area.area).entities
    assert len(planned.notes) == 1


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("source", ["things", {"query": "source/other.sql"}])
def test_another_source_is_read_from_the_start(made: Make, source: Any):
    area = asked(made, "select id, lower(v) as v, updated_at from things where id < 4")
    area.run()
    (area.home / "sql/made/source/other.sql").write_text(SELECT, "utf-8")
    change(area, "update things set v = 'B' where id = 2")
    path = area.home / "sql/made/area.yml"
    declared = yaml.safe_load(path.read_text("utf-8"))
    declared["entities"]["things"]["source"] = source
    path.write_text(yaml.safe_dump(declared), "utf-8")
    area.area = Project(area.home).area()
    area.run()
    assert area.published(THINGS)[1:] == [("2", "B"), ("3", "c"), ("4", "d"), ("5", "e")]


def test_a_rounded_watermark_loses_no_row(made: Make):
    """A query may round it without a word, so the second in which a window ended is read again."""
    area = asked(
        made,
        "select id, v, updated_at::timestamptz(0) as updated_at from things",
        deletes="ignore",
    )
    area.run()
    high = "select (position ->> 'high')::timestamptz from tidemark.source_position"
    ((mark,),) = area.warehouse.rows("mrr", high)
    area.put(THINGS, (6, "f", mark.replace(microsecond=0)))
    area.run()
    assert ("6", "f") in area.published(THINGS)


def test_what_lies_behind_a_query_decides_whether_a_bound_is_safe(made: Make):
    area = asked(made)
    change(
        area,
        "create materialized view kept as select * from things",
        "create view shown as select * from kept",
        "grant select on kept, shown to tidemark_etl",
    )
    ask(area, "select t.id, t.v, t.updated_at from shown as s inner join things as t using (id)")
    with pytest.raises(WindowError, match="rows of kept come when it is refreshed"):
        area.run()


@pytest.mark.further
def test_doctor_says_what_the_login_may_not_run(made: Make):
    area = asked(made)
    area.run()
    change(area, "create role reader login password 'reader' in role pg_read_all_stats")
    host = area.warehouse.dsn["operational"].rpartition("@")[2]
    reader = {"operational": f"postgresql://reader:reader@{host}"}
    with Servers({**area.warehouse.dsn, **reader}) as servers:
        found = doctor.examine(Project(area.home), servers)
    change(area, "drop role reader")
    assert [one.what for one in found if one.severity == "problem"] == [
        f"operational: {NAME}, the query of entities.things, can't be run: operational: "
        "permission denied for table things. Correct it, or grant the login what it reads."
    ]


def test_doctor_runs_no_query_as_a_superuser(made: Make):
    """PostgreSQL calls an immutable function as soon as it plans a query."""
    area = asked(made)
    change(
        area,
        "create function planted() returns int immutable language plpgsql as "
        "'begin raise exception $$planted$$; end'",
    )
    (area.home / NAME).write_text(f"{SELECT} where planted() = 1", "utf-8")
    found = [one.what for one in doctor.examine(Project(area.home), area.servers)]
    assert not any("planted" in what for what in found)
    assert any("the login is a superuser, and what its queries read" in what for what in found)
    with pytest.raises(ContractError, match="can't be run: operational: "):
        area.run()
