"""Time the marketing area at some times the size of its sample beside the sample itself."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import rig
from benchmarks.rig import measure, psql, show
from sql.marketing.sample import seed
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.model import LAYERS, ServerName, dsn_variable
from tidemark.postgres.sessions import Servers

DAYS = 3


@dataclass(frozen=True, slots=True)
class Took:
    """What the batches of one size took."""

    events: int
    """In the files of the first load."""
    first: float
    """Seconds of the first load, as a process."""
    day: float
    """Those of a day, the quickest of some."""
    megabytes: float
    """The most memory that a process had."""


def load(scale: int) -> Took:
    """Load the sample at a scale, and then days, on servers of its own."""
    with tempfile.TemporaryDirectory(prefix="tidemark-campaign-") as folder, rig.started() as dsns:
        home = Path(folder)
        home.chmod(0o755)
        (home / "sql").mkdir()
        for name in ("platform", "marketing"):
            (home / "sql" / name).symlink_to(rig.HERE.parent / "sql" / name)
        layers: dict[ServerName, str] = {layer: dsns[layer] for layer in LAYERS}
        with Servers(layers) as servers:
            migrate.migrate(Project(home), servers)
        named = {dsn_variable(layer): dsn for layer, dsn in layers.items()}
        environment = {**os.environ, **named, "TIDEMARK_HOME": str(home)}
        drops, memory, seconds = home / "drops" / "marketing", [], []
        events = 0
        for day in range(DAYS + 1):
            made = seed(drops, scale=scale, day=bool(day), progress=lambda *_: None)
            events = events or made["events"]
            for dsn in layers.values():
                psql(dsn, "-c", "checkpoint")
            done = measure([sys.executable, "-m", "benchmarks.batch", "marketing"], environment)
            seconds.append(done.seconds)
            memory.append(json.loads(done.output)["megabytes"])
            show(f"scale {scale}, day {day}: {done.seconds:.2f} s", file=sys.stderr)
    return Took(events, seconds[0], min(seconds[1:]), max(memory))


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(prog="benchmarks/marketing", description=__doc__)
    parser.add_argument("--scale", type=int, default=10, help="how many times the sample")
    scale = parser.parse_args().scale
    one, many = load(1), load(scale)
    show(f"| {many.events:,} events | {scale} times the sample | the sample | ratio |")
    show("|---|---:|---:|---:|")
    for what, left, right in (
        ("s of the first load", many.first, one.first),
        ("s of a day", many.day, one.day),
        ("MB of the process", many.megabytes, one.megabytes),
    ):
        show(f"| {what} | {left:.2f} | {right:.2f} | {left / right:.2f} |")


if __name__ == "__main__":
    main()
