"""Tasks link to their batch in the console, where somebody has said where that is."""

from __future__ import annotations

import pytest

from tests.fix_airflow import Airflow
from tests.fix_retail import Retail

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own

HOP_TASKS = ["retail.operational_to_mrr", "retail.mrr_to_stg", "retail.stg_to_dwh"]
LINK = "_link_BatchLink"
"""Under which Airflow keeps a link of a task."""


@pytest.fixture
def linked(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """Airflow, which knows where the console is."""
    monkeypatch.setenv("TIDEMARK_CONSOLE_URL", "https://console.example.com/")
    return airflow


def links(airflow: Airflow) -> dict[str, dict[str, str]]:
    """Return the links of the hops, as Airflow's page gets to know of them without a plugin."""
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DagSerialization.to_dict(airflow.load())["dag"]
    tasks = {task["__var"]["task_id"]: task["__var"] for task in dag["tasks"]}
    return {name: tasks[name].get("_operator_extra_links", {}) for name in HOP_TASKS}


def test_each_hop_links_to_its_batch(linked: Airflow, retail: Retail):
    assert links(linked) == {task: {"Tidemark": LINK} for task in HOP_TASKS}
    ran = linked.run(area="retail")
    (batch_id,) = {ran.returned(task)["batch_id"] for task in HOP_TASKS}
    assert {ran.returned(task, LINK) for task in HOP_TASKS} == {
        f"https://console.example.com/batches/{batch_id}"
    }


def test_a_hop_that_failed_links_to_the_batches_of_its_area(linked: Airflow, retail: Retail):
    retail.warehouse.execute("stg", "alter table stg_dim_customers rename to gone")
    ran = linked.run(area="retail")
    assert ran.tasks[HOP_TASKS[0]] == "failed"
    there = "https://console.example.com/areas/retail/batches"
    assert ran.returned(HOP_TASKS[0], LINK) == there


def test_without_a_console_there_is_no_link(airflow: Airflow):
    assert links(airflow) == {task: {} for task in HOP_TASKS}
