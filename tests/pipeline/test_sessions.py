"""A session's statements: several in one message, and what becomes of them where one fails."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from io import BytesIO

import pytest

from tests import counting
from tests.fix_retail import wait_until
from tests.fix_servers import Warehouse
from tidemark.errors import RefusedRowError, StatementError
from tidemark.postgres import compose, db, question, sessions
from tidemark.postgres.db import Session
from tidemark.postgres.question import Question

Way = Callable[[Session], AbstractContextManager[object]]
TWO = "select n, '{\"a\": 1}'::json as j from generate_series(1, %(n)s) as n"


@pytest.fixture
def session(warehouse: Warehouse) -> Iterator[Session]:
    with closing(
        sessions.connect(warehouse.dsn["mrr"], "mrr", purpose="test", as_etl=False)
    ) as session:
        session.run("create temp table seen (n int primary key)")
        yield session


def test_queued_statements_go_with_the_next_one_in_one_message(session: Session):
    with counting.every_statement() as sent, session.transaction():
        session.queue("insert into seen values (%(n)s)", {"n": 1})
        session.queue("insert into seen values (2)")
        assert session.value("select count(*) from seen") == 2
    assert len(sent) == 1


def test_what_is_queued_last_goes_with_the_commit(session: Session):
    with session.transaction():
        session.queue("insert into seen values (1)")
    assert session.value("select count(*) from seen") == 1


def insert_twice(session: Session, way: Way, last: str = "") -> None:
    with way(session):
        session.run("insert into seen values (1)")
        session.queue("insert into seen values (1)")
        if last:
            session.run(last)


@pytest.mark.parametrize("last", ["select 1", ""], ids=["statement", "commit"])
def test_what_comes_next_raises_what_a_queued_statement_failed_with(session: Session, last: str):
    with pytest.raises(StatementError, match="seen_pkey"):
        insert_twice(session, Session.transaction, last)
    assert session.value("select count(*) from seen") == 0


@pytest.mark.parametrize("last", ["select 1", ""], ids=["statement", "end"])
def test_an_error_behind_a_savepoint_undoes_what_came_behind_it_alone(session: Session, last: str):
    with session.transaction():
        session.run("insert into seen values (2)")
        with pytest.raises(StatementError, match="seen_pkey"):
            insert_twice(session, Session.savepoint, last)
        with session.savepoint():
            session.queue("insert into seen values (3)")
    assert session.rows("select n from seen order by n") == [(2,), (3,)]


def give_up(session: Session, way: Way) -> None:
    with way(session):
        session.queue("insert into seen values (1)")
        raise KeyError


@pytest.mark.parametrize("way", [Session.transaction, Session.rolled_back])
def test_a_transaction_that_is_given_up_sends_nothing_of_its_queue(session: Session, way: Way):
    with pytest.raises(KeyError):
        give_up(session, way)
    assert session.value("select count(*) from seen") == 0


def rows(n: int) -> Question[object]:
    return question.of(db.raw(TWO), {"n": n}, list)


@pytest.mark.parametrize(("first", "second"), [(2, 1), (0, 3), (0, 0)])
def test_two_questions_at_once_have_the_answers_of_each(session: Session, first: int, second: int):
    alone = (question.ask(session, rows(first)), question.ask(session, rows(second)))
    assert alone[0] == [(n + 1, {"a": 1}) for n in range(first)]
    assert question.ask(session, question.both(rows(first), rows(second))) == alone


def test_a_copy_takes_what_is_queued_into_its_message(session: Session):
    with counting.every_statement() as sent, session.transaction():
        session.queue("insert into seen values (1)")
        session.copy(db.raw("copy seen from stdin"), BytesIO(b"2\n"))
    assert session.rows("select n from seen order by 1") == [(1,), (2,)]
    assert len(sent) == 1


def test_a_copy_is_not_begun_where_a_queued_statement_failed(session: Session):
    session.queue("select 1 / 0")
    with pytest.raises(StatementError, match="division by zero"):
        session.copy(db.raw("copy seen from stdin"), BytesIO(b"2\n"))
    assert session.value("select count(*) from seen") == 0


def test_an_error_names_its_statements_and_the_constraint(session: Session):
    session.run("create temp table sources (area text, constraint one_area unique (area))")
    session.queue(compose.statement("tidemark.layers.ledger", "last_applied"), {"area": "a"})
    with pytest.raises(RefusedRowError) as raised:
        session.run("insert into sources values ('a'), ('a')")
    error = raised.value.of("things", "Mend it.")
    assert (error.statements, error.constraint) == (("layers.ledger.last_applied",), "one_area")


@pytest.mark.parametrize("ended_by", ["the server", "this side"])
def test_a_connection_that_ended_has_news(warehouse: Warehouse, session: Session, ended_by: str):
    assert not session.has_news
    if ended_by == "the server":
        pid = session.value("select pg_backend_pid()")
        warehouse.rows("mrr", "select pg_terminate_backend(%s)", [pid])
        wait_until(lambda: session.has_news)
    else:
        session.close()
    assert session.has_news
