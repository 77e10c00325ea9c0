"""Batches of files, derived rows and aggregates that are killed between any two statements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sql.commerce.sample.drops import COLUMNS
from tests.fix_files import Dropped, csv_text, of_the_house
from tests.killing import kill
from tidemark.model import HOPS, ServerName

pytestmark = pytest.mark.timeout(900)

Day = dict[str, list[tuple[object, ...]]]

FIRST: Day = {
    "customers": [
        ("C1", "Ada", "Byron", "ada@example.com", "", "Paris", "", "France", "Retail"),
        ("C2", "Bea", "Potter", "bea@example.com", "", "London", "", "UK", "SME"),
    ],
    "products": [("P1", "Lamp", "Home", "Light", "Lux", "10.00", "ACTIVE")],
    "orders": [
        ("O1", "C1", "2025-01-01", "WEB", "20.00", "PLACED"),
        ("O2", "C2", "2025-01-02", "WEB", "10.00", "PLACED"),
        ("O3", "C2", "2025-01-02", "WEB", "-1", "PLACED"),
        ("O4", "C2", "2025-01-02", "WEB"),
    ],
    "order_lines": [
        ("L1", "O1", "P1", "2", "10.00", "0"),
        ("L2", "O2", "P1", "1", "10.00", "0"),
        ("L3", "O3", "P2", "1", "5.00", "0"),
        (None, "O1", "P1", "2", "10.00", "0"),
    ],
    "payments": [("Y1", "O1", "2025-01-02", "CARD", "SUCCESS", "20.00")],
}
SECOND: Day = {
    "customers": [("C1", "Ada", "Byron", "ada@example.com", "", "Nice", "", "France", "SME")],
    "products": [("P1", "Lamp", "Light", "Light", "Lux", "12.00", "ACTIVE")],
    "orders": [
        ("O1", "C1", "2025-01-01", "WEB", "20.00", "SHIPPED"),
        ("O2", "C2", "2025-01-02", "WEB", "10.00", "CANCELLED"),
        ("O3", "C2", "2025-01-03", "WEB", "5.00", "PLACED"),
        ("O5", "C3", "2025-01-03", "STORE", "36.00", "PLACED"),
        ("O6", "C3", "2025-01-03", "STORE", "?", "PLACED"),
    ],
    "order_lines": [("L4", "O5", "P1", "3", "12.00", "0"), ("L5", "O5")],
    "payments": [("Y2", "O3", "2025-01-03", "CASH", "FAILED", "5.00")],
}
SOLD = """
    select order_date::text, total_sales, total_orders
    from commerce.sales_summary_daily order by 1
"""
WIDE = """
    select order_line_id, order_date::text, order_status, net_amount, product_id, category,
        customer_id, city, payment_status
    from commerce.reporting_sales_wide order by 1
"""
REJECTS = """
    select entity, reasons[cardinality(reasons)], resolved_at is null
    from stg_rejects order by 1, 2
"""


@pytest.fixture
def commerce(platforms: dict[ServerName, str], tmp_path: Path) -> Iterator[Dropped]:
    """The area, migrated; nothing is dropped yet."""
    with of_the_house(platforms, tmp_path / "killed", "commerce") as made:
        yield Dropped(*made)


def drop(area: Dropped, date: str, day: Day) -> None:
    for kind, rows in day.items():
        text = csv_text(*rows, header=",".join(COLUMNS[kind]))
        area.drop(f"commerce/{kind}/{date}/{kind}.csv", text)


def test_a_batch_that_is_killed_leaves_nothing_or_all_of_it(commerce: Dropped):
    drop(commerce, "2025-01-02", FIRST)
    for hop in HOPS:
        kill(commerce, hop, 1, 4)
    drop(commerce, "2025-01-03", SECOND)
    kill(commerce, "extract", 3, 4)
    kill(commerce, "stage", 2)
    kill(commerce, "publish", 3)
    rows = commerce.warehouse.rows
    assert rows("dwh", SOLD) == [("2025-01-01", 20, 1), ("2025-01-03", 36, 1)]
    assert rows("dwh", WIDE) == [
        ("L1", "2025-01-01", "SHIPPED", 20, "P1", "Home", "C1", "Paris", "SUCCESS"),
        ("L2", "2025-01-02", "CANCELLED", 10, "P1", "Home", "C2", "London", None),
        ("L3", "2025-01-03", "PLACED", 5, "P2", None, "C2", "London", "FAILED"),
        ("L4", "2025-01-03", "PLACED", 36, "P1", "Light", "C3", None, None),
    ]
    assert rows("stg", REJECTS) == [
        ("order_lines", "2 fields, where 6 are expected", True),
        ("order_lines", "key is null: order_line_id", True),
        ("orders", "4 fields, where 6 are expected", True),
        ("orders", "total_amount is negative", False),
        ("orders", "total_amount is not an amount", True),
        ("placed_lines", "the order is missing", False),
    ]
    assert commerce.differences() == []
