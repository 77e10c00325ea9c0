"""Where the bars and spots of a key's picture stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tidemark.console import lanes
from tidemark.console.lanes import Bar, Lane, Spot
from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME

JAN = datetime(2025, 1, 1, tzinfo=UTC)
TIMES = st.integers(-80_000, 2_900_000).map(lambda days: JAN + timedelta(days=days))


def months(*numbers: int) -> list[datetime]:
    return [JAN + timedelta(days=30 * number) for number in numbers]


def test_time_without_an_end_reaches_from_edge_to_edge():
    middle = JAN
    lane = Lane("v", [Bar(BEGINNING_OF_TIME, middle, "a"), Bar(middle, END_OF_TIME, "b")])
    picture = lanes.draw([lane])
    first, last = picture.lines[0].things
    assert (first.x, last.x + last.width) == (picture.left, picture.right)
    assert first.x + first.width == last.x


def test_what_was_seen_years_later_stands_at_the_edge():
    began, ended = months(0, 1)
    world = Lane("v", [Bar(began, ended, "a"), Bar(ended, END_OF_TIME, "b")])
    seen = Lane("saw", spots=[Spot(JAN + timedelta(days=999), "x")], is_of_the_world=False)
    picture = lanes.draw([world, seen])
    assert picture.last < JAN + timedelta(days=40)
    assert picture.lines[1].things[0].x == picture.right


def test_one_change_alone_is_shown_beside_what_was_seen():
    seen = Lane("saw", spots=[Spot(at, "x") for at in months(5, 6)], is_of_the_world=False)
    picture = lanes.draw([Lane("v", [Bar(JAN, END_OF_TIME, "a")]), seen])
    assert picture.first < JAN < months(6)[0] < picture.last


@given(st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=20), TIMES)
def test_nothing_stands_beyond_the_edges(times: list[tuple[datetime, datetime]], cursor: datetime):
    bars = [Bar(min(two), max(two), "text" * 9) for two in times]
    picture = lanes.draw([Lane("v", bars, [Spot(at, "x") for at, _ in times])], cursor=cursor)
    for thing in picture.lines[0].things:
        assert picture.left <= thing.x <= picture.right
        assert thing.x + thing.width <= picture.right + 2
        assert len(thing.shown) * 6 <= max(thing.width, 0)
    assert picture.cursor is None or picture.left <= picture.cursor <= picture.right
