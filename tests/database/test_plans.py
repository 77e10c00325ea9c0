"""What comes again word for word is planned once, and done as if it had not been."""

from __future__ import annotations

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute
from tidemark.errors import StatementError
from tidemark.postgres import plans, question
from tidemark.postgres.compose import statement
from tidemark.postgres.db import Session, raw
from tidemark.postgres.question import Question

ROWS = Question(raw("select a from planned order by a"), lambda rows: [row[0] for row in rows])
TABLES = Question(raw("select count(*) as n from pg_class where relname = 'planned'"), question.one)


@pytest.fixture
def session(mrr: Connection) -> Session:
    execute(mrr, "create table planned as select 1 as a")
    return Session(mrr, "mrr")


def prepared(session: Session, part: str = "planned order") -> int:
    return int(
        session.value(
            raw(f"select count(*) from pg_prepared_statements where statement ~ '{part}'")
        )
    )


def test_a_question_is_prepared_when_it_comes_again(session: Session):
    seen = []
    for _ in range(3):
        assert question.ask(session, question.both(ROWS, TABLES)) == ([1], 1)
        seen.append(prepared(session))
    assert seen == [0, 1, 1]


def test_a_question_alone_is_not(session: Session):
    for _ in range(3):
        assert question.ask(session, ROWS) == [1]
    assert prepared(session) == 0


@pytest.mark.parametrize(
    "change",
    [
        "alter table planned alter a type text using 'b'",
        "drop table planned; create table planned as select 'b'::text as a",
    ],
    ids=["other type", "other table"],
)
def test_a_table_that_changes_is_read_as_it_is(session: Session, change: str):
    both = question.both(ROWS, TABLES)
    for _ in range(3):
        question.ask(session, both)
    session.run(raw(change))
    assert question.ask(session, both) == (["b"], 1)


def test_what_fails_may_be_asked_again(session: Session):
    both = question.both(ROWS, TABLES)
    session.run(raw("alter table planned rename to gone"))
    for _ in range(3):
        session.run(raw("savepoint before"))
        with pytest.raises(StatementError):
            question.ask(session, both)
        session.run(raw("rollback to before"))
    session.run(raw("alter table gone rename to planned"))
    assert [question.ask(session, both) for _ in range(3)] == [([1], 1)] * 3


def test_queries_that_came_once_make_place(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plans, "MOST", 3)
    for number in range(10):
        for _ in range(1 if number % 5 else 2):
            assert session.again(raw(f"select {number} as planned_once")) == [(number,)]
    assert prepared(session, "planned_once") == 2


def test_a_plan_outlives_a_rollback(session: Session):
    both = question.both(ROWS, TABLES)
    for _ in range(4):
        session.run(raw("savepoint before"))
        assert question.ask(session, both) == ([1], 1)
        session.run(raw("rollback to before"))
    assert prepared(session) == 1


@pytest.fixture
def keeping(session: Session) -> Session:
    session.keeps_plans = True
    return session


INSERT = raw("insert into planned (a) select count(*) from planned")
GROW = raw("update planned set a = a + 10")


def kept(session: Session) -> list[str]:
    found = session.rows(raw("select statement from pg_prepared_statements order by name"))
    return [str(statement).partition(" as\n")[2] for (statement,) in found]


def test_what_gives_no_rows_is_kept_where_it_is_expected_again(keeping: Session):
    seen = []
    for _ in range(4):
        keeping.queue(GROW)
        assert keeping.run(INSERT) == 1
        seen.append(len(kept(keeping)))
    assert seen == [0, 2, 2, 2]
    assert keeping.rows(raw("select a from planned order by a")) == [
        (4,),
        (13,),
        (22,),
        (31,),
        (41,),
    ]


def test_elsewhere_it_is_not(session: Session):
    for _ in range(3):
        session.queue(GROW)
        session.run(INSERT)
    assert kept(session) == []


@pytest.mark.parametrize(
    "text",
    [
        "update planned set a = 1; update planned set a = 2",
        "create table if not exists planned (a int)",
        "savepoint here",
        "analyze planned",
        "truncate planned",
    ],
)
def test_what_has_no_plan_of_its_own_is_sent_as_it_is(keeping: Session, text: str):
    for _ in range(3):
        keeping.run(raw(text))
    assert kept(keeping) == []


def test_rows_that_are_read_are_planned_each_time(keeping: Session):
    for _ in range(3):
        assert keeping.rows(raw("select a from planned")) == [(1,)]
    assert kept(keeping) == []


def test_a_table_that_is_made_anew_is_written_as_it_is(keeping: Session):
    for _ in range(3):
        keeping.run(INSERT)
    keeping.run(raw("drop table planned; create table planned (b int, a text)"))
    keeping.run(INSERT)
    assert keeping.rows(raw("select a from planned")) == [("0",)]


def test_a_plan_follows_a_table_that_was_filled(keeping: Session):
    make = raw("drop table planned; create table planned (a int primary key)")
    find = raw("delete from planned where a = 7")
    keeping.run(make)
    for _ in range(3):
        keeping.run(find)
    keeping.run(raw("insert into planned select generate_series(1, 10000)"))
    keeping.run(raw("analyze planned"))
    (name,) = keeping.one(raw("select format('%I', name) from pg_prepared_statements"))
    plan = " ".join(row for (row,) in keeping.rows(raw(f"explain execute {name}")))
    assert "Index" in plan
    assert keeping.run(find) == 1


def test_a_message_that_fails_is_sent_again_as_a_whole(keeping: Session):
    for _ in range(3):
        keeping.run(raw("savepoint before"))
        keeping.queue(GROW)
        keeping.queue(raw("update planned set a = 1 / (a - 11)"))
        with pytest.raises(StatementError):
            keeping.run(INSERT)
        keeping.run(raw("rollback to before"))
    for _ in range(3):
        keeping.queue(GROW)
        keeping.run(INSERT)
    assert keeping.rows(raw("select count(*) from planned")) == [(4,)]


def test_who_looks_at_the_server_sees_which_statement_runs(keeping: Session):
    waiting = statement("tidemark.layers.inbox", "waiting")
    for _ in range(3):
        keeping.run(waiting)
    (name,) = keeping.one(raw("select name from pg_prepared_statements"))
    assert name.startswith("layers.inbox.waiting ")
