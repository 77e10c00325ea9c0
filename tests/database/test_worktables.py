"""Work tables are made once. Small ones are emptied without a change of the catalog."""

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows
from tidemark.model import Column
from tidemark.postgres import worktable
from tidemark.postgres.db import Session, raw
from tidemark.postgres.worktable import FEW, WorkTable

PLACE = ("landing", 'the "found"')
NUMBERS = WorkTable(PLACE, worktable.own(n="integer", word="text"))
QUERY = raw("select n, 'word ' || n as word from generate_series(1, 3) as n")
GROW = "insert into {} select n, 'more' from generate_series(1, 40000) as n"
SIZE = "select pg_relation_size(oid) from pg_class where relname = %(name)s"
FOUND = [(1, "word 1"), (2, "word 2"), (3, "word 3")]


@pytest.fixture
def session(mrr: Connection) -> Session:
    return Session(mrr, "mrr")


def identity(session: Session) -> tuple[object, ...]:
    """Which table it is, and which file."""
    query = "select oid, relfilenode from pg_class where relname = %(name)s"
    return session.one(query, {"name": PLACE[1]})


def filled(session: Session, table: WorkTable = NUMBERS, *, times: int = 1) -> int:
    for _ in range(times):
        worktable.fill(session, table, QUERY, rows=3)
    return count(session, table)


def count(session: Session, table: WorkTable = NUMBERS) -> int:
    return int(session.value(raw("select count(*) from {}").format(table.name)))


def test_a_work_table_is_made_when_it_is_first_used(mrr: Connection, session: Session):
    assert filled(session) == 3
    assert rows(mrr, 'select n, word from landing."the ""found""" order by n') == FOUND


def test_what_it_held_is_replaced_and_it_stays_the_same(mrr: Connection, session: Session):
    filled(session)
    before = identity(session)
    filled(session, times=2)
    assert rows(mrr, 'select n, word from landing."the ""found""" order by n') == FOUND
    assert identity(session) == before


@pytest.mark.parametrize(
    "columns",
    [
        worktable.own(n="bigint", word="text"),
        worktable.own(n="integer", word="character varying(9)"),
        worktable.own(word="text", n="integer"),
        worktable.own(n="integer"),
        worktable.own(n="integer", word="public.word"),
    ],
    ids=["another type", "another length", "another order", "fewer", "a type of somebody's"],
)
def test_one_of_other_columns_is_made_anew_once(
    mrr: Connection, session: Session, columns: tuple[Column, ...]
):
    execute(mrr, "create domain public.word as text")
    filled(session)
    before = identity(session)
    filled(session, WorkTable(PLACE, columns))
    again = identity(session)
    filled(session, WorkTable(PLACE, columns))
    assert before != again == identity(session)


def test_one_that_has_grown_gives_its_space_back(session: Session):
    filled(session)
    before = identity(session)
    session.run(raw(GROW).format(NUMBERS.name))
    filled(session)
    assert session.value(SIZE, {"name": PLACE[1]}) == 8192
    assert identity(session) == before


def test_one_that_takes_many_rows_is_empty_when_it_is_released(session: Session):
    worktable.fill(session, NUMBERS, QUERY, rows=FEW + 1)
    worktable.release(session, NUMBERS, rows=FEW + 1)
    assert count(session) == 0
    before = identity(session)
    filled(session)
    assert identity(session) == before


def test_statistics_are_made_of_the_key_and_of_tidemarks_columns_alone(
    mrr: Connection, session: Session
):
    table = WorkTable(PLACE, worktable.own(n="integer", word="text", _seq="bigint"))
    query = raw("select n, 'word ' || n as word, 0::bigint as _seq from generate_series(1, 9) as n")
    worktable.fill(session, table, query, rows=9)
    worktable.weigh(session, table.joined_by(["n"]), rows=FEW + 1)
    session.run("select")
    known = "select attname from pg_stats where tablename = %s order by attname"
    assert rows(mrr, known, [PLACE[1]]) == [("_seq",), ("n",)]
