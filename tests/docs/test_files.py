"""The area of docs/files.md is made as the page says, and fed."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
import yaml

from tests.commands import tidemark
from tests.fix_files import csv_text, written
from tests.fix_servers import HOME, Warehouse, new_databases
from tidemark.declare.reading import Files, FilesOfEntity
from tidemark.model import ServerName

PAGE = (HOME / "docs" / "files.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def test_the_area_of_the_page_runs(platforms: dict[ServerName, str], tmp_path: Path) -> None:
    area = next(text for kind, text in BLOCKS if kind == "yaml")
    folder = tmp_path / "sql" / "shop"
    written(folder / "area.yml", area)
    for path, text in zip(
        ("stg/views/clean_customers.sql", "stg/views/clean_orders.sql", "dwh/01_create_schema.sql"),
        [text for kind, text in BLOCKS if kind == "sql"],
        strict=True,
    ):
        written(folder / path, text)
    drops = tmp_path / "drops" / "shop"
    header = "customer_id,name,segment"
    written(drops / "customers/2025-01-01.csv", csv_text(("c1", "Ann", "Retail"), header=header))
    written(drops / "customers/2025-01-02.csv", csv_text(("c1", "Ann", "Corporate"), header=header))
    orders = [("o1", "c1", "2025-01-01T12:00Z", "9.50"), ("o2", "c1", "2025-01-02T12:00Z", "none")]
    text = csv_text(*orders, header="order_id,customer_id,ordered_at,amount")
    written(drops / "orders/2025-01-02/1.csv.gz", gzip.compress(text.encode()))
    commands = next(text for kind, text in BLOCKS if kind == "bash")
    with new_databases(platforms, "page") as databases:
        warehouse = Warehouse(databases)
        env = {k: v for k, v in warehouse.environment.items() if "OPERATIONAL" not in k}
        for line in [*commands.splitlines(), "tidemark verify shop"]:
            done = tidemark(*line.split()[1:], env={**env, "TIDEMARK_HOME": str(tmp_path)})
            assert done.code == 0, done
        facts = """
            select f.order_id, d.segment, f.amount::float8
            from shop.fact_orders as f inner join shop.dim_customers as d using (customers_key)
        """
        assert warehouse.rows("dwh", facts) == [("o1", "Retail", 9.5)]
        reasons = "select reasons from stg_rejects"
        assert warehouse.rows("stg", reasons) == [(["amount is no number"],)]
        warehouse.close()


def test_every_key_of_files_is_on_the_page() -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {*Files.model_fields, *FilesOfEntity.model_fields}


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "yaml"])
def test_a_block_of_yaml_can_be_read(text: str) -> None:
    assert yaml.safe_load(text)
