"""A batch that rejects too much is a success that warns: in the log, on the terminal, in tasks."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.commands import Done, tidemark
from tests.fix_areas import Dimension, Made, Make
from tidemark import tasks
from tidemark.declare.project import Project

JAN = "2025-01-01 00:00Z"
THINGS = Dimension(
    {"id": "int", "v": "text", "updated_at": "timestamptz"},
    ("id",),
    refused="array_remove(array[case when v = 'bad' then 'v is bad' end], null)",
)
LOGGED = """
    select hop, l.status, l.error_message, b.status from etl_logs as l
    join etl_batches as b using (batch_id) where l.status = 'WARNING'
"""
ALL_OF_THREE = (
    "things: 3 of 3 rows were rejected, and the area allows 10%: v is bad (3). "
    "See `tidemark rejects made --entity things`, and mend the source or the view."
)
TOLD = f"made: check 'reject_ratio_of_things' warned on stg: {ALL_OF_THREE}"


@pytest.fixture
def things(made: Make) -> Made:
    return made(THINGS)


def put(area: Made, good: int, bad: int) -> None:
    """Insert rows that pass, and rows that are refused."""
    statement = """
        insert into things select m + i, case when i > %(good)s then 'bad' else 'good' end, now()
        from generate_series(1, %(good)s + %(bad)s) as i,
        (select coalesce(max(id), 0) from things) as t (m)
    """
    area.warehouse.execute("operational", statement, {"good": good, "bad": bad})


def command(area: Made, *words: str) -> Done:
    return tidemark(*words, env=area.environment)


def test_a_batch_that_rejects_all_there_is_warns(things: Made):
    put(things, 0, 3)
    done = command(things, "run")
    assert (done.code, done.err) == (0, f"warning: {TOLD}\n")
    assert things.warehouse.rows("dwh", LOGGED) == [("stage", "WARNING", ALL_OF_THREE, "SUCCESS")]
    watched = command(things, "monitor")
    assert (watched.code, watched.out) == (10, "")
    assert watched.err.startswith(f"error: made: Batch 1: {ALL_OF_THREE}")


def test_few_rows_that_are_rejected_beside_good_ones_are_usual(things: Made):
    put(things, 1, 0)
    command(things, "run")
    put(things, 0, 3)
    done = command(things, "run")
    assert (done.code, done.err) == (0, "")
    watched = command(things, "monitor")
    said = "made: the last batch is good and in time\n"
    assert (watched.code, watched.out, watched.err) == (0, said, "")


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(("bad", "warned"), [(10, False), (11, True)])
def test_a_batch_over_the_ratio_warns(things: Made, bad: int, warned: bool):
    put(things, 100 - bad, bad)
    [_, stage, _] = command(things, "run", "--json").json
    [check] = stage["checks"]
    said = f"things: {bad} of 100 rows were rejected, and the area allows 10%: v is bad ({bad})."
    assert (check["status"], check["value"]) == ("WARNED" if warned else "PASSED", str(bad))
    assert check["message"].startswith(said) == warned
    watched: list[Any] = command(things, "monitor", "made", "--json").json
    problem = f"Batch 1: {check['message']}"
    assert watched == [{"area": "made", "problems": [problem] if warned else []}]


def test_the_log_of_a_task_warns(
    things: Made, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for name, value in things.environment.items():
        monkeypatch.setenv(name, value)
    put(things, 0, 3)
    project = Project(things.home)
    tasks.run_hop(project, "made", "extract")
    tasks.run_hop(project, "made", "stage", batch_id=1)
    warned = [one.message for one in caplog.records if one.levelno == logging.WARNING]
    assert warned == [TOLD]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(("good", "bad"), [(0, 3), (0, 200), (1, 199)])
def test_an_area_that_allows_all_to_be_rejected_does_not_warn(made: Make, good: int, bad: int):
    area = made(THINGS, monitor={"max_reject_ratio": 1})
    put(area, good, bad)
    done = command(area, "run")
    watched = command(area, "monitor")
    assert (done.code, done.err, watched.code, watched.err) == (0, "", 0, "")


def test_an_area_without_a_batch_is_not_called_good(things: Made):
    watched = command(things, "monitor")
    assert (watched.code, watched.out, watched.err) == (0, "made: no batch has ended\n", "")
    things.warehouse.execute("dwh", "insert into etl_batches values (1, 'made', 'RUNNING')")
    watched = command(things, "monitor")
    assert (watched.code, watched.out, watched.err) == (0, "made: no batch has ended\n", "")
