"""The tasks of an area, for the DAGs of this folder. What a task does is in `tidemark.tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, Param, task, task_group
from airflow.sdk.exceptions import AirflowFailException

from tidemark import tasks
from tidemark.declare.config import Area
from tidemark.errors import GateError, MonitorError
from tidemark.model import HOPS, Hop

TASKS: dict[Hop, str] = {
    "extract": "{source}_to_mrr",
    "stage": "mrr_to_stg",
    "publish": "stg_to_dwh",
}
RECEIVERS: dict[Hop, str] = {"extract": "mrr", "stage": "stg", "publish": "dwh"}
DOCS: dict[Hop, str] = {
    "extract": "Reads into MRR what is new at the source since the last batch.",
    "stage": "Applies to STG what MRR has applied, through the area's cleansing views. "
    "Refused rows are kept in `stg_rejects`.",
    "publish": "Applies to the DWH what STG has applied: dimensions, facts, gates and marks, in "
    "one transaction. Readers see the batch before or this one.",
}

project = tasks.project_at(Path(__file__).parent)


def layer(area: str, name: str) -> Asset:
    """An area's tables in one layer. A DAG of your own can be scheduled on `dwh_retail`."""
    return Asset(name=f"{name}_{area}", uri=f"tidemark://{area}/{name}", group="tidemark")


def params(areas: Mapping[str, Area]) -> dict[str, Param]:
    """What a person may say who runs the areas by hand."""
    entities = dict.fromkeys(  # each by its name, and then with its area
        [name for area in areas.values() for name in area.entities]
        + [f"{area.area}.{name}" for area in areas.values() for name in area.entities]
    )
    return {
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
        "accept_checks": Param(
            [],
            type="array",
            items={"type": "string"},
            description="Publish although these checks are broken, this time.",
        ),
    }


def hops(area: Area, only: str | None = None) -> None:
    """Declare the task group of an area: its three hops, one after the other.

    `only` is the one area of the DAG, if it has but one.
    """

    @task_group(group_id=area.area)
    def group() -> None:
        done = None
        for hop in HOPS:
            done = _one_hop(area, hop, only)(done)

    group()


def _one_hop(area: Area, hop: Hop, only: str | None) -> Any:
    def is_wanted(context: Any) -> bool:
        params = context["params"]
        return params["area"] in ("all", area.area) and params["hop"] in ("all", hop)

    @task.run_if(is_wanted, "the run's parameters leave it out")
    @task(
        task_id=TASKS[hop].format(source=area.source.name),
        doc_md=f"{DOCS[hop]}\n\nSafe to clear and to run again: a hop moves what its layer lacks.",
        outlets=[layer(area.area, RECEIVERS[hop])],
        trigger_rule="none_failed",  # An earlier hop may have been left out.
    )
    def run(
        before: tasks.Done | None,
        *,
        params: Any = None,
        dag_run: Any = None,
        outlet_events: Any = None,
    ) -> Any:
        try:
            done = tasks.run_hop(
                project,
                area.area,
                hop,
                batch_id=before["batch_id"] if before else None,
                refresh=params["full_refresh"],
                only=only if params["area"] == "all" else params["area"],
                accept_deletes=params["accept_deletes"],
                accept_checks=params["accept_checks"],
                by=dag_run.triggering_user_name or "airflow",
            )
        except GateError as verdict:
            raise AirflowFailException(str(verdict)) from verdict  # A retry would find the same.
        outlet_events[layer(area.area, RECEIVERS[hop])].extra = dict(done)
        return done

    return run


def monitor(areas: Mapping[str, Area]) -> None:
    """Declare the task that looks at the batches before this one."""

    @task(
        doc_md="Fails when the last batch of an area that has ended failed, came late or rejected "
        "more than `monitor` in its `area.yml` allows.",
    )
    def monitor_etl_logs() -> None:
        try:
            tasks.watch(project, areas)
        except MonitorError as verdict:
            raise AirflowFailException(str(verdict)) from verdict  # A retry would find the same.

    monitor_etl_logs()


SETTINGS: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["tidemark"],
    "default_args": {
        "retries": 3,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=6),
    },
}
"""What all the DAGs have in common."""
