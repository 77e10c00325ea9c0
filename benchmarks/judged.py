"""Time batches of a delta of 1 % with retail's checks and without them, in two warehouses.

Both read the same source, in turns. The built-in checks are in both.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import rig
from benchmarks.grains import AMENDED, NEW
from benchmarks.rig import Rig, Size
from tidemark.model import HOPS, LAYERS, dsn_variable

DELTAS = 6


def main() -> None:
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks/checks", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="facts before the deltas")
    rows = parser.parse_args().rows
    size = Size(rows // 50, rows // 1000, rows)
    with tempfile.TemporaryDirectory(prefix="tidemark-checks-") as folder, rig.rig(size) as made:
        home = _without_checks(Path(folder))
        took = made.run_batch()[0].seconds
        sys.stderr.write(f"{rows:,} sales loaded in {took:.0f} s\n")
        for layer in LAYERS:
            rig.psql(made.dsns[layer], "-c", "vacuum analyze")
        bare = {"TIDEMARK_HOME": str(home), **_copies(made)}
        seconds: dict[str, list[float]] = {"with": [], "without": []}
        for number in range(DELTAS):
            _play(made)
            turns = [("with", made.environment), ("without", {**made.environment, **bare})]
            for name, environment in turns if number % 2 else reversed(turns):
                made.settle()
                seconds[name].append(_batch(environment))
    rig.show("| | with checks, s | without, s | ratio | goal |\n|---|---:|---:|---:|---:|")
    medians = {name: statistics.median(took) for name, took in seconds.items()}
    ratio = statistics.median(
        a / b for a, b in zip(seconds["with"], seconds["without"], strict=True)
    )
    told = f"{medians['with']:.2f} | {medians['without']:.2f} | {ratio:.2f} | ≤ 1.10"
    rig.show(f"| a delta of 1 %, median of {DELTAS} | {told} |")


def _copies(made: Rig) -> dict[str, str]:
    """Copy the databases of the warehouse, and return the variables that name the copies."""
    found = {}
    for layer in LAYERS:
        url = urlsplit(made.dsns[layer])
        own = url.path.removeprefix("/")
        maintenance = url._replace(path="/postgres").geturl()
        rig.psql(maintenance, "-c", f"create database plain template {own}")
        found[dsn_variable(layer)] = url._replace(path="/plain").geturl()
    return found


def _play(made: Rig) -> None:
    """Add one sale in a hundred, and amend one in a thousand."""
    told = {
        "customers": made.size.customers,
        "products": made.size.products,
        "rows": made.size.sales,
        "new": made.size.sales // 100,
        "amended": made.size.sales // 1000,
    }
    for statement in (NEW, AMENDED):
        rig.psql(made.dsns["operational"], "-c", statement.format(**told))
    rig.psql(made.dsns["operational"], "-c", f"select pg_sleep({rig.SETTLE_SECONDS})")


def _batch(environment: Mapping[str, str]) -> float:
    """Run the hops, each in a process of its own, and return the seconds that they took."""
    command = [sys.executable, "-m", "benchmarks.batch", "retail"]
    told = [json.loads(rig.measure([*command, hop], environment).output) for hop in HOPS]
    return sum(float(one["seconds"]) for one in told)


def _without_checks(home: Path) -> Path:
    """Copy the project with retail alone, and without its checks."""
    for area in ("platform", "retail"):
        shutil.copytree(rig.HERE.parent / "sql" / area, home / "sql" / area)
    shutil.copy(rig.HERE.parent / "sql" / "project.yml", home / "sql")
    path = home / "sql" / "retail" / "area.yml"
    kept, is_left_out = [], False
    for line in path.read_text("utf-8").splitlines():
        depth = len(line) - len(line.lstrip())
        if line.strip() == "checks:":
            is_left_out, beginning = True, depth
        elif is_left_out and line.strip() and depth <= beginning:
            is_left_out = False
        if not is_left_out:
            kept.append(line)
    path.write_text("\n".join([*kept, ""]), "utf-8")
    return home


if __name__ == "__main__":
    main()
