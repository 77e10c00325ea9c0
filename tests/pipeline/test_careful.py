"""The careful way into a landing table: good rows land, the others are kept with each reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fix_servers import ROLLED_BACK, database
from tidemark.model import Column, ServerName
from tidemark.postgres import careful, db, inlet, sessions, worktable
from tidemark.postgres.db import Row, Session
from tidemark.postgres.inlet import OWN_COLUMNS, Inlet
from tidemark.postgres.worktable import WorkTable

TYPES = {
    "n": "integer",
    "price": "numeric(5,2)",
    "word": "character varying(3)",
    "day": "date",
    "doc": "jsonb",
    "mood": "public.mood",
    "size": "public.size",
    "free": "text",
}
LANDING = WorkTable(
    ("landing", "taken"), tuple(Column(*one) for one in TYPES.items()) + OWN_COLUMNS
)
REFUSED = WorkTable(("landing", "taken.refused"), careful.REFUSED_COLUMNS)
MADE = """
    create type public.mood as enum ('fine');
    create function public.small(p_value int) returns boolean language plpgsql immutable as
    $$
    begin if p_value > 99 then raise exception 'no: %', p_value; end if; return p_value < 10; end;
    $$;
    create domain public.size as int not null check (public.small(value))
"""
GOOD = {"size": "1"}


@pytest.fixture(scope="module")
def session(templates: dict[ServerName, str]) -> Iterator[Session]:
    dsn = database(templates["mrr"], ROLLED_BACK)
    with (
        closing(sessions.connect(dsn, "mrr", purpose="land", as_etl=False)) as session,
        session.rolled_back(),
    ):
        session.run(MADE)
        yield session


@contextmanager
def taking(session: Session) -> Iterator[Inlet]:
    """Take items into empty tables; what the block does to them is undone."""
    session.run("savepoint test")
    session.queue(LANDING.emptied)
    session.queue(REFUSED.emptied)
    with inlet.taking(session, LANDING, "taken", REFUSED) as out:
        yield out
    session.run("rollback to savepoint test")


@pytest.fixture
def out(session: Session) -> Iterator[Inlet]:
    with taking(session) as out:
        yield out


def send(out: Inlet, rows: Sequence[dict[str, str | None]], *, is_careful: bool = True) -> Any:
    """Send rows as an item; returns what `end` says."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["n"]
    text = io.StringIO()
    for row in rows:
        csv.writer(text).writerow("NULL" if row.get(one) is None else row[one] for one in names)
    pipe = out.begin("a.csv", names, "csv", options={"null": "NULL"}, is_careful=is_careful)
    with suppress(BrokenPipeError):
        pipe.write(text.getvalue().encode())
    return out.end()


def landed(session: Session, *columns: str) -> list[Row]:
    names = db.raw(", ").join(map(db.name, columns or ("n",)))
    return session.rows(db.raw("select {} from landing.taken").format(names))


def refused(session: Session) -> list[Row]:
    return session.rows('select line, reasons from landing."taken.refused" order by line')


def test_an_item_of_several_has_the_rows_that_they_have_or_nothing(out: Inlet, session: Session):
    def end(*counts: int) -> object:
        out.begin("first", ["n"], "csv").write(b"1\n2\n3\n")
        return out.end([(f"{number}.csv", count) for number, count in enumerate(counts)])

    assert "3 rows came of 2 parts, which have 2" in str(end(1, 1))
    assert (landed(session), out.items, out.rows) == ([], [], 0)
    assert end(1, 0, 2) is None
    assert out.items == [(1, "0.csv"), (2, "1.csv"), (2, "2.csv")]
    assert (landed(session), out.rows) == ([(1,), (2,), (3,)], 3)


def test_an_item_goes_on_with_the_one_before_it_of_its_name(out: Inlet, session: Session):
    for item, rows in ("a", b"1\n2\n"), ("a", b""), ("a", b"3\n"), ("b", b"4\n"):
        out.begin(item, ["n"], "csv").write(rows)
        assert out.end() is None
    assert out.items == [(1, "a"), (4, "b")]
    assert (landed(session), out.rows) == ([(1,), (2,), (3,), (4,)], 4)


REASONS = [
    ("n", "x", "not a valid integer"),
    ("n", "99999999999", "out of range for integer"),
    ("price", "1234.5", "out of range for numeric(5,2)"),
    ("word", "abcd", "too long for character varying(3)"),
    ("day", "2025-02-30", "out of range for date"),
    ("day", "secret", "not a valid date"),
    ("doc", "{", "not a valid jsonb"),
    ("doc", r'"\u0000"', "not a valid jsonb (error 22P05)"),
    ("doc", "[" * 100_000, "not a valid jsonb (error 54001)"),
    ("mood", "secret", "not a valid public.mood"),
    ("size", "10", "public.size forbids it"),
    ("size", "100", "not a valid public.size (error P0001)"),
    ("size", None, "public.size takes no null"),
]


def test_each_reason_names_its_column_and_no_value(out: Inlet, session: Session):
    rows = [{"n": "1", **GOOD, column: value} for column, value, _ in REASONS]
    assert send(out, [{"n": "0", **GOOD}, *rows, {"n": "2", **GOOD}]) is None
    assert landed(session) == [(0,), (2,)]
    said = [(line, [f"{c}: {why}"]) for line, (c, _, why) in enumerate(REASONS, 2)]
    assert refused(session) == said
    assert (out.rows, out.refused) == (2, len(REASONS))


def test_a_row_is_kept_as_it_came_with_all_reasons(out: Inlet, session: Session):
    send(out, [{"n": "x", "day": "y", "free": "a,b", "size": "1", "_seq": "z"}])
    (row,) = session.rows('select item, row_text::jsonb, reasons from landing."taken.refused"')
    assert row == (
        "a.csv",
        {"n": "x", "day": "y", "free": "a,b", "size": "1", "_seq": "z"},
        ["n: not a valid integer", "day: not a valid date", "_seq: not a valid bigint"],
    )


def test_the_sender_may_say_line_text_and_reasons(out: Inlet, session: Session):
    """What it has given up already is not looked at again."""
    told = {"_physical": "7", "_text": "1;2;3", "_reasons": '{"3 fields, and the header has 2"}'}
    send(out, [{"n": "1", **GOOD}, {"n": "x", **told}, {"n": "y", "_physical": "9", **GOOD}])
    said = 'select line, row_text, reasons from landing."taken.refused" order by line'
    assert session.rows(said) == [
        (7, "1;2;3", ["3 fields, and the header has 2"]),
        (9, '{"n": "y", "size": "1"}', ["n: not a valid integer"]),
    ]
    assert landed(session) == [(1,)]


def test_each_item_has_lines_of_its_own_and_leaves_nothing_to_the_next(
    out: Inlet, session: Session
):
    for _ in range(2):
        send(out, [{"n": "1", **GOOD}, {"n": "x", **GOOD}])
    send(out, [])
    send(out, [{"free": "only", **GOOD}])
    assert refused(session) == [(2, ["n: not a valid integer"])] * 2
    assert landed(session, "n", "free") == [(1, None), (1, None), (None, "only")]


def test_many_rows_land_in_the_order_in_which_they_came(out: Inlet, session: Session):
    rows: list[dict[str, str | None]] = [
        {"n": "x" if n % 7 == 3 else str(n), **GOOD} for n in range(3 * worktable.FEW)
    ]
    send(out, rows)
    assert landed(session) == [(int(str(row["n"])),) for row in rows if row["n"] != "x"]
    assert session.value('select count(*) from landing."taken.careful"') == 0
    assert (out.rows, out.refused) == (2571, 429)


@pytest.mark.parametrize("is_careful", [True, False])
def test_an_item_that_broke_off_leaves_nothing(out: Inlet, session: Session, is_careful: bool):
    send(out, [{"n": "1", **GOOD}, {"n": "x", **GOOD}])
    for text in (b"5,1\n6,", b"x,1\n", b""):
        pipe = out.begin("b.csv", ["n", "_seq"], "csv", is_careful=is_careful)
        pipe.write(text)
        out.give_up()
    assert (out.rows, out.refused, out.brought) == (1, 1, {"n", "size"})
    send(out, [{"n": "2", **GOOD}])
    assert landed(session) == [(1,), (2,)]
    assert refused(session) == [(2, ["n: not a valid integer"])]


VALUES = {
    "n": st.sampled_from(["1", " 2", "x", "1e3", "", None]),
    "price": st.sampled_from(["1.005", "999.994", "999.995", "-0", "NaN", None]),
    "word": st.sampled_from(["", "abc", "abc  ", "abcd", None]),
    "day": st.sampled_from(["2025-01-31", "infinity", "31.1.2025", "today", None]),
    "doc": st.sampled_from(["{}", '{"a": 1}', "null", "nul", None]),
    "mood": st.sampled_from(["fine", "bad", None]),
    "size": st.sampled_from(["1", "9", "10", "100", None]),
    "free": st.sampled_from(["", "NULL ", "\\N", "\\.x", 'a"b', "a\nb", None]),
}


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(VALUES), max_size=4))
def test_both_ways_take_the_same_rows(session: Session, rows: list[dict[str, str | None]]):
    """Row by row, the fast way refuses what the careful one refuses, and lands what it lands."""
    with taking(session) as out:
        fast = [send(out, [row], is_careful=False) is None for row in rows]
        whole = "select t::text from landing.taken as t"
        by_one = session.rows(whole)
        session.run(LANDING.emptied)
        assert send(out, rows) is None
        assert session.rows(whole) == by_one
        assert [line for line, _ in refused(session)] == [
            line for line, is_good in enumerate(fast, 1) if not is_good
        ]
