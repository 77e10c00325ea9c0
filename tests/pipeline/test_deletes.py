"""Rows that the source deletes: found missing, carried through the layers, guarded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fix_retail import Retail
from tests.queries import execute
from tidemark.batch import extract, stage
from tidemark.errors import DeleteGuardError
from tidemark.model import LAYERS, Overrides, ServerName
from tidemark.observe import plan
from tidemark.sources.postgres import PostgresSource

SALES = "select original_sale_id from dwh_fact_sales order by 1"
CUSTOMERS = """
    select customer_id, is_current, is_deleted, valid_to < '9999-01-01' as ended
    from dwh_dim_customers where customer_key > 0 order by customer_id, valid_from
"""


@pytest.fixture
def shop(large_shop: Retail) -> Retail:
    return large_shop


def applied(retail: Retail) -> list[object]:
    """Return the last batch that each layer has applied."""
    query = "select max(batch_id) from tidemark.applied_batch"
    return [retail.warehouse.rows(layer, query) for layer in LAYERS]


def test_a_row_that_the_source_deleted_is_gone_from_the_facts(shop: Retail):
    shop.delete("sales", "sale_id = 100")

    result = shop.run()

    assert [hop.entities["sales"].deleted for hop in result.hops] == [1, 0, 1]
    assert (100,) not in shop.warehouse.rows("dwh", SALES)
    mirrors: dict[ServerName, str] = {"mrr": "mrr_fact_sales", "stg": "stg_fact_sales"}
    for layer, table in mirrors.items():
        query = f"select sale_id from {table} where _deleted_at is not null"
        assert shop.warehouse.rows(layer, query) == [(100,)]
        query = f"select count(*) from {table}_history where sale_id = 100"
        assert shop.warehouse.rows(layer, query) == [(1,)]


def test_a_member_that_the_source_deleted_has_no_current_version(shop: Retail):
    shop.delete("customers", "customer_id = 100")

    shop.run()

    versions = {row[0]: row[1:] for row in shop.warehouse.rows("dwh", CUSTOMERS)}
    assert versions[100] == (False, True, True)
    assert versions[101] == (True, False, False)


def test_a_row_that_returns_opens_a_version(shop: Retail):
    shop.delete("customers", "customer_id = 100")
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
    shop.delete("customers", "customer_id = 100")
    shop.add("customers", 100, city="Oslo")

    result = shop.run()

    assert [hop.entities["customers"].deleted for hop in result.hops] == [0, 0, 0]
    assert len([row for row in shop.warehouse.rows("dwh", CUSTOMERS) if row[0] == 100]) == 2


def test_a_deleted_row_whose_key_cleansing_changed_is_no_reject(shop: Retail):
    shop.warehouse.execute("stg", "delete from stg_fact_sales where sale_id = 100")
    shop.delete("sales", "sale_id = 100")
    result = shop.run()
    assert [hop.entities["sales"].rejected for hop in result.hops] == [0, 0, 0]


@pytest.mark.further(one_in=2)
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
    told = raised.value
    assert (told.entity, told.missing, told.known) == ("sales", 24 - left, 24)
    assert applied(shop) == before
    assert len(shop.warehouse.rows("dwh", SALES)) == 24

    shop.run(overrides=Overrides(accept_deletes=True))

    assert len(shop.warehouse.rows("dwh", SALES)) == left


def test_all_rows_are_too_many_whatever_the_ratio(shop: Retail):
    shop.delete("sales", "true")
    with pytest.raises(DeleteGuardError, match=r"24 of 24 rows .* 100% of them, and never all"):
        shop.run(**shop.entity("sales", max_delete_ratio=1))


def test_as_many_as_the_ratio_may_go_and_the_deleted_do_not_count(shop: Retail):
    shop.delete("sales", "sale_id > 115")  # 4 of 24
    shop.run(**shop.entity("sales", max_delete_ratio=4 / 24))
    shop.delete("sales", "sale_id > 111")  # 4 of 20: of all 24 that the mirror has it is less

    with pytest.raises(DeleteGuardError, match="4 of 20 rows"):
        shop.run(**shop.entity("sales", max_delete_ratio=0.19))
    shop.run(**shop.entity("sales", max_delete_ratio=0.2))

    assert len(shop.warehouse.rows("dwh", SALES)) == 16


def test_the_guard_s_ratio_is_declared(shop: Retail):
    shop.delete("sales", "sale_id >= 115")  # 5 of 24

    with pytest.raises(DeleteGuardError, match=r"5 of 24 rows .* 20% of them"):
        shop.run()
    shop.run(**shop.entity("sales", max_delete_ratio=0.21))

    assert len(shop.warehouse.rows("dwh", SALES)) == 19


def test_a_plan_counts_what_is_gone_and_says_what_the_guard_will(shop: Retail):
    shop.delete("customers", "customer_id = 101")
    shop.run()
    shop.delete("customers", "customer_id = 100")
    shop.delete("sales", "sale_id >= 115")

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
    shop.delete("sales", "sale_id = 100")

    shop.run(**shop.entity("sales", deletes="ignore"))

    assert (100,) in shop.warehouse.rows("dwh", SALES)


def test_a_row_that_turned_bad_and_was_deleted_leaves_stg_and_its_rejects(shop: Retail):
    shop.change("sales", 100, quantity=-1)
    shop.run()
    assert shop.warehouse.rows("stg", "select key from stg_rejects where resolved_at is null") == [
        ({"sale_id": 100},)
    ]
    shop.delete("sales", "sale_id = 100")

    shop.run()

    assert shop.warehouse.rows(
        "stg", "select sale_id, quantity from stg_fact_sales where _deleted_at is not null"
    ) == [(100, 1)]
    assert shop.warehouse.rows("stg", "select key from stg_rejects where resolved_at is null") == []
    assert (100,) not in shop.warehouse.rows("dwh", SALES)


def test_a_row_that_was_never_good_leaves_no_trace_when_deleted(shop: Retail):
    shop.add("sales", 300, quantity=-1)
    shop.run()
    shop.delete("sales", "sale_id = 300")

    shop.run()

    assert shop.warehouse.rows("stg", "select * from stg_fact_sales where sale_id = 300") == []
    assert shop.warehouse.rows("stg", "select key from stg_rejects where resolved_at is null") == []


def test_layers_that_were_away_catch_up_with_a_delete_and_a_return(shop: Retail):
    shop.delete("customers", "customer_id = 100")
    batch = shop.begin()
    shop.hop("extract", batch)
    shop.add("customers", 100, city="Oslo")

    shop.run()

    assert [row for row in shop.warehouse.rows("dwh", CUSTOMERS) if row[0] == 100] == [
        (100, False, True, True),
        (100, True, False, False),
    ]


def flagged_facts(retail: Retail) -> dict[str, Any]:
    """Return settings in which a deleted fact is kept and flagged; its table has the column."""
    retail.warehouse.execute(
        "dwh", "alter table dwh_fact_sales add is_deleted boolean not null default false"
    )
    fact = retail.area.entities["sales"].fact
    assert fact is not None
    return retail.entity("sales", fact=fact.model_copy(update={"on_delete": "soft"}))


@pytest.mark.parametrize("settings", [lambda _: {}, flagged_facts])
def test_a_fact_that_came_and_went_between_two_publishes_leaves_no_trace(
    shop: Retail, settings: Callable[[Retail], dict[str, Any]]
):
    soft = settings(shop)
    shop.run(**soft)
    shop.add("sales", 300)
    area = shop.area.model_copy(update=soft)
    for wanted in ("sale_id = 0", "sale_id = 300"):
        shop.delete("sales", wanted)
        batch = shop.begin()
        extract.run(shop.servers, area, batch, PostgresSource(shop.servers))
        stage.run(shop.servers, area, batch)

    shop.run(**soft)

    assert len(shop.warehouse.rows("dwh", SALES)) == 24


def test_facts_can_be_kept_and_flagged(shop: Retail):
    soft = flagged_facts(shop)
    shop.run(**soft)
    shop.delete("sales", "sale_id = 100")

    shop.run(**soft)

    flagged = "select original_sale_id from dwh_fact_sales where is_deleted"
    assert shop.warehouse.rows("dwh", flagged) == [(100,)]
    assert len(shop.warehouse.rows("dwh", SALES)) == 24
    shop.add("sales", 100)
    shop.run(**soft)
    assert shop.warehouse.rows("dwh", flagged) == []
