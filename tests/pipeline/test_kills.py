"""A run that is killed with SIGKILL, at any point, leaves nothing half-written."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fix_retail import PATIENCE, Retail
from tidemark.batch import pipeline
from tidemark.model import HOPS, Hop, ServerName

WAREHOUSE: tuple[ServerName, ...] = ("mrr", "stg", "dwh")
RECEIVERS = pytest.mark.parametrize("layer", WAREHOUSE, ids=["extract", "stage", "publish"])

HOLD_COMMITS = """
    create function public.hold_commit() returns trigger language plpgsql as $$
    begin
        -- The server does not notice that the process is gone, as one before version 14.
        perform set_config('client_connection_check_interval', '0', true);
        perform pg_advisory_xact_lock(4711);
        return null;
    end;
    $$;
    create constraint trigger hold_commit after insert on tidemark.applied_batch
    deferrable initially deferred for each row execute function public.hold_commit();
"""
HELD = "select pg_advisory_xact_lock(4711)"


@pytest.fixture
def shop(retail: Retail, undisturbed: Retail) -> Retail:
    """The shop after its first batch, with changes of every kind that are not extracted yet."""
    retail.run()
    undisturbed.run()
    retail.change("customers", 1, city="Lyon")
    retail.add("customers", 4, name=" ")
    retail.change("products", 2, name="Standing desk", unit_price=250)
    retail.change("sales", 1, quantity=7)
    retail.change("sales", 2, transaction_timestamp="2025-03-05")
    retail.add("sales", 5, customer_id=4)
    return retail


@contextmanager
def killed(shop: Retail, layer: ServerName, lock: str) -> Iterator[None]:
    """Kill a run when it waits for what `lock` locks in a layer; the lock is held in the block."""
    with shop.holding(layer, lock):
        process = shop.start()
        shop.wait_for_lock(layer)
        shop.kill(process)
        yield


@pytest.mark.further(but=["stage"])
@RECEIVERS
def test_a_hop_killed_while_rows_land_is_made_up_for(
    shop: Retail, undisturbed: Retail, layer: ServerName
):
    with killed(shop, layer, "lock table landing.sales in share mode"):
        pass
    shop.run()
    undisturbed.run()
    assert shop.contents() == undisturbed.contents()


@RECEIVERS
def test_a_hop_killed_before_its_commit_is_made_up_for(
    shop: Retail, undisturbed: Retail, layer: ServerName
):
    before = shop.warehouse.rows(layer, "select batch_id from tidemark.applied_batch")
    with killed(shop, layer, "lock table tidemark.applied_batch in share mode"):
        assert shop.warehouse.rows(layer, "select batch_id from tidemark.applied_batch") == before
    shop.run()
    undisturbed.run()
    assert shop.contents() == undisturbed.contents()


@pytest.mark.further(but=["publish"])
@RECEIVERS
def test_a_hop_killed_after_its_commit_is_not_repeated(
    shop: Retail, undisturbed: Retail, layer: ServerName
):
    """The commit is under way when the process dies, and ends after it."""
    shop.warehouse.execute(layer, HOLD_COMMITS)
    with killed(shop, layer, HELD):
        pass
    shop.run()
    undisturbed.run()
    assert shop.contents() == undisturbed.contents()


@pytest.mark.further(but=["extract"])
@pytest.mark.parametrize("hop", HOPS)
def test_a_retry_waits_for_the_commit_of_a_killed_hop(shop: Retail, undisturbed: Retail, hop: Hop):
    """The hop is retried before the commit ends, when more has happened in the layer before."""
    layer, newer = WAREHOUSE[HOPS.index(hop)], 99
    shop.warehouse.execute(layer, HOLD_COMMITS)
    with killed(shop, layer, HELD):
        undisturbed.run()
        shop.change("sales", 5, transaction_timestamp="2025-04-05")
        undisturbed.run()
        for earlier in HOPS[: HOPS.index(hop)]:
            shop.hop(earlier, newer)
        retried = shop.beside(pipeline.run_hop, hop, newer)
        shop.wait_for_lock(layer, 2)
    retried.result(PATIENCE)
    for later in HOPS[HOPS.index(hop) + 1 :]:
        shop.hop(later, newer)
    assert shop.contents() == undisturbed.contents()


def test_a_landing_table_left_by_a_killed_run_changes_nothing(shop: Retail, undisturbed: Retail):
    for layer in WAREHOUSE:
        for table in ("customers", "products", "sales"):
            stale = f"update landing.{table} set updated_at = now() returning 1"
            assert shop.warehouse.execute(layer, stale) > 0
    shop.run()
    undisturbed.run()
    assert shop.contents() == undisturbed.contents()


def test_what_a_killed_run_left_running_is_marked_by_the_next(shop: Retail):
    with killed(shop, "stg", "lock table tidemark.applied_batch in share mode"):
        query = "select hop, status from etl_logs where batch_id = 2 group by 1, 2 order by 1"
        assert shop.warehouse.rows("dwh", query) == [("extract", "SUCCESS"), ("stage", "RUNNING")]
    shop.run()
    reason = "Not finished when the next batch began: killed, or its last hop not run."
    logs = "select distinct hop, status, error_message, end_time > start_time from etl_logs "
    assert shop.warehouse.rows("dwh", f"{logs} where batch_id = 2 order by 1") == [
        ("extract", "SUCCESS", None, True),
        ("stage", "FAILED", reason, True),
    ]
    batches = "select batch_id, status, error_message from etl_batches order by 1"
    assert shop.warehouse.rows("dwh", batches) == [
        (1, "SUCCESS", None),
        (2, "FAILED", reason),
        (3, "SUCCESS", None),
    ]
