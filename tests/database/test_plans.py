"""A query that comes again word for word is planned once, and answered as if it had not been."""

from __future__ import annotations

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute
from tidemark.errors import StatementError
from tidemark.postgres import plans, question
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
