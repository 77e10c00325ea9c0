"""A publish deletes what is older than area.yml keeps, and nothing that a hop still needs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fix_retail import Retail
from tidemark.batch import retention
from tidemark.batch.retention import Pruned
from tidemark.declare.settings import Retention
from tidemark.errors import StatementError
from tidemark.model import ServerName
from tidemark.trust import verify

DAYS = timedelta(days=90)
KEPT = """
    select city, _batch_id from {table}_history where customer_id = 1 order by _batch_id
"""
OLD_LOG = """
    insert into etl_logs (process_name, area, batch_id, start_time, end_time, status)
    values (%s, %s, %s, now() - interval '100 days', now() - interval '99 days', 'SUCCESS')
"""
LOGS = "select process_name from etl_logs where process_name !~ '[.](extract|stage|publish)$'"


def history(retail: Retail, layer: ServerName = "mrr") -> list[tuple[str, int]]:
    """Return the replaced cities of customer 1, and the batches that wrote them."""
    return retail.warehouse.rows(layer, KEPT.format(table=f"{layer}_dim_customers"))


def move(retail: Retail, *cities: str) -> list[int]:
    """Let customer 1 move, a batch for each city; returns the batches."""
    batches = []
    for city in cities:
        retail.change("customers", 1, city=city)
        batches.append(retail.run().batch_id)
    return batches


def age(retail: Retail, batch: int, days: int) -> None:
    """Make the batches up to this one so many days old."""
    layers: tuple[ServerName, ...] = ("mrr", "stg")
    for layer in layers:
        statement = "update tidemark.applied_batch set applied_at = now() - %s where batch_id <= %s"
        retail.warehouse.execute(layer, statement, [timedelta(days=days), batch])


def test_without_a_word_everything_is_kept(retail: Retail):
    first, second, third = move(retail, "Rome", "Bern", "Oslo")
    age(retail, third, 10_000)
    retail.warehouse.execute("dwh", OLD_LOG, ["old", "retail", first])
    retail.run()
    assert history(retail) == history(retail, "stg") == [("Rome", first), ("Bern", second)]
    assert retail.warehouse.rows("dwh", LOGS) == [("old",)]


def test_versions_go_when_they_were_replaced_long_ago(retail: Retail):
    """Bern was replaced lately, so it is known what was in force 90 days ago."""
    first, second, third, fourth = move(retail, "Rome", "Bern", "Oslo", "Nice")
    age(retail, second, 91)

    retail.run(retention=Retention(history=DAYS))

    assert history(retail) == history(retail, "stg") == [("Bern", second), ("Oslo", third)]
    started = retail.warehouse.rows("mrr", "select area, batch_id from tidemark.history_start")
    assert started == [("retail", second)]
    age(retail, third, 91)
    retail.run(retention=Retention(history=DAYS))
    assert history(retail) == history(retail, "stg") == [("Oslo", third)]
    assert first < fourth


@pytest.mark.further
def test_versions_of_one_batch_go_each_when_it_was_replaced(retail: Retail):
    retail.run()
    for customers in ((1, 2), (1,), (2,)):
        for customer in customers:
            retail.change("customers", customer, city=f"Rome {len(customers)}{customer}")
        batch = retail.run().batch_id
    age(retail, batch - 1, 91)

    retail.run(retention=Retention(history=DAYS))

    query = "select customer_id, city from mrr_dim_customers_history"
    assert retail.warehouse.rows("mrr", query) == [(2, "Rome 22")]


def test_a_version_that_a_later_layer_lacks_is_kept(retail: Retail):
    (first,) = move(retail, "Rome")
    for city in ("Bern", "Oslo"):
        retail.change("customers", 1, city=city)
        retail.hop("extract", retail.begin())
    everything = retail.area.model_copy(update={"retention": Retention(history=timedelta(0))})

    gone = retention.apply(retail.servers, everything, first)

    assert gone == Pruned(logs=0, history=0, rejects=0)
    assert history(retail) == [("Rome", first), ("Bern", first + 1)]
    retail.run()
    query = "select city from dwh_dim_customers where customer_id = 1 order by valid_from"
    assert retail.warehouse.rows("dwh", query) == [("Rome",), ("Bern",), ("Oslo",)]


@pytest.mark.parametrize("gone", ["delete from {}", "truncate {}"])
def test_a_history_that_a_person_empties_holds_no_row_back(retail: Retail, gone: str):
    move(retail, "Rome")
    retail.change("customers", 1, city="Bern")
    retail.hop("extract", retail.begin())
    retail.warehouse.execute("mrr", gone.format("mrr_dim_customers_history"))

    retail.run()

    query = "select city from dwh_dim_customers where customer_id = 1 order by valid_from"
    assert retail.warehouse.rows("dwh", query) == [("Rome",), ("Bern",)]
    assert verify.run(retail.servers, retail.area).is_equal


def test_the_current_row_and_other_keys_stay(retail: Retail):
    retail.change("customers", 2, city="Linz")
    move(retail, "Rome", "Bern")
    retail.change("customers", 3, city="Graz")
    retail.run(retention=Retention(history=timedelta(0)))
    query = "select customer_id, city from mrr_dim_customers order by 1"
    assert retail.warehouse.rows("mrr", query) == [(1, "Bern"), (2, "Linz"), (3, "Graz")]
    assert retail.run(retention=Retention(history=timedelta(0))).changed == 0


COUNT_STEPS = """
    create table steps (deleted bigint);
    grant all on steps to tidemark_etl;
    create function count_step() returns trigger language plpgsql as
    $$ begin insert into public.steps select count(*) from gone; return null; end $$;
    create trigger steps after delete on {} referencing old table as gone
    for each statement execute function count_step()
"""


def test_a_step_deletes_a_few_rows(retail: Retail, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "STEP", 2)
    retail.run()
    for customer in (1, 2, 3):
        retail.change("customers", customer, city="Rome")
    retail.run()
    for number in range(5):
        retail.warehouse.execute("dwh", OLD_LOG, [f"old {number}", "retail", 1])
    retail.warehouse.execute("dwh", COUNT_STEPS.format("etl_logs"))
    retail.warehouse.execute("mrr", COUNT_STEPS.format("mrr_dim_customers_history"))

    retail.run(retention=Retention(logs=DAYS, history=timedelta(0)))

    query = (
        "select process_name, status, rows_deleted from etl_logs where process_name ~ 'retention'"
    )
    assert retail.warehouse.rows("dwh", query) == [("retail.retention", "SUCCESS", 5 + 3 + 3)]
    assert history(retail) == []
    steps = "select deleted from steps where deleted > 0 order by deleted desc"
    assert retail.warehouse.rows("dwh", steps) == [(2,), (2,), (1,)]
    assert retail.warehouse.rows("mrr", steps) == [(2,), (1,)]


def test_logs_go_but_for_those_of_this_batch_and_of_what_runs(retail: Retail):
    batch = retail.run().batch_id
    for process, whose in (("old", "retail"), ("of another", "gardens"), ("running", "retail")):
        retail.warehouse.execute("dwh", OLD_LOG, [process, whose, None])
    retail.warehouse.execute("dwh", OLD_LOG, ["of this batch", "retail", batch])
    retail.warehouse.execute(
        "dwh",
        "update etl_logs set status = 'RUNNING', end_time = null where process_name = 'running'",
    )
    area = retail.area.model_copy(update={"retention": Retention(logs=timedelta(0))})

    assert retention.apply(retail.servers, area, batch) == Pruned(logs=1, history=0, rejects=0)

    kept = ["of another", "running", "of this batch"]
    assert retail.warehouse.rows("dwh", f"{LOGS} order by log_id") == [(name,) for name in kept]
    assert retail.warehouse.rows("dwh", "select count(*) from etl_logs") == [(12 + len(kept),)]


def test_resolved_rejects_go_and_open_ones_stay(retail: Retail):
    for sale in (1, 2, 3):
        retail.change("sales", sale, quantity=-1)
    retail.run()
    for sale in (1, 2):
        retail.change("sales", sale, quantity=1)
    retail.run()
    age = "update stg_rejects set resolved_at = now() - interval '91 days' where key = %s"
    retail.warehouse.execute("stg", age, ['{"sale_id": 1}'])

    retail.run(retention=Retention(rejects=DAYS))

    query = "select key ->> 'sale_id', resolved_at is null from stg_rejects order by 1"
    assert retail.warehouse.rows("stg", query) == [("2", False), ("3", True)]


def test_what_fails_is_logged_and_the_batch_stands(retail: Retail):
    retail.warehouse.execute("mrr", "drop table tidemark.history_start")

    result = retail.run(retention=Retention(history=DAYS))

    said = 'mrr: relation "tidemark.history_start" does not exist. Run `tidemark migrate`.'
    query = "select batch_id, status, error_message from etl_logs where process_name ~ 'retention'"
    assert retail.warehouse.rows("dwh", query) == [(result.batch_id, "FAILED", said)]
    query = "select status, error_message from etl_batches"
    assert retail.warehouse.rows("dwh", query) == [("SUCCESS", None)]
    with pytest.raises(StatementError):
        retention.apply(
            retail.servers,
            retail.area.model_copy(update={"retention": Retention(history=DAYS)}),
            1,
        )


def test_nothing_that_is_old_leaves_no_log(retail: Retail):
    retail.run(retention=Retention(logs=DAYS, history=DAYS, rejects=DAYS))
    assert retail.warehouse.rows("dwh", LOGS) == []
