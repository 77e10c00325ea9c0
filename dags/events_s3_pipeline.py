"""Loads files of events soon after they come: waits for them, runs the hops, and tells the outcome.

Runs the area that says `dag: events_s3_pipeline` in its `area.yml`; without one there is no DAG.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task, teardown
from airflow.sdk.exceptions import AirflowFailException

from area_tasks import SETTINGS, area_of, one_hop, overrides, project
from tidemark import tasks
from tidemark.declare.config import Area
from tidemark.errors import MonitorError

DAG_ID = Path(__file__).stem


def pipeline(area: Area) -> None:
    """Declare the DAG."""
    name = area.area

    @task.sensor(
        mode="reschedule",  # It holds no worker between two looks.
        poke_interval=timedelta(hours=1).total_seconds(),
        timeout=timedelta(hours=3).total_seconds(),
        soft_fail=True,  # That no file came is no failure.
        doc_md="Waits for a file that no batch has taken. Passes at once if an earlier batch has "
        "not reached the DWH, or if a person has set a parameter.",
    )
    def wait_for_s3_data(*, params: Any = None) -> bool:
        if any(params[one] for one in params) or tasks.is_behind(project, name):
            return True
        return tasks.has_new_files(project, name)

    @task(
        trigger_rule="all_done_min_one_success",  # Checks that refuse a batch make `publish` red.
        doc_md="Tells what the checks found in the batch. Fails if it was not published.",
    )
    def test(loaded: tasks.Done) -> None:
        try:
            tasks.judge(project, name, loaded["batch_id"])
        except MonitorError as verdict:
            raise AirflowFailException(str(verdict)) from verdict  # A retry would find the same.

    @teardown  # It runs whatever happened, and does not make a success of a run that failed.
    @task(doc_md="Tells in one line what became of the batch, whatever happened.")
    def logging(loaded: tasks.Done | None, *, dag_run: Any = None) -> str:
        batch_id = loaded["batch_id"] if loaded else None
        return tasks.tell_outcome(project, name, batch_id, since=dag_run.start_date)

    @dag(
        dag_id=DAG_ID,
        schedule=CronTriggerTimetable(
            area.schedule or "@hourly", timezone="UTC", run_immediately=True
        ),
        doc_md=__doc__,
        params=overrides(area.entities),
        **SETTINGS,
    )
    def declare() -> None:
        # If no file came, all of them are skipped.
        of_hop = {"only": name, "trigger_rule": "all_success"}
        loaded = one_hop(area, "extract", task_id="load_raw_data", **of_hop)(None)
        staged = one_hop(area, "stage", task_id="stage", **of_hop)(loaded)
        published = one_hop(area, "publish", task_id="publish", **of_hop)(staged)
        wait_for_s3_data() >> loaded
        tested = test(loaded)
        [staged, published] >> tested >> logging(loaded)

    declare()


if (found := area_of(DAG_ID)) is not None:
    pipeline(found)
