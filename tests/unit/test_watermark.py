"""The window of one batch as a function of the mark and of what the source says of itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import WindowError
from tidemark.model import BlockingSession, Window
from tidemark.sources import window
from tidemark.sources.window import Activity

TREES = Entity.model_validate(
    {"name": "trees", "source": "trees", "key": ["tree_id"], "watermark": "changed"}
)
AREA = Area.model_validate(
    {"area": "gardens", "entities": {"trees": TREES.model_dump(by_alias=True, exclude_unset=True)}}
)
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
QUIET = Activity(
    clock=NOON,
    is_standby=False,
    sees_all_sessions=True,
    hidden_sessions=0,
    prepared_transactions=0,
    oldest=None,
    holder=None,
)
SECOND = timedelta(seconds=1)

spans = st.timedeltas(timedelta(0), timedelta(hours=2))
instants = spans.map(lambda span: NOON + span)


def busy(begun: datetime) -> Activity:
    holder = BlockingSession(4711, "app", "shop", (NOON - begun).total_seconds())
    return replace(QUIET, oldest=begun, holder=holder)


def test_the_first_window_has_no_lower_end():
    assert window.window(AREA, TREES, None, QUIET) == Window(None, NOON - SECOND)


def test_a_window_begins_at_the_mark():
    mark = NOON - timedelta(hours=1)
    assert window.window(AREA, TREES, mark, QUIET) == Window(mark, NOON - SECOND)


def test_an_open_transaction_ends_the_window_before_its_start():
    begun = NOON - timedelta(minutes=5)
    found = window.window(AREA, TREES, None, busy(begun))
    assert found == Window(None, begun - SECOND, held_by=busy(begun).holder)


def test_a_transaction_younger_than_the_margin_holds_nothing_back():
    begun = NOON - SECOND / 2
    assert window.window(AREA, TREES, None, busy(begun)) == Window(None, begun - SECOND)


def test_a_clock_before_the_mark_was_set_back():
    with pytest.raises(WindowError) as raised:
        window.windows(AREA, {"trees": NOON + SECOND}, QUIET)
    assert str(raised.value).startswith(
        "gardens.trees: the source's clock says 2025-01-01 12:00:00Z, and all before 2025-01-01 "
        "12:00:01Z was extracted already: it was set back, or this is another server. "
    )
    settled = TREES.model_copy(update={"settle": SECOND})
    assert window.window(AREA, settled, NOON + SECOND, QUIET).is_empty


def test_a_bound_before_the_mark_leaves_the_window_empty():
    found = window.window(AREA, TREES, NOON, busy(NOON - timedelta(hours=1)))
    assert (found.low, found.high, found.is_empty) == (NOON, NOON, True)


def test_lookback_lowers_the_lower_end_alone():
    entity = TREES.model_copy(update={"lookback": timedelta(hours=2)})
    mark = NOON - timedelta(hours=1)
    found = window.window(AREA, entity, mark, QUIET)
    assert found == Window(mark - timedelta(hours=2), NOON - SECOND)


def test_settle_takes_the_place_of_the_safe_bound():
    entity = TREES.model_copy(update={"settle": timedelta(minutes=15)})
    unsafe = replace(busy(NOON - timedelta(hours=3)), is_standby=True, sees_all_sessions=False)
    assert window.window(AREA, entity, None, unsafe) == Window(None, NOON - timedelta(minutes=15))


def test_a_full_extract_has_no_ends():
    entity = TREES.model_copy(update={"extract": "full"})
    assert window.window(AREA, entity, None, QUIET) == Window(None, None)
    assert not Window(None, None).is_empty


@pytest.mark.parametrize(
    ("unsafe", "said"),
    [
        (
            {"is_standby": True},
            "the source is a standby, which can't see its primary's transactions. Extract from "
            "the primary, ",
        ),
        (
            {"sees_all_sessions": False},
            "the login may not see other sessions' transactions. Run `grant pg_read_all_stats to "
            "<the login>` on the source, ",
        ),
        (
            {"hidden_sessions": 2},
            "2 sessions run with track_activities = off. Turn it on for them, ",
        ),
        (
            {"prepared_transactions": 3},
            "3 prepared transactions are open, and no one can tell when their rows were stamped. "
            "Commit or roll them back (select gid from pg_prepared_xacts), ",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_a_safe_bound_lacks_is_said(unsafe: dict[str, int], said: str):
    with pytest.raises(WindowError) as raised:
        window.window(AREA, TREES, None, replace(QUIET, **unsafe))  # type: ignore[arg-type]
    assert str(raised.value) == (
        f"gardens.trees: no safe upper bound is known: {said}"
        "or set `settle: 15m` (lossy) in sql/gardens/area.yml."
    )


@given(instants, st.none() | instants, st.none() | instants, spans, spans)
def test_a_window_ends_before_all_that_is_open_and_never_before_the_mark(
    clock: datetime,
    oldest: datetime | None,
    mark: datetime | None,
    margin: timedelta,
    lookback: timedelta,
):
    area = AREA.model_copy(update={"margin": margin})
    entity = TREES.model_copy(update={"lookback": lookback})
    assume(mark is None or mark <= clock)
    seen = replace(QUIET, clock=clock, oldest=oldest)
    found = window.window(area, entity, mark, seen)
    safe = min(clock, oldest or clock) - margin
    assert found.high == max(safe, mark or safe)
    assert found.low == (mark - lookback if mark else None)


@given(st.lists(st.tuples(instants, spans), min_size=2, max_size=8))
def test_the_windows_of_successive_batches_leave_no_gap(looks: list[tuple[datetime, timedelta]]):
    windows, mark = [], None
    for clock, age in sorted(looks):
        seen = replace(QUIET, clock=clock, oldest=clock - age)
        windows.append(window.window(AREA, TREES, mark, seen))
        mark = windows[-1].high
    assert [later.low for later in windows[1:]] == [earlier.high for earlier in windows[:-1]]
    assert all(w.high is not None and (w.low is None or w.low <= w.high) for w in windows)
