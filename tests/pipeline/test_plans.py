"""A source that shows one row per key makes plans, and cancels or moves them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.batch import pipeline
from tidemark.trust import verify
from tidemark.trust.compare import Compared

PRICES = Dimension(
    {
        "id": "integer",
        "price": "integer",
        "note": "text",
        "valid_at": "timestamptz",
        "updated_at": "timestamptz",
    },
    key=("id",),
    type1=("note",),
    effective="valid_at",
    settings={"deletes": "detect", "max_delete_ratio": 1.0},
)
ORDERS = Fact(
    {"number": "integer", "id": "integer", "at": "timestamptz"},
    key=("number",),
    event_time="at",
    dimensions={"thing_key": "things"},
)
VERSIONS = """
    select price, valid_from::date::text, valid_to::date::text, is_current
    from dim_things where id = 1 order by valid_from
"""
POINTS = "select number, price from fact_events join dim_things using (thing_key) order by 1"
STEPS = {
    "cancelled": ([(10, "2025-01-01")], [(10, "1900-01-01", "9999-12-31", True)]),
    "moved": (
        [(20, "2041-01-01"), (25, "2041-01-01")],
        [(10, "1900-01-01", "2041-01-01", False), (25, "2041-01-01", "9999-12-31", True)],
    ),
    "replaced by a late one": (
        [(15, "2025-03-01")],
        [(10, "1900-01-01", "2025-03-01", False), (15, "2025-03-01", "9999-12-31", True)],
    ),
}


def say(made: Made, price: int, valid_at: str) -> None:
    changed = "price = %s, valid_at = %s, updated_at = clock_timestamp()"
    made.change(PRICES, changed, [price, valid_at], "id = 1")


def opened(made: Make) -> Made:
    """Make a price of 10, a plan of 20 for 2040, and orders of both times."""
    area = made(PRICES, ORDERS)
    area.put(PRICES, *((number, 10, "", "2025-01-01Z", "now") for number in (1, 2)))
    area.put(ORDERS, (1, 1, "2025-02-01Z"), (2, 1, "2045-01-01Z"))
    area.run()
    say(area, 20, "2040-01-01Z")
    area.run()
    return area


def compared(area: Made) -> Compared:
    checks = verify.run(area.servers, area.area).checks
    return next(c.compared for c in checks if (c.hop, c.entity) == ("publish", "things"))


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("is_one_publish", [False, True], ids=["one by one", "at once"])
def test_a_plan_that_the_source_no_longer_shows_is_withdrawn(
    made: Make, step: str, is_one_publish: bool
):
    area = opened(made)
    said, expected = STEPS[step]
    for price, valid_at in said:
        say(area, price, f"{valid_at}Z")
        batch = pipeline.begin(area.servers, area.area)
        for hop in ("extract", "stage") if is_one_publish else ("extract", "stage", "publish"):
            pipeline.run_hop(area.servers, area.area, hop, batch)
    area.run()
    last = expected[-1][0]
    assert area.warehouse.rows("dwh", VERSIONS) == expected
    first = 10
    assert area.warehouse.rows("dwh", POINTS) == [(1, first), (2, last)]
    assert area.differences() == []
    assert area.run().changed == 0


def test_a_row_that_is_gone_takes_its_plan_along(made: Make):
    area = opened(made)
    area.delete(PRICES, "id = %s", [1])
    area.run()
    [(price, begins, ends, is_current)] = area.warehouse.rows("dwh", VERSIONS)
    assert (price, begins, is_current) == (10, "1900-01-01", False)
    assert ends < "2040-01-01"
    assert area.warehouse.rows("dwh", POINTS) == [(1, 10), (2, 10)]
    assert area.differences() == []


def test_what_verify_excuses_is_counted(made: Make):
    area = opened(made)
    assert (compared(area).excused, compared(area).differences) == (0, [])
    say(area, 10, "2025-01-01Z")
    area.run()
    say(area, 15, "2025-03-01Z")
    area.run()
    say(area, 12, "2025-02-15Z")
    area.run()
    late: list[tuple[Any, ...]] = [
        (10, "1900-01-01", "2025-02-15", False),
        (12, "2025-02-15", "2025-03-01", False),
        (15, "2025-03-01", "9999-12-31", True),
    ]
    assert area.warehouse.rows("dwh", VERSIONS) == late
    assert (compared(area).excused, compared(area).differences) == (1, [])
