"""What counts, growth, and the dimension views, on the warehouse of tests/fix_star.py."""

from datetime import UTC, datetime

import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows, value


def test_every_sale_counts_but_the_cancelled_and_the_returned(star: Connection) -> None:
    assert rows(
        star,
        """
        select original_sale_id, customer_id, country, segment, product_id, product_group
        from vw_sales order by original_sale_id
        """,
    ) == [
        (1, 1, "France", "basic", 7, "Home"),
        (2, 1, "Spain", "basic", 7, "Home"),
        (3, 1, "Spain", "basic", 7, "Lighting"),
        (4, 1, "Spain", "gold", 7, "Lighting"),
        (7, 2, "Peru", "basic", 8, "Home"),
        (8, 4, "Togo", "basic", 8, "Home"),
        (9, None, None, None, 7, "Home"),
        (10, 2, "Peru", "basic", None, None),
    ]


def test_a_dimension_that_a_query_of_the_sales_does_not_read_is_not_joined(
    star: Connection,
) -> None:
    plan = str(value(star, "explain (format json) select sum(net_amount) from vw_sales"))

    assert "dwh_fact_sales" in plan
    assert "dwh_dim" not in plan


@pytest.mark.parametrize(
    "call",
    [
        "fn_avg_quantity_per_customer(1, '2025-02-01', '2025-02-28')",
        "fn_product_sales_velocity(7, 28, '2025-02-28')",
        "fn_top_customers(10, '2025-02-01', '2025-02-28')",
        "fn_product_group_performance('Home', '2025-02-01', '2025-02-28')",
        "fn_month_over_month_growth(2025, 3)",
    ],
)
def test_a_function_reads_only_the_partitions_of_its_range(star: Connection, call: str) -> None:
    scans = """
        select relname, seq_scan + idx_scan from pg_stat_xact_all_tables
        where schemaname = 'partitions' order by relname
    """
    before = dict(rows(star, scans))

    execute(star, "set local plan_cache_mode = force_generic_plan")
    execute(star, f"select {call}")

    read = [partition for partition, count in rows(star, scans) if count > before[partition]]
    assert read == ["dwh_fact_sales_2025_02"]


@pytest.mark.parametrize(
    ("year", "month", "percent"),
    [
        (2025, 2, "46.67"),  # 242 after 165
        (2025, 3, "-100.00"),
        (2025, 1, None),
        (2025, 4, None),
        (2025, None, None),
    ],
)
def test_growth_is_the_change_of_revenue_in_percent(
    star: Connection, year: int, month: int | None, percent: str | None
) -> None:
    query = "select fn_month_over_month_growth(%s, %s)::text"

    assert value(star, query, [year, month]) == percent


def test_growth_is_that_of_the_month_and_not_of_the_one_after(star: Connection) -> None:
    execute(
        star,
        """
        create table partitions.dwh_fact_sales_2024_12 partition of dwh_fact_sales
        for values from ('2024-12-01Z') to ('2025-01-01Z');
        update dwh_fact_sales set transaction_timestamp = '2024-12-31Z' where original_sale_id = 8
        """,
    )

    assert str(value(star, "select fn_month_over_month_growth(2025, 1)")) == "-35.00"


def test_growth_of_a_month_that_is_none_is_refused(star: Connection) -> None:
    with pytest.raises(errors.DatetimeFieldOverflow):
        execute(star, "select fn_month_over_month_growth(2025, 13)")


def test_the_current_views_hold_what_the_source_still_has(star: Connection) -> None:
    customers = "select customer_key, customer_id, country, segment from vw_dim_customers_current"
    products = "select product_key, product_id, product_group from vw_dim_products_current"

    assert rows(star, f"{customers} order by customer_key") == [
        (13, 1, "Spain", "gold"),
        (21, 2, "Peru", "basic"),
        (31, 3, "Chad", "basic"),
    ]
    assert rows(star, f"{products} order by product_key") == [
        (72, 7, "Lighting"),
        (81, 8, "Home"),
        (91, 9, "Garden"),
    ]


@pytest.mark.parametrize(
    ("at", "keys"),
    [
        ("1900-01-01 00:00:00Z", [11, 21, 31, 41]),
        ("2025-01-09 23:59:59.999999Z", [11, 21, 31, 41]),
        ("2025-01-10 00:00:00Z", [12, 21, 31, 41]),
        ("2025-01-31 23:59:59.999999Z", [12, 21, 31, 41]),
        ("2025-02-01 00:00:00Z", [12, 21, 31]),
        ("9999-12-31 00:00:00Z", []),
        (None, []),
    ],
)
def test_customers_are_as_they_were_at_an_instant(
    star: Connection, at: str | None, keys: list[int]
) -> None:
    query = "select customer_key from fn_dim_customers_as_of(%s) order by 1"

    assert [key for (key,) in rows(star, query, [at])] == keys


def test_products_are_as_they_were_at_an_instant(star: Connection) -> None:
    query = """
        select
            product_key, product_id, product_name, product_group, unit_price, valid_from, valid_to
        from fn_dim_products_as_of(%s) where product_id = 7
    """
    begin, moved = datetime(1900, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    end = datetime(9999, 12, 31, tzinfo=UTC)
    execute(star, "set local timezone = 'UTC'")  # in Tokyo the end is in a year Python lacks

    assert rows(star, query, ["2025-01-31 23:59:59.999999Z"]) == [
        (71, 7, "Lamp", "Home", 10, begin, moved)
    ]
    assert rows(star, query, ["2025-02-01Z"]) == [(72, 7, "Lamp", "Lighting", 12, moved, end)]
