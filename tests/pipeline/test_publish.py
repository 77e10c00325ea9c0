"""A publish is one transaction: write, audit, publish."""

from decimal import Decimal
from typing import Any

import pytest

from tests.fix_retail import PATIENCE, Retail
from tidemark.declare.check_kinds import Query
from tidemark.errors import GateError

SMALL = Query(name="small_sales", description="Nobody buys 100", sql="select 1 where false")
LANDED = "select sale_id from landing.sales where quantity > 100"
PUBLISHED = "select sale_key from dwh_fact_sales where quantity > 100"


def checking(query: str) -> dict[str, Any]:
    return {"checks": (SMALL.model_copy(update={"sql": query}),)}


def freshness(retail: Retail) -> list[tuple[Any, ...]]:
    query = "select entity, high_water_mark, batch_id from high_water_mark order by 1"
    return retail.warehouse.rows("dwh", query)


def batches(retail: Retail) -> list[tuple[Any, ...]]:
    query = "select batch_id, status, error_message from etl_batches order by 1"
    return retail.warehouse.rows("dwh", query)


def test_a_reader_sees_all_of_a_batch_or_nothing(retail: Retail):
    retail.run()
    before = (retail.star(), freshness(retail))
    retail.change("customers", 1, city="Lyon")
    retail.change("sales", 1, quantity=7, customer_id=1)
    with retail.holding("dwh", "lock table high_water_mark in share mode"):
        running = retail.run_beside()
        retail.wait_for_lock("dwh")
        assert (retail.star(), freshness(retail)) == before
        assert batches(retail)[-1] == (2, "RUNNING", None)
    running.result(PATIENCE)
    assert [row[3] for row in retail.star()["customers"]][:2] == ["Paris", "Lyon"]
    assert retail.sales()[0] == (1, 7)
    assert {row[2] for row in freshness(retail)} == {2}
    assert batches(retail)[-1] == (2, "SUCCESS", None)


@pytest.mark.parametrize("query", [LANDED, PUBLISHED], ids=["landed", "published"])
def test_a_gate_rolls_the_whole_publish_back(retail: Retail, query: str):
    retail.run(**checking(query))
    before = (retail.star(), freshness(retail))
    retail.change("customers", 1, city="Lyon")
    retail.add("sales", 5, quantity=101)
    with pytest.raises(GateError) as raised:
        retail.run(**checking(query))
    said = (
        "retail: check 'small_sales' failed on dwh: its query returns 1 row; at most 0 (Nobody "
        "buys 100). Nothing was published. `dq_check_logs` in the DWH has keys of these rows. "
        "Correct the source or the rule and run again, or publish it as it is, once: `tidemark "
        "run retail --accept-check 'small_sales'`."
    )
    assert str(raised.value) == said
    assert [(one.check, one.value) for one in raised.value.broken] == [("small_sales", Decimal(1))]
    assert (retail.star(), freshness(retail)) == before
    assert batches(retail)[-1] == (2, "FAILED", f"publish: {said}")
    logs = "select distinct hop, status, error_message from etl_logs where batch_id = 2 order by 1"
    assert retail.warehouse.rows("dwh", logs) == [
        ("extract", "SUCCESS", None),
        ("publish", "FAILED", said),
        ("stage", "SUCCESS", None),
    ]


@pytest.mark.parametrize("query", [LANDED, PUBLISHED], ids=["landed", "published"])
def test_the_batch_after_the_repair_publishes_what_the_gate_held_back(retail: Retail, query: str):
    retail.run()
    retail.change("customers", 1, city="Lyon")
    retail.add("sales", 5, quantity=101)
    with pytest.raises(GateError):
        retail.run(**checking(query))
    retail.change("sales", 5, quantity=100)
    retail.run(**checking(query))
    assert [row[3] for row in retail.star()["customers"]][:2] == ["Paris", "Lyon"]
    assert retail.sales()[-1] == (5, 100)
    assert [status for _, status, _ in batches(retail)] == ["SUCCESS", "FAILED", "SUCCESS"]


def test_a_batch_that_is_published_after_a_failure_says_only_success(retail: Retail):
    with pytest.raises(GateError):
        retail.run(**checking("select 1"))
    retail.hop("publish", 1)
    assert batches(retail) == [(1, "SUCCESS", None)]


def test_a_gate_sees_no_row_of_an_earlier_batch_in_a_landing_table(retail: Retail):
    retail.run()
    retail.change("customers", 1, city="Lyon")
    retail.run(**checking("select sale_id from landing.sales"))
    assert batches(retail)[-1] == (2, "SUCCESS", None)


def test_a_journal_that_breaks_says_all_the_same_why_a_batch_was_refused(retail: Retail):
    retail.area = retail.area.model_copy(update=checking(LANDED))
    retail.add("sales", 5, quantity=101)
    with retail.holding("dwh", "lock table dwh_dim_customers in share mode"):
        running = retail.run_beside()
        retail.wait_for_lock("dwh")
        retail.take_the_lock_away()
    with pytest.raises(GateError) as raised:
        running.result(PATIENCE)
    assert batches(retail) == [(1, "FAILED", f"publish: {raised.value}")]


def test_a_gate_whose_query_is_wrong_publishes_nothing(retail: Retail):
    with pytest.raises(GateError, match=r'it can.t run: dwh: column "weight" does not exist\.'):
        retail.run(**checking("select weight from landing.sales"))
    assert retail.star() == {"customers": [], "products": [], "sales": []}


def test_a_gate_may_use_percent_signs_and_braces(retail: Retail):
    query = "select sale_id from landing.sales where status like '%{}' and quantity % 2 = 5"
    assert retail.run(**checking(query)).changed > 0
