"""Load many sales once, and then days of the usual size: time, memory, disk."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.rig import SETTLE_SECONDS, Rig, Size, psql, rig, show
from tidemark.model import LAYERS

USUAL = 5_000_000
"""Sales of `benchmarks/run`, of which a day changes a hundredth."""


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(prog="benchmarks/large", description=__doc__)
    parser.add_argument("--sales", type=int, default=10 * USUAL, help="sales of the first load")
    sales = parser.parse_args().sales
    scale = sales / USUAL
    with rig(Size.of(scale)) as made:
        days = [Size.of(part * min(scale, 1)) for part in (1.0, 0.1)]
        time.sleep(SETTLE_SECONDS)
        show(f"| {sales:,} sales | s | MB of the process | GB of MRR, STG, DWH |")
        show("|---|---:|---:|---:|", flush=True)
        for line in _lines(made, days):
            show(line, flush=True)


def _lines(made: Rig, days: Sequence[Size]) -> Iterator[str]:
    yield _line(made, "first load")
    made.vacuum()
    for day, size in enumerate(days, 1):
        made.play_day(day, size)
        made.settle()
        yield _line(made, f"a day of {size.sales * 11 // 1000:,} sales")


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
