"""How much a batch asks of its servers, as a number that no machine's speed changes."""

from tests import counting
from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.model import LAYERS
from tidemark.postgres.db import Row

THING = {"id": "integer", "name": "text", "updated_at": "timestamp with time zone"}
EVENT = {**THING, "at": "timestamp with time zone"}
OPENED = "2025-01-01 12:00Z"

IDLE = 20
"""Statements of a batch that finds nothing, however many entities there are."""
ONE_ROW = 93
"""Statements of a batch that finds one changed row."""


def dimension(number: int) -> Dimension:
    return Dimension(
        THING,
        ("id",),
        entity=f"things_{number}",
        source=("public", f"things_{number}"),
        mrr=f"mrr_things_{number}",
        stg=f"stg_things_{number}",
        table=f"dim_things_{number}",
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


def tables(shop: Made) -> list[Row]:
    """Return which tables and indexes there are in each layer, and the file of each."""
    query = "select relname, oid, relfilenode from pg_class where oid >= 16384 order by oid"
    return [(layer, *row) for layer in LAYERS for row in shop.warehouse.rows(layer, query)]


def test_a_batch_asks_little_however_many_entities_there_are(made: Make):
    many = opened(made, 26, 14)

    idle = counting.run(many.servers, many.area)
    many.change(dimension(0), "name = 'second', updated_at = now()")
    one_row = counting.run(many.servers, many.area)

    assert idle.total <= IDLE, counting.listed(idle.statements)
    assert one_row.total <= ONE_ROW, counting.listed(one_row.statements)


def test_a_changed_row_defines_no_table_and_empties_none_as_a_whole(made: Make):
    shop = opened(made, 1, 1)
    shop.change(dimension(0), "name = 'second', updated_at = now()")
    shop.run()
    before = tables(shop)
    shop.change(dimension(0), "name = 'third', updated_at = now()")
    shop.run()

    assert tables(shop) == before
