"""What the functions say of the products of the hand-computed warehouse in tests/fix_star.py."""

import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from tests.queries import execute, value

LAMP, DESK, RAKE, NOTHING = 7, 8, 9, 404


@pytest.mark.parametrize(
    ("product", "days", "as_of", "units_a_day"),
    [
        (LAMP, 30, "2025-02-15", "0.33"),  # 10 lamps from 17 January on, in both groups
        (LAMP, 15, "2025-02-15", "0.40"),  # 6 lamps from midnight of 1 February on
        (LAMP, 16, "2025-02-15", "0.56"),  # and the 3 of the microsecond before
        (LAMP, 1, "2025-01-31", "3.00"),
        (DESK, 30, "2025-02-20", "0.03"),  # the cancelled and the returned ones do not count
        (LAMP, 30, "2024-12-31", "0.00"),
        (RAKE, 30, "2025-02-15", "0.00"),
        (NOTHING, 30, "2025-02-15", None),
        (None, 30, "2025-02-15", None),
    ],
)
def test_velocity_is_units_a_day_over_every_version_of_the_product(
    star: Connection, product: int | None, days: int, as_of: str, units_a_day: str | None
) -> None:
    query = "select fn_product_sales_velocity(%s, %s, %s)::text"

    assert value(star, query, [product, days, as_of]) == units_a_day


def test_velocity_is_over_thirty_days_until_today_unless_told(star: Connection) -> None:
    execute(
        star,
        """
        create table partitions.dwh_fact_sales_later partition of dwh_fact_sales
        for values from ('2025-03-01Z') to ('9999-01-01Z');
        insert into dwh_fact_sales (
            original_sale_id, customer_key, product_key, date_key, quantity, unit_price, discount,
            net_amount, status, transaction_date, transaction_timestamp, _batch_id
        )
        select 100 + days, 21, 81, 20250101, 60, 1, 0, 60, 'completed', '2025-01-01', at, 1
        from unnest(array[0, 29, 30, -1]) as days,
            lateral (select (now() at time zone 'UTC')::date - days) as d (day),
            lateral (select d.day::timestamp at time zone 'UTC') as v (at)
        """,
    )

    assert value(star, "select fn_product_sales_velocity(%s)", [DESK]) == 4


@pytest.mark.parametrize("days", [0, -1, None])
def test_velocity_needs_a_number_of_days(star: Connection, days: int | None) -> None:
    with pytest.raises(errors.InvalidParameterValue, match="is not a number of days"):
        execute(star, "select fn_product_sales_velocity(7, %s)", [days])


def test_a_product_group_has_the_sales_made_while_the_product_was_in_it(star: Connection) -> None:
    query = "select fn_product_group_performance(%s)"

    assert value(star, query, ["Home"]) == {
        "product_group": "Home",
        "start_date": None,
        "end_date": None,
        "total_quantity": 11,
        "total_transactions": 5,
        "total_revenue": 360,
        "distinct_customers": 3,
        "distinct_products": 2,
        "avg_quantity_per_transaction": 2.2,
        "avg_revenue_per_transaction": 72,
        "first_sale": "2025-01-05",
        "last_sale": "2025-02-20",
    }


def test_a_customer_of_several_versions_is_one_customer_of_the_group(star: Connection) -> None:
    query = "select fn_product_group_performance('Lighting', '2025-02-01', '2025-02-15')"

    assert value(star, query) == {
        "product_group": "Lighting",
        "start_date": "2025-02-01",
        "end_date": "2025-02-15",
        "total_quantity": 6,
        "total_transactions": 2,
        "total_revenue": 42,
        "distinct_customers": 1,
        "distinct_products": 1,
        "avg_quantity_per_transaction": 3,
        "avg_revenue_per_transaction": 21,
        "first_sale": "2025-02-01",
        "last_sale": "2025-02-15",
    }


@pytest.mark.parametrize(
    ("start", "end", "quantity"),
    [
        ("2025-01-31", "2025-01-31", 3),
        (None, "2025-01-30", 7),
        ("2025-02-01", None, 1),
    ],
)
def test_the_dates_of_a_group_are_utc_and_inclusive(
    star: Connection, start: str | None, end: str | None, quantity: int
) -> None:
    query = "select fn_product_group_performance('Home', %s, %s) -> 'total_quantity'"

    assert value(star, query, [start, end]) == quantity


def test_a_group_without_sales_has_zeros_and_no_dates(star: Connection) -> None:
    assert value(star, "select fn_product_group_performance('Garden')") == {
        "product_group": "Garden",
        "start_date": None,
        "end_date": None,
        "total_quantity": 0,
        "total_transactions": 0,
        "total_revenue": 0,
        "distinct_customers": 0,
        "distinct_products": 0,
        "avg_quantity_per_transaction": 0,
        "avg_revenue_per_transaction": 0,
        "first_sale": None,
        "last_sale": None,
    }


@pytest.mark.parametrize("group", ["Cars", None])
def test_a_group_of_no_product_is_null(star: Connection, group: str | None) -> None:
    assert value(star, "select fn_product_group_performance(%s)", [group]) is None
