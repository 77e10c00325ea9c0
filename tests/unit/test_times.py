"""Windows of columns that say when: whatever zone and unit, no value is left out between two."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from psycopg2 import sql

from tidemark.model import Column
from tidemark.postgres.db import Composable
from tidemark.postgres.times import TimeColumn, kind_of

TYPES = [
    "timestamp with time zone",
    "timestamp(0) with time zone",
    "timestamp without time zone",
    "timestamp(3) without time zone",
    "date",
]
CHANGES = {
    "UTC": ["2025-03-30T01:00Z"],
    "Europe/Berlin": ["2025-03-30T01:00Z", "2025-10-26T01:00Z"],
    "Australia/Lord_Howe": ["2025-04-05T15:00Z", "2025-10-04T15:30Z"],
}
"""Zone -> when its clocks change, by an hour or by half of one."""
YEAR = datetime(2000, 1, 1, tzinfo=UTC)


@st.composite
def looks(draw: st.DrawFn) -> tuple[TimeColumn, datetime, datetime]:
    """Draw a column, and two instants about a change of its clock."""
    zone = draw(st.sampled_from([*CHANGES]))
    column = TimeColumn.of(Column("at", draw(st.sampled_from(TYPES))), zone)
    change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone])))
    minutes = st.integers(-100, 100)
    micros = st.sampled_from([-1, 0, 1, 300_000, 700_000])
    high, stamp = (
        change + timedelta(minutes=draw(minutes), microseconds=draw(micros)) for _ in range(2)
    )
    return column, high, stamp


def shown(column: TimeColumn, at: datetime, *, is_rounded: bool) -> Any:
    """Return the value of a row that is stamped at an instant."""
    zone = UTC if column.kind == "instant" else ZoneInfo(column.zone)
    local = at.astimezone(zone).replace(tzinfo=None)
    if column.kind == "date":
        return local.date()
    if is_rounded:
        local += column.unit / 2
    local -= (local - YEAR.replace(tzinfo=None)) % column.unit
    return local.replace(tzinfo=UTC) if column.kind == "instant" else local


def first(column: TimeColumn, at: datetime) -> Any:
    return value(column.first(at))


def end(column: TimeColumn, at: datetime) -> Any:
    return value(column.end(at))


def value(found: Composable) -> Any:
    assert isinstance(found, sql.Literal)
    return found.wrapped


@settings(max_examples=500)
@given(looks(), st.booleans())
def test_what_is_stamped_after_a_window_is_in_a_later_one(
    look: tuple[TimeColumn, datetime, datetime], is_rounded: bool
):
    column, high, stamp = look
    assume(stamp >= high)
    assert shown(column, stamp, is_rounded=is_rounded) >= first(column, high)


@given(looks(), st.booleans())
def test_what_is_stamped_in_a_window_is_in_it_or_in_the_next_one(
    look: tuple[TimeColumn, datetime, datetime], is_rounded: bool
):
    column, high, stamp = look
    value = shown(column, stamp, is_rounded=is_rounded)
    is_next = is_rounded and value >= first(column, high)
    assert stamp >= high or value < end(column, high) or is_next


@given(looks())
def test_no_value_lies_between_two_windows(look: tuple[TimeColumn, datetime, datetime]):
    column, mark, _ = look
    assert first(column, mark) <= end(column, mark)
    if column.kind == "instant" and column.unit < timedelta(seconds=1):
        assert first(column, mark) == end(column, mark)


BERLIN = TimeColumn("at", "timestamp", "Europe/Berlin")
DAYS = TimeColumn("at", "date", "Europe/Berlin", timedelta(days=1))


@pytest.mark.parametrize(
    ("column", "at", "ends"),
    [
        (BERLIN, "2025-10-26T00:30Z", ("2025-10-26 01:30", "2025-10-26 02:30")),
        (BERLIN, "2025-10-26T01:30Z", ("2025-10-26 02:30", "2025-10-26 03:30")),
        (BERLIN, "2025-03-30T01:00Z", ("2025-03-30 03:00", "2025-03-30 03:00")),
        (DAYS, "2025-06-01T21:59Z", ("2025-06-01", "2025-06-02")),
        (DAYS, "2025-06-01T22:00Z", ("2025-06-02", "2025-06-02")),
        (DAYS, "2025-06-01T22:01Z", ("2025-06-02", "2025-06-03")),
    ],
)
def test_a_day_and_an_hour_that_comes_twice_are_read_again(
    column: TimeColumn, at: str, ends: tuple[str, str]
):
    parse = date.fromisoformat if column.kind == "date" else datetime.fromisoformat
    instant = datetime.fromisoformat(at)
    assert (first(column, instant), end(column, instant)) == tuple(map(parse, ends))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("timestamp(6) with time zone", "instant"),
        ("timestamp without time zone", "timestamp"),
        ("date", "date"),
        ("daterange", None),
        ("time with time zone", None),
        ("timestamp without time zone[]", None),
        ("bigint", None),
    ],
)
def test_some_types_say_when(kind: str, expected: str | None):
    assert kind_of(Column("at", kind)) == expected
    assert kind_of(Column("at", "public.stamp", base=kind)) == expected
