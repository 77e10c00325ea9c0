"""Where columns of views come from: views of many shapes, as PostgreSQL prints and notes them."""

from __future__ import annotations

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute
from tidemark.console import lineage, tracing
from tidemark.console.tracing import Trace, Traces
from tidemark.declare.config import Area
from tidemark.postgres.db import Session

TABLES = """
create schema landing_lab;
create table landing_lab.a (k int, x text, y text, "Z z" text, items jsonb);
create table landing_lab.b (k int, v text, w text);
create table landing_lab.named (name text, code text)
"""
AREA = Area.model_validate(
    {"area": "lab", "entities": {"a": {"key": ["k"], "extract": "full", "source": "a"}}}
)

SHAPES = {
    "a column": ("select x as one from a", "a.x", ""),
    "an expression": ("select upper(x) || coalesce(y, '') as one from a", "a.x a.y", ""),
    "case": ("select case when x = '(' then y end as one from a", "a.x a.y", ""),
    "a constant": ("select 'from, (' as one from a", "", ""),
    "a quoted name": ('select "Z z" as "O,ne" from a', "a.Z z", ""),
    "all columns": ("select * from (select x from a) as q", "a.x", ""),
    "a renamed table": ("select q.one from a as q (k, one)", "a.x", ""),
    "with": ("with c as (select x as one, y from a) select one from c", "a.x", ""),
    "a query of a query": ("select q.one from (select x as one from a) as q", "a.x", ""),
    "a scalar query": (
        "select (select max(b.v) from b where b.k = a.k) as one from a",
        "b.v",
        "a.k b.k",
    ),
    "an inner join": ("select b.v as one from a join b on a.k = b.k", "b.v", "a.k b.k"),
    "a left join, left": ("select a.x as one from a left join b on a.k = b.k", "a.x", ""),
    "a left join, right": ("select b.v as one from a left join b on a.k = b.k", "b.v", "a.k b.k"),
    "a right join, left": ("select a.x as one from a right join b on a.k = b.k", "a.x", "a.k b.k"),
    "using": ("select v as one from a left join b using (k)", "b.v", "a.k b.k"),
    "what using merges": ("select k as one from a full join b using (k)", "a.k b.k", ""),
    "joins in parentheses": (
        "select n.code as one from a left join (b join named n on b.w = n.name) on a.k = b.k",
        "named.code",
        "a.k b.k b.w named.name",
    ),
    "a join with an alias": (
        "select j.v as one from (a join b using (k)) as j",
        "b.v",
        "a.k b.k",
    ),
    "where": ("select x as one from a where y = 'b'", "a.x", "a.y"),
    "exists": (
        "select x as one from a where exists (select from b where b.k = a.k)",
        "a.x",
        "a.k b.k",
    ),
    "group by": ("select max(x) as one from a group by y having count(k) > 1", "a.x", "a.y a.k"),
    "a count": ("select count(*) as one from a group by y", "", "a.y"),
    "filter": ("select max(x) filter (where y = 'b') as one from a", "a.x a.y", ""),
    "a window": ("select max(x) over (partition by k order by y) as one from a", "a.x a.k a.y", ""),
    "a named window": (
        "select max(x) over w as one from a window w as (partition by k order by y)",
        "a.x a.k a.y",
        "",
    ),
    "distinct on": ("select distinct on (k) x as one from a order by k, y", "a.x", "a.k a.y"),
    "distinct": ("select distinct x as one from a", "a.x", ""),
    "the first": ("select x as one from a order by y limit 1", "a.x", "a.y"),
    "is distinct from": ("select x is distinct from y as one from a", "a.x a.y", ""),
    "union": ("select x as one from a union all select v from b where w = 'c'", "a.x b.v", "b.w"),
    "union of three": (
        "(select x as one from a union select v from b) except select y from a",
        "a.x a.y b.v",
        "",
    ),
    "lateral": (
        "select q.one from a, lateral (select a.x || b.v as one from b where b.k = a.k) as q",
        "a.x b.v",
        "a.k b.k",
    ),
    "a function's rows": (
        "select i ->> 'sku' as one from a, jsonb_array_elements(a.items) as i",
        "a.items",
        "",
    ),
    "columns of a function": (
        "select r.sku as one from a, jsonb_to_recordset(a.items) as r (sku text, n int)",
        "a.items",
        "",
    ),
    "ordinality": (
        "select i.n as one from a, jsonb_array_elements(a.items) with ordinality as i (e, n)",
        "a.items",
        "",
    ),
    "values": (
        "select v.one from a, lateral (values (a.x, 1), (a.y, 2)) as v (one, n)",
        "a.x a.y",
        "",
    ),
    "one column of values": ("select one from (values ('a'), ('b')) as v (one)", "", ""),
    "a row": ("select n as one from named as n", "named.code named.name", ""),
    "a field of a row": (
        "select (q.r).code as one from (select n as r from named n) as q",
        "named.code named.name",
        "",
    ),
    "recursion": (
        'with recursive c (one, two, three) as (select x, y, "Z z" from a'
        " union select two, three, one from c) select one from c",
        "a.x a.y a.Z z",
        "",
    ),
    "an array": ("select array[x, y] as one from a", "a.x a.y", ""),
    "a cast and a zone": (
        "select (x::timestamp at time zone 'UTC')::date as one from a",
        "a.x",
        "",
    ),
}


def columns(names: str) -> frozenset[lineage.Place]:
    """Read `table.column`."""
    pairs = (name.partition(".") for name in names.replace("Z z", "Z~z").split())
    return frozenset(("landing_lab", table, name.replace("~", " ")) for table, _, name in pairs)


def traces_of(stg: Connection, query: str, before: str = "select") -> Traces:
    """Make the cleansing view of the one entity, and read what it comes from."""
    execute(stg, TABLES)
    execute(stg, before)
    execute(stg, "set search_path = landing_lab")
    execute(stg, f"create view landing_lab.clean_a as {query}")
    execute(stg, "set search_path = public")
    return tracing.of(Session(stg, "stg"), AREA, AREA.entities["a"])


def first(traces: Traces) -> Trace:
    """Return the trace of the view's first column."""
    view = traces.relations["landing_lab", "clean_a"]
    return traces.trace((*view.name, view.columns[0]))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_column_comes_from_what_its_view_says(stg: Connection, shape: str):
    query, values, rows = SHAPES[shape]
    found = first(traces_of(stg, query))
    assert (found.values, found.rows) == (columns(values), columns(rows))
    assert (found.maybe, found.unread) == (frozenset(), ())


UNREAD = {
    "a grammar that sqlglot lacks": (
        "select t.one from a, json_table(a.items, '$[*]' columns (one text path '$.c')) as t",
        "a.items",
    ),
    "a function that it lacks": ("select json_arrayagg(x order by y) as one from a", "a.x a.y"),
    "a column of the system": ("select tableoid::regclass::text as one from a", "a.tableoid"),
}


@pytest.mark.parametrize("shape", UNREAD)
def test_what_sqlglot_cant_read_may_depend_on_all_that_postgresql_has_noted(
    stg: Connection, shape: str
):
    query, maybe = UNREAD[shape]
    found = first(traces_of(stg, query))
    assert found.values | found.rows == frozenset()
    assert found.maybe == columns(maybe)
    assert found.unread == ("landing_lab.clean_a",)


def test_a_column_is_followed_through_views_to_tables(stg: Connection):
    typed = "create view landing_lab.typed as select k, upper(x) as big from landing_lab.a"
    found = first(traces_of(stg, "select left(big, 1) as one, big from typed", typed))
    assert found.values == columns("a.x")
    assert [(step.view, step.column, step.expressions) for step in found.steps] == [
        ("landing_lab.clean_a", "one", ('"left"(big, 1)',)),
        ("landing_lab.typed", "big", ("upper(x)",)),
    ]
