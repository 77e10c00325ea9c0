"""What a hop did, as JSON and in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tidemark import results
from tidemark.model import BlockingSession, Window
from tidemark.results import Counts, HopResult, Look

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN = BlockingSession(4711, "ann", "psql", 90.4)
HELD = Look(Window(None, NOON, held_by=ANN), NOON + timedelta(seconds=1), 0.12345)


def counts() -> Counts:
    """Return what an extraction of all kinds of rows says of itself."""
    counts = Counts(processed=3000, inserted=2, closed=1, future=4, drift="a column is new")
    counts.look = HELD
    counts.spend("stream_seconds", 1.5)
    counts.spend("stream_seconds", 0.25)
    return counts


def hop() -> HopResult:
    return HopResult("extract", "retail", 7, 2.0, {"sales": counts()})


def test_a_log_says_what_there_is_to_say():
    assert counts().info == {
        "drift": "a column is new",
        "low": None,
        "high": "2026-01-01T12:00:00+00:00",
        "source_clock": "2026-01-01T12:00:01+00:00",
        "held_back_by": "pid 4711 (ann, psql), open for 90 s",
        "snapshot_seconds": 0.123,
        "closed": 1,
        "future": 4,
        "stream_seconds": 1.75,
    }
    assert Counts().info == {}


def test_steps_of_a_hop_add_their_rows():
    whole = Counts(inserted=1, inferred=2)
    whole.add(Counts(inserted=4, inferred=1, repointed=3))
    assert whole == Counts(inserted=5, inferred=3, repointed=3)


def test_a_result_is_json_with_the_log_s_information():
    entity = json.loads(results.as_json([hop()]))[0]["entities"]["sales"]
    assert entity == {**counts().as_dict(), "warning": None, "info": counts().info}


def test_values_are_json_that_every_language_reads():
    value = {"at": NOON, "price": Decimal("1.10"), "seconds": 0.12345, "key": ("a", 1)}
    expected = {"at": NOON.isoformat(), "price": "1.10", "seconds": 0.123, "key": ["a", 1]}
    assert json.loads(results.as_json(value)) == expected


def test_a_hop_is_told_in_words():
    window = "[start, 2026-01-01T12:00:00+00:00) (held back by pid 4711 (ann, psql), open for 90 s)"
    rows = "3,000 rows streamed, 2 inserted, 0 updated, 0 deleted, 0 rejected, 1 closed in 1.75 s"
    assert [line for _, line in hop().lines] == [
        "batch 7 of retail, extract: 2 rows written in 2.00 s",
        f"sales: {window}: {rows}",
        "sales: 4 rows are stamped in the future, and no batch reads them before then",
        "sales: a column is new",
    ]


def test_what_a_batch_left_out_is_told_once():
    held = "rows that were written since an open transaction began wait for a later batch"
    assert list(results.remarks([hop(), HopResult("stage", "retail", 7, 1.0, {})])) == [
        "a column is new",
        "sales: 4 rows are stamped in the future, and no batch reads them before then",
        f"{held}: pid 4711 (ann, psql), open for 90 s",
    ]


def test_what_was_only_looked_at_has_nothing_to_tell():
    quiet = Counts(look=HELD)
    quiet.spend("apply_seconds", 0.1)
    assert [quiet.is_telling, counts().is_telling, Counts(fetched=1).is_telling] == [0, 1, 1]
