"""The DAG that waits for files: what lets it through, what it skips, and what it says."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fix_airflow import DAG_ID as MASTER
from tests.fix_airflow import Airflow, Ran
from tests.fix_buckets import Partner, partner
from tests.fix_events import Shops, item, order
from tests.fix_files import Drop, Dropped
from tests.fix_retail import PATIENCE, wait_until
from tests.fix_servers import HOME
from tidemark import tasks
from tidemark.declare.project import Project
from tidemark.declare.reading import Files
from tidemark.sources.files import listing

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own

DAG_ID = "events_s3_pipeline"
HOPS = ["load_raw_data", "stage", "publish"]
TASKS = ["wait_for_s3_data", *HOPS, "test", "logging"]
LINES = {
    "source": "raw-events/{date:%Y/%m/%d/%H}/*.json.gz",
    "key": {"event_id": "$.event_id"},
    "checks": [
        {
            "name": name,
            "sql": f"select event_id from stg_lines where document ->> 'type' = '{what}'",
            "on": "stg",
            "severity": severity,
        }
        for name, what, severity in (("is_known", "unknown", "fail"), ("is_usual", "odd", "warn"))
    ],
}


def at(days: int, name: str = "1") -> str:
    """Return the path of a file in the folder of a day, so many ago."""
    day = datetime.now(UTC) - timedelta(days=days)
    return f"raw-events/{day:%Y/%m/%d}/05/{name}.json.gz"


def events(*ids: str, **more: str) -> bytes:
    """Return a file of events."""
    lines = (json.dumps({"event_id": one, **more}) + "\n" for one in ids)
    return gzip.compress("".join(lines).encode())


@pytest.fixture
def area(
    airflow_home: Path, dropped: Drop, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Dropped:
    """An area of a bucket, of which today's first file is taken."""
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": s3}.items():
        monkeypatch.setenv(name, value)
    bucket = tmp_path.name.replace("_", "-")
    theirs = partner(s3, bucket)
    theirs.put(at(0), events("a"))
    made = dropped(
        {},
        entities={"lines": LINES},
        settings={"dag": DAG_ID},
        url=f"s3://{bucket}",
        format="jsonl",
        lookback="3d",
    )
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    made.run()
    return made


@pytest.fixture
def theirs(area: Dropped, s3: str) -> Partner:
    """Who fills the bucket."""
    assert isinstance(area.area.source, Files)
    return partner(s3, area.area.source.url.removeprefix("s3://"))


@pytest.fixture
def pipeline(area: Dropped) -> Airflow:
    return Airflow(HOME / "dags")


def run(pipeline: Airflow, *, patience: float = 0, **params: Any) -> Ran:
    return replace(pipeline, patience=patience).run(dag_id=DAG_ID, **params)


def staged(area: Dropped) -> list[str]:
    found = area.warehouse.rows("stg", "select event_id from stg_lines order by 1")
    return [event_id for (event_id,) in found]


def looks() -> int:
    """Count how often the sensor of the last run has found nothing."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskreschedule import TaskReschedule
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        last = select(DagRun.run_id).where(DagRun.dag_id == DAG_ID).order_by(DagRun.id.desc())
        counted = (
            select(func.count())
            .select_from(TaskReschedule)
            .join(TaskInstance, TaskInstance.id == TaskReschedule.ti_id)
            .where(
                TaskInstance.dag_id == DAG_ID,
                TaskInstance.run_id == last.limit(1).scalar_subquery(),
            )
        )
        return int(session.scalar(counted) or 0)


def test_its_tasks_are_those_of_the_document_and_no_other_dag_runs_the_area(pipeline: Airflow):
    from airflow.serialization.encoders import coerce_to_core_timetable

    dag = pipeline.load(DAG_ID)
    wait: Any = dag.get_task("wait_for_s3_data")
    assert sorted(dag.task_ids) == sorted(TASKS)
    assert (wait.mode, wait.soft_fail) == ("reschedule", True)
    assert (wait.poke_interval, wait.timeout) == (3600, 3 * 3600)
    assert coerce_to_core_timetable(dag.timetable).summary == "0 * * * *"
    assert (dag.max_active_runs, all(task.doc_md for task in dag.tasks)) == (1, True)
    assert pipeline.load(MASTER).task_ids == ["monitor_etl_logs"]


def test_a_file_that_comes_while_it_waits_lets_it_through(
    pipeline: Airflow, area: Dropped, theirs: Partner
):
    with ThreadPoolExecutor(1) as pool:

        def drop() -> None:
            wait_until(lambda: looks() > 0, seconds=PATIENCE)
            theirs.put(at(0, "2"), events("b"))

        dropping = pool.submit(drop)
        ran = run(pipeline, patience=PATIENCE)
        dropping.result(PATIENCE)
    assert (ran.state, ran.tasks) == ("success", dict.fromkeys(TASKS, "success"))
    assert staged(area) == ["a", "b"]
    assert looks() > 0


def test_if_no_file_comes_all_is_skipped_but_the_last_word(pipeline: Airflow, area: Dropped):
    ran = run(pipeline, patience=2)
    skipped = dict.fromkeys(TASKS, "skipped") | {"logging": "success"}
    assert (ran.state, ran.tasks) == ("success", skipped)
    assert ran.returned("logging").startswith("made: no batch has begun since ")
    assert area.warehouse.rows("dwh", "select count(*) from etl_batches") == [(1,)]
    assert looks() in {2, 3}


def test_a_late_file_of_yesterday_is_enough(pipeline: Airflow, area: Dropped, theirs: Partner):
    theirs.put(at(1), events("late"))
    ran = run(pipeline)
    assert ran.tasks == dict.fromkeys(TASKS, "success")
    assert (staged(area), looks()) == (["a", "late"], 0)
    assert ran.returned("logging").startswith("batch 2 of made: SUCCESS in ")


def test_a_check_that_fails_makes_test_red_until_it_is_corrected(
    pipeline: Airflow, area: Dropped, theirs: Partner
):
    from airflow.sdk.exceptions import AirflowFailException

    theirs.put(at(0, "2"), events("b", type="unknown"))
    ran = run(pipeline)
    red = {"publish": "failed", "test": "failed"}
    assert (ran.state, ran.tasks) == ("failed", dict.fromkeys(TASKS, "success") | red)
    assert "batch 2 of made: FAILED" in ran.returned("logging")
    test: Any = pipeline.load(DAG_ID).get_task("test")
    with pytest.raises(AirflowFailException, match="check 'is_known' failed on stg: "):
        test.python_callable(ran.returned("load_raw_data"))
    assert run(pipeline).state == "failed"  # Without a new file: the batch has not reached the DWH.
    theirs.put(at(0, "2"), events("b", type="known"))
    assert run(pipeline).tasks == dict.fromkeys(TASKS, "success")


def test_a_person_may_let_a_check_pass_and_what_warns_is_told(
    pipeline: Airflow, area: Dropped, theirs: Partner, caplog: pytest.LogCaptureFixture
):
    theirs.put(at(0, "2"), events("b", type="unknown") + events("c", type="odd"))
    assert run(pipeline).state == "failed"
    ran = run(pipeline, accept_checks=["is_known"])
    assert (ran.state, ran.tasks) == ("success", dict.fromkeys(TASKS, "success"))
    caplog.clear()
    with caplog.at_level("INFO", logger="tidemark"):
        tasks.judge(Project(area.home), "made", ran.returned("load_raw_data")["batch_id"])
    first, *told = [one.message for one in caplog.records if one.name == "tidemark.tasks"]
    assert first.startswith("batch 3 of made: ")
    assert [one.partition(":")[0] for one in told] == [
        "check 'is_known' failed on stg",
        "check 'is_usual' warned on stg",
    ]
    refreshed = run(pipeline, full_refresh="lines")
    assert refreshed.returned("load_raw_data")["entities"]["lines"]["processed"] == 3


def test_a_load_that_fails_is_told_and_is_red(pipeline: Airflow, area: Dropped, theirs: Partner):
    area.warehouse.execute(
        "mrr", "alter table mrr_lines add constraint closed check (false) not valid"
    )
    theirs.put(at(0, "2"), events("b"))
    ran = run(pipeline)
    states = ["success", "failed", *["upstream_failed"] * 3, "success"]
    assert (ran.state, ran.tasks) == ("failed", dict(zip(TASKS, states, strict=True)))
    assert "batch 2 of made: FAILED" in ran.returned("logging")
    area.warehouse.execute("mrr", "alter table mrr_lines drop constraint closed")
    assert run(pipeline).state == "success"


def test_a_stage_that_fails_is_red_and_the_next_run_goes_on(
    pipeline: Airflow, area: Dropped, theirs: Partner
):
    area.warehouse.execute(
        "stg", "alter table stg_lines add constraint closed check (false) not valid"
    )
    theirs.put(at(0, "2"), events("b"))
    ran = run(pipeline)
    states = ["success", "success", "failed", "upstream_failed", "failed", "success"]
    assert (ran.state, ran.tasks) == ("failed", dict(zip(TASKS, states, strict=True)))
    area.warehouse.execute("stg", "alter table stg_lines drop constraint closed")
    assert tasks.is_behind(Project(area.home), "made")
    assert (run(pipeline).state, staged(area)) == ("success", ["a", "b"])
    assert not tasks.is_behind(Project(area.home), "made")


def test_hops_share_a_pool_that_somebody_has_made(
    pipeline: Airflow, monkeypatch: pytest.MonkeyPatch
):
    def pools() -> dict[str, str]:
        return {task.task_id: task.pool for task in pipeline.load(DAG_ID).tasks}

    assert {*pools().values()} == {"default_pool"}
    monkeypatch.setenv("TIDEMARK_AIRFLOW_POOL", "tidemark")
    assert [name for name, pool in pools().items() if pool == "tidemark"] == HOPS


def test_two_areas_can_not_share_the_file_and_without_one_there_is_no_dag(
    pipeline: Airflow, area: Dropped
):
    folder = area.home / "sql" / "made"
    other = folder.with_name("other")
    other.mkdir()
    declared = (folder / "area.yml").read_text().replace("area: made", "area: other")
    (other / "area.yml").write_text(f"{declared}\nschema: other\n")
    (said,) = pipeline.bag().import_errors.values()
    assert "`dag: events_s3_pipeline` is said by made and other" in said
    for one in (folder, other):
        (one / "area.yml").write_text((one / "area.yml").read_text().replace(DAG_ID, "another"))
    assert pipeline.bag().import_errors == {}
    assert DAG_ID not in pipeline.bag().dags
    # No file of this name is there, so the areas are run with all others.
    assert len(pipeline.load(MASTER).task_ids) == 2 * 3 + 1


@pytest.fixture
def quiet(area: Dropped) -> Project:
    """The area, with files that are left alone for an hour."""
    declared = area.home / "sql" / "made" / "area.yml"
    declared.write_text(
        declared.read_text().replace("lookback: 3d", "lookback: 3d\n  quiet_for: 1h")
    )
    return Project(area.home)


def test_a_file_is_new_when_a_batch_would_take_it(
    area: Dropped, theirs: Partner, quiet: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listing, "PAGE", 0)  # A few files are too many to list all each time.
    loud = Project(area.home)
    loud.__dict__["areas"] = {"made": area.area}
    assert not tasks.has_new_files(loud, "made")
    theirs.put(at(180), events("old"))
    assert not tasks.has_new_files(loud, "made")
    area.warehouse.execute(
        "mrr",
        "update tidemark.source_position set position = position - 'whole' where item = ''",
    )
    assert tasks.has_new_files(loud, "made")
    assert not tasks.has_new_files(quiet, "made")


def test_the_events_area_is_run_by_it(
    airflow_home: Path, shops: Shops, monkeypatch: pytest.MonkeyPatch
):
    shop = shops("shop")
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    shop.events(order("e1", "10:00:00", "placed", item("p1")))
    ran = run(Airflow(HOME / "dags"))
    assert (ran.state, ran.tasks) == ("success", dict.fromkeys(TASKS, "success"))
    assert shop.dwh("select order_id, order_status from events.fct_orders") == [("o1", "placed")]
    assert run(Airflow(HOME / "dags")).tasks["load_raw_data"] == "skipped"
