"""A row that cleansing refuses: kept with every reason, and let in once it is corrected."""

from typing import Any

import pytest

from tests.fix_retail import Retail, counted
from tidemark.observe import status

NAMELESS = ("customers", {"customer_id": 4}, ["name is missing"])
KEY = "select customer_key, customer_name, is_inferred from dwh_dim_customers where customer_id = 4"
SOLD_TO = "select customer_key from dwh_fact_sales where original_sale_id = 5"
STAYS = """
    select key, reasons, batch_id, resolved_at is not null, first_seen_at < last_seen_at
    from stg_rejects order by first_seen_at
"""


@pytest.fixture
def shop(retail: Retail) -> Retail:
    """The shop after a batch with a sale to a customer without a name."""
    retail.add("customers", 4, name=" ")
    retail.add("sales", 5, customer_id=4)
    retail.run()
    return retail


def test_a_row_is_refused_with_every_reason(retail: Retail):
    retail.add("customers", 4, name=None, email="nobody", country="Atlantis")
    retail.add("products", 3, name=" ", unit_price=-1)
    retail.add(
        "sales", 5, quantity=0, discount=2, status="lost", transaction_timestamp="2999-01-01"
    )
    retail.run()
    assert retail.rejects() == [
        (
            "customers",
            {"customer_id": 4},
            ["country is unknown", "email is not an address", "name is missing"],
            False,
        ),
        ("products", {"product_id": 3}, ["name is missing", "unit_price is negative"], False),
        (
            "sales",
            {"sale_id": 5},
            [
                "discount is not between 0 and 1",
                "quantity is not positive",
                "status is unknown",
                "transaction_timestamp is in the future",
            ],
            False,
        ),
    ]
    assert [len(rows) for rows in retail.star().values()] == [3, 2, 4]


def test_a_reject_shows_the_row_as_it_came(shop: Retail):
    query = "select row_data ->> 'name', row_data ->> 'country', row_data ? '_batch_id' from {}"
    assert shop.warehouse.rows("stg", query.format("stg_rejects")) == [(" ", "France", False)]


def test_a_sale_of_a_refused_customer_points_at_an_inferred_member(shop: Retail):
    [(key, *member)] = shop.warehouse.rows("dwh", KEY)
    assert shop.rejects() == [(*NAMELESS, False)]
    assert shop.warehouse.rows("dwh", SOLD_TO) == [(key,)]
    assert member == [None, True]


def test_the_corrected_row_fills_the_inferred_member_without_changing_its_key(shop: Retail):
    [(key, _, _)] = shop.warehouse.rows("dwh", KEY)
    shop.change("customers", 4, name="dee dee")
    shop.run()
    assert shop.warehouse.rows("dwh", KEY) == [(key, "Dee Dee", False)]
    assert shop.warehouse.rows("dwh", SOLD_TO) == [(key,)]
    assert shop.rejects() == [(*NAMELESS, True)]


def test_a_row_refused_again_stays_one_reject_with_the_last_reasons(shop: Retail):
    shop.change("customers", 4, email="nobody")
    shop.run()
    reasons = ["email is not an address", "name is missing"]
    assert shop.warehouse.rows("stg", STAYS) == [({"customer_id": 4}, reasons, 2, False, True)]


def test_a_row_refused_after_it_had_passed_is_a_reject_of_its_own(shop: Retail):
    for name in ("Dee", " "):
        shop.change("customers", 4, name=name)
        shop.run()
    key, reasons = NAMELESS[1:]
    assert shop.warehouse.rows("stg", STAYS) == [
        (key, reasons, 1, True, False),
        (key, reasons, 3, False, False),
    ]


def test_what_had_passed_stays_while_its_next_version_is_refused(retail: Retail):
    retail.run()
    before = retail.star()
    retail.change("customers", 1, city="Lyon", email="nobody")
    batch = retail.run()
    assert retail.star() == before
    assert counted(batch, "stage")["customers"].as_dict() == {
        "processed": 1,
        "inserted": 0,
        "updated": 0,
        "deleted": 0,
        "rejected": 1,
    }
    retail.change("customers", 1, email="ada@example.com")
    retail.run()
    assert [row[3] for row in retail.star()["customers"]][:2] == ["Paris", "Lyon"]


def test_each_version_that_stg_missed_is_cleansed_by_itself(retail: Retail):
    """Two batches bring one key; in one batch it would be refused as occurring twice."""
    retail.run()
    for name in (" ", "Ada King"):
        retail.change("customers", 1, name=name)
        batch_id = retail.begin()
        retail.hop("extract", batch_id)
    retail.run()
    found: list[tuple[Any, ...]] = retail.rejects()
    assert found == [("customers", {"customer_id": 1}, ["name is missing"], True)]
    assert retail.star()["customers"][0][1] == "Ada King"


def test_the_layers_add_up(shop: Retail):
    found = {
        rows.entity: (rows.source, rows.mrr, rows.stg, rows.rejected)
        for rows in status.layer_rows(shop.servers, shop.area)
    }
    assert found == {"customers": (4, 4, 3, 1), "products": (2, 2, 2, 0), "sales": (5, 5, 5, 0)}
