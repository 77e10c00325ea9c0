"""The tasks of an area, for the DAGs of this folder. What a task does is in `tidemark.tasks`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, BaseOperatorLink, Param, task, task_group
from airflow.sdk.exceptions import AirflowFailException

from tidemark import tasks
from tidemark.declare import addresses
from tidemark.declare.config import Area
from tidemark.errors import ConfigError, GateError, MonitorError
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

AGAIN = "Safe to clear and to run again: a hop moves what its layer lacks."
POOL = os.environ.get("TIDEMARK_AIRFLOW_POOL") or "default_pool"
"""The pool of the hops. Airflow never starts a task whose pool is not there, and says so in the log
of its scheduler alone: so it is Airflow's own one, until somebody who has made another says so."""

project = tasks.project_at(Path(__file__).parent)

CONSOLE = addresses.console(project.home)
"""Where people reach the console; '': no task has a link to it."""


class BatchLink(BaseOperatorLink):
    """A button of each hop: its batch in the console; of one that failed, all of its area."""

    name = "Tidemark"

    def __init__(self, area: str) -> None:
        self.area = area

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """See `BaseOperatorLink.get_link`. Airflow asks it when the task has ended."""
        done = ti_key.xcom_pull(key="return_value")
        if not done:
            return addresses.batches(CONSOLE, self.area)
        return addresses.batch(CONSOLE, done["batch_id"])


def _is_run_elsewhere(area: Area) -> bool:
    """Whether another file of this folder runs an area."""
    return area.dag is not None and (Path(__file__).parent / f"{area.dag}.py").is_file()


areas = {name: area for name, area in project.areas.items() if not _is_run_elsewhere(area)}
"""The areas that no DAG file runs as its own: name -> area."""


def area_of(dag: str) -> Area | None:
    """Return the area that says `dag` in its `area.yml`, if there is one."""
    found = [area for area in project.areas.values() if area.dag == dag]
    if len(found) > 1:
        raise ConfigError(f"`dag: {dag}` is said by {' and '.join(area.area for area in found)}")
    return found[0] if found else None


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
        **overrides(entities),
    }


def overrides(entities: Iterable[str]) -> dict[str, Param]:
    """What a person may ask of a batch, of areas with these entities."""
    return {
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
            done = one_hop(area, hop, only)(done)

    group()


def one_hop(area: Area, hop: Hop, only: str | None, **settings: Any) -> Any:
    """Return the task of one hop, to be called with what the hop before returned.

    `settings` are those of the task, in place of the usual ones. A DAG need not have the parameters
    `area` and `hop`.
    """

    def is_wanted(context: Any) -> bool:
        asked = {"area": "all", "hop": "all", **context["params"]}
        return asked["area"] in ("all", area.area) and asked["hop"] in ("all", hop)

    usual = {
        "task_id": TASKS[hop].format(source=area.source.name),
        "doc_md": f"{DOCS[hop]}\n\n{AGAIN}",
        "outlets": [layer(area.area, RECEIVERS[hop])],
        "trigger_rule": "none_failed",  # An earlier hop may have been left out.
        "pool": POOL,
    }

    @task.run_if(is_wanted, "the run's parameters leave it out")
    @task(**(usual | settings))
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
                only=only if params.get("area", "all") == "all" else params["area"],
                accept_deletes=params["accept_deletes"],
                accept_checks=params["accept_checks"],
                by=dag_run.triggering_user_name or "airflow",
            )
        except GateError as verdict:
            raise AirflowFailException(str(verdict)) from verdict  # A retry would find the same.
        outlet_events[layer(area.area, RECEIVERS[hop])].extra = dict(done)
        return done

    def declared(before: Any) -> Any:
        called: Any = run(before)
        if CONSOLE:
            called.operator.operator_extra_links = (BatchLink(area.area),)
        return called

    return declared


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
