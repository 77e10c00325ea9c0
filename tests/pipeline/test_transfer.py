"""A stream between two servers: whole, or not at all."""

import time
from collections.abc import Iterator
from contextlib import closing
from io import FileIO

import pytest

from tests import streaming
from tests.fix_servers import Warehouse
from tidemark.errors import (
    ConnectError,
    NotLandedError,
    RefusedRowError,
    StatementError,
    TidemarkError,
)
from tidemark.model import Column
from tidemark.postgres import db, sessions, transfer
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.transfer import Job, Landing

LANDING = Landing(("landing", "numbers"), (Column("number", "integer"), Column("word", "text")))
BEFORE = [(0, "before")]
ROWS = "select n, repeat('x', 100) from generate_series(1, 50000) as n"
FORMS = pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])


@pytest.fixture
def sender(warehouse: Warehouse) -> Iterator[Session]:
    with closing(
        sessions.connect(warehouse.dsn["mrr"], "mrr", purpose="send", as_etl=False)
    ) as session:
        yield session


@pytest.fixture
def receiver(warehouse: Warehouse) -> Iterator[Session]:
    """A session on STG, where the landing table holds BEFORE."""
    with closing(
        sessions.connect(warehouse.dsn["stg"], "stg", purpose="land", as_etl=False)
    ) as session:
        session.run(LANDING.emptied)
        session.run("insert into landing.numbers values (0, 'before')")
        yield session


def landed(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.rows("stg", "select number, word from landing.numbers order by 1")


def stream(sender: Session, query: str, receiver: Session, binary: bool) -> int:
    return streaming.stream(sender, receiver, Job(LANDING, db.raw(query), binary))


@FORMS
def test_rows_replace_those_of_the_stream_before(
    warehouse: Warehouse, sender: Session, receiver: Session, binary: bool
):
    query = r"""values (1, 'a|b'), (2, null), (3, ''), (4, E'\\N\t\n"€"')"""
    assert stream(sender, query, receiver, binary) == 4
    assert landed(warehouse) == [(1, "a|b"), (2, None), (3, ""), (4, '\\N\t\n"€"')]


@FORMS
@pytest.mark.parametrize(
    ("last", "kind", "said"),
    [
        ("select 1 / 0, ''", StatementError, "numbers: mrr refused a row: division by zero."),
        (
            "select pg_terminate_backend(pg_backend_pid())::int, ''",
            ConnectError,
            "mrr: the connection broke: ",
        ),
    ],
    ids=["refused", "killed"],
)
def test_a_sender_that_fails_after_many_rows_lands_none(
    warehouse: Warehouse,
    sender: Session,
    receiver: Session,
    binary: bool,
    last: str,
    kind: type[TidemarkError],
    said: str,
):
    with pytest.raises(kind) as raised:
        stream(sender, f"{ROWS} union all {last}", receiver, binary)
    assert str(raised.value).startswith(said)
    assert (landed(warehouse), receiver.value("select 1")) == (BEFORE, 1)


@FORMS
@pytest.mark.parametrize(
    ("check", "kind", "said"),
    [
        (
            "number < 40000",
            StatementError,
            "numbers: stg refused a row: check of numbers forbids it (check violation).",
        ),
        (
            "number < 40000 or pg_terminate_backend(pg_backend_pid())",
            ConnectError,
            "stg: the connection broke: ",
        ),
    ],
    ids=["refused", "killed"],
)
def test_a_receiver_that_fails_after_many_rows_lands_none(
    warehouse: Warehouse,
    sender: Session,
    receiver: Session,
    binary: bool,
    check: str,
    kind: type[TidemarkError],
    said: str,
):
    warehouse.execute("stg", f'alter table landing.numbers add constraint "check" check ({check})')
    with pytest.raises(kind) as raised:
        stream(sender, ROWS, receiver, binary)
    assert str(raised.value).startswith(said)
    assert landed(warehouse) == BEFORE


@FORMS
@pytest.mark.parametrize(
    ("query", "kind"),
    [("select 1 / 0, ''", RefusedRowError), ("select -1, ''", NotLandedError)],
    ids=["sender", "receiver"],
)
def test_who_refused_a_row_is_told_also_within_one_server(
    receiver: Session, warehouse: Warehouse, binary: bool, query: str, kind: type[TidemarkError]
):
    receiver.run("alter table landing.numbers add check (number >= 0)")
    with (
        closing(sessions.connect(warehouse.dsn["stg"], "stg", purpose="send", as_etl=False)) as one,
        pytest.raises(TidemarkError, match=r"^numbers: stg refused a row") as raised,
    ):
        stream(one, query, receiver, binary)
    assert type(raised.value) is kind


def test_a_receiver_that_tells_late_why_it_failed_is_still_heard(
    sender: Session, receiver: Session, monkeypatch: pytest.MonkeyPatch
):
    """The sender finds the pipe broken meanwhile, which says nothing."""
    copy_in = Session.copy_in

    def late(session: Session, statement: Composable, pipe: FileIO) -> int:
        try:
            return copy_in(session, statement, pipe)
        finally:
            time.sleep(0.5)

    monkeypatch.setattr(Session, "copy_in", late)
    ends = "number < 40000 or pg_terminate_backend(pg_backend_pid())"
    receiver.run(f"alter table landing.numbers add check ({ends})")
    with pytest.raises(ConnectError, match=r"^stg: the connection broke: "):
        stream(sender, f"{ROWS}, generate_series(1, 100)", receiver, binary=False)


def test_a_landing_table_of_other_columns_is_made_anew(warehouse: Warehouse, receiver: Session):
    receiver.run(Landing(("landing", "numbers"), (Column("number", "bigint"),)).emptied)
    assert warehouse.rows("stg", "select pg_typeof(number) from landing.numbers") == []
    receiver.run("insert into landing.numbers values (9000000000)")


def test_a_landing_table_that_fits_is_emptied(warehouse: Warehouse, receiver: Session):
    made = receiver.value("select 'landing.numbers'::regclass::oid")
    receiver.run(LANDING.emptied)
    assert landed(warehouse) == []
    assert receiver.value("select 'landing.numbers'::regclass::oid") == made


def test_a_landing_table_that_a_view_reads_is_not_made_anew(
    warehouse: Warehouse, receiver: Session
):
    receiver.run("create view landing.even as select number, word from landing.numbers")
    with pytest.raises(StatementError) as raised:
        receiver.run(Landing(("landing", "numbers"), LANDING.columns[:1]).emptied)
    assert (str(raised.value), landed(warehouse)) == (
        "stg: cannot drop table landing.numbers because other objects depend on it.",
        BEFORE,
    )


def test_a_temporary_landing_table_leaves_nothing(warehouse: Warehouse, receiver: Session):
    with transfer.temporary(receiver, LANDING) as own:
        receiver.run(db.raw("insert into {} values (1, 'own')").format(own.name))
        assert receiver.value(db.raw("select count(*) from {}").format(own.name)) == 1
        assert landed(warehouse) == BEFORE
    assert receiver.value("select to_regclass('pg_temp.numbers')") is None
    assert landed(warehouse) == BEFORE
