"""Time the grains of retail's aggregates that a delta touches, beside all of them.

It also times a publish with the aggregates, and one of the same delta without them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from benchmarks import rig
from benchmarks.rig import Rig, Size
from tidemark.model import LAYERS

REPEATS = 3
NEW = """
insert into sales (customer_id, product_id, quantity, unit_price, discount, status,
    transaction_timestamp)
select 1 + n % {customers}, 1 + n % {products}, 1 + n % 8, 5 + n % 495, 0.05, 'completed',
    now() - interval '7 days' * (1 - n::float8 / {new})
from generate_series(1, {new}) as n
"""
AMENDED = """
update sales set quantity = quantity + 1
where sale_id in (select n * ({rows} / {amended}) - 7 from generate_series(1, {amended}) as n)
"""
DELTAS = {
    "1 % new, of the last week": 0,
    "and 5 of long ago amended": 5,
    "and 0.1 % amended, of all days": None,
}
"""What a delta is -> how many sales it amends; None: a thousandth."""


@dataclass(frozen=True, slots=True)
class Summed:
    """An aggregate, and the SELECT that a person would write for all of it."""

    table: str
    is_touched: str
    whole: str


AGGREGATES = (
    Summed(
        "agg_sales_daily",
        "a.sale_date = t.sale_date",
        """select transaction_date, count(*), sum(quantity), sum(net_amount),
            round(avg(net_amount), 2) from vw_sales group by 1""",
    ),
    Summed(
        "agg_sales_monthly",
        "a.sales_month = t.sales_month and a.product_group is not distinct from t.product_group",
        """select date_trunc('month', transaction_date::timestamp)::date, product_group, count(*),
            sum(quantity), sum(net_amount) from vw_sales group by 1, 2""",
    ),
)


def main() -> None:
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks/aggregates", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="facts before the deltas")
    rows = parser.parse_args().rows
    size = Size(rows // 50, rows // 1000, rows)
    with tempfile.TemporaryDirectory(prefix="tidemark-grains-") as folder, rig.rig(size) as made:
        home = _without_aggregates(Path(folder))
        took = made.run_batch()[0].seconds
        _say(f"{rows:,} sales loaded in {took:.0f} s, {_megabytes(made)} MB of disk")
        for layer in LAYERS:
            rig.psql(made.dsns[layer], "-c", "vacuum analyze")
        maintenance = urlsplit(made.dsns["dwh"])._replace(path="/postgres").geturl()
        rig.psql(maintenance, "-c", "create database plain template dwh")
        rig.show("| delta | aggregate | grains touched | s | all, s | ratio | goal |")
        rig.show("|---|---|---:|---:|---:|---:|---:|")
        published = [_delta(made, home, what, amended) for what, amended in DELTAS.items()]
        rig.show("\n| delta | publish, s | without aggregates, s | added |\n|---|---:|---:|---:|")
        for row in published:
            rig.show(row)
        _say(f"{_megabytes(made)} MB of disk at the end")


def _delta(made: Rig, home: Path, what: str, amended: int | None) -> str:
    """Play a delta, and publish it with aggregates and without; returns a row about that."""
    told = {
        "customers": made.size.customers,
        "products": made.size.products,
        "rows": made.size.sales,
        "new": made.size.sales // 100,
        "amended": made.size.sales // 1000 if amended is None else amended,
    }
    rig.psql(made.dsns["operational"], "-c", NEW.format(**told))
    if amended != 0:
        rig.psql(made.dsns["operational"], "-c", AMENDED.format(**told))
    rig.psql(made.dsns["operational"], "-c", "select pg_sleep(1.5)")
    for hop in ("extract", "stage"):
        _hop(hop, made.environment)
    made.settle()
    plain = urlsplit(made.dsns["dwh"])._replace(path="/plain").geturl()
    elsewhere = {"TIDEMARK_DWH_DSN": plain, "TIDEMARK_HOME": str(home)}
    without = _hop("publish", {**made.environment, **elsewhere})
    made.settle()
    with_them = _hop("publish", made.environment)
    for one in AGGREGATES:
        _show(made.dsns["dwh"], what, one)
    return f"| {what} | {with_them:.1f} | {without:.1f} | {with_them - without:.1f} |"


def _show(dwh: str, what: str, one: Summed) -> None:
    """Print how long the touched grains take, and all."""
    touched, computed = (f'landing."{one.table}.{part}"' for part in ("touched", "computed"))
    refresh = (
        f"delete from {one.table} as a using {touched} as t where {one.is_touched}; "
        f"insert into {one.table} select * from {computed}"
    )
    whole = f"delete from {one.table}; insert into {one.table} {one.whole}"
    count = rig.psql(dwh, "-c", f"select count(*) from {touched}")
    some, every = (_seconds(dwh, text) for text in (refresh, whole))
    rig.show(
        f"| {what} | {one.table} | {count} | {some:.3f} | {every:.3f} | {every / some:.1f} | ≥ 10 |"
    )


def _seconds(dsn: str, statements: str) -> float:
    """Return the median of some runs; what they do is rolled back."""
    clock = "select extract(epoch from clock_timestamp())"
    took = []
    for _ in range(REPEATS):
        said = rig.psql(dsn, "-c", "begin", "-c", clock, "-c", statements, "-c", clock)
        start, end = map(float, said.splitlines())
        took.append(end - start)
    return statistics.median(took)


def _hop(hop: str, environment: Mapping[str, str]) -> float:
    """Run a hop in a process of its own, and return the seconds that it took."""
    command = [sys.executable, "-m", "benchmarks.batch", "retail", hop]
    return float(json.loads(rig.measure(command, environment).output)["seconds"])


def _without_aggregates(home: Path) -> Path:
    """Copy the project with retail alone, and without its aggregates."""
    for area in ("platform", "retail"):
        shutil.copytree(rig.HERE.parent / "sql" / area, home / "sql" / area)
    shutil.copy(rig.HERE.parent / "sql" / "project.yml", home / "sql")
    path = home / "sql" / "retail" / "area.yml"
    declared = yaml.safe_load(path.read_text("utf-8"))
    del declared["aggregates"]
    path.write_text(yaml.safe_dump(declared), "utf-8")
    return home


def _megabytes(made: Rig) -> int:
    """Return what the databases of all servers hold."""
    query = "select sum(pg_database_size(datname)) / 1000000 from pg_database"
    return sum(int(float(rig.psql(dsn, "-c", query))) for dsn in made.dsns.values())


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    main()
