"""What a server says of a row, without its values: each row here is Jane's."""

import traceback
from collections.abc import Iterator
from contextlib import closing

import pytest

from tidemark.errors import RefusedRowError, StatementError
from tidemark.model import ServerName
from tidemark.postgres import sessions
from tidemark.postgres.db import Session


@pytest.fixture
def session(servers: dict[ServerName, str]) -> Iterator[Session]:
    """A session on a database without a warehouse; everything done in it is rolled back."""
    opened = sessions.connect(servers["dwh"], "dwh", purpose="test", as_etl=False)
    with closing(opened), opened.rolled_back():
        opened.run("create temp table notes (id int, note text)")
        yield opened


def failing(session: Session, expression: str) -> StatementError:
    """Return the error for an expression over notes in a view like a cleansing view."""
    session.run(
        f"savepoint before; create temp view read as select ({expression})::text from notes"
    )
    with pytest.raises(StatementError) as raised:
        session.run("table read")
    session.run("rollback to before")
    return raised.value


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("'Jane'::int", "invalid input syntax for type integer"),
        ("'99999999999'::int", "value … is out of range for type integer"),
        ("'Jane: \"Doe\"'::date", "invalid input syntax for type date"),
        ("'2025-13-01'::date", "date/time field value out of range"),
        ("make_date(2025, 13, 1)", "date field value out of range"),
        ("'1e999'::float8", "… is out of range for type double precision"),
        ("'{Jane'::int[]", "malformed array literal"),
        ("'{\"Jane'::json", "invalid input syntax for type json"),
        ("to_date('Jane', 'YYYY')", "invalid value …"),
        ("to_timestamp(1e300)", "timestamp out of range"),
        ("'Jane'::varchar(3)::int", "invalid input syntax for type integer"),
        ("convert_from('\\xff', 'UTF8')", "bytes that are no text in its encoding"),
        ("convert('Jane €', 'UTF8', 'LATIN1')", "a character that its encoding lacks"),
        (
            "lower(numrange(99, 7))",
            "range lower bound must be less than or equal to range upper bound",
        ),
        ("1 / 0", "division by zero"),
    ],
)
def test_no_value_is_in_what_the_server_says(session: Session, statement: str, said: str):
    with pytest.raises(RefusedRowError) as raised:
        session.run(f"select {statement}")
    assert str(raised.value) == f"dwh: {said}."


NAMED = [
    "note::regclass",
    "note::regtype",
    "note::regproc",
    "quote_ident(note)::regnamespace",
    "quote_ident(note)::regrole",
    "current_setting(note)",
    "(note || ' &&')::tsquery",
    "('$.\"' || note)::jsonpath",
    "to_ascii(note, note::name)",
    "date_part(note, date '2025-01-01')",
    "query_to_xml(note, true, true, '')",
    "pg_temp.said(note)",
]


@pytest.mark.parametrize("jane", ["Jane", '"Jane"', 'x"Jane', 'notes" Jane "notes', "Jane: 7"])
def test_no_value_is_in_what_is_read_as_a_name(session: Session, jane: str):
    session.run("insert into notes values (1, %(jane)s)", {"jane": jane})
    session.run(
        "create function pg_temp.said(text) returns text language plpgsql as "
        "$$ declare v text; begin execute 'select ' || $1 into v; return v; end; $$"
    )
    shown = [traceback.format_exception(failing(session, named)) for named in NAMED]
    assert [(n, s) for n, s in zip(NAMED, shown, strict=True) if "jane" in "".join(s).lower()] == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("(note || 'x')::regclass", "relation … does not exist"),
        ("('a.b.c.' || note || '\"')::regclass", "improper relation name (too many dotted names)"),
        ("current_setting(note)", "undefined object"),
        ("chr(4444444)", "requested character too large for encoding"),
        ("setseed(length(note))", "setseed parameter … is out of allowed range [-1,1]"),
        ("get_byte('x', 9 * length(note))", "index … out of valid range, …"),
    ],
)
def test_what_is_read_as_a_name_is_a_row_that_is_refused(
    session: Session, expression: str, said: str
):
    session.run("insert into notes values (1, 'Jane')")
    error = failing(session, expression)
    assert (type(error), str(error)) == (RefusedRowError, f"dwh: {said}.")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("select jane from notes", 'column "jane" does not exist.'),
        ("table public.janes", 'relation "public.janes" does not exist. Run `tidemark migrate`.'),
        ("alter table notes drop column jane", 'column "jane" of relation "notes" does not exist.'),
        (
            "select id + note from notes",
            "operator does not exist: integer + text. Run `tidemark mi",
        ),
        ("select pg_temp.look()", 'relation "janes" does not exist. Run `tidemark migrate`.'),
    ],
)
def test_a_name_of_the_statement_is_told(session: Session, statement: str, said: str):
    session.run(
        "create function pg_temp.look() returns void language plpgsql as "
        "$$ begin perform from janes; end; $$"
    )
    with pytest.raises(StatementError) as raised:
        session.run(statement)
    assert type(raised.value) is StatementError
    assert str(raised.value).startswith(f"dwh: {said}")


def test_what_gave_way_to_others_is_tried_again_and_quotes_nobody(session: Session):
    session.run("insert into notes values (1, 'Jane')")
    session.run(
        "create function pg_temp.locked(text) returns text language plpgsql as "
        "$$ begin raise exception '% is locked', $1 using errcode = '40001'; end; $$"
    )
    error = failing(session, "pg_temp.locked(note)")
    assert (error.is_transient, str(error)) == (
        True,
        "dwh: serialization failure, says a function.",
    )
