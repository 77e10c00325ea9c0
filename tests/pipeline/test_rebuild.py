"""`rebuild` derives the layers again: what was right stays as it is, what was not becomes right."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_retail import Retail
from tests.queries import execute
from tidemark.errors import LockedError, LostHistoryError, UnknownNameError
from tidemark.model import Overrides, ServerName
from tidemark.postgres import settings
from tidemark.trust import rebuild
from tidemark.trust.compare import Changes, Origin

TABLES: dict[ServerName, str] = {"stg": "^stg_", "dwh": "^dwh_(dim_[cp]|fact)"}


@pytest.fixture
def shop(retail: Retail) -> Retail:
    """A shop with a history of all kinds: the last two of five batches were staged at once."""
    retail.add("sales", 5, quantity=-1)
    retail.add("sales", 6, customer_id=None)
    retail.add("customers", 8, name=" ")
    retail.add("sales", 7, customer_id=8)
    for number in range(20, 30):
        retail.add("customers", number)
        retail.add("sales", number, customer_id=number, transaction_timestamp="2025-02-03")
    retail.run()
    retail.change("customers", 1, city="Rome", name="Ada Lovelace")
    retail.change("customers", 8, name="Hal Nine")
    retail.change("sales", 5, quantity=1)
    retail.change("sales", 1, transaction_timestamp="2025-03-05")
    retail.run()
    retail.change("customers", 1, city="Paris")
    retail.change("sales", 2, quantity=-2)
    retail.delete("sales", "sale_id in (20, 21)")
    retail.delete("customers", "customer_id = 20")
    retail.run()
    retail.add("customers", 20, city="Bonn")
    retail.hop("extract", retail.begin())
    retail.add("sales", 20, customer_id=20, quantity=4)
    retail.run()
    return retail


def dump(shop: Retail) -> dict[str, Any]:
    """Return every column of every row, surrogate keys and lineage too; of rejects not the id."""
    found = {}
    for layer, pattern in TABLES.items():
        tables = """
            select relname from pg_class
            where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname ~ %s
        """
        for (table,) in shop.warehouse.rows(layer, tables, [pattern]):
            query = f"select (to_jsonb(t) - 'reject_id')::text from {table} as t order by 1"
            found[table] = shop.warehouse.rows(layer, query)
    confirmed = "select * from tidemark.dwh_dim_customers_confirmed order by 1, 2"
    return {**found, "confirmed": shop.warehouse.rows("dwh", confirmed)}


def again(shop: Retail, **how: Any) -> dict[str, tuple[int, int, int]]:
    """Rebuild; return table -> added, changed, removed, of those that changed."""
    changes: list[Changes] = rebuild.run(shop.servers, shop.area, **how)
    return {
        one.table: (one.added, one.changed, one.removed)
        for one in changes
        if one.added or one.changed or one.removed
    }


def test_what_is_right_stays_to_the_last_column(shop: Retail):
    before = dump(shop)

    assert again(shop) == {}

    assert dump(shop) == before


def test_members_that_facts_inferred_stay_where_first_versions_begin_with_a_change(retail: Retail):
    for name in ("customers", "products"):
        dimension = retail.area.entities[name].dimension
        assert dimension
        late = dimension.model_copy(update={"first_version": "change"})
        retail.area = retail.area.model_copy(update=retail.entity(name, dimension=late))
    retail.add("customers", 8, name=" ")
    retail.add("customers", 9, name=" ")
    for sale, customer in enumerate((8, 9), 10):
        retail.add("sales", sale, customer_id=customer)
    retail.run()
    retail.change("customers", 8, name="Hal Nine")
    retail.run()
    before = dump(retail)

    assert again(retail) == {}

    assert dump(retail) == before


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize(
    ("layer", "damage", "changes"),
    [
        (
            "dwh",
            "update dwh_dim_customers set city = 'Nowhere' where customer_id = 1",
            {"dwh_dim_customers": (0, 3, 0)},
        ),
        (
            "dwh",
            "update dwh_dim_customers set valid_to = valid_to + interval '1 day'"
            " where customer_id = 1 and not is_current",
            {"dwh_dim_customers": (0, 2, 0)},
        ),
        (
            "dwh",
            "delete from dwh_fact_sales where original_sale_id < 4;"
            "update dwh_fact_sales set customer_key = 0 where original_sale_id = 22",
            {"dwh_fact_sales": (3, 1, 0)},
        ),
        (
            "dwh",
            "insert into dwh_dim_products select (jsonb_populate_record(p,"
            ' \'{"product_id": 77, "product_key": 77}\')).* from dwh_dim_products as p'
            " where product_id = 1;"
            "insert into dwh_fact_sales select (jsonb_populate_record(f,"
            ' \'{"original_sale_id": 77, "sale_key": 77}\')).* from dwh_fact_sales as f'
            " where original_sale_id = 3",
            {"dwh_dim_products": (0, 0, 1), "dwh_fact_sales": (0, 0, 1)},
        ),
        (
            "stg",
            "update stg_dim_customers set segment = 'Vip' where customer_id = 3;"
            "delete from stg_fact_sales where sale_id = 4;"
            "delete from stg_rejects",
            {"stg_dim_customers": (0, 1, 0), "stg_fact_sales": (1, 0, 0)},
        ),
    ],
)
def test_what_was_damaged_becomes_as_it_was(
    shop: Retail, layer: ServerName, damage: str, changes: dict[str, tuple[int, int, int]]
):
    before, contents = dump(shop), shop.contents()
    with shop.warehouse.connect(layer) as session:
        execute(session, damage)
    damaged = dump(shop)

    assert again(shop, dry_run=True) == changes
    assert dump(shop) == damaged

    assert again(shop) == changes
    assert shop.contents() == contents
    assert dump(shop) | {"dwh_fact_sales": ...} == before | {"dwh_fact_sales": ...}


def test_a_version_that_is_lost_comes_back_and_its_facts_find_it(shop: Retail):
    contents = shop.contents()
    lost = "delete from dwh_dim_customers where customer_id = 1"
    shop.warehouse.execute("dwh", lost)

    assert again(shop, entity="customers", origin="dwh") == {
        "dwh_dim_customers": (3, 0, 0),
        "dwh_fact_sales": (0, 3, 0),
    }
    assert shop.contents() == contents


def test_rules_that_changed_judge_what_came_before(shop: Retail):
    keys = "select customer_id, customer_key from dwh_dim_customers order by 1, valid_from"
    before = shop.warehouse.rows("dwh", keys)
    shop.warehouse.execute(
        "stg",
        "create or replace function tidemark.proper_case(p_name text) returns text"
        " language sql immutable as $$ select upper(p_name) $$",
    )

    changed = again(shop)

    assert set(changed) == {
        "stg_dim_customers",
        "stg_dim_products",
        "dwh_dim_customers",
        "agg_sales_monthly",
        "dwh_dim_products",
    }
    assert shop.warehouse.rows("dwh", keys) == before
    names = "select distinct city from dwh_dim_customers where city <> upper(city)"
    assert shop.warehouse.rows("dwh", names) == []


def test_a_repair_is_replayed(shop: Retail):
    from tidemark.trust import verify

    shop.warehouse.execute("dwh", "update dwh_dim_customers set city = 'X' where customer_id = 3")
    shop.run(overrides=Overrides(repair=verify.run(shop.servers, shop.area).repair()))
    before = dump(shop)

    assert again(shop) == {}
    assert dump(shop) == before


@pytest.mark.further
def test_what_mrr_alone_has_waits_for_its_batch(shop: Retail):
    shop.change("customers", 3, city="Oslo")
    shop.hop("extract", shop.begin())
    before = dump(shop)

    assert again(shop) == {}
    assert dump(shop) == before

    shop.run()
    city = "select city from dwh_dim_customers where customer_id = 3 and is_current"
    assert shop.warehouse.rows("dwh", city) == [("Oslo",)]


def test_what_stg_alone_has_is_published_with_its_mark(shop: Retail):
    shop.change("customers", 3, city="Oslo")
    batch = shop.begin()
    shop.hop("extract", batch)
    shop.hop("stage", batch)

    assert again(shop, origin="dwh") == {"dwh_dim_customers": (1, 1, 0)}
    assert shop.run().changed == 0


def test_a_rebuild_is_logged_and_holds_the_area(shop: Retail, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "PATIENCE", "100ms")
    again(shop)
    logged = "select entity, status from etl_logs where hop = 'rebuild' order by 1"
    assert shop.warehouse.rows("dwh", logged) == [(None, "SUCCESS")]
    lock = "select from tidemark.lock where name = 'run retail' for update"
    with shop.holding("dwh", lock), pytest.raises(LockedError, match="another process works on"):
        again(shop)


@pytest.mark.further
def test_an_entity_that_there_is_not_is_told(shop: Retail):
    with pytest.raises(UnknownNameError, match="entity of retail 'costumers'"):
        again(shop, entity="costumers")


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(("layer", "origin"), [("mrr", "stg"), ("stg", "dwh")])
def test_what_retention_let_go_of_is_not_removed_unasked(
    shop: Retail, layer: ServerName, origin: Origin
):
    lost = "insert into tidemark.history_start (area, batch_id) values ('retail', 2)"
    shop.warehouse.execute(layer, lost)

    with pytest.raises(LostHistoryError, match=rf"{layer}: .* batches up to 2 .*--dry-run"):
        again(shop, origin=origin)
    assert again(shop, origin=origin, dry_run=True) == {}
    assert again(shop, origin=origin, accept_lost_history=True) == {}
