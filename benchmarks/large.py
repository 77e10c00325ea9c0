"""Load many rows once, and then days of sizes that do not depend on it: time, memory, disk."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import product

from benchmarks.rig import SETTLE_SECONDS, Rig, Size, psql, rig, show
from tidemark.model import LAYERS


def main() -> None:
    """Print a Markdown table for each size."""
    parser = argparse.ArgumentParser(prog="benchmarks/large", description=__doc__)
    for name, usual in (("--customers", 1_000_000), ("--sales", 50_000_000)):
        parser.add_argument(name, type=int, nargs="+", metavar="ROWS", default=[usual])
    changed = "1: what a day of benchmarks/run changes, 11,000 customers and 55,000 sales"
    parser.add_argument(
        "--days", type=float, nargs="+", metavar="SCALE", default=[1.0, 0.1], help=changed
    )
    given = parser.parse_args()
    for customers, sales in product(given.customers, given.sales):
        with rig(Size(customers, Size.of(1).products, sales)) as made:
            time.sleep(SETTLE_SECONDS)
            title = f"{customers:,} customers, {sales:,} sales"
            show(f"| {title} | s | MB of the process | GB of MRR, STG, DWH |")
            show("|---|---:|---:|---:|", flush=True)
            for line in _lines(made, [Size.of(scale) for scale in given.days]):
                show(line, flush=True)


def _lines(made: Rig, days: Sequence[Size]) -> Iterator[str]:
    yield _line(made, "first load")
    made.vacuum()
    for day, size in enumerate(days, 1):
        made.play_day(day, size)
        made.settle()
        changed = f"{size.customers * 11 // 1000:,} customers and {size.sales * 11 // 1000:,} sales"
        yield _line(made, f"a day of {changed}")


def _line(made: Rig, what: str) -> str:
    process, told = made.run_batch()
    sizes = [
        int(psql(made.dsns[layer], "-c", "select pg_database_size(current_database())"))
        for layer in LAYERS
    ]
    gigabytes = " + ".join(f"{size / (1 << 30):.1f}" for size in sizes)
    show(f"{what}: {process.seconds:.1f} s", file=sys.stderr, flush=True)
    return f"| {what} | {process.seconds:.1f} | {told['megabytes']:.0f} | {gigabytes} |"


if __name__ == "__main__":
    main()
