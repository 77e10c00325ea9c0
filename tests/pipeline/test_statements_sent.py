"""How much a batch asks of its servers, as a number that no machine's speed changes."""

from typing import Any

from tests import counting
from tests.fix_areas import Dimension, Fact, Made, Make
from tests.fix_retail import Retail
from tests.fix_servers import Warehouse
from tidemark.model import LAYERS
from tidemark.postgres.db import Row

THING = {"id": "integer", "name": "text", "updated_at": "timestamp with time zone"}
EVENT = {**THING, "at": "timestamp with time zone"}
OPENED = "2025-01-01 12:00Z"
CHANGES: dict[str, dict[str, Any]] = {
    "customers": {"city": "Bonn"},
    "products": {"product_group": "c"},
    "sales": {"quantity": 9},
}

IDLE = 20
"""Messages of a batch that finds nothing, however many entities there are."""
ONE_ROW = 60
"""Messages of a batch that finds one changed row."""


def dimension(number: int) -> Dimension:
    return Dimension(
        THING,
        ("id",),
        entity=f"things_{number}",
        source=("public", f"things_{number}"),
        mrr=f"mrr_things_{number}",
        stg=f"stg_things_{number}",
        table=f"dim_things_{number}",
        settings={"deleted_when": "name is null"},
    )


def fact(number: int) -> Fact:
    return Fact(
        EVENT,
        ("id",),
        "at",
        entity=f"events_{number}",
        source=("public", f"events_{number}"),
        mrr=f"mrr_events_{number}",
        stg=f"stg_events_{number}",
        table=f"fact_events_{number}",
        settings={"extract": "delta", "watermark": "updated_at"},
    )


def opened(made: Make, dimensions: int, facts: int) -> Made:
    """Make an area whose entities have a row each, and load it."""
    things = [dimension(number) for number in range(dimensions)]
    events = [fact(number) for number in range(facts)]
    shop = made(*things, *events)
    for thing in things:
        shop.put(thing, (1, "first", OPENED))
    for event in events:
        shop.put(event, (1, "first", OPENED, OPENED))
    shop.run()
    shop.run()
    return shop


def tables(warehouse: Warehouse) -> list[Row]:
    """Return which tables and indexes there are in each layer, and the file of each."""
    query = "select relname, oid, relfilenode from pg_class where oid >= 16384 order by oid"
    return [(layer, *row) for layer in LAYERS for row in warehouse.rows(layer, query)]


def test_a_batch_asks_little_however_many_entities_there_are(made: Make):
    many = opened(made, 26, 14)

    idle = counting.run(many.servers, many.area)
    many.change(dimension(0), "name = 'second', updated_at = now()")
    one_row = counting.run(many.servers, many.area)

    assert idle.total <= IDLE, counting.listed(idle.statements)
    assert one_row.total <= ONE_ROW, counting.listed(one_row.statements)
    assert one_row.ddl == []


def test_one_changed_row_of_the_shop_asks_little_and_defines_no_table(retail: Retail):
    for city, group, quantity in (("Oslo", "a", 7), ("Rome", "b", 8)):
        retail.run()
        retail.change("customers", 1, city=city)
        retail.change("products", 1, product_group=group)
        retail.change("sales", 1, quantity=quantity)
    retail.run()
    before = tables(retail.warehouse)

    for table, change in CHANGES.items():
        retail.change(table, 1, **change)
        sent = counting.run(retail.servers, retail.area)
        assert sent.total <= ONE_ROW, counting.listed(sent.statements)
        assert sent.ddl == []
    assert counting.run(retail.servers, retail.area).total <= IDLE
    assert tables(retail.warehouse) == before
