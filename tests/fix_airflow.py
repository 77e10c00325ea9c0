"""Airflow in this process: metadata in SQLite, tasks run one after the other by `dag.test()`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fix_servers import HOME, Warehouse, memory

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

DAG_ID = "master_etl_pipeline"


@dataclass
class Airflow:
    """The DAGs of a project, and what their runs came to."""

    folder: Path
    patience: float = 0
    """For how many seconds a sensor looks."""

    def load(self, dag_id: str = DAG_ID) -> DAG:
        """Parse the DAG files, and return one of the DAGs."""
        bag = self.bag()
        assert bag.import_errors == {}
        return bag.dags[dag_id]

    def bag(self) -> DagBag:
        """Parse the DAG files as a new process of the DAG processor does."""
        from airflow.dag_processing.dagbag import BundleDagBag

        sys.modules.pop("area_tasks", None)
        return BundleDagBag(self.folder, bundle_path=self.folder)

    def run(self, *, dag_id: str = DAG_ID, **params: Any) -> Ran:
        """Run the DAG to its end. A task that fails is not tried again."""
        from airflow.sdk import BaseSensorOperator

        dag = self.load(dag_id)
        for task in dag.tasks:
            task.retries = 0
            if isinstance(task, BaseSensorOperator):
                task.poke_interval, task.timeout = 1, self.patience
        run = dag.test(run_conf=params)
        states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
        return Ran(run.run_id, str(run.state), states, dag_id)


@dataclass(frozen=True)
class Ran:
    """A DAG run that ended."""

    run_id: str
    state: str
    tasks: Mapping[str, str]
    dag_id: str = DAG_ID

    def returned(self, task: str, key: str = "return_value") -> Any:
        """Read what a task left in XCom."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            [found] = session.scalars(
                XComModel.get_many(key=key, run_id=self.run_id, task_ids=task, dag_ids=self.dag_id)
            )
            return XComModel.deserialize_value(found)


@pytest.fixture(scope="session")
def airflow_home() -> Iterator[Path]:
    """Make Airflow's folder and metadata; every import of Airflow comes after this."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-airflow-", dir=memory()))
    os.environ.update(
        AIRFLOW_HOME=str(folder),
        AIRFLOW__CORE__DAGS_FOLDER=str(HOME / "dags"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    )
    try:
        from airflow.utils.db import initdb

        initdb()
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def airflow(airflow_home: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """Airflow, whose tasks find this test's warehouse."""
    for name, value in warehouse.environment.items():
        monkeypatch.setenv(name, value)
    return Airflow(HOME / "dags")
