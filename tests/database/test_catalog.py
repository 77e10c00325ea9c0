"""What the catalog says of tables, all in one round trip."""

from psycopg2.extensions import connection as Connection

from tests.queries import execute
from tidemark.model import Column
from tidemark.postgres import catalog, ddl
from tidemark.postgres.db import Session

VIEWS = """
create schema "Sch.ema";
create domain code as varchar(3);
create table "T" (id int, "c D" code, x text);
create view direct as select id, x from "T";
create materialized view "Sch.ema"."Kept" as select d.id from direct as d;
create view others as select k.id, t."c D" from "Sch.ema"."Kept" as k, "T" as t;
create view neither as select 1 as x
"""


def test_the_views_of_a_column_are_named_in_an_order_in_which_they_can_be_dropped(stg: Connection):
    execute(stg, VIEWS)
    table = catalog.tables(Session(stg, "stg"), [("public", "T")])["public", "T"]

    statements = ddl.retype(table, "id", "bigint", ("public", "T"))

    assert statements == [
        "drop view if exists public.others",
        'drop materialized view if exists "Sch.ema"."Kept"',
        "drop view if exists public.direct",
        'alter table if exists "T" alter column "id" type bigint',
    ]
    assert ddl.retype(table, "x", "int", ("public", "T"))[:1] == statements[:1]
    execute(stg, "; ".join(statements))


def test_a_domain_is_told_with_the_type_that_it_is_made_of(stg: Connection):
    execute(stg, VIEWS)
    table = catalog.tables(Session(stg, "stg"), [("public", "T")])["public", "T"]
    assert table.columns[:2] == (
        Column("id", "integer"),
        Column("c D", "public.code", base="character varying(3)"),
    )
