"""Time the grains that a hundredth of the facts touches, beside the same aggregate as a whole."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks import rig
from tests.fix_areas import Fact, write
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.model import LAYERS
from tidemark.postgres.sessions import Servers

REPEATS = 5
SALES = Fact(
    {"no": "int", "product": "int", "amount": "numeric", "at": "timestamptz"},
    ("no",),
    "at",
    entity="sales",
)
MONTH = "date_trunc('month', {}.at at time zone 'UTC')"
BY_PRODUCT = f"""
select g.month, g.product, count(*) as sales, sum(s.amount) as amount
from {{touched}} as g
inner join fact_events as s on g.month = {MONTH.format("s")} and g.product = s.product
where
    s.at >= (select min(t.month) at time zone 'UTC' from {{touched}} as t)
    and s.at < (select (max(t.month) + interval '1 month') at time zone 'UTC' from {{touched}} as t)
group by g.month, g.product
"""
FILL = """
insert into events
select n, n % 50, n % 997, timestamptz '2023-01-01Z' + n * interval '1 day' * 730 / {rows}
from generate_series({first}, {last}) as n
"""
TOUCHED = """
begin;
delete from by_product as a
using landing."by_product.touched" as t
where a.month = t.month and a.product = t.product;
insert into by_product (month, product, sales, amount)
select month, product, sales, amount from landing."by_product.computed";
rollback
"""
WHOLE = f"""
begin;
delete from by_product;
insert into by_product (month, product, sales, amount)
select {MONTH.format("s")}, s.product, count(*), sum(s.amount) from fact_events as s group by 1, 2;
rollback
"""


def main() -> None:
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks/aggregates", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="facts before the delta")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="tidemark-grains-") as folder, rig.started() as dsns:
        home = Path(folder)
        _write(home)
        project = Project(home)
        with Servers(dsns) as servers:
            migrate.migrate(project, servers)
            area = project.area("made")
            for first, last in ((1, rows), (rows + 1, rows + rows // 100)):
                rig.psql(dsns["operational"], "-c", FILL.format(rows=rows, first=first, last=last))
                pipeline.run(servers, area)
                for layer in LAYERS:
                    rig.psql(dsns[layer], "-c", "vacuum analyze")
        touched, whole = (_seconds(dsns["dwh"], text) for text in (TOUCHED, WHOLE))
    rig.show(
        f"{rows:,} facts and 1 % more: touched grains {touched:.3f} s, "
        f"all grains {whole:.3f} s, ratio {whole / touched:.1f} (goal ≥ 10)"
    )


def _write(home: Path) -> None:
    write(home, SALES)
    folder = home / "sql" / "made"
    grain = {"month": MONTH.format("sales"), "product": "sales.product"}
    path = folder / "area.yml"
    declared = yaml.safe_load(path.read_text("utf-8"))
    declared["aggregates"] = {"by_product": {"grain": {"sales": grain}}}
    path.write_text(yaml.safe_dump(declared), "utf-8")
    select = folder / "dwh" / "aggregates" / "by_product.sql"
    select.parent.mkdir()
    select.write_text(BY_PRODUCT, "utf-8")
    (home / "sql" / "project.yml").write_text("{}", "utf-8")
    (home / "sql" / "platform").symlink_to(rig.HERE.parent / "sql" / "platform")


def _seconds(dsn: str, statements: str) -> float:
    """Return the median of some runs, with the start of psql; what they do is rolled back."""
    took = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        rig.psql(dsn, "-c", statements)
        took.append(time.perf_counter() - start)
    return statistics.median(took)


if __name__ == "__main__":
    main()
