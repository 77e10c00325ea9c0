"""Time commands and batches of few and of many entities, and one row beside bare round trips."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import rig
from tests.fix_areas import Dimension, write
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.model import dsn_variable
from tidemark.observe import plan
from tidemark.postgres.sessions import Servers

COLUMNS = {"id": "integer", "name": "text", "updated_at": "timestamp with time zone"}
REPEATS = 5
ROUND_TRIPS = 60
CHANGE = "update things_0 set name = name || '.', updated_at = now()"


def entities(count: int) -> list[Dimension]:
    """Declare dimensions, each with a source table of its own."""
    return [
        Dimension(
            COLUMNS,
            ("id",),
            entity=f"things_{number}",
            source=("public", f"things_{number}"),
            mrr=f"mrr_things_{number}",
            stg=f"stg_things_{number}",
            table=f"dim_things_{number}",
        )
        for number in range(count)
    ]


def seconds(work: Callable[[], object], before: Callable[[], object] | None = None) -> float:
    """Return the median of some runs, once it has been done before."""
    took = []
    for _ in range(REPEATS + 1):
        if before:
            before()
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took[1:])


def measure(count: int) -> dict[str, float]:
    """Time an area of so many entities, with a row each, on servers of its own."""
    made = entities(count)
    with tempfile.TemporaryDirectory(prefix="tidemark-many-") as folder, rig.started() as dsns:
        home = Path(folder)
        write(home, *made)
        (home / "sql" / "project.yml").write_text("{}", "utf-8")
        (home / "sql" / "platform").symlink_to(rig.HERE.parent / "sql" / "platform")
        project = Project(home)
        with Servers(dsns) as servers:
            migrate.migrate(project, servers)
            area = project.area("made")
            fill = "; ".join(f"insert into {one.entity} values (1, 'a', now())" for one in made)
            with servers.session("operational", "fill") as source:
                source.run(fill)

                def batch() -> object:
                    return pipeline.run(servers, area)

                def round_trips() -> None:
                    for _ in range(ROUND_TRIPS):
                        source.run("select 1")

                named = {dsn_variable(server): dsn for server, dsn in dsns.items()}
                environment = {**os.environ, **named, "TIDEMARK_HOME": str(home)}

                def command(*words: str) -> float:
                    program = [sys.executable, "-m", "tidemark", *words]
                    return seconds(lambda: rig.measure(program, environment))

                batch()
                return {
                    "`tidemark run`, nothing changed": command("run"),
                    "`tidemark plan`": command("plan"),
                    "in a running process: a batch, nothing changed": seconds(batch),
                    "a plan": seconds(lambda: plan.make(servers, area)),
                    "a batch of one row": seconds(batch, lambda: source.run(CHANGE)),
                    f"{ROUND_TRIPS} round trips": seconds(round_trips),
                }


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=300, help="how many are many")
    many = parser.parse_args().entities
    few, most = measure(3), measure(many)
    rig.show(f"Load of the machine: {os.getloadavg()[0]:.1f}\n")
    rig.show(f"| ms | 3 entities | {many} entities | ratio |\n|---|---|---|---|")
    for what, took in few.items():
        ratio = most[what] / took
        rig.show(f"| {what} | {1000 * took:.0f} | {1000 * most[what]:.0f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
