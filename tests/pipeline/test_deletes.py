"""Rows that the source deletes: found missing, carried through the layers, guarded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fix_retail import Retail
from tests.queries import execute
from tidemark import extract, plan, stage
from tidemark.errors import DeleteGuardError
from tidemark.model import LAYERS, Layer, Overrides
from tidemark.source import PostgresSource

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
    shop.add("sales", 200)
    shop.run()
    assert compared(shop) == []
    delete(shop, "sales", "sale_id = 100")
    shop.run()
    assert compared(shop) == ["sales"]
    shop.run()
    assert compared(shop) == []


def compared(retail: Retail) -> list[str]:
    """Return the entities whose keys the last batch read, and empty those landing tables."""
    found = []
    for name in retail.area.entities:
        table = f'landing."{name}.keys"'
        if retail.warehouse.rows("mrr", "select to_regclass(%s)::text", [table]) != [(None,)]:
            found += [name] * (retail.warehouse.execute("mrr", f"delete from {table}") > 0)
    return found


def test_the_first_batch_reads_no_keys(retail: Retail):
    retail.run()
    assert compared(retail) == []


def test_a_row_is_deleted_once(shop: Retail):
    deleted = "select sale_id, _deleted_at from mrr_fact_sales where _deleted_at is not null"
    delete(shop, "sales", "sale_id = 100")
    shop.run()
    first = shop.warehouse.rows("mrr", deleted)
    delete(shop, "sales", "sale_id = 101")

    result = shop.run()

    assert result.hops[0].entities["sales"].deleted == 1
    assert shop.warehouse.rows("mrr", f"{deleted} and sale_id = 100") == first


SETBACKS = {
    "truncated and filled again": """
        create temp table kept as select * from sales where sale_id <> 100;
        truncate sales;
        insert into sales select * from kept;
        select pg_stat_force_next_flush()
    """,
    "table restored": """
        create table restored (like sales including all);
        insert into restored select * from sales where sale_id <> 100;
        drop table sales;
        alter table restored rename to sales;
        grant select on sales to tidemark_etl
    """,
}


@pytest.mark.parametrize("setback", SETBACKS)
def test_a_delete_is_found_after_a_setback_of_the_source(shop: Retail, setback: str):
    """Each leaves the count of deleted rows at the zero that it was at."""
    shop.run()
    with shop.warehouse.connect("operational") as source:
        for statement in SETBACKS[setback].split(";"):
            execute(source, statement)
    shop.run()
    assert (100,) not in shop.warehouse.rows("dwh", SALES)


@pytest.mark.parametrize(
    "reset", ["pg_stat_reset()", "pg_stat_reset_single_table_counters('sales'::regclass)"]
)
def test_a_delete_is_found_after_the_counts_were_reset(shop: Retail, reset: str):
    """As a crash of the server resets them too: nothing was deleted before, and nothing is now."""
    shop.run()
    delete(shop, "sales", "sale_id = 100")
    shop.warehouse.execute("operational", f"select {reset}")
    counted = "select pg_stat_get_tuples_deleted('sales'::regclass)"
    assert shop.warehouse.rows("operational", counted) == [(0,)]
    shop.run()
    assert (100,) not in shop.warehouse.rows("dwh", SALES)


def partitioned(retail: Retail) -> None:
    retail.warehouse.execute(
        "operational",
        """
        alter table sales rename to old_sales;
        create table sales (like old_sales including defaults, primary key (sale_id))
            partition by range (sale_id);
        create table low_sales partition of sales for values from (0) to (100)
            partition by range (sale_id);
        create table lowest_sales partition of low_sales for values from (0) to (100);
        create table high_sales partition of sales for values from (100) to (maxvalue);
        insert into sales select * from old_sales;
        grant select on sales to tidemark_etl
        """,
    )


def materialized(retail: Retail) -> None:
    retail.warehouse.execute(
        "operational",
        """
        alter table sales rename to sold;
        create materialized view sales as select * from sold;
        create unique index on sales (sale_id);
        grant select on sales to tidemark_etl
        """,
    )


@pytest.mark.parametrize("condition", ["sale_id = 100", "sale_id = 1"])
def test_a_partition_of_a_partition_counts_too(shop: Retail, condition: str):
    partitioned(shop)
    shop.run()
    compared(shop)
    shop.run()
    assert compared(shop) == []
    delete(shop, "sales", condition)
    shop.run()
    assert len(shop.warehouse.rows("dwh", SALES)) == 23


def test_a_dropped_partition_is_a_delete(shop: Retail):
    partitioned(shop)
    shop.run()
    shop.warehouse.execute("operational", "drop table low_sales")
    shop.run()
    assert shop.warehouse.rows("dwh", SALES)[:1] == [(100,)]


def test_what_counts_nothing_is_compared_in_each_batch(shop: Retail):
    materialized(shop)
    shop.run()
    compared(shop)
    shop.run()
    assert compared(shop) == ["sales"]
    traces = "select entity from tidemark.delete_trace order by 1"
    assert shop.warehouse.rows("mrr", traces) == [("customers",), ("products",)]
    delete(shop, "sold", "sale_id = 100")
    shop.warehouse.execute("operational", "refresh materialized view sales")
    shop.run()
    assert (100,) not in shop.warehouse.rows("dwh", SALES)


def test_deletes_that_nobody_counted_are_found_when_counting_begins_again(shop: Retail):
    """What was known before is forgotten, since the counts are as they were."""
    counting = "alter database tidemark_test set track_counts = {}"
    shop.run()
    shop.warehouse.execute("operational", counting.format("off"))
    shop.servers.close()
    shop.run()
    assert compared(shop) == ["customers", "products", "sales"]
    delete(shop, "sales", "sale_id = 100")
    shop.warehouse.execute("operational", counting.format("on"))
    shop.servers.close()

    shop.run()

    assert (100,) not in shop.warehouse.rows("dwh", SALES)


def test_a_refreshed_entity_is_compared(shop: Retail):
    shop.run()
    compared(shop)
    shop.run(overrides=Overrides(refresh=frozenset(["sales"])))
    assert compared(shop) == ["sales"]


def test_a_deleted_row_whose_key_cleansing_changed_is_no_reject(shop: Retail):
    shop.warehouse.execute("stg", "delete from stg_fact_sales where sale_id = 100")
    delete(shop, "sales", "sale_id = 100")
    result = shop.run()
    assert [hop.entities["sales"].rejected for hop in result.hops] == [0, 0, 0]


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


def test_all_rows_are_too_many_whatever_the_ratio(shop: Retail):
    delete(shop, "sales", "true")
    with pytest.raises(DeleteGuardError, match=r"24 of 24 rows .* 100% of them, and never all"):
        shop.run(**shop.entity("sales", max_delete_ratio=1))


def test_as_many_as_the_ratio_may_go_and_the_deleted_do_not_count(shop: Retail):
    delete(shop, "sales", "sale_id > 115")  # 4 of 24
    shop.run(**shop.entity("sales", max_delete_ratio=4 / 24))
    delete(shop, "sales", "sale_id > 111")  # 4 of 20: of all 24 that the mirror has it is less

    with pytest.raises(DeleteGuardError, match="4 of 20 rows"):
        shop.run(**shop.entity("sales", max_delete_ratio=0.19))
    shop.run(**shop.entity("sales", max_delete_ratio=0.2))

    assert len(shop.warehouse.rows("dwh", SALES)) == 16


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
        delete(shop, "sales", wanted)
        batch = shop.begin()
        extract.run(shop.servers, area, batch, PostgresSource(shop.servers))
        stage.run(shop.servers, area, batch)

    shop.run(**soft)

    assert len(shop.warehouse.rows("dwh", SALES)) == 24


def test_facts_can_be_kept_and_flagged(shop: Retail):
    soft = flagged_facts(shop)
    shop.run(**soft)
    delete(shop, "sales", "sale_id = 100")

    shop.run(**soft)

    flagged = "select original_sale_id from dwh_fact_sales where is_deleted"
    assert shop.warehouse.rows("dwh", flagged) == [(100,)]
    assert len(shop.warehouse.rows("dwh", SALES)) == 24
    shop.add("sales", 100)
    shop.run(**soft)
    assert shop.warehouse.rows("dwh", flagged) == []
