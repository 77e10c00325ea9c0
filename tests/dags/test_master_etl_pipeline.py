"""The DAG: its graph, and whole runs against four real servers."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fix_airflow import DAG_ID, Airflow
from tests.fix_retail import Retail
from tests.fix_servers import HOME
from tests.queries import execute
from tidemark.errors import ConnectError
from tidemark.model import HOPS

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own

HOP_TASKS = ["retail.operational_to_mrr", "retail.mrr_to_stg", "retail.stg_to_dwh"]
BESIDE = ["assets.inbox_to_mrr", "assets.mrr_to_stg", "assets.stg_to_dwh"]
"""Those of the other area that says nothing of when it runs."""


def facts(retail: Retail) -> int:
    [(count,)] = retail.warehouse.rows("dwh", "select count(*) from dwh_fact_sales")
    return int(count)


def test_the_file_is_imported_without_error_in_less_than_two_seconds(airflow: Airflow):
    bag = airflow.bag()

    assert bag.import_errors == {}
    own = ["commerce_etl_pipeline", "events_s3_pipeline", "marketing_etl_pipeline"]
    assert sorted(bag.dags) == [*own, DAG_ID, "tidemark_alerts"]
    assert sum(stats.duration.total_seconds() for stats in bag.dagbag_stats) < 2


def test_the_hops_follow_each_other_as_in_the_pipeline_and_the_monitor_stands_beside(
    airflow: Airflow,
):
    dag = airflow.load()
    edges = {task.task_id: task.downstream_task_ids for task in dag.tasks}

    assert len(HOP_TASKS) == len(HOPS)
    assert edges == {
        HOP_TASKS[0]: {HOP_TASKS[1]},
        HOP_TASKS[1]: {HOP_TASKS[2]},
        HOP_TASKS[2]: set(),
        BESIDE[0]: {BESIDE[1]},
        BESIDE[1]: {BESIDE[2]},
        BESIDE[2]: set(),
        "monitor_etl_logs": set(),
    }
    assert [dag.get_task(task).outlets[0].uri for task in HOP_TASKS] == [
        f"tidemark://retail/{layer}" for layer in ("mrr", "stg", "dwh")
    ]


def test_it_runs_every_six_hours_one_run_at_a_time_and_tries_again(airflow: Airflow):
    from airflow.serialization.encoders import coerce_to_core_timetable

    dag = airflow.load()

    assert coerce_to_core_timetable(dag.timetable).summary == "0 */6 * * *"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert {task.retries for task in dag.tasks} == {3}
    assert all(task.doc_md for task in dag.tasks)


def test_a_new_folder_becomes_a_task_group(airflow: Airflow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIDEMARK_HOME", str(HOME / "tests" / "gardens"))

    assert airflow.load().task_ids == [
        "gardens.operational_to_mrr",
        "gardens.mrr_to_stg",
        "gardens.stg_to_dwh",
        "monitor_etl_logs",
    ]


def test_the_task_that_reads_a_source_is_called_by_it(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "sql").mkdir()
    for area in ("sql/retail", "examples/two-sources/billing"):
        (tmp_path / "sql" / Path(area).name).symlink_to(HOME / area)
    monkeypatch.setenv("TIDEMARK_HOME", str(tmp_path))

    found = [task for task in airflow.load().task_ids if task.endswith("_to_mrr")]

    assert found == ["billing.ledger_to_mrr", "retail.operational_to_mrr"]


def test_an_area_with_a_schedule_has_a_dag_of_its_own(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from airflow.serialization.encoders import coerce_to_core_timetable

    for area in ("sql/retail", "examples/two-sources/billing"):
        shutil.copytree(HOME / area, tmp_path / "sql" / Path(area).name)
    with (tmp_path / "sql" / "billing" / "area.yml").open("a") as declared:
        declared.write('schedule: "30 2 * * mon-fri"\n')
    monkeypatch.setenv("TIDEMARK_HOME", str(tmp_path))

    own = airflow.load("billing_etl_pipeline")

    assert coerce_to_core_timetable(own.timetable).summary == "30 2 * * mon-fri"
    hops = [f"billing.{hop}" for hop in ("ledger_to_mrr", "mrr_to_stg", "stg_to_dwh")]
    assert own.task_ids == [*hops, "monitor_etl_logs"]
    assert own.params.get_param("full_refresh").schema["enum"][:2] == [None, "accounts"]
    assert airflow.load().task_ids == [*HOP_TASKS, "monitor_etl_logs"]


def test_a_run_takes_one_batch_to_the_dwh(airflow: Airflow, retail: Retail):
    ran = airflow.run()

    assert ran.state == "success"
    assert set(ran.tasks.values()) == {"success"}
    [batch_id] = {ran.returned(task)["batch_id"] for task in HOP_TASKS}
    assert ran.returned(HOP_TASKS[2])["entities"]["sales"]["inserted"] == 4
    assert facts(retail) == 4
    assert retail.warehouse.rows(
        "dwh", "select batch_id, area, status from etl_batches where area = 'retail'"
    ) == [(batch_id, "retail", "SUCCESS")]


def test_a_run_says_what_it_did_to_those_who_wait_for_the_dwh(airflow: Airflow, retail: Retail):
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    ran = airflow.run()

    with create_session() as session:
        [event] = (
            session.query(AssetEvent)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .filter(AssetModel.name == "dwh_retail", AssetEvent.source_run_id == ran.run_id)
        )
        assert event.extra == ran.returned(HOP_TASKS[2])


def test_a_hop_that_fails_fails_its_task_and_the_next_run_recovers(
    airflow: Airflow, retail: Retail
):
    closed = "alter table stg_fact_sales add constraint closed check (false) not valid"
    retail.warehouse.execute("stg", closed)

    failed = airflow.run()

    assert failed.state == "failed"
    assert [failed.tasks[task] for task in HOP_TASKS] == ["success", "failed", "upstream_failed"]
    [(status, message)] = retail.warehouse.rows(
        "dwh",
        "select distinct status, error_message from etl_logs "
        "where hop = 'stage' and area = 'retail'",
    )
    assert status == "FAILED"
    assert "closed" in message

    retail.warehouse.execute("stg", "alter table stg_fact_sales drop constraint closed")
    again = airflow.run()

    assert [again.tasks[task] for task in HOP_TASKS] == ["success"] * 3
    assert again.tasks["monitor_etl_logs"] == "failed"  # it stands beside, and saw the first run
    assert facts(retail) == 4
    assert airflow.run().state == "success"


def test_a_verdict_of_the_monitor_is_final_and_a_lost_connection_is_not(
    airflow: Airflow, retail: Retail, monkeypatch: pytest.MonkeyPatch
):
    from airflow.sdk.exceptions import AirflowFailException

    monitor: Any = airflow.load().get_task("monitor_etl_logs")
    retail.warehouse.execute("dwh", "insert into etl_batches values (1, 'retail', 'FAILED')")

    with pytest.raises(AirflowFailException, match="Batch 1 failed"):
        monitor.python_callable()
    monkeypatch.setenv("TIDEMARK_DWH_DSN", "postgresql://postgres@127.0.0.1:1/dwh")
    with pytest.raises(ConnectError):
        monitor.python_callable()


def test_a_publish_that_checks_refuse_is_red_at_once_and_says_why(airflow: Airflow, retail: Retail):
    from airflow.sdk.exceptions import AirflowFailException

    airflow.run()
    broken = """
        insert into dwh_dim_customers
        (customer_id, valid_from, valid_to, is_current, is_inferred, changed_at, _batch_id)
        values (1, '1950-01-01Z', '1960-01-01Z', false, true, '1950-01-01Z', 1)
    """
    retail.warehouse.execute("dwh", broken)
    retail.change("customers", 1, city="Lyon")
    retail.warehouse.execute("operational", "select pg_sleep(1.1)")  # The margin of windows.
    failed = airflow.run()
    assert [failed.tasks[task] for task in HOP_TASKS] == ["success", "success", "failed"]
    publish: Any = airflow.load().get_task(HOP_TASKS[2])
    asked: dict[str, Any] = {"full_refresh": None, "area": "all", "accept_deletes": False}
    asked["accept_checks"] = []
    by_nobody = SimpleNamespace(triggering_user_name=None)
    with pytest.raises(AirflowFailException, match="check 'versions_of_dwh_dim_customers' failed"):
        publish.python_callable(None, params=asked, dag_run=by_nobody)
    logged = "select distinct status from dq_check_logs where check_name ~ 'dwh_dim_customers'"
    assert ("FAILED",) in retail.warehouse.rows("dwh", logged)


def test_a_run_can_be_one_hop(airflow: Airflow, retail: Retail):
    extracted = airflow.run(hop="extract")
    staged = airflow.run(hop="stage", area="retail")

    assert [extracted.tasks[task] for task in HOP_TASKS] == ["success", "skipped", "skipped"]
    assert [staged.tasks[task] for task in HOP_TASKS] == ["skipped", "success", "skipped"]
    assert retail.warehouse.rows("stg", "select count(*) from stg_fact_sales") == [(4,)]
    assert facts(retail) == 0


@pytest.mark.further  # Another parameter than the one of a hop.
def test_a_run_can_extract_an_entity_as_a_whole(airflow: Airflow, retail: Retail):
    airflow.run()
    with retail.warehouse.connect("operational") as source:
        execute(source, "set session_replication_role = replica")  # no trigger moves updated_at
        execute(source, "update customers set city = 'Oslo' where customer_id = 1")

    usual = airflow.run()
    refreshed = airflow.run(full_refresh="retail.customers")

    assert usual.returned(HOP_TASKS[0])["changed"] == 0
    assert refreshed.returned(HOP_TASKS[0])["entities"]["customers"] == {
        "processed": 3, "inserted": 0, "updated": 1, "deleted": 0, "rejected": 0
    }  # fmt: skip
    assert retail.warehouse.rows(
        "mrr", "select city from mrr_dim_customers where customer_id = 1"
    ) == [("Oslo",)]


@pytest.mark.parametrize("params", [{"area": "retale"}, {"hop": "load"}, {"full_refresh": "sale"}])
def test_a_parameter_that_names_nothing_is_refused(
    airflow: Airflow, retail: Retail, params: dict[str, str]
):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises((ParamValidationError, ValueError), match="is not one of"):
        airflow.run(**params)

    assert retail.warehouse.rows("dwh", "select * from etl_batches") == []
