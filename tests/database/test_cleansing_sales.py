"""What cleansing makes of sales, and why it refuses one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg2.extensions import connection as Connection

from tests.cleansing import AT, LINEAGE, Row, clean
from tests.queries import execute, rows

LANDED: Row = {
    "sale_id": 1001,
    "customer_id": 42,
    "product_id": 7,
    "quantity": 3,
    "unit_price": Decimal("9.95"),
    "discount": Decimal("0.1000"),
    "status": "completed",
    "transaction_timestamp": datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
    **LINEAGE,
}

WHEN: Row = {
    "transaction_timestamp": datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
    "transaction_date": date(2024, 12, 31),
    "transaction_year": 2024,
    "transaction_month": 12,
    "transaction_day": 31,
    "transaction_hour": 23,
}

NEVER: Row = dict.fromkeys(WHEN)

CLEANSED: Row = {
    "sale_id": 1001,
    "customer_id": 42,
    "product_id": 7,
    "quantity": 3,
    "unit_price": Decimal("9.95"),
    "discount": Decimal("0.1000"),
    "net_amount": Decimal("26.87"),
    "status": "completed",
    **WHEN,
    **LINEAGE,
    "reject_reasons": [],
}


def price(amount: str) -> Row:
    return {"unit_price": Decimal(amount)}


def net(amount: str) -> Row:
    return {"net_amount": Decimal(amount)}


def discount(part: str) -> Row:
    return {"discount": Decimal(part)}


def at(when: datetime) -> Row:
    return {"transaction_timestamp": when}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"customer_id": None}, {"customer_id": None}),
        ({"product_id": None}, {"product_id": None}),
        ({"discount": None}, discount("0") | net("29.85")),
        (discount("0"), discount("0") | net("29.85")),
        (discount("1"), discount("1") | net("0.00")),
        (price("0.00"), price("0.00") | net("0.00")),
        (discount("0.1666"), discount("0.1666") | net("24.88")),
        ({"status": "\tReturned "}, {"status": "returned"}),
        ({"status": "PENDING"}, {"status": "pending"}),
        ({"status": "cancelled"}, {"status": "cancelled"}),
    ],
)
def test_a_good_sale_is_computed(stg: Connection, given: Row, expected: Row) -> None:
    assert clean(stg, "sales", LANDED | given) == CLEANSED | expected


@pytest.mark.parametrize(
    ("given", "expected", "reason"),
    [
        ({"quantity": None}, {"quantity": None, "net_amount": None}, "quantity is missing"),
        ({"quantity": 0}, {"quantity": 0} | net("0.00"), "quantity is not positive"),
        ({"quantity": -1}, {"quantity": -1} | net("-8.96"), "quantity is not positive"),
        ({"unit_price": None}, {"unit_price": None, "net_amount": None}, "unit_price is missing"),
        (price("-0.01"), price("-0.01") | net("-0.03"), "unit_price is negative"),
        (
            discount("-0.0001"),
            discount("-0.0001") | net("29.85"),
            "discount is not between 0 and 1",
        ),
        (
            discount("1.0001"),
            discount("1.0001") | net("0.00"),
            "discount is not between 0 and 1",
        ),
        ({"status": None}, {"status": None}, "status is missing"),
        ({"status": " \u00a0"}, {"status": None}, "status is missing"),
        ({"status": "Lost"}, {"status": "lost"}, "status is unknown"),
        (
            {"transaction_timestamp": None},
            dict.fromkeys(WHEN),
            "transaction_timestamp is missing",
        ),
    ],
)
def test_a_broken_rule_refuses_the_sale(
    stg: Connection, given: Row, expected: Row, reason: str
) -> None:
    cleansed = clean(stg, "sales", LANDED | given)

    assert cleansed == CLEANSED | expected | {"reject_reasons": [reason]}


def test_a_sale_is_refused_with_every_reason(stg: Connection) -> None:
    given = {
        "quantity": -2_147_483_648,
        "unit_price": Decimal("-9999999999.99"),
        "discount": Decimal("-9.9999"),
        "status": "💥",
        "transaction_timestamp": datetime(1899, 12, 31, 23, 59, 59, tzinfo=UTC),
    }
    expected = NEVER | given | {"net_amount": None}
    reasons = [
        "quantity is not positive",
        "unit_price is negative",
        "discount is not between 0 and 1",
        "net_amount is too large",
        "status is unknown",
        "transaction_timestamp is before 1900",
    ]

    cleansed = clean(stg, "sales", LANDED | given)

    assert cleansed == CLEANSED | expected | {"reject_reasons": reasons}


def test_a_row_of_nulls_is_refused(stg: Connection) -> None:
    expected = dict.fromkeys(CLEANSED) | {
        "discount": 0,
        "reject_reasons": [
            "quantity is missing",
            "unit_price is missing",
            "status is missing",
            "transaction_timestamp is missing",
        ],
    }

    assert clean(stg, "sales", dict.fromkeys(LANDED)) == expected


@pytest.mark.parametrize(
    ("quantity", "unit_price", "net_amount", "reasons"),
    [
        (100, "9999999999.99", "999999999999.00", []),
        (125, "8000000000.00", None, ["net_amount is too large"]),
        (101, "9999999999.99", None, ["net_amount is too large"]),
        (2_147_483_647, "9999999999.99", None, ["net_amount is too large"]),
        (-2_147_483_648, "9999999999.99", None, ["quantity is not positive"]),
    ],
)
def test_an_amount_that_the_table_cannot_hold_is_refused(
    stg: Connection, quantity: int, unit_price: str, net_amount: str | None, reasons: list[str]
) -> None:
    given = {"quantity": quantity, "discount": Decimal(0), **price(unit_price)}
    amount = net_amount and Decimal(net_amount)

    cleansed = clean(stg, "sales", LANDED | given)

    assert cleansed == CLEANSED | given | {"net_amount": amount, "reject_reasons": reasons}


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("unit_price", "unit_price is not a number"),
        ("discount", "discount is not between 0 and 1"),
    ],
)
def test_what_is_no_number_is_refused(stg: Connection, column: str, reason: str) -> None:
    cleansed = clean(stg, "sales", LANDED | {column: Decimal("NaN")})

    assert (cleansed["net_amount"], cleansed["reject_reasons"]) == (None, [reason])


@pytest.mark.parametrize(
    ("when", "reasons"),
    [
        (datetime(1899, 12, 31, 23, 59, 59, tzinfo=UTC), ["transaction_timestamp is before 1900"]),
        (datetime(1900, 1, 1, tzinfo=UTC), []),
        (AT, []),
        (AT + timedelta(minutes=5), []),
        (AT + timedelta(minutes=5, microseconds=1), ["transaction_timestamp is in the future"]),
        (datetime(9999, 12, 31, tzinfo=UTC), ["transaction_timestamp is in the future"]),
    ],
)
def test_a_sale_happened_between_1900_and_five_minutes_after_it_was_read(
    stg: Connection, when: datetime, reasons: list[str]
) -> None:
    assert clean(stg, "sales", LANDED | at(when))["reject_reasons"] == reasons


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("infinity", "transaction_timestamp is in the future"),
        ("294276-12-31 23:59:59+00", "transaction_timestamp is in the future"),
        ("-infinity", "transaction_timestamp is before 1900"),
        ("4714-11-24 00:00:00+00 BC", "transaction_timestamp is before 1900"),
    ],
)
def test_a_time_beyond_every_calendar_is_refused(stg: Connection, when: str, reason: str) -> None:
    clean(stg, "sales", LANDED)
    execute(stg, "update landing.sales set transaction_timestamp = %s", [when])
    query = "select transaction_date, transaction_year, reject_reasons from landing.clean_sales"

    assert rows(stg, query) == [(None, None, [reason])]


def test_the_date_of_a_sale_is_that_of_utc_whatever_the_session_says(stg: Connection) -> None:
    execute(stg, "set local timezone = 'Pacific/Auckland'")

    assert clean(stg, "sales", LANDED) == CLEANSED


def test_a_replay_years_later_decides_the_same(stg: Connection) -> None:
    """Only the time at which the row was read counts, and not the clock of the server."""
    read = datetime(2201, 1, 1, tzinfo=UTC)

    cleansed = clean(stg, "sales", LANDED | at(read) | {"_extracted_at": read})

    assert cleansed["reject_reasons"] == []
