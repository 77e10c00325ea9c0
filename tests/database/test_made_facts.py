"""`create_fact` and `create_dimension`: what they add to a table."""

from __future__ import annotations

from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows

COLUMNS = """
    select attname, format_type(atttypid, null), attnotnull from pg_attribute
    where attrelid = '"Bills".paid'::regclass and attnum > 0 order by attnum
"""
INDEXES = """
    select pg_get_indexdef(indexrelid, 1, true) from pg_index
    where indrelid = '"Bills".paid'::regclass and not indisprimary order by 1
"""


def comment(dwh: Connection, table: str) -> str:
    ((found,),) = rows(dwh, "select obj_description(%s::regclass, 'pg_class')", [table])
    return str(found)


def test_a_fact_gets_the_keys_of_its_dimensions_and_the_batch(dwh: Connection) -> None:
    execute(dwh, 'create schema "Bills"')
    execute(dwh, 'create table "Bills".paid (no int, "Part" int, primary key ("Part", no))')
    execute(dwh, "select tidemark.create_fact('Bills.paid', array['payer_key', 'Day Key'])")
    assert rows(dwh, COLUMNS)[2:] == [
        ("payer_key", "bigint", True),
        ("Day Key", "bigint", True),
        ("_batch_id", "bigint", True),
    ]
    assert rows(dwh, INDEXES) == [('"Day Key"',), ("payer_key",)]
    assert comment(dwh, '"Bills".paid') == 'One row per "Part", no.'


def test_a_comment_that_is_there_stays(dwh: Connection) -> None:
    execute(
        dwh, "create table seen (id int primary key); comment on table seen is 'One row per X.'"
    )
    execute(dwh, "select tidemark.create_fact('seen', '{}')")
    assert comment(dwh, "seen") == "One row per X."
    execute(dwh, "create table dim_ship (ship_key bigint, id int)")
    execute(dwh, "select tidemark.create_dimension('dim_ship', 'ship_key', '{id}')")
    assert comment(dwh, "dim_ship") == "One row per version of id."
