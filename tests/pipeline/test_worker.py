"""A worker takes events as they come, and lets others have the lock."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import pytest

from tests.fix_posted import Post, Posting
from tests.fix_retail import PATIENCE, processed, wait_until
from tests.queries import execute
from tidemark.batch import pipeline, worker
from tidemark.batch.worker import Report, Worker
from tidemark.declare.envelope import Wrong
from tidemark.layers import inbox, refused_events
from tidemark.model import LAYERS
from tidemark.postgres import locks
from tidemark.postgres.plans import Plans
from tidemark.results import BatchResult
from tidemark.trust import rebuild, verify


@contextmanager
def working(made: Posting, report: Report | None = None) -> Iterator[Worker]:
    one = Worker(made.servers, [made.area], report=report)
    one.start()
    try:
        yield one
    finally:
        one.stop()


def staged(made: Posting) -> int:
    ((count,),) = made.rows("stg", "select count(*) from stg_things")
    return int(count)


def test_what_is_notified_is_taken_at_once(posting: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "POLL", 300.0)
    made = posting()
    with working(made):
        made.post("things", id=1, v="before it listens, or after")
        made.tell()
        wait_until(lambda: staged(made) == 1)
        made.post("things", id=2, v="once more")
        made.tell()
        wait_until(lambda: staged(made) == 2)


def test_what_nobody_tells_of_is_taken_soon(posting: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "POLL", 0.2)
    made = posting()
    with working(made):
        made.post("things", id=1, v="a")
        wait_until(lambda: staged(made) == 1)


def test_what_has_come_is_taken_before_it_stops(posting: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "POLL", 300.0)
    made = posting()
    with working(made):
        wait_until(lambda: made.rows("dwh", "select count(*) from etl_batches") == [(0,)])
        for key in range(5):
            made.post("things", id=key, v="a")
    assert staged(made) == 5


@contextmanager
def rain(made: Posting) -> Iterator[list[int]]:
    """Post events in the block, one after the other; yields their keys."""
    is_over = threading.Event()
    drops: list[int] = []

    def fall() -> None:
        while not is_over.wait(0.005):
            made.post("things", id=len(drops), v="rain")
            drops.append(len(drops))
            made.tell()

    thread = threading.Thread(target=fall)
    thread.start()
    try:
        yield drops
    finally:
        is_over.set()
        thread.join(60)


def test_others_have_their_turn_while_events_rain(posting: Post):
    made = posting()
    with working(made), rain(made), made.servers.beside("another") as others:
        wait_until(lambda: staged(made) > 0)
        for _ in range(3):
            began = time.monotonic()
            pipeline.run(others, made.area)
            rebuild.run(others, made.area, dry_run=True)
            verify.run(others, made.area)
            assert time.monotonic() - began < 60
    assert made.verified().is_equal
    assert made.rows("mrr", "select count(*) from tidemark.inbox where batch_id is null") == [(0,)]


def test_two_workers_and_a_run_take_turns_and_load_each_event_once(posting: Post):
    made, loaded = posting(), Counter[str]()

    def taking(who: str) -> Report:
        return lambda done: loaded.update({who: processed(done, "extract").get("things", 0)})

    with (
        working(made, taking("one")),
        working(made, taking("other")),
        rain(made) as drops,
        made.servers.beside("another") as others,
    ):
        while not loaded.keys() >= {"one", "other", "run"} or min(loaded.values()) == 0:
            taking("run")(pipeline.run(others, made.area))
    assert loaded.total() == len(drops) == staged(made)
    assert made.rows("mrr", "select count(*) from mrr_things_history") == [(0,)]
    assert made.verified().is_equal


def fail_first(monkeypatch: pytest.MonkeyPatch, failures: list[Exception]) -> None:
    """Let the first runs fail."""
    run = pipeline.run

    def sometimes(*args: Any, **named: Any) -> BatchResult:
        if failures:
            raise failures.pop()
        return run(*args, **named)

    monkeypatch.setattr(pipeline, "run", sometimes)


def test_a_batch_that_fails_is_tried_again(posting: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "FIRST_WAIT", 0.1)
    made = posting()
    fail_first(monkeypatch, [ZeroDivisionError(), RuntimeError()])
    with working(made):
        made.post("things", id=1, v="a")
        made.tell()
        wait_until(lambda: staged(made) == 1)


def test_a_worker_that_stops_tries_twice(posting: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "POLL", 300.0)
    made = posting()
    with working(made):
        wait_until(lambda: made.rows("dwh", "select count(*) from etl_batches") == [(0,)])
        fail_first(monkeypatch, [RuntimeError()])
        made.post("things", id=1, v="a")
    assert staged(made) == 1


def test_a_worker_that_waits_after_a_failure_stops_at_once(
    posting: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker, "FIRST_WAIT", 600.0)
    monkeypatch.setattr(worker, "LONGEST_WAIT", 600.0)
    made, failures = posting(), list[Exception]([ZeroDivisionError(), ZeroDivisionError()])
    fail_first(monkeypatch, failures)
    one = Worker(made.servers, [made.area])
    one.start()
    one.wake("made")
    wait_until(lambda: len(failures) < 2)
    thread = threading.Thread(target=one.stop, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_who_stops_a_worker_waits_for_the_batch_that_is_under_way(posting: Post):
    made = posting()
    made.post("things", id=1, v="a")
    one = Worker(made.servers, [made.area])
    stopping = threading.Thread(target=one.stop, daemon=True)
    with closing(made.warehouse.connect("mrr")) as holder:
        execute(holder, "begin; lock table mrr_things")
        one.start()
        one.wake("made")
        wait_until(lambda: made.waiting() == 1)
        stopping.start()
        wait_until(lambda: "tidemark-listen" not in {each.name for each in threading.enumerate()})
        stopping.join(0.5)
        assert stopping.is_alive()
        execute(holder, "commit")
    stopping.join(PATIENCE)
    assert (stopping.is_alive(), staged(made)) == (False, 1)


def test_a_worker_outlasts_a_thousand_failures(posting: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "LONGEST_WAIT", 0.001)
    made = posting()
    fail_first(monkeypatch, [ZeroDivisionError() for _ in range(1100)])
    with working(made):
        made.post("things", id=1, v="a")
        made.tell()
        wait_until(lambda: staged(made) == 1)


def test_what_was_left_between_two_hops_is_taken_by_the_next_worker(
    posting: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker, "POLL", 0.2)
    made = posting()
    made.post("things", id=1, v="a")
    pipeline.run_hop(made.servers, made.area, "extract")
    assert staged(made) == 0
    with working(made):
        wait_until(lambda: staged(made) == 1)


def test_a_worker_that_lost_its_connections_goes_on(posting: Post):
    made = posting()
    with working(made):
        made.post("things", id=1, v="a")
        wait_until(lambda: staged(made) == 1)
        for layer in ("mrr", "stg", "dwh"):
            made.rows(
                layer,
                "select pg_terminate_backend(pid) from pg_stat_activity "
                f"where application_name like '{locks.WORKER}%' or query like 'listen%'",
            )
        made.post("things", id=2, v="b")
        made.tell()
        wait_until(lambda: staged(made) == 2)


def test_a_batch_of_a_worker_opens_no_connection(posting: Post):
    made = posting()
    connected = (
        "select pid from pg_stat_activity where datname = current_database() "
        f"and application_name like '{locks.WORKER}%' order by pid"
    )
    with working(made):
        seen = []
        for key in range(1, 4):
            made.post("things", id=key, v="a")
            made.tell()
            wait_until(partial(lambda key: staged(made) == key, key))
            seen.append({layer: made.rows(layer, connected) for layer in LAYERS})
    assert seen[1] == seen[2] != {}
    assert all(seen[2].values())


def test_a_worker_sends_what_it_has_sent_before_by_name(
    posting: Post, monkeypatch: pytest.MonkeyPatch
):
    made, real, sent = posting(), Plans.sending, list[bytes]()

    def noted(plans: Plans, statement: bytes, name: str) -> bytes:
        sent.append(real(plans, statement, name))
        return sent[-1]

    monkeypatch.setattr(Plans, "sending", noted)
    with working(made):
        for key in range(1, 5):
            made.post("things", id=key, v="a")
            made.tell()
            wait_until(partial(lambda key: staged(made) == key, key))
    names = {one.split(b" ")[1] for one in sent if one.startswith(b"execute ")}
    assert {b'"layers.claims.examine', b'"postgres.worktable.empty'} <= names


def test_events_of_a_kind_that_nobody_takes_keep_no_worker_busy(posting: Post):
    made, batches = posting(), list[BatchResult]()

    def counted(done: BatchResult) -> None:
        batches.append(done)
        assert len(batches) < 20  # A failure lets the worker pause, and so stop.

    made.post("renamed", id=1, v="a")
    with working(made, counted):
        made.post("things", id=2, v="b")
        made.tell()
        wait_until(lambda: staged(made) == 1)
        made.post("things", id=3, v="c")
    assert (staged(made), len(batches) < 5) == (2, True)
    waiting = "select kind from tidemark.inbox where batch_id is null"
    assert made.rows("mrr", waiting) == [("renamed",)]


def test_what_a_queue_refused_is_a_reject_soon(posting: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "POLL", 0.2)
    made, batches = posting(), list[BatchResult]()
    event = Wrong("made", "things", "a", "{}", ("id: is required",))
    with working(made, batches.append), made.servers.beside("consume") as others:
        wait_until(lambda: len(batches) == 1)
        with others.session("mrr", "consume") as mrr:
            refused_events.keep(mrr, "a queue", [event])
        wait_until(lambda: len(batches) == 2)
    assert made.rows("stg", "select reasons from stg_rejects") == [(["id: is required"],)]


def test_areas_that_have_events_are_named(posting: Post):
    made = posting()
    with made.servers.session("mrr", "look") as mrr:
        assert inbox.waiting(mrr) == frozenset()
        for area in ("b", "a", "b", "c"):
            inbox.post(mrr, area, [inbox.Posted(f"{area}{time.monotonic()}", "x", "{}")])
        assert inbox.waiting(mrr) == frozenset("abc")
