"""What docs/commerce.md says is so: its commands, its inventory, its answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.docs.test_pages import section, table
from tests.typed import Typist, at_area
from tidemark.model import ServerName

TYPED = [
    row[1].strip("`")
    for row in table(section("commerce.md", "What was typed, and what is typed here"))
]
INVENTORY = table(section("commerce.md", "Inventory"))
QUESTIONS = [row[1].strip("`") for row in table(section("commerce.md", "Questions"))]
LOG = """
    select process_name, status, count(*) from commerce.pipeline_execution_log
    group by process_name, status order by min(execution_id)
"""
PROCESSES = ["Extract_Source_to_Raw", "Load_Dimensions", "Load_Facts", "Aggregate_Gold"]


@pytest.fixture(scope="module")
def shop(
    platforms: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Typist]:
    """The area after all commands of the page."""
    with at_area(platforms, tmp_path_factory.mktemp("commerce"), "commerce") as made:
        assert made.type("tidemark migrate").code == 0
        keys = {"commerce.dim_customers": "customer_key", "commerce.dim_products": "product_key"}
        verified = "tidemark verify commerce"
        made.type_all(TYPED, verified=verified, inventory=INVENTORY, surrogates=keys)
        yield made


def test_each_command_does_what_was_done_before(shop: Typist):
    assert [(done.code, done.err) for done in shop.said] == [(0, "")] * len(TYPED)
    first, second, third = (
        done.out
        for typed, done in zip(TYPED, shop.said, strict=True)
        if typed == "tidemark run commerce"
    )
    assert re.search(r"extract +order_lines +3,064 +3,064 ", first)
    assert re.search(r"extract +customers +13 +5 ", second)
    assert "commerce: nothing changed" in third
    watermark = next(
        done.out for typed, done in zip(TYPED, shop.said, strict=True) if "watermark" in typed
    )
    assert watermark.count("1900-01-01") == 4


def test_the_inventory_is_that_of_the_page(shop: Typist):
    shown = {row[1].strip("`"): int(row[2].replace(",", "")) for row in INVENTORY}
    assert shop.counted == shown


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_an_answer(shop: Typist, question: str):
    assert shop.dwh(question) != []


def test_the_gold_layer_agrees_with_the_curated_one(shop: Typist):
    sold = "select sum(net_amount) from commerce.fact_order_lines where is_sale"
    ((whole,),) = shop.dwh(sold)
    for query in (
        "select sum(total_sales) from commerce.sales_summary_daily",
        "select sum(net_amount) from commerce.reporting_sales_wide where is_sale",
        "select sum(lifetime_value) from commerce.reporting_customer_stats",
        "select sum(total_sales) from commerce.fn_daily_sales()",
        "select sum(total_sales) from commerce.fn_top_products(null)",
    ):
        assert shop.dwh(query) == [(whole,)], query
    totals = "select sum(total_amount), sum(paid_amount) from commerce.fact_orders"
    wide = "select sum(order_total), sum(paid_amount) from commerce.reporting_sales_wide"
    assert shop.dwh(wide) == shop.dwh(totals)
    wrong = "select bool_and(order_id like '%X'), count(*) from commerce.{}"
    assert shop.dwh(wrong.format("vw_orders_that_do_not_add_up")) == [(True, 6)]


def test_an_order_is_told_as_it_was(shop: Typist):
    ((order, before, after),) = shop.dwh("""
        select order_id, min(order_status), max(order_status) from commerce.dim_orders
        where order_id is not null group by order_id having count(*) > 1 order by 1 limit 1
    """)
    told = "select distinct order_status from commerce.fn_order_as_it_was('{}', {})"
    statuses = {
        shop.dwh(told.format(order, at))[0][0] for at in ("'2025-12-06 12:00Z'", "'2025-12-07Z'")
    }
    assert statuses == {before, after}
    assert shop.dwh(told.format(order, "null")) == shop.dwh(told.format(order, "'2025-12-07Z'"))
    assert shop.dwh(told.format(order, "'2025-10-06 23:59Z'")) == []


def test_the_log_has_four_rows_a_batch_and_the_failing_process_its_error(shop: Typist):
    assert shop.dwh(LOG) == [(process, "SUCCESS", 3) for process in PROCESSES]
    before = shop.dwh("table commerce.pipeline_watermark")
    assert {row[2] for row in before} == {3}
    refusing = "alter table commerce.fact_payments add constraint closed check (false) not valid"
    shop.warehouse.execute("dwh", refusing)
    shop.type("tidemark seed commerce --day")
    assert shop.type("tidemark run commerce").code == 9
    failed = shop.dwh("""
        select process_name, status, error_message like 'payments: %' and rows_processed is null
        from commerce.pipeline_execution_log where batch_id = 4 order by execution_id
    """)
    assert failed == [("Extract_Source_to_Raw", "SUCCESS", False), ("Load_Facts", "FAILED", True)]
    marks = {row[0]: row[2] for row in shop.dwh("table commerce.pipeline_watermark")}
    assert marks == {**dict.fromkeys(PROCESSES, 3), "Extract_Source_to_Raw": 4}
    shop.warehouse.execute("dwh", "alter table commerce.fact_payments drop constraint closed")
    assert shop.type("tidemark run commerce").code == 0
    assert [row[2] for row in shop.dwh("table commerce.pipeline_watermark")] == [5] * 4
    assert shop.type("tidemark verify commerce").code == 0


def test_a_reset_begins_at_day_0_again(shop: Typist):
    before = shop.dwh("select * from commerce.sales_summary_daily order by order_date")
    log = shop.dwh("select count(*) from commerce.pipeline_execution_log")
    for command in ("reset commerce --yes commerce", "migrate"):
        assert shop.type(f"tidemark {command}").code == 0
    marks = "select distinct last_processed_timestamp::date::text, last_batch_id from commerce.{}"
    assert shop.dwh(marks.format("pipeline_watermark")) == [("1900-01-01", None)]
    assert shop.dwh("select count(*) from commerce.pipeline_execution_log") == log

    assert shop.type("tidemark run commerce").code == 0

    assert shop.dwh("select * from commerce.sales_summary_daily order by order_date") == before
    assert shop.type("tidemark verify commerce").code == 0
