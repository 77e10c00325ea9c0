"""Where bars of the console's pictures stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tidemark.console import pictures, shown
from tidemark.console.pictures import Column, Lane, Span

START = datetime(2025, 1, 1, tzinfo=UTC)


def span(start: float, end: float) -> Span:
    """Return a span between seconds of the picture."""
    at = [START + timedelta(seconds=seconds) for seconds in (start, end)]
    return Span(at[0], at[1], "SUCCESS", "")


def test_the_newest_bar_stands_at_the_right():
    columns = [Column(str(n), n, "SUCCESS", "") for n in range(3)]
    drawn = pictures.strip("", columns, 30)
    assert [bar.x for bar in drawn.bars] == [324, 336, 348]
    assert drawn.width == 360
    assert [bar.mark for bar in drawn.bars] == ["✓"] * 3


def test_nothing_has_no_height_and_zero_has_a_little():
    values = [None, 0, 1, 1000, float("nan"), float("inf")]
    drawn = pictures.strip("", [Column("", value, "", "") for value in values], 6)
    assert [bar.height for bar in drawn.bars] == [0.0, 3, 4.8, 48.0, 3, 3]


def test_bars_of_a_gantt_have_their_true_lengths():
    lanes = [Lane("extract", [span(0, 5)]), Lane("stage", [span(5, 10)])]
    drawn = pictures.gantt("", lanes, START, START + timedelta(seconds=10))
    assert [(y, [(one.x, one.width) for one in spans]) for _, y, spans in drawn.lanes] == [
        (24, [(190.0, 255.0)]),
        (46, [(445.0, 255.0)]),
    ]
    assert [text for _, text in drawn.ticks] == ["0.00 s", "5.00 s", "10 s"]


@given(st.floats(-100, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_no_bar_leaves_its_picture(start: float, length: float, whole: float):
    lanes = [Lane("", [span(start, start + length)])]
    drawn = pictures.gantt("", lanes, START, START + timedelta(seconds=whole))
    [(_, _, [one])] = drawn.lanes
    assert drawn.names <= one.x
    assert one.width >= 2
    assert one.x + one.width <= drawn.width


def test_a_long_value_says_how_long_it_is():
    assert shown.value("x" * 2001) == f"\u2068{'x' * 2000}\u2069… (2,001 characters)"
    assert shown.value("x" * 2000, 3000) == f"\u2068{'x' * 2000}\u2069… (3,000 characters)"
    assert [shown.value(each) for each in ("x" * 2000, None, True)] == ["x" * 2000, "∅", "true"]
    assert [shown.cut("abcd", most) for most in (3, 4)] == ["ab…", "abcd"]
