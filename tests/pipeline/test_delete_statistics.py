"""Keys are compared when the source may have deleted rows, and only then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fix_retail import Retail
from tests.queries import execute
from tidemark.model import Overrides

SALES = "select original_sale_id from dwh_fact_sales order by 1"


@pytest.fixture
def shop(large_shop: Retail) -> Retail:
    return large_shop


def test_keys_are_compared_only_when_something_was_deleted(shop: Retail):
    shop.change("sales", 100, quantity=2)
    shop.run()
    assert compared(shop) == []
    shop.delete("sales", "sale_id = 100")
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
    shop.delete("sales", "sale_id = 100")
    shop.run()
    first = shop.warehouse.rows("mrr", deleted)
    shop.delete("sales", "sale_id = 101")

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


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("setback", SETBACKS)
def test_a_delete_is_found_after_a_setback_of_the_source(shop: Retail, setback: str):
    """Each leaves the count of deleted rows at the zero that it was at."""
    shop.run()
    with shop.warehouse.connect("operational") as source:
        for statement in SETBACKS[setback].split(";"):
            execute(source, statement)
    shop.run()
    assert (100,) not in shop.warehouse.rows("dwh", SALES)


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    "reset", ["pg_stat_reset()", "pg_stat_reset_single_table_counters('sales'::regclass)"]
)
def test_a_delete_is_found_after_the_counts_were_reset(shop: Retail, reset: str):
    """As a crash of the server resets them too: nothing was deleted before, and nothing is now."""
    shop.run()
    shop.delete("sales", "sale_id = 100")
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


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("condition", ["sale_id = 100", "sale_id = 1"])
def test_a_partition_of_a_partition_counts_too(shop: Retail, condition: str):
    partitioned(shop)
    shop.run()
    compared(shop)
    shop.run()
    assert compared(shop) == []
    shop.delete("sales", condition)
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
    refreshed = shop.entity("sales", settle=timedelta(0))  # No bound is safe there.
    shop.run(**refreshed)
    compared(shop)
    shop.run(**refreshed)
    assert compared(shop) == ["sales"]
    found = "select entity, position ->> 'deletes' is null from tidemark.source_position order by 1"
    assert shop.warehouse.rows("mrr", found) == [
        ("customers", False),
        ("products", False),
        ("sales", True),
    ]
    shop.delete("sold", "sale_id = 100")
    shop.warehouse.execute("operational", "refresh materialized view sales")
    shop.run(**refreshed)
    assert (100,) not in shop.warehouse.rows("dwh", SALES)


def test_deletes_that_nobody_counted_are_found_when_counting_begins_again(shop: Retail):
    """What was known before is forgotten, since the counts are as they were."""
    counting = "alter database tidemark_test set track_counts = {}"
    shop.run()
    shop.warehouse.execute("operational", counting.format("off"))
    shop.servers.close()
    shop.run()
    assert compared(shop) == ["customers", "products", "sales"]
    shop.delete("sales", "sale_id = 100")
    shop.warehouse.execute("operational", counting.format("on"))
    shop.servers.close()

    shop.run()

    assert (100,) not in shop.warehouse.rows("dwh", SALES)


def test_a_refreshed_entity_is_compared(shop: Retail):
    shop.run()
    compared(shop)
    shop.run(overrides=Overrides(refresh=frozenset(["sales"])))
    assert compared(shop) == ["sales"]
