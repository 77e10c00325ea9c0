"""The two report procedures: what they fill, how they fail, and what others see meanwhile."""

import threading
import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_retail import PATIENCE
from tests.fix_servers import Warehouse
from tests.fix_star import STAR
from tests.queries import execute, rows, value

JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)
REPORT = """
select
    customer_id, customer_name, country, product_group, sales_month, total_quantity,
    total_transactions, total_products, avg_quantity_per_transaction, revenue
from temp_sales_report order by customer_id, sales_month, country desc
"""
LAST_RUN = """
select
    process_name, status, rows_processed, rows_inserted, rows_deleted, error_message,
    additional_info
from etl_logs order by log_id desc limit 1
"""


def test_a_report_has_the_attributes_of_the_time_of_sale(star: Connection) -> None:
    execute(star, "call sp_aggregate_sales_report('2025-01-01', '2025-02-20')")

    assert rows(star, REPORT) == [
        (1, "Ada", "Spain", "Home", JANUARY, 3, 1, 1, 3, 30),
        (1, "Ada", "France", "Home", JANUARY, 2, 1, 1, 2, 20),
        (1, "Ada", "Spain", "Lighting", FEBRUARY, 6, 2, 1, 3, 42),
        (2, "Bea", "Peru", None, JANUARY, 1, 1, 0, 1, 5),
        (2, "Bea", "Peru", "Home", FEBRUARY, 1, 1, 1, 1, 200),
        (4, "Dee", "Togo", "Home", JANUARY, 4, 1, 1, 4, 100),
        (None, None, None, "Home", JANUARY, 1, 1, 1, 1, 10),
    ]


@pytest.mark.parametrize(
    ("start", "end", "quantity"),
    [
        ("2025-01-31", "2025-01-31", 3),
        ("2025-02-01", "2025-02-01", 1),
        ("2025-01-06", "2025-01-30", 6),
        ("2024-01-01", "2024-12-31", None),
    ],
)
def test_the_dates_of_a_report_are_utc_and_inclusive(
    star: Connection, start: str, end: str, quantity: int | None
) -> None:
    execute(star, "call sp_aggregate_sales_report(%s, %s)", [start, end])

    assert value(star, "select sum(total_quantity) from temp_sales_report") == quantity


def test_a_second_report_replaces_the_first(star: Connection) -> None:
    execute(star, "call sp_aggregate_sales_report('2025-01-01', '2025-02-28')")
    execute(star, "call sp_aggregate_sales_report('2025-02-20', '2025-02-20')")

    assert rows(star, REPORT) == [(2, "Bea", "Peru", "Home", FEBRUARY, 1, 1, 1, 1, 200)]
    assert rows(star, LAST_RUN) == [
        ("sp_aggregate_sales_report", "SUCCESS", 1, 1, 7, None)
        + ({"start": "2025-02-20", "end": "2025-02-20"},)
    ]


def test_the_metrics_of_a_customer_are_over_every_version(star: Connection) -> None:
    execute(star, "call sp_refresh_customer_metrics('2025-02-20')")

    assert rows(
        star,
        """
        select
            customer_id, customer_name, country, segment, lifetime_value, total_transactions,
            total_quantity, avg_order_value, first_purchase, last_purchase, recency_days, as_of
        from customer_metrics order by customer_id
        """,
    ) == [
        (1, "Ada", "Spain", "gold", 92, 4, 11, 23, date(2025, 1, 5), date(2025, 2, 15), 5)
        + (date(2025, 2, 20),),
        (2, "Bea", "Peru", "basic", 205, 2, 2, Decimal("102.5"), date(2025, 1, 15))
        + (date(2025, 2, 20), 0, date(2025, 2, 20)),
        (3, "Cy", "Chad", "basic", 0, 0, 0, 0, None, None, None, date(2025, 2, 20)),
        (4, "Dee", "Togo", "basic", 100, 1, 4, 100, date(2025, 1, 20), date(2025, 1, 20), 31)
        + (date(2025, 2, 20),),
    ]
    assert rows(star, LAST_RUN) == [
        ("sp_refresh_customer_metrics", "SUCCESS", 4, 4, 0, None, {"as_of": "2025-02-20"})
    ]


def test_the_metrics_are_what_the_functions_say_today(star: Connection) -> None:
    execute(star, "call sp_refresh_customer_metrics()")

    assert rows(
        star, "select customer_id, lifetime_value, recency_days from customer_metrics order by 1"
    ) == rows(
        star,
        """
        select c.id, fn_customer_lifetime_value(c.id), fn_customer_recency(c.id)
        from generate_series(1, 4) as c (id)
        """,
    )


def test_metrics_of_a_past_date_know_no_later_sale(star: Connection) -> None:
    execute(star, "call sp_refresh_customer_metrics('2025-01-31')")

    assert rows(
        star, "select customer_id, lifetime_value, recency_days from customer_metrics order by 1"
    ) == [(1, 50, 0), (2, 5, 16), (3, 0, None), (4, 100, 11)]


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("2025-02-01", "2025-01-31", "2025-02-01 to 2025-01-31"),
        (None, "2025-01-31", "null to 2025-01-31"),
        ("2025-02-01", None, "2025-02-01 to null"),
    ],
)
def test_a_report_of_no_range_fails_in_the_log_and_keeps_the_old_one(
    star: Connection, start: str | None, end: str | None, shown: str
) -> None:
    execute(star, "call sp_aggregate_sales_report('2025-02-20', '2025-02-20')")
    old = rows(star, REPORT)

    execute(star, "call sp_aggregate_sales_report(%s, %s)", [start, end])

    message = f"dates: {shown} is not a range. Give two dates, the first not after the second."
    assert rows(star, REPORT) == old
    assert rows(star, LAST_RUN) == [
        ("sp_aggregate_sales_report", "FAILED", None, None, None, message)
        + ({"start": start, "end": end},)
    ]


def test_a_failed_call_names_its_log_row_in_a_warning(star: Connection) -> None:
    execute(star, "call sp_aggregate_sales_report('2025-01-01', '5874897-12-31')")

    log_id = value(star, "select max(log_id) from etl_logs")
    assert star.notices[-1] == (
        "WARNING:  temp_sales_report: not refreshed, the old report stays "
        f"(etl_logs {log_id}): date out of range\n"
    )


def test_metrics_that_fail_stay_as_they_were(star: Connection) -> None:
    execute(star, "call sp_refresh_customer_metrics('2025-02-20')")

    execute(star, "call sp_refresh_customer_metrics('infinity')")

    assert rows(star, "select distinct as_of from customer_metrics") == [(date(2025, 2, 20),)]
    assert rows(star, LAST_RUN) == [
        ("sp_refresh_customer_metrics", "FAILED", None, None, None)
        + ("cannot subtract infinite dates", {"as_of": "infinity"})
    ]


def test_a_report_that_times_out_leaves_a_committed_failure(warehouse: Warehouse) -> None:
    warehouse.execute("dwh", STAR)
    session, reader = warehouse.connect("dwh"), warehouse.connect("dwh")
    execute(reader, "begin; lock table temp_sales_report in row exclusive mode")

    execute(session, "set statement_timeout = '100ms'")
    execute(session, "call sp_aggregate_sales_report('2025-01-01', '2025-01-31')")

    assert rows(reader, "select status, error_message from etl_logs") == [
        ("FAILED", "canceling statement due to statement timeout")
    ]


def test_two_reports_at_once_take_turns_and_a_reader_waits_for_neither(
    warehouse: Warehouse,
) -> None:
    warehouse.execute("dwh", STAR)
    warehouse.execute("dwh", "call sp_aggregate_sales_report('2025-02-20', '2025-02-20')")
    first, second = warehouse.connect("dwh"), warehouse.connect("dwh")
    count = "select count(*) from temp_sales_report"
    warehouse.execute("dwh", "set lock_timeout = '5s'")  # a reader that waits fails

    execute(first, "begin; call sp_aggregate_sales_report('2025-01-01', '2025-02-28')")
    waiting = threading.Thread(
        target=execute, args=(second, "call sp_aggregate_sales_report('2025-01-31', '2025-02-01')")
    )
    waiting.start()
    _wait_until_blocked(warehouse, second)
    during = warehouse.rows("dwh", count)
    execute(first, "commit")
    waiting.join(timeout=PATIENCE)

    assert (during, warehouse.rows("dwh", count)) == ([(1,)], [(2,)])
    assert warehouse.rows("dwh", "select status, rows_deleted from etl_logs order by log_id") == [
        ("SUCCESS", 0),
        ("SUCCESS", 1),
        ("SUCCESS", 7),
    ]


def _wait_until_blocked(warehouse: Warehouse, session: Any) -> None:
    blocked = "select cardinality(pg_blocking_pids(%s)) > 0"
    deadline = time.monotonic() + PATIENCE
    while not warehouse.rows("dwh", blocked, [session.info.backend_pid])[0][0]:
        assert time.monotonic() < deadline, "the second call does not wait for the first"
        time.sleep(0.01)
