"""Windows of numbers as a function of what a sequence had drawn by which instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.declare.config import Area
from tidemark.model import Window
from tidemark.postgres.watermarks import NumberColumn
from tidemark.sources import numbers

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


DRAWN = {at(0): 10, at(10): 25, at(20): 25, at(30): 40}


def ending(high: int, low: int | None = None) -> tuple[datetime | None, dict[datetime, int]]:
    window = Window(None if low is None else at(low), at(high))
    found = numbers.windows({"trees": window}, {"trees": DRAWN})["trees"]
    return found.high, dict(numbers.kept(found))


def test_a_window_ends_at_the_last_instant_of_which_the_number_is_known():
    assert ending(5) == (at(0), DRAWN)
    assert ending(29) == (at(20), {at(20): 25, at(30): 40})


def test_while_nothing_is_drawn_the_number_is_known_for_each_instant():
    assert ending(15) == (at(15), {at(15): 25, at(20): 25, at(30): 40})


def test_a_window_never_ends_before_it_begins():
    assert ending(8, low=7) == (at(7), {at(7): 10, at(10): 25, at(20): 25, at(30): 40})


def test_so_many_instants_are_kept():
    drawn = {at(minute): minute for minute in range(1000)}
    (found,) = numbers.windows({"trees": Window(None, at(0))}, {"trees": drawn}).values()
    assert sorted(numbers.kept(found)) == [at(0), *(at(minute) for minute in range(950, 1000))]


@pytest.mark.parametrize(
    ("drawn", "waits"),
    [({at(0): 10, at(10): 25}, [90]), ({at(0): 10, at(10): 25, at(20): 25}, [])],
)
def test_a_look_that_finds_new_numbers_lets_short_transactions_end(
    monkeypatch: pytest.MonkeyPatch, drawn: dict[datetime, int], waits: list[int]
):
    area = Area.model_validate({"area": "gardens", "margin": "90s", "entities": {}})
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    numbers.let_others_end(area, {"trees": drawn})
    assert slept == waits


@given(st.lists(st.integers(0, 40), min_size=1, max_size=9))
def test_windows_leave_no_number_out_between_them(bounds: list[int]):
    column = NumberColumn("version", ("public", "version"), DRAWN)
    mark: datetime | None = None
    drawn, ends = DRAWN, []
    for bound in sorted(bounds):
        window = Window(mark, max(at(bound), mark or at(bound)))
        found = numbers.windows({"trees": window}, {"trees": drawn})["trees"]
        assert found.high is not None
        ends.append((column.first(mark) if mark else None, column.end(found.high)))
        mark, drawn = found.high, {**numbers.kept(found)}
        assert drawn[mark] == max(number for when, number in DRAWN.items() if when <= mark)
    assert all(first == end for (_, end), (first, _) in pairwise(ends))
