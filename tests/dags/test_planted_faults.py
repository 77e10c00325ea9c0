"""Faults of all kinds of checks, planted on all layers at once: what the tasks come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fix_airflow import Airflow
from tests.fix_areas import Dimension, Made, Make
from tests.fix_servers import HOME

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own

EXTRACT, STAGE, PUBLISH = HOP_TASKS = [
    "made.operational_to_mrr",
    "made.mrr_to_stg",
    "made.stg_to_dwh",
]
TASKS = {"mrr": EXTRACT, "stg": STAGE, "dwh": PUBLISH}
"""Layer -> the task whose hop looks at it."""
ROWS = {
    "mrr": "mrr_things where _deleted_at is null",
    "stg": "stg_things where _deleted_at is null",
    "dwh": "dim_things where thing_key <> 0 and is_current",
}
THINGS = Dimension(
    {
        "id": "integer",
        "name": "text",
        "twin": "text",
        "colour": "text",
        "size": "integer",
        "code": "text",
        "boss": "integer",
        "is_open": "boolean",
        "seen": "date",
        "amount": "integer",
        "price": "integer",
        "updated_at": "timestamptz",
    },
    key=("id",),
)
OF_ONE_ROW: dict[str, dict[str, Any]] = {
    "not_null": {"not_null": "name"},
    "accepted_values": {"accepted_values": {"column": "colour", "values": ["red", "blue"]}},
    "between": {"between": {"column": "size", "min": 1, "max": 9}},
    "matches": {"matches": {"column": "code", "pattern": "^[a-z]$"}},
}
OF_SEVERAL: dict[str, dict[str, Any]] = {
    "unique": {"unique": "twin"},
    "relationships": {"relationships": {"columns": "boss", "to": "things"}},
    "row_count": {"row_count": {"min": 2}, "where": "is_open"},
    "freshness": {"freshness": {"column": "seen", "within": "2d"}, "where": "id = 1"},
    "reconcile": {"reconcile": {"left": "select sum(amount) from {rows}", "right": "select 2"}},
    "sql": {"sql": "select id from {rows} and price > 9"},
}
GOOD = ("a", "a", "red", 1, "a", 2, True, "today", 1, 1)
FAULTS = (
    "name = null, twin = 'b', colour = 'grey', size = 10, code = 'A', boss = 9, is_open = false, "
    "seen = current_date - 9, amount = 7, price = 10"
)
CORRECTED = (
    "name = 'c', twin = 'a', colour = 'blue', size = 2, code = 'c', boss = 1, is_open = true, "
    "seen = current_date, amount = 1, price = 2"
)

Planted = Callable[..., Made]
LANDED = ("mrr", "stg")
"""While checks of these fail, publish does not begin."""


@pytest.fixture
def planted(made: Make, monkeypatch: pytest.MonkeyPatch) -> Planted:
    """Publish two good things in an area with all kinds of checks of a severity, and spoil one."""

    def plant(severity: str, layers: Sequence[str] = tuple(TASKS)) -> Made:
        shop = made(replace(THINGS, settings={"checks": list(checks(severity, layers))}))
        shop.put(THINGS, (1, *GOOD, "2025-01-01"), (2, "b", "b", *GOOD[2:], "2025-01-01"))
        shop.run()
        change(shop, FAULTS)
        for name, value in shop.environment.items():
            monkeypatch.setenv(name, value)
        return shop

    return plant


@pytest.fixture
def pipeline(airflow_home: object) -> Airflow:
    """The DAGs of the environment's project."""
    return Airflow(HOME / "dags")


def checks(severity: str, layers: Sequence[str]) -> Any:
    """Yield each kind on each layer, called by layer and kind."""
    kinds = OF_ONE_ROW if severity == "reject" else OF_ONE_ROW | OF_SEVERAL
    for layer in layers:
        for kind, check in kinds.items():
            said = {k: placed(v, layer) for k, v in check.items()}
            yield {**said, "on": layer, "severity": severity, "name": f"{layer} {kind}"}


def placed(said: Any, layer: str) -> Any:
    """Name the layer's rows in the queries of a check."""
    if isinstance(said, dict):
        return {k: placed(v, layer) for k, v in said.items()}
    return said.replace("{rows}", ROWS[layer]) if isinstance(said, str) else said


def change(shop: Made, to: str) -> None:
    shop.change(THINGS, f"{to}, updated_at = clock_timestamp()", where="id = 1")


def told(shop: Made, status: str) -> list[str]:
    """Return the names of the checks of which the last batch's log says this."""
    query = """
        select distinct check_name from dq_check_logs
        where status = %s and batch_id = (select max(batch_id) from etl_batches)
        and check_name ~ '^(mrr|stg|dwh) '
        order by 1
    """
    return [name for (name,) in shop.warehouse.rows("dwh", query, [status])]


def sizes(shop: Made) -> list[int]:
    """Return the sizes that the thing had, in order."""
    query = "select size from dim_things where id = 1 order by valid_from"
    return [size for (size,) in shop.warehouse.rows("dwh", query)]


def named(severity: str, *layers: str) -> list[str]:
    return sorted(check["name"] for check in checks(severity, layers))


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("layers", [LANDED, ("dwh",)], ids="-".join)
def test_checks_that_fail_make_publish_red_once_and_a_correction_green(
    planted: Planted, pipeline: Airflow, layers: tuple[str, ...]
):
    shop = planted("fail", layers)
    ran = pipeline.run()
    assert [ran.tasks[task] for task in HOP_TASKS] == ["success", "success", "failed"]
    for layer in {*layers} & {*LANDED}:
        said = ran.returned(TASKS[layer])["checks"]
        assert {said[name] for name in named("fail", layer)} == {"FAILED"}
    assert (told(shop, "FAILED"), sizes(shop)) == (named("fail", *layers), [1])
    verdict = final_verdict(pipeline)
    assert [name for name in named("fail", *layers) if f"'{name}'" not in verdict] == []
    change(shop, CORRECTED)
    ran = pipeline.run()
    assert [ran.tasks[task] for task in HOP_TASKS] == ["success"] * 3
    assert (told(shop, "FAILED"), sizes(shop), shop.differences()) == ([], [1, 2], [])


def final_verdict(pipeline: Airflow) -> str:
    """Publish as the task does, and return the error that Airflow does not try again."""
    from airflow.sdk.exceptions import AirflowFailException

    publish: Any = pipeline.load().get_task(PUBLISH)
    asked: Any = {"full_refresh": None, "area": "all", "accept_deletes": False}
    with pytest.raises(AirflowFailException) as red:
        publish.python_callable(
            None,
            params=asked | {"accept_checks": []},
            dag_run=SimpleNamespace(triggering_user_name=None),
        )
    return str(red.value)


def test_checks_that_warn_are_told_by_the_task_of_their_layer(planted: Planted, pipeline: Airflow):
    shop = planted("warn")
    for status, size in (("WARNED", 10), ("PASSED", 2)):
        ran = pipeline.run()
        assert [ran.tasks[task] for task in HOP_TASKS] == ["success"] * 3
        for layer, task in TASKS.items():
            said = ran.returned(task)["checks"]
            assert {said[name] for name in named("warn", layer)} == {status}
        assert (told(shop, status), sizes(shop)[-1]) == (named("warn", *TASKS), size)
        change(shop, CORRECTED)


def test_checks_that_reject_are_told_by_the_task_of_stg(planted: Planted, pipeline: Airflow):
    shop = planted("reject", ["stg"])
    for status, known in (("WARNED", [1]), ("PASSED", [1, 2])):
        ran = pipeline.run()
        assert [ran.tasks[task] for task in HOP_TASKS] == ["success"] * 3
        said = ran.returned(STAGE)["checks"]
        assert {said[name] for name in named("reject", "stg")} == {status}
        assert (told(shop, status), sizes(shop)) == (named("reject", "stg"), known)
        change(shop, CORRECTED)
