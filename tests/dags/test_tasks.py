"""What the tasks of an orchestrator do, without one."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from tests.fix_retail import PATIENCE, Retail, wait_until
from tests.fix_servers import HOME
from tidemark import tasks
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.declare.settings import Monitor
from tidemark.errors import MonitorError
from tidemark.model import HOPS


@pytest.fixture
def project(retail: Retail, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name, value in retail.warehouse.environment.items():
        monkeypatch.setenv(name, value)
    return declaring(retail.area)


def declaring(area: Area) -> Project:
    """Return the project, with one area that differs from its file."""
    project = Project(HOME)
    project.__dict__["areas"] = {area.area: area}
    return project


def tolerating(retail: Retail, **monitor: object) -> Project:
    """Return the project with other limits than those of its area.yml."""
    limits = Monitor.model_validate(monitor)
    return declaring(retail.area.model_copy(update={"monitor": limits}))


def test_a_hop_can_be_cleared_and_run_again(project: Project, retail: Retail):
    batch_id = tasks.run_hop(project, "retail", "extract")["batch_id"]
    for hop in ("stage", "publish", "stage", "publish"):
        done = tasks.run_hop(project, "retail", hop, batch_id=batch_id)

    assert (done["batch_id"], done["changed"]) == (batch_id, 0)
    assert retail.warehouse.rows("dwh", "select batch_id, status from etl_batches") == [
        (batch_id, "SUCCESS")
    ]


def test_the_log_tells_each_entity_s_window_and_rows(
    project: Project, retail: Retail, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level("INFO", logger="tidemark"):
        tasks.run_hop(project, "retail", "extract")

    lines = [record.message for record in caplog.records]
    assert lines[2].startswith("batch 1 of retail, extract: 9 rows written in ")
    [line] = [line for line in lines if line.startswith("sales: ")]
    assert line.startswith("sales: [start, 20")
    assert ": 4 rows streamed, 4 inserted, 0 updated, 0 deleted, 0 rejected in " in line


def test_the_log_tells_how_many_versions_were_closed(
    project: Project, retail: Retail, caplog: pytest.LogCaptureFixture
):
    retail.run()
    retail.change("customers", 1, city="Oslo")
    retail.change("customers", 2, email="new@example.com")
    for hop in HOPS:
        with caplog.at_level("INFO", logger="tidemark"):
            tasks.run_hop(project, "retail", hop)

    line = [record.message for record in caplog.records if "customers: " in record.message][-1]
    assert line.startswith(
        "customers: 2 rows streamed, 1 inserted, 2 updated, 0 deleted, 0 rejected, 1 closed in "
    )
    [(info,)] = retail.warehouse.rows(
        "dwh",
        "select additional_info from etl_logs where hop = 'publish' and entity = 'customers' "
        "order by log_id desc limit 1",
    )
    assert info["closed"] == 1


def test_nothing_is_wrong_before_the_first_batch(project: Project, retail: Retail):
    tasks.watch(project)


def test_a_good_batch_is_good(project: Project, retail: Retail):
    retail.run()

    tasks.watch(project)


def test_a_batch_that_failed_is_told_with_its_reason(project: Project, retail: Retail):
    retail.run()
    retail.add("sales", 1000)
    closed = "alter table stg_fact_sales add constraint closed check (false) not valid"
    retail.warehouse.execute("stg", closed)
    with pytest.raises(Exception, match="closed"):
        retail.run()

    with pytest.raises(MonitorError, match=r"^retail: Batch 2 failed: stage: .*closed"):
        tasks.watch(project)


def test_a_batch_that_is_late_is_told(project: Project, retail: Retail):
    retail.run()
    shift = "set started_at = started_at - interval '13:01', ended_at = ended_at - interval '13:01'"
    retail.warehouse.execute("dwh", f"update etl_batches {shift}")

    with pytest.raises(MonitorError, match=r"No batch has succeeded for 13:01:0.*allows 13:00:00"):
        tasks.watch(project)
    tasks.watch(tolerating(retail, late_after="14h"))


def test_an_area_that_never_had_a_batch_that_succeeds_is_late(project: Project, retail: Retail):
    retail.begin()
    retail.warehouse.execute("dwh", "update etl_batches set started_at = now() - interval '1 day'")

    with pytest.raises(MonitorError, match="No batch has succeeded for 1 day, 0:00:0"):
        tasks.watch(project)


@pytest.mark.parametrize(("rows", "told"), [(99, False), (100, True)])
def test_a_batch_that_rejects_too_much_is_told(
    project: Project, retail: Retail, rows: int, told: bool
):
    retail.run()
    for sale in range(1000, 1000 + rows):
        retail.add("sales", sale, quantity=-1 if sale % 5 == 0 else 1)
    retail.run()

    if told:
        with pytest.raises(MonitorError, match=r"Batch 2: sales: 20 of 100 rows were .* 10%"):
            tasks.watch(project)
    else:
        tasks.watch(project)


@pytest.fixture
def waiting(retail: Retail) -> Iterator[subprocess.Popen[str]]:
    """A process as an orchestrator has it: SIGTERM has a handler, and the hop waits for a lock."""
    program = """
        import signal
        from pathlib import Path
        from tidemark import tasks
        from tidemark.declare.project import Project
        signal.signal(signal.SIGTERM, lambda *_: None)
        tasks.run_hop(Project(Path.cwd()), "retail", "extract")
    """
    with retail.holding("operational", "lock table sales"):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            cwd=HOME,
            env=retail.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        retail.wait_for_lock("operational")
        with process:
            yield process
            process.kill()


def at_the_source(retail: Retail) -> int:
    """Count the sessions of Tidemark on the source."""
    query = """
        select count(*) from pg_stat_activity
        where datname = current_database() and application_name like 'tidemark %'
    """
    return int(retail.warehouse.rows("operational", query)[0][0])


def test_a_task_that_is_marked_failed_stops_with_its_statement(
    retail: Retail, waiting: subprocess.Popen[str]
):
    waiting.send_signal(signal.SIGTERM)
    said, _ = waiting.communicate(timeout=10)

    assert waiting.returncode == 1
    assert "canceling statement" in said
    wait_until(lambda: at_the_source(retail) == 0 and not retail.holders())
    assert retail.warehouse.rows("dwh", "select status from etl_batches") == [("FAILED",)]


def test_a_task_that_is_killed_leaves_no_statement_behind(
    retail: Retail, waiting: subprocess.Popen[str]
):
    waiting.kill()
    waiting.wait(PATIENCE)

    wait_until(lambda: at_the_source(retail) == 0 and not retail.holders(), seconds=10)
