"""The aggregate of docs/aggregates.md is made as the page says, and filled."""

from __future__ import annotations

import re

import yaml

from tests.fix_aggregates import declare
from tests.fix_areas import Dimension, Fact, Make
from tests.fix_servers import HOME

PAGE = (HOME / "docs" / "aggregates.md").read_text("utf-8")
PRODUCTS = Dimension(
    {"id": "int", "product_group": "text", "updated_at": "timestamptz"},
    ("id",),
    entity="products",
    table="dwh_dim_products",
    surrogate="product_key",
)
SALES = Fact(
    {
        "no": "int", "id": "int", "net_amount": "numeric", "transaction_date": "date",
        "at": "timestamptz",
    },
    ("no",),
    "at",
    dimensions={"product_key": "products"},
    entity="sales",
    table="dwh_fact_sales",
)  # fmt: skip


def test_the_aggregate_of_the_page_runs(made: Make) -> None:
    declared, select = re.findall(r"```(?:yaml|sql)\n(.*?)```", PAGE, re.DOTALL)
    aggregates = yaml.safe_load(declared)["aggregates"]
    (name,) = aggregates
    assert f"`sql/<area>/dwh/aggregates/{name}.sql`" in PAGE
    area = declare(made(PRODUCTS, SALES), aggregates, {name: select})
    area.put(PRODUCTS, (1, "Toys", "2025-01-01Z"), (2, None, "2025-01-01Z"))
    days = {1: (1, "2025-01-01"), 2: (1, "2025-01-31"), 3: (2, "2025-01-31"), 4: (1, "2025-02-01")}
    area.put(SALES, *((no, id_, no, day, f"{day} 12:00Z") for no, (id_, day) in days.items()))
    area.run()
    rows = f"select sales_month::text, product_group, sales, revenue from {name} order by 1, 2"
    assert area.warehouse.rows("dwh", rows) == [
        ("2025-01-01", "Toys", 2, 3), ("2025-01-01", None, 1, 3), ("2025-02-01", "Toys", 1, 4)
    ]  # fmt: skip
    assert area.differences() == []
