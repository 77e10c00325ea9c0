"""Two processes at once on an area of files: each file is taken once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tests.fix_files import Drop, Dropped, csv_text
from tests.fix_retail import PATIENCE, wait_until
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.errors import LockedError
from tidemark.model import ServerName
from tidemark.postgres.sessions import Servers


def beside(area: Dropped, work: Callable[[Servers], object]) -> Future[object]:
    """Call `work` in a thread, with sessions of its own."""

    def worked() -> object:
        with Servers(area.warehouse.dsn) as servers:
            return work(servers)

    pool = ThreadPoolExecutor(1)
    running = pool.submit(worked)
    pool.shutdown(wait=False)
    return running


def wait_for_lock(area: Dropped, layer: ServerName) -> None:
    query = """
        select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
    """
    wait_until(lambda: area.warehouse.rows(layer, query) == [(1,)])


def test_of_two_runs_one_says_who_works_and_each_file_is_taken_once(dropped: Drop):
    files: dict[str, Any] = {f"things/{n}.csv": csv_text((n, "a"), (9, str(n))) for n in range(4)}
    area = dropped(files)
    with closing(area.warehouse.connect("mrr")) as holder:
        holder.autocommit = False
        execute(holder, "lock table mrr_things in share mode")
        running = beside(area, lambda servers: pipeline.run(servers, area.area))
        wait_for_lock(area, "mrr")
        with pytest.raises(LockedError, match=r"^made: another process works .*: pid \d+ \("):
            beside(area, lambda servers: pipeline.run(servers, area.area)).result(PATIENCE)
        waiting = beside(area, lambda servers: pipeline.run_hop(servers, area.area, "extract"))
        wait_for_lock(area, "dwh")
        area.drop("things/4.csv", csv_text((4, "a"), (9, "4")))
        holder.rollback()
    running.result(PATIENCE)
    waiting.result(PATIENCE)
    assert area.files() == [(f"things/{n}.csv", "taken", 2, 0) for n in range(5)]
    assert sorted(area.history()) == sorted(
        [(str(n), "a") for n in range(5)] + [("9", str(n)) for n in range(5)]
    )
