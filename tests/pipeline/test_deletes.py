"""Rows that the source deletes: found missing, carried through the layers, guarded."""

from __future__ import annotations

import pytest

from tests.fix_retail import Retail
from tests.queries import execute
from tidemark import plan
from tidemark.errors import DeleteGuardError
from tidemark.model import LAYERS, Layer, Overrides

SALES = "select original_sale_id from dwh_fact_sales order by 1"
CUSTOMERS = """
    select customer_id, is_current, is_deleted, valid_to < '9999-01-01' as ended
    from dwh_dim_customers where customer_key > 0 order by customer_id, valid_from
"""


@pytest.fixture
def shop(retail: Retail) -> Retail:
    """A warehouse of a shop with rows enough for the guard to let a few go."""
    for sale in range(100, 120):
        retail.add("sales", sale)
    for customer in range(100, 120):
        retail.add("customers", customer)
    retail.run()
    return retail


def delete(retail: Retail, table: str, condition: str) -> None:
    """Delete rows of the source, whose counters then know at once."""
    with retail.warehouse.connect("operational") as source:
        execute(source, f"delete from {table} where {condition}")
        execute(source, "select pg_stat_force_next_flush()")
        execute(source, "select 1")


def applied(retail: Retail) -> list[object]:
    """Return the last batch that each layer has applied."""
    query = "select max(batch_id) from tidemark.applied_batch"
    return [retail.warehouse.rows(layer, query) for layer in LAYERS[1:]]


def test_a_row_that_the_source_deleted_is_gone_from_the_facts(shop: Retail):
    delete(shop, "sales", "sale_id = 100")

    result = shop.run()

    assert [hop.entities["sales"].deleted for hop in result.hops] == [1, 0, 1]
    assert (100,) not in shop.warehouse.rows("dwh", SALES)
    mirrors: dict[Layer, str] = {"mrr": "mrr_fact_sales", "stg": "stg_fact_sales"}
    for layer, table in mirrors.items():
        query = f"select sale_id from {table} where _deleted_at is not null"
        assert shop.warehouse.rows(layer, query) == [(100,)]
        query = f"select count(*) from {table}_history where sale_id = 100"
        assert shop.warehouse.rows(layer, query) == [(1,)]


def test_a_member_that_the_source_deleted_has_no_current_version(shop: Retail):
    delete(shop, "customers", "customer_id = 100")

    shop.run()

    versions = {row[0]: row[1:] for row in shop.warehouse.rows("dwh", CUSTOMERS)}
    assert versions[100] == (False, True, True)
    assert versions[101] == (True, False, False)


def test_a_row_that_returns_opens_a_version(shop: Retail):
    delete(shop, "customers", "customer_id = 100")
    shop.run()
    shop.add("customers", 100)

    shop.run()

    assert [row for row in shop.warehouse.rows("dwh", CUSTOMERS) if row[0] == 100] == [
        (100, False, True, True),
        (100, True, False, False),
    ]
    assert shop.warehouse.rows(
        "mrr", "select count(*) from mrr_dim_customers where _deleted_at is not null"
    ) == [(0,)]


def test_a_row_that_is_deleted_and_made_anew_between_two_batches_is_an_update(shop: Retail):
    delete(shop, "customers", "customer_id = 100")
    shop.add("customers", 100, city="Oslo")

    result = shop.run()

    assert [hop.entities["customers"].deleted for hop in result.hops] == [0, 0, 0]
    assert len([row for row in shop.warehouse.rows("dwh", CUSTOMERS) if row[0] == 100]) == 2


def test_keys_are_compared_only_when_something_was_deleted(shop: Retail):
    shop.run()
    [(before,)] = shop.warehouse.rows("mrr", 'select count(*) from landing."sales.keys"')
    shop.add("sales", 200)
    shop.run()
    [(idle,)] = shop.warehouse.rows("mrr", 'select count(*) from landing."sales.keys"')
    delete(shop, "sales", "sale_id = 100")
    shop.run()
    [(after,)] = shop.warehouse.rows("mrr", 'select count(*) from landing."sales.keys"')

    assert (idle - before, after) == (0, 24)


@pytest.mark.parametrize(
    "emptied", ["truncate sales", "delete from sales", "delete from sales where sale_id > 110"]
)
def test_an_emptied_source_deletes_nothing_until_a_person_says_so(shop: Retail, emptied: str):
    with shop.warehouse.connect("operational") as source:
        execute(source, emptied)
        execute(source, "select pg_stat_force_next_flush()")
    [(left,)] = shop.warehouse.rows("operational", "select count(*) from sales")
    before = applied(shop)

    with pytest.raises(DeleteGuardError, match=rf"{24 - left} of 24 rows are gone") as raised:
        shop.run()

    assert "--accept-deletes" in str(raised.value)
    assert applied(shop) == before
    assert len(shop.warehouse.rows("dwh", SALES)) == 24

    shop.run(overrides=Overrides(accept_deletes=True))

    assert len(shop.warehouse.rows("dwh", SALES)) == left


def test_the_guard_s_ratio_is_declared(shop: Retail):
    delete(shop, "sales", "sale_id >= 115")  # 5 of 24

    with pytest.raises(DeleteGuardError, match=r"5 of 24 rows .* 20% of them"):
        shop.run()
    shop.run(**shop.entity("sales", max_delete_ratio=0.21))

    assert len(shop.warehouse.rows("dwh", SALES)) == 19


def test_a_plan_counts_what_is_gone_and_says_what_the_guard_will(shop: Retail):
    delete(shop, "customers", "customer_id = 101")
    shop.run()
    delete(shop, "customers", "customer_id = 100")
    delete(shop, "sales", "sale_id >= 115")

    made = plan.make(shop.servers, shop.area)

    assert {entity.entity: entity.deleted for entity in made.entities} == {
        "customers": 1,
        "products": 0,
        "sales": 5,
    }
    with pytest.raises(DeleteGuardError) as raised:
        shop.run()
    assert made.stops == [str(raised.value)]
    assert plan.make(shop.servers, shop.area).stops == made.stops


def test_deletes_can_be_ignored(shop: Retail):
    delete(shop, "sales", "sale_id = 100")

    shop.run(**shop.entity("sales", deletes="ignore"))

    assert (100,) in shop.warehouse.rows("dwh", SALES)


def test_a_row_that_turned_bad_and_was_deleted_leaves_stg_and_its_rejects(shop: Retail):
    shop.change("sales", 100, quantity=-1)
    shop.run()
    assert shop.warehouse.rows("stg", "select key from stg_rejects where resolved_at is null") == [
        ({"sale_id": 100},)
    ]
    delete(shop, "sales", "sale_id = 100")

    shop.run()

    assert shop.warehouse.rows(
        "stg", "select sale_id, quantity from stg_fact_sales where _deleted_at is not null"
    ) == [(100, 1)]
    assert shop.warehouse.rows("stg", "select key from stg_rejects where resolved_at is null") == []
    assert (100,) not in shop.warehouse.rows("dwh", SALES)


def test_a_row_that_was_never_good_leaves_no_trace_when_deleted(shop: Retail):
    shop.add("sales", 300, quantity=-1)
    shop.run()
    delete(shop, "sales", "sale_id = 300")

    shop.run()

    assert shop.warehouse.rows("stg", "select * from stg_fact_sales where sale_id = 300") == []
    assert shop.warehouse.rows("stg", "select key from stg_rejects where resolved_at is null") == []


def test_layers_that_were_away_catch_up_with_a_delete_and_a_return(shop: Retail):
    delete(shop, "customers", "customer_id = 100")
    batch = shop.begin()
    shop.hop("extract", batch)
    shop.add("customers", 100, city="Oslo")

    shop.run()

    assert [row for row in shop.warehouse.rows("dwh", CUSTOMERS) if row[0] == 100] == [
        (100, False, True, True),
        (100, True, False, False),
    ]


def test_facts_can_be_kept_and_flagged(shop: Retail):
    shop.warehouse.execute(
        "dwh", "alter table dwh_fact_sales add is_deleted boolean not null default false"
    )
    fact = shop.area.entities["sales"].fact
    assert fact is not None
    soft = shop.entity("sales", fact=fact.model_copy(update={"on_delete": "soft"}))
    shop.run(**soft)
    delete(shop, "sales", "sale_id = 100")

    shop.run(**soft)

    flagged = "select original_sale_id from dwh_fact_sales where is_deleted"
    assert shop.warehouse.rows("dwh", flagged) == [(100,)]
    assert len(shop.warehouse.rows("dwh", SALES)) == 24
    shop.add("sales", 100)
    shop.run(**soft)
    assert shop.warehouse.rows("dwh", flagged) == []
