"""What cleansing makes of products, and why it refuses one."""

from decimal import Decimal

import pytest
from psycopg2.extensions import connection as Connection

from tests.cleansing import LINEAGE, Row, clean

LANDED: Row = {
    "product_id": 7,
    "name": "USB-C cable for iPhone",
    "product_group": "Electronics",
    "unit_price": Decimal("9.95"),
    "active": False,
    **LINEAGE,
}

CLEANSED: Row = {
    "product_id": 7,
    "product_name": "USB-C cable for iPhone",
    "product_group": "Electronics",
    "unit_price": Decimal("9.95"),
    "is_active": False,
    **LINEAGE,
    "reject_reasons": [],
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"name": "\tUSB-C  cable for\u00a0iPhone\n"}, {}),
        ({"product_group": " ELECTRONICS"}, {}),
        ({"product_group": "home & garden"}, {"product_group": "Home & Garden"}),
        ({"product_group": "Men's Wear"}, {"product_group": "Men's Wear"}),
        ({"product_group": "\u00a0"}, {"product_group": None}),
        ({"unit_price": Decimal("0.00")}, {"unit_price": Decimal("0.00")}),
        ({"active": None}, {"is_active": True}),
    ],
)
def test_a_good_product_is_tidied(stg: Connection, given: Row, expected: Row) -> None:
    assert clean(stg, "products", LANDED | given) == CLEANSED | expected


@pytest.mark.parametrize(
    ("given", "expected", "reasons"),
    [
        ({"name": None}, {"product_name": None}, ["name is missing"]),
        ({"name": " \t"}, {"product_name": None}, ["name is missing"]),
        ({"unit_price": None}, {"unit_price": None}, ["unit_price is missing"]),
        (
            {"unit_price": Decimal("-0.01")},
            {"unit_price": Decimal("-0.01")},
            ["unit_price is negative"],
        ),
        (
            {"name": "", "unit_price": None, "product_group": "", "active": None},
            {"product_name": None, "unit_price": None, "product_group": None, "is_active": True},
            ["name is missing", "unit_price is missing"],
        ),
    ],
)
def test_a_bad_product_is_refused_with_every_reason(
    stg: Connection, given: Row, expected: Row, reasons: list[str]
) -> None:
    cleansed = clean(stg, "products", LANDED | given)

    assert cleansed == CLEANSED | expected | {"reject_reasons": reasons}


def test_a_price_that_is_no_number_is_refused(stg: Connection) -> None:
    cleansed = clean(stg, "products", LANDED | {"unit_price": Decimal("NaN")})

    assert str(cleansed.pop("unit_price")) == "NaN"
    assert cleansed["reject_reasons"] == ["unit_price is not a number"]
