"""The master pipeline: runs the three hops of each area of sql/ every six hours.

This file only connects tasks. What a task does is in `tidemark.tasks`. A new folder with an
`area.yml` in sql/ becomes a task group.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, CronTriggerTimetable, Param, dag, task, task_group
from airflow.sdk.exceptions import AirflowFailException

from tidemark import tasks
from tidemark.errors import MonitorError
from tidemark.model import HOPS, Hop

TASKS: dict[Hop, str] = {
    "extract": "{source}_to_mrr",
    "stage": "mrr_to_stg",
    "publish": "stg_to_dwh",
}
RECEIVERS: dict[Hop, str] = {"extract": "mrr", "stage": "stg", "publish": "dwh"}
DOCS: dict[Hop, str] = {
    "extract": "Reads into MRR what has changed in the source since the last mark, up to the start "
    "of its oldest open transaction.",
    "stage": "Applies to STG what MRR has applied, through the area's cleansing views. "
    "Refused rows are kept in `stg_rejects`.",
    "publish": "Applies to the DWH what STG has applied: dimensions, facts, gates and marks, in "
    "one transaction. Readers see the batch before or this one.",
}

project = tasks.project_at(Path(__file__).parent)
areas = project.areas
entities = dict.fromkeys(  # each by its name, and then with its area
    [name for area in areas.values() for name in area.entities]
    + [f"{area.area}.{name}" for area in areas.values() for name in area.entities]
)


def layer(area: str, name: str) -> Asset:
    """An area's tables in one layer. A DAG of your own can be scheduled on `dwh_retail`."""
    return Asset(name=f"{name}_{area}", uri=f"tidemark://{area}/{name}", group="tidemark")


def one_hop(area: str, hop: Hop) -> Any:
    """Declare the task that runs one hop of an area."""

    def is_wanted(context: Any) -> bool:
        params = context["params"]
        return params["area"] in ("all", area) and params["hop"] in ("all", hop)

    @task.run_if(is_wanted, "the run's parameters leave it out")
    @task(
        task_id=TASKS[hop].format(source=areas[area].source.name),
        doc_md=f"{DOCS[hop]}\n\nSafe to clear and to run again: a hop moves what its layer lacks.",
        outlets=[layer(area, RECEIVERS[hop])],
        trigger_rule="none_failed",  # An earlier hop may have been left out.
    )
    def run(before: tasks.Done | None, *, params: Any = None, outlet_events: Any = None) -> Any:
        done = tasks.run_hop(
            project,
            area,
            hop,
            batch_id=before["batch_id"] if before else None,
            refresh=params["full_refresh"],
            only=None if params["area"] == "all" else params["area"],
            accept_deletes=params["accept_deletes"],
        )
        outlet_events[layer(area, RECEIVERS[hop])].extra = dict(done)
        return done

    return run


def alert(context: Any) -> None:
    """Pass a failure on to `tidemark.tasks`."""
    tasks.alert(context["task_instance"].task_id, context.get("exception"))


@dag(
    # The first batch runs at once, and not after six hours.
    schedule=CronTriggerTimetable("0 */6 * * *", timezone="UTC", run_immediately=True),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["tidemark"],
    params={
        "area": Param("all", enum=["all", *areas], description="The area to run."),
        "hop": Param("all", enum=["all", *HOPS], description="The hop to run."),
        "full_refresh": Param(
            None,
            enum=[None, *entities],
            description="An entity to extract as a whole, not only what is new. Write AREA.ENTITY "
            "if several areas have an entity of this name.",
        ),
        "accept_deletes": Param(
            False,
            type="boolean",
            description="Delete every row that is gone from the source, however many there are.",
        ),
    },
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=6),
        "on_failure_callback": alert,
    },
)
def master_etl_pipeline() -> None:
    """Declare the tasks of all areas."""
    for area in areas:

        @task_group(group_id=area)
        def hops(area: str) -> None:
            done = None
            for hop in HOPS:
                done = one_hop(area, hop)(done)

        hops(area)

    @task(
        doc_md="Fails when the last batch of an area that has ended failed, came late or rejected "
        "more than `monitor` in its `area.yml` allows.",
    )
    def monitor_etl_logs() -> None:
        try:
            tasks.watch(project)
        except MonitorError as verdict:
            raise AirflowFailException(str(verdict)) from verdict  # A retry would find the same.

    monitor_etl_logs()


master_etl_pipeline()
