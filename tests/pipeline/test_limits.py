"""On the source, Tidemark steps aside for the application."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.fix_retail import PATIENCE, Retail
from tests.queries import execute
from tidemark.errors import StatementError
from tidemark.postgres import retries

HELD = "lock table sales in access exclusive mode"
LANDING = "lock table landing.sales in share mode"


def limited(retail: Retail, **seconds: float) -> dict[str, Any]:
    """Return settings for `run` with other limits than those of area.yml."""
    changed = {key: timedelta(seconds=value) for key, value in seconds.items()}
    source = retail.area.database
    assert source
    limits = source.limits.model_copy(update=changed)
    return {"source": source.model_copy(update={"limits": limits})}


def errors_of(retail: Retail) -> list[list[str]]:
    """Return the errors of the attempts that were followed by another, once for equal ones."""
    query = """
        select distinct
            coalesce(jsonb_path_query_array(additional_info, '$.retries[*].error'), '[]')
        from etl_logs where entity is null
    """
    return [errors for (errors,) in retail.warehouse.rows("dwh", query)]


def test_a_lock_of_the_application_is_waited_for_with_none_held(
    retail: Retail, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.001)
    error = (
        "operational: canceling statement due to lock timeout. "
        "Raise `source.limits.lock_timeout` in area.yml, or find out what takes so long there."
    )
    with retail.holding("operational", HELD), pytest.raises(StatementError) as raised:
        retail.run(**limited(retail, lock_timeout=0.01))
    assert str(raised.value) == error
    assert errors_of(retail) == [[error] * (retries.ATTEMPTS - 1)]


def test_an_alter_table_that_waits_for_the_snapshot_goes_first(retail: Retail):
    """The stream of the table would wait behind it, and it for the snapshot, for ever."""
    retail.run()
    retail.change("sales", 1, quantity=7)
    application = retail.open_session("operational")
    with ThreadPoolExecutor(1) as pool, retail.holding("mrr", LANDING):
        running = retail.run_beside()
        retail.wait_for_lock("mrr")
        alter = "alter table sales alter column status set default 'open'"
        altered = pool.submit(execute, application, alter)
        retail.wait_for_lock("operational")
    altered.result(PATIENCE)
    application.commit()
    assert {name: c.processed for name, c in running.result(PATIENCE).hops[0].entities.items()} == {
        "customers": 0,
        "products": 0,
        "sales": 1,
    }


def test_a_statement_that_takes_too_long_names_the_key(retail: Retail):
    with retail.holding("operational", HELD), pytest.raises(StatementError) as raised:
        retail.run(**limited(retail, statement_timeout=0.05, lock_timeout=0))
    assert str(raised.value) == (
        "operational: canceling statement due to statement timeout. "
        "Raise `source.limits.statement_timeout` in area.yml, or find out what takes so long there."
    )
    assert errors_of(retail) == [[]]


def test_a_snapshot_outlasts_the_idle_transactions_of_the_source(retail: Retail):
    retail.run()
    retail.change("sales", 1, quantity=7)
    limit = "alter database tidemark_test set idle_in_transaction_session_timeout = '50ms'"
    retail.warehouse.execute("operational", limit)
    with retail.holding("mrr", LANDING):
        running = retail.run_beside()
        retail.wait_for_lock("mrr")
        time.sleep(0.2)
    running.result(PATIENCE)
    assert errors_of(retail) == [[]]


def test_the_snapshot_is_logged(retail: Retail):
    retail.run()
    query = """
        select distinct hop, (additional_info ->> 'snapshot_seconds')::numeric > 0
        from etl_logs order by hop
    """
    assert retail.warehouse.rows("dwh", query) == [
        ("extract", True),
        ("publish", None),
        ("stage", None),
    ]
