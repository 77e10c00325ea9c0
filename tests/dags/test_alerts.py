"""The DAG that tells what begins when no batch ends."""

from __future__ import annotations

import pytest

from tests.fix_airflow import Airflow
from tests.fix_alerts import Receiver
from tests.fix_retail import Retail

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own

ALERTS = "tidemark_alerts"
LONG_AGO = """
    update etl_batches set started_at = '2025-01-01Z', ended_at = '2025-01-01Z'
    where area = 'retail'
"""


@pytest.fixture
def told(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A channel of all alerts."""
    monkeypatch.setenv("TIDEMARK_ALERT_URLS", receiver.url)
    return receiver


def test_it_looks_every_quarter_of_an_hour_and_is_not_retried(airflow: Airflow):
    from airflow.serialization.encoders import coerce_to_core_timetable

    dag = airflow.load(ALERTS)
    assert coerce_to_core_timetable(dag.timetable).summary == "*/15 * * * *"
    assert [(task.task_id, task.retries) for task in dag.tasks] == [("tell", 0)]


def test_a_failed_task_is_told_and_what_begins_without_one(
    airflow: Airflow, retail: Retail, told: Receiver
):
    closed = "alter table stg_fact_sales add constraint closed check (false) not valid"
    retail.warehouse.execute("stg", closed)
    assert airflow.run().state == "failed"
    told.wait_for("retail batch failed: fail")
    retail.warehouse.execute("stg", "alter table stg_fact_sales drop constraint closed")
    airflow.run()
    told.wait_for("retail batch failed: fail", "retail batch failed: over")
    told.messages.clear()
    retail.warehouse.execute("dwh", LONG_AGO)
    for _ in range(2):
        assert airflow.run(dag_id=ALERTS).state == "success"
    told.wait_for("retail data late: fail")
