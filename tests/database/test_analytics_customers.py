"""What the functions say of the customers of the hand-computed warehouse in tests/fix_star.py."""

from decimal import Decimal

import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows, value

ADA, BEA, CY, DEE, NOBODY = 1, 2, 3, 4, 404


@pytest.mark.parametrize(
    ("customer", "average"),
    [(ADA, "2.75"), (BEA, "1.00"), (CY, "0"), (DEE, "4.00"), (NOBODY, None), (None, None)],
)
def test_the_average_quantity_is_over_every_version_of_the_customer(
    star: Connection, customer: int | None, average: str | None
) -> None:
    found = value(star, "select fn_avg_quantity_per_customer(%s)::text", [customer])

    assert found == average


@pytest.mark.parametrize(
    ("start", "end", "average"),
    [
        ("2025-01-01", "2025-01-31", "2.50"),  # the last microsecond of the 31st counts
        ("2025-01-31", "2025-01-31", "3.00"),  # and the midnight after it does not
        ("2025-02-01", "2025-02-01", "1.00"),  # which is the first instant of the next day
        (None, "2025-01-05", "2.00"),
        ("2025-02-15", None, "5.00"),
        (None, None, "2.75"),
        ("2025-02-16", "2025-02-17", "0"),
        ("2025-02-01", "2025-01-01", "0"),
    ],
)
def test_the_dates_of_an_average_are_utc_and_inclusive(
    star: Connection, start: str | None, end: str | None, average: str
) -> None:
    query = "select fn_avg_quantity_per_customer(%s, %s, %s)::text"

    assert value(star, query, [ADA, start, end]) == average


@pytest.mark.parametrize(
    ("customer", "amount"),
    [(ADA, 92), (BEA, 205), (CY, 0), (DEE, 100), (NOBODY, None), (None, None)],
)
def test_the_lifetime_value_is_over_every_version_of_the_customer(
    star: Connection, customer: int | None, amount: int | None
) -> None:
    assert value(star, "select fn_customer_lifetime_value(%s)", [customer]) == amount


@pytest.mark.parametrize(
    ("customer", "as_of", "days"),
    [
        (ADA, "2025-03-01", 14),
        (ADA, "2025-02-15", 0),
        (ADA, "2025-02-14", 13),
        (ADA, "2025-01-31", 0),
        (ADA, "2025-01-04", None),
        (CY, "2025-03-01", None),
        (NOBODY, "2025-03-01", None),
        (None, "2025-03-01", None),
    ],
)
def test_recency_counts_the_days_since_the_last_purchase_until_a_date(
    star: Connection, customer: int | None, as_of: str, days: int | None
) -> None:
    assert value(star, "select fn_customer_recency(%s, %s)", [customer, as_of]) == days


def test_recency_is_as_of_today_unless_told(star: Connection) -> None:
    assert value(
        star,
        "select fn_customer_recency(1) = (now() at time zone 'UTC')::date - date '2025-02-15'",
    )


def test_the_top_customers_come_by_revenue_named_as_now(star: Connection) -> None:
    assert rows(star, "select * from fn_top_customers()") == [
        (BEA, "Bea", "Peru", 2, 2, Decimal("1.00"), 205),
        (DEE, "Dee", "Togo", 4, 1, Decimal("4.00"), 100),
        (ADA, "Ada", "Spain", 11, 4, Decimal("2.75"), 92),
    ]


@pytest.mark.parametrize(
    ("limit", "start", "end", "ranking"),
    [
        (2, None, None, [(BEA, 205), (DEE, 100)]),
        (0, None, None, []),
        (None, "2025-01-31", "2025-01-31", [(ADA, 30)]),
        (10, "2025-02-01", None, [(BEA, 200), (ADA, 42)]),
        (10, None, "2025-01-15", [(ADA, 20), (BEA, 5)]),
        (2, "2025-01-15", "2025-01-20", [(DEE, 100), (BEA, 5)]),  # nobody known spends 10
    ],
)
def test_the_top_customers_of_a_range_are_those_who_bought_in_it(
    star: Connection,
    limit: int | None,
    start: str | None,
    end: str | None,
    ranking: list[tuple[int, int]],
) -> None:
    query = "select customer_id, revenue from fn_top_customers(%s, %s, %s)"

    assert rows(star, query, [limit, start, end]) == ranking


def test_customers_of_equal_revenue_come_by_their_id(star: Connection) -> None:
    execute(star, "update dwh_fact_sales set net_amount = 92 where original_sale_id = 8")

    query = "select customer_id from fn_top_customers(10, '2025-01-01', '2025-02-15')"
    assert rows(star, query) == [(ADA,), (DEE,), (BEA,)]


def test_a_negative_limit_is_refused(star: Connection) -> None:
    with pytest.raises(errors.InvalidRowCountInLimitClause):
        execute(star, "select fn_top_customers(-1)")
