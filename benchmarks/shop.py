"""Time the events area beside statements by hand, and a day of it beside dlt and dbt."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks import rig
from benchmarks.peers.tools import ENVIRONMENTS, HERE
from benchmarks.rig import measure, psql, show
from benchmarks.spent import counted
from sql.events.sample import seed
from tidemark.declare.project import Project
from tidemark.install import embedded, migrate
from tidemark.model import HOPS, LAYERS, ServerName, dsn_variable
from tidemark.postgres.sessions import Servers

EVENTS = 2_780
"""Of the sample as it is."""
DAYS = 3
SHARE = 90
"""The sample is made so many times smaller for a day: with what follows from orders of the days
before, that comes to a hundredth of the events."""
SETTINGS = {"wal_level": "minimal", "max_wal_senders": "0"}
"""The statements and the peer work on the source's server: it has what the warehouse's have."""
GOALS = {"load": "≤ 3", "day": "≤ 0.1", "peer": "≥ 3"}
STAGED = (
    "select (select count(*) from events.stg_events),"
    " (select count(*) from events.int_session_events)"
)
MARTS = """
select
    (select count(distinct customer_id) from events.dim_customers),
    (select (count(*), sum(total_amount), sum(items_amount), count(*) filter (where is_fulfilled))
        from events.fct_orders),
    (select (count(*), sum(quantity), sum(line_item_revenue)) from events.fct_order_items),
    (select (count(*), sum(total_amount)) from events.analytics_orders),
    (select (count(*), sum(line_item_revenue)) from events.analytics_order_items),
    (select (count(*), sum(total_spent), count(distinct favorite_category))
        from events.analytics_customer_summary)
"""


@dataclass(frozen=True, slots=True)
class Took:
    """What a step took, with all its processes."""

    seconds: float
    cpu: float
    """Seconds of CPU, of the processes and of the servers."""
    megabytes: float
    """The most memory of a process."""
    output: str = ""


@dataclass(slots=True)
class Measured:
    """What was measured of everybody."""

    events: int = 0
    """Lines of the first load."""
    lines: list[int] = field(default_factory=list)
    """Lines of each day."""
    load: Took | None = None
    floor: Took | None = None
    peer_load: Took | None = None
    days: list[Took] = field(default_factory=list)
    peer_days: list[Took] = field(default_factory=list)


class Shop:
    """The events area on servers of its own, and what is compared with it on the source's."""

    def __init__(self, home: Path, dsns: Mapping[ServerName, str], look_back: str) -> None:
        self.home, self.dsns, self.look_back = home, dsns, look_back
        self.layers: dict[ServerName, str] = {layer: dsns[layer] for layer in LAYERS}
        self.drops = home / "drops" / "events"
        (home / "sql").mkdir()
        for name in ("platform", "events"):
            (home / "sql" / name).symlink_to(rig.HERE.parent / "sql" / name)
        with Servers(self.layers) as servers:
            migrate.migrate(Project(home), servers)
        self.floor_dsn = urlsplit(dsns["operational"])._replace(path="/floor").geturl()
        psql(dsns["operational"], "-c", "create database floor")
        shutil.copytree(HERE / "dbt" / "events", home / "dbt")

    def add(self, scale: int, *, day: bool = False) -> int:
        """Add the files of the first days, or of the next one; returns their lines."""
        made = seed(self.drops, scale=scale, day=day, progress=lambda *_: None)
        return made["lines"]

    def settle(self) -> None:
        """Do after a step what autovacuum would do a minute later, while others are timed."""
        for dsn in (*self.layers.values(), self.dsns["operational"]):
            psql(dsn, "-c", "vacuum analyze", "-c", "checkpoint")

    def tidemark(self) -> Took:
        """Run a batch as an operator does."""
        named = {dsn_variable(layer): dsn for layer, dsn in self.layers.items()}
        command = [str(Path(sys.executable).with_name("tidemark")), "run", "events", "--json"]
        environment = {**named, "TIDEMARK_HOME": str(self.home)}
        return self._took("Tidemark", [command], environment, [*self.layers.values()])

    def floor(self) -> Took:
        """Copy the files and fill the tables, in one transaction."""
        script = self.home / "copies.sql"
        script.write_text(_copies(self.drops), "utf-8")
        files = ("-f", str(script), "-f", str(rig.HERE / "events.sql"))
        command = [rig.PSQL, *rig.QUIET, "-1", *files]
        reaching = rig.reaching(self.floor_dsn)
        return self._took("by hand", [command], reaching, [self.floor_dsn])

    def peer(self) -> Took:
        """Load the files that are new by dlt, and run dbt's models."""
        dsn = self.dsns["operational"]
        python = str(ENVIRONMENTS / "dlt" / "bin" / "python")
        loading = [python, str(HERE / "dlt" / "events.py"), str(self.drops)]
        folder = str(self.home / "dbt")
        options = ["--project-dir", folder, "--profiles-dir", folder]
        options += ["--vars", f"look_back: {self.look_back}"]
        modelling = [str(ENVIRONMENTS / "dbt" / "bin" / "dbt"), "--quiet", "run", *options]
        environment = {
            **rig.reaching(dsn),
            "DO_NOT_TRACK": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DLT_DATA_DIR": str(self.home / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
            "DESTINATION__POSTGRES__CREDENTIALS": dsn,
        }
        return self._took("dlt and dbt", [loading, modelling], environment, [dsn])

    def marts(self) -> tuple[str, str, str]:
        """Return what the marts come to: Tidemark's, those by hand, and the peer's."""
        ours = psql(self.dsns["stg"], "-c", STAGED), psql(self.dsns["dwh"], "-c", MARTS)
        others = (self.floor_dsn, self.dsns["operational"])
        by_hand, peer = (_found(dsn) for dsn in others)
        return "\n".join(ours), by_hand, peer

    def _took(
        self,
        who: str,
        commands: Sequence[list[str]],
        environment: Mapping[str, str],
        dsns: Sequence[str],
    ) -> Took:
        everything = {**os.environ, **environment}
        with counted(dsns) as spent:
            done = [measure(command, everything) for command in commands]
        took = Took(
            sum(one.seconds for one in done),
            sum(one.cpu for one in done) + spent[0],
            max(one.peak_megabytes for one in done),
            done[-1].output,
        )
        each = " + ".join(f"{one.seconds:.2f}" for one in done)
        show(f"{who}: {each} s, {took.cpu:.2f} s of CPU", file=sys.stderr)
        self.settle()
        return took


def main() -> None:
    """Print Markdown tables."""
    parser = argparse.ArgumentParser(prog="benchmarks/events", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="about how many at first")
    parser.add_argument("--only", choices=[*GOALS], nargs="+", default=[*GOALS])
    parser.add_argument("--without-peer", action="store_true", help="the same as --only load day")
    parser.add_argument(
        "--look-back",
        choices=["days", "loads"],
        default="days",
        help="which events dbt looks at again: those of three days, or those loaded since",
    )
    given = parser.parse_args()
    what = {*given.only} - ({"peer"} if given.without_peer else set())
    scale = max(1, round(given.events / EVENTS))
    busy = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="tidemark-shop-") as folder,
        rig.started(SETTINGS) as dsns,
    ):
        Path(folder).chmod(0o755)
        measured = _measure(Shop(Path(folder), dsns, given.look_back), scale, what)
    show(
        f"{embedded.version()}, Python {platform.python_version()}, {os.cpu_count()} CPUs, ", end=""
    )
    show(f"a load of {busy:.1f} before and {os.getloadavg()[0]:.1f} after\n")
    show(_summary(measured))
    assert measured.load is not None, "it is measured always"
    show(_breakdown("first load", measured.load))
    if measured.days:
        show(_breakdown("the last day", measured.days[-1]), flush=True)


def _measure(shop: Shop, scale: int, what: set[str]) -> Measured:
    """Take the steps in turns. The first load of everybody has to come to the same."""
    measured = Measured(shop.add(scale))
    shop.settle()
    measured.load = shop.tidemark()
    if "load" in what:
        measured.floor = shop.floor()
    if "peer" in what:
        measured.peer_load = shop.peer()
    _compare(shop, what)
    for _ in range(DAYS if what & {"day", "peer"} else 0):
        measured.lines.append(shop.add(max(1, scale // SHARE), day=True))
        measured.days.append(shop.tidemark())
        if "peer" in what:
            measured.peer_days.append(shop.peer())
    return measured


def _compare(shop: Shop, what: set[str]) -> None:
    ours, *others = shop.marts()
    for name, theirs in zip(("load", "peer"), others, strict=True):
        if name in what and ours != theirs:
            raise SystemExit(f"The marts differ ({name}):\n{ours}\n{theirs}")


def _found(dsn: str) -> str:
    if psql(dsn, "-c", "select to_regclass('events.analytics_customer_summary') is null") == "t":
        return ""
    return "\n".join(psql(dsn, "-c", query) for query in (STAGED, MARTS))


def _copies(folder: Path) -> str:
    """Write a script that copies all files in their order, and leaves out what is no JSON."""
    lines = [
        "create schema events;",
        "create table events.raw_events (id bigint generated always as identity primary key,"
        " event_data jsonb not null, source_file text not null,"
        " loaded_at timestamptz not null default now());",
    ]
    for path in sorted(folder.rglob("*.json.gz")):
        name = path.relative_to(folder)
        lines += [
            f"alter table events.raw_events alter source_file set default '{name}';",
            f"\\copy events.raw_events (event_data) from program 'gzip -dc {path}' with"
            " (format csv, quote e'\\x01', delimiter e'\\x02', on_error ignore,"
            " log_verbosity silent)",
        ]
    return "\n".join([*lines, ""])


def _summary(measured: Measured) -> str:
    """Compare wall times, which are judged, and the CPU of processes and servers."""
    ours, days, peers = measured.load, measured.days, measured.peer_days
    assert ours is not None, "it is measured always"
    lines = [
        f"| {measured.events:,} events | s | s of CPU | MB of the process |",
        "|---|---:|---:|---:|",
    ]
    day = f"a day of {median(measured.lines):,.0f} events" if days else ""
    for name, took in (
        ("first load: Tidemark", [ours]),
        ("first load: by hand", [measured.floor] if measured.floor else []),
        ("first load: dlt and dbt", [measured.peer_load] if measured.peer_load else []),
        (f"{day}: Tidemark", days),
        (f"{day}: dlt and dbt", peers),
    ):
        if took:
            most = max(one.megabytes for one in took)
            lines.append(f"| {name} | {_wall(took):.2f} | {_cpu(took):.2f} | {most:.0f} |")
    lines += ["", "| ratio | s | s of CPU | goal |", "|---|---:|---:|---:|"]
    for name, left, right, goal in (
        ("first load ÷ by hand", [ours], [measured.floor] if measured.floor else [], "load"),
        ("a day ÷ first load", days, [ours], "day"),
        ("a day: dlt and dbt ÷ Tidemark", peers, days, "peer"),
    ):
        if left and right:
            wall, cpu = _wall(left) / _wall(right), _cpu(left) / _cpu(right)
            lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {GOALS[goal]} |")
    return "\n".join([*lines, ""])


def _wall(took: Sequence[Took]) -> float:
    return median(one.seconds for one in took)


def _cpu(took: Sequence[Took]) -> float:
    return median(one.cpu for one in took)


def _breakdown(title: str, took: Took) -> str:
    lines = [
        f"| {title} | entity | rows | stream, s | apply, s | hop, s |",
        "|---|---|---:|---:|---:|---:|",
    ]
    told: list[dict[str, Any]] = json.loads(took.output)
    for hop, found in zip(HOPS, told, strict=True):
        lines.append(f"| {hop} | | | | | {found['seconds']:.2f} |")
        for name, counts in found["entities"].items():
            info = counts["info"]
            times = [f"{info[key]:.2f}" if key in info else "" for key in _TIMES]
            if any(times):
                lines.append(f"| | {name} | {counts['processed']:,} | {' | '.join(times)} | |")
    return "\n".join([*lines, ""])


_TIMES = ("stream_seconds", "apply_seconds")

if __name__ == "__main__":
    main()
