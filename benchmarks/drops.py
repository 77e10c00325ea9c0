"""Time files on their way into MRR beside psql's copy, and many small files beside one."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import rig
from benchmarks.rig import measure, psql, show
from benchmarks.spent import counted
from tests.fix_files import declare
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.model import LAYERS, ServerName, dsn_variable
from tidemark.postgres.sessions import Servers
from tidemark.sources.files.folders import Folder

LINES, EVENTS, FILES, ROWS_EACH = 3_000_000, 1_000_000, 10_000, 30
REPEATS, IDLE_REPEATS = 3, 9


@dataclass(frozen=True, slots=True)
class Took:
    """What one load took."""

    landed: float
    """Seconds until the rows were in the landing table, or in the table of psql."""
    committed: float
    """Seconds until they were in the mirror."""
    cpu: float
    """Seconds of CPU, of both ends."""
    megabytes: float
    """Memory of the process."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A file that psql copies into a table like an area's landing table."""

    area: str
    path: Path
    columns: str
    options: str


class Drops:
    """A project with an area for each kind of files, and servers for it."""

    def __init__(self, home: Path, dsns: Mapping[ServerName, str]) -> None:
        self.home, self.dsns = home, dsns
        (home / "sql").mkdir()
        (home / "sql" / "project.yml").write_text("{}", "utf-8")
        (home / "sql" / "platform").symlink_to(rig.HERE.parent / "sql" / "platform")

    def migrate(self) -> None:
        """Make the tables of what was dropped."""
        with Servers(self.dsns) as servers:
            migrate.migrate(Project(self.home), servers)
        for dsn in self.dsns.values():
            psql(dsn, "-c", "checkpoint")

    def extract(self, area: str) -> Took:
        """Run the first hop of an area."""
        named = {dsn_variable(layer): self.dsns[layer] for layer in LAYERS}
        environment = {**os.environ, **named, "TIDEMARK_HOME": str(self.home)}
        command = [sys.executable, "-m", "benchmarks.batch", area, "extract"]
        with counted([self.dsns["mrr"]]) as spent:
            process = measure(command, environment)
        hop = json.loads(process.output)
        streamed = sum(one["info"].get("stream_seconds", 0) for one in hop["entities"].values())
        return Took(streamed, hop["seconds"], spent[0] + process.cpu, hop["megabytes"])

    def copy(self, one: Copied) -> Took:
        """Copy a file by psql into a table like the landing table."""
        dsn = self.dsns["mrr"]
        table = f'landing_{one.area}."{one.area}"'
        made = (
            f"drop table if exists floor; create unlogged table floor (like {table} including all)"
        )
        psql(dsn, "-c", made)
        with counted([self.dsns["mrr"]]) as spent:
            copied = f"\\copy floor ({one.columns}) from '{one.path}' with ({one.options})"
            process = measure([rig.PSQL, *rig.QUIET, "-c", copied], rig.reaching(dsn))
        psql(dsn, "-c", "drop table floor")
        return Took(process.seconds, process.seconds, spent[0] + process.cpu, 0)

    def reset(self, area: str) -> None:
        """Let an area begin anew."""
        for table in (f"mrr_{area}", f"mrr_{area}_history"):
            psql(self.dsns["mrr"], "-c", f"truncate {table}")
        psql(
            self.dsns["mrr"], "-c", f"delete from tidemark.source_position where area = '{area}'",
            "-c", "vacuum", "-c", "checkpoint",
        )  # fmt: skip


def csv_lines(first: int, count: int) -> Iterator[str]:
    """Make lines of sales, as a shop may drop them."""
    day = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(first, first + count):
        at = day + timedelta(seconds=number * 7)
        yield (
            f"{number},{at:%Y-%m-%d %H:%M:%S},CUST{number % 50_000:06},"
            f"PROD{number % 977:04},{number % 9 + 1},{number % 9973 / 100:.2f},shop {number % 31}\n"
        )


HEADER = "id,sold_at,customer,product,quantity,price,shop\n"


def events(count: int) -> Iterator[str]:
    """Make documents of a shop's events, without a backslash."""
    for number in range(count):
        order = {
            "order_id": number // 3, "status": "placed", "currency": "EUR",
            "items": [{"product": f"P{number % 977}", "price": number % 97, "quantity": one + 1}
                      for one in range(number % 4)],
        }  # fmt: skip
        document = {
            "event_id": f"e{number:09}", "type": "order_placed", "order": order,
            "event_timestamp": f"2025-01-{number % 28 + 1:02}T10:00:00Z",
            "customer": {"customer_id": f"CUST{number % 50_000:06}", "country": "DE",
                         "email": f"customer{number % 50_000}@example.com"},
            "session": {"channel": "web", "device": "phone", "session_id": f"s{number % 7919}"},
        }  # fmt: skip
        yield json.dumps(document) + "\n"


def write(path: Path, lines: Iterator[str], header: str = "") -> None:
    """Write a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(header)
        file.writelines(lines)


def main() -> None:
    """Print Markdown tables."""
    parser = argparse.ArgumentParser(prog="benchmarks/files", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1: three million lines")
    parser.add_argument("--only", choices=[*CASES], nargs="*", default=USUAL)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemark-drops-") as folder, rig.started() as dsns:
        Path(folder).chmod(0o755)
        drops = Drops(Path(folder), dsns)
        for name in given.only:
            CASES[name](drops, given.scale)


def csv_beside_psql(drops: Drops, scale: float) -> None:
    """Load a large CSV."""
    lines = round(LINES * scale)
    path = drops.home / "drops" / "sales" / "sales.csv"
    write(path, csv_lines(0, lines), HEADER)
    sales = {"source": "sales/*.csv", "key": ["id"]}
    copied = Copied("sales", path, HEADER.strip(), "format csv, header")
    _beside(drops, sales, copied, f"{lines:,} lines")


def json_beside_psql(drops: Drops, scale: float) -> None:
    """Load documents, a line each."""
    count = round(EVENTS * scale)
    path = drops.home / "drops" / "events" / "events.jsonl"
    write(path, events(count))
    declared = {
        "source": {"files": "events/*.jsonl", "format": "jsonl"}, "key": {"event_id": "$.event_id"},
    }  # fmt: skip
    options = "format text, delimiter e'\\x01', null e'\\x02'"
    copied = Copied("events", path, "document", options)
    _beside(drops, declared, copied, f"{count:,} documents")


def _beside(drops: Drops, entity: Mapping[str, Any], copied: Copied, what: str) -> None:
    area = copied.area
    declare(drops.home, {area: entity}, area=area)
    drops.migrate()
    ours, theirs = [], []
    for _ in range(REPEATS):
        drops.reset(area)
        ours.append(drops.extract(area))
        theirs.append(drops.copy(copied))
        show(f"{what}: {ours[-1]}, psql {theirs[-1]}", file=sys.stderr)
    megabytes = copied.path.stat().st_size / 1e6
    copied.path.unlink()
    show(f"| {what}, {megabytes:.0f} MB | Tidemark | psql | ratio |\n|---|---:|---:|---:|")
    _row("s until landed", [one.landed for one in ours], [one.landed for one in theirs])
    _row("s until committed", [one.committed for one in ours], [one.committed for one in theirs])
    _row("s of CPU, both ends", [one.cpu for one in ours], [one.cpu for one in theirs])
    show(f"| MB of the process | {max(one.megabytes for one in ours):.0f} | | |\n", flush=True)


def small_files(drops: Drops, scale: float) -> None:
    """Load many small files, and then find none that is new."""
    count = round(FILES * scale)
    rows = count * ROWS_EACH
    write(drops.home / "drops" / "one" / "all.csv", csv_lines(0, rows), HEADER)
    for number in range(count):
        path = drops.home / "drops" / "many" / f"day={number % 60:02}" / f"{number:06}.csv"
        write(path, csv_lines(number * ROWS_EACH, ROWS_EACH), HEADER)
    declare(drops.home, {"one": {"source": "one/*.csv", "key": ["id"]}}, area="one")
    declare(drops.home, {"many": {"source": "many/*/*.csv", "key": ["id"]}}, area="many")
    drops.migrate()
    many: list[Took] = []
    one: list[Took] = []
    for _ in range(REPEATS):
        for area, taken in (("one", one), ("many", many)):
            drops.reset(area)
            taken.append(drops.extract(area))
            show(f"{rows:,} rows in {area}: {taken[-1]}", file=sys.stderr)
    title = f"{rows:,} rows"
    show(f"| {title} | {count:,} files | one file | ratio |\n|---|---:|---:|---:|")
    _row("s until landed", [each.landed for each in many], [each.landed for each in one])
    _row("s until committed", [each.committed for each in many], [each.committed for each in one])
    _row("s of CPU, both ends", [each.cpu for each in many], [each.cpu for each in one])
    show(f"| MB of the process | {max(each.megabytes for each in many):.0f} | | |\n")
    idle, listed = [], []
    for _ in range(IDLE_REPEATS):
        listed.append(_listing(drops.home / "drops"))
        idle.append(drops.extract("many").committed)
    show(f"| {count:,} files, none new | Tidemark | bare listing | ratio |\n|---|---:|---:|---:|")
    _row("s of the first hop", idle, listed)
    show("", flush=True)


def large_file(drops: Drops, scale: float) -> None:
    """Load a CSV of 5 GB, with lines of a kilobyte."""
    remark = "x" * 950
    lines = (line.replace(",shop ", f",{remark} ") for line in csv_lines(0, round(5e6 * scale)))
    write(drops.home / "drops" / "large" / "all.csv", lines, HEADER)
    _alone(drops, {"source": "large/*.csv", "key": ["id"]}, "large")


def parquet(drops: Drops, scale: float) -> None:
    """Load a Parquet file of three million rows."""
    path = drops.home / "drops" / "rows" / "all.parquet"
    path.parent.mkdir(parents=True)
    made = (
        "copy (select i as id, timestamp '2025-01-01' + to_seconds(i * 7) as sold_at, "
        "'CUST' || i % 50000 as customer, (i % 9973 / 100)::decimal(9, 2) as price, "
        "[i % 7, i % 11] as sizes, {'shop': i % 31, 'till': 't' || i % 5} as place "
        f"from range({round(LINES * scale)}) as t (i)) to '{path}' (format parquet)"
    )
    # The memory of this process would count as that of those that it starts.
    command = [sys.executable, "-c", f"import duckdb; duckdb.sql({made!r})"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # It draws its progress.
    _alone(drops, {"source": {"files": "rows/*", "format": "parquet"}, "key": ["id"]}, "rows")


def _alone(drops: Drops, entity: Mapping[str, Any], area: str) -> None:
    declare(drops.home, {area: entity}, area=area)
    drops.migrate()
    took = drops.extract(area)
    (path,) = (drops.home / "drops" / area).iterdir()
    rows = psql(drops.dsns["mrr"], "-c", f"select count(*) from mrr_{area}")
    show(f"| {path.suffix[1:]}, {path.stat().st_size / 1e6:,.0f} MB, {int(rows):,} rows | |")
    show(f"|---|---:|\n| s until landed | {took.landed:.0f} |")
    show(f"| s until committed | {took.committed:.0f} |")
    show(f"| MB of the process | {took.megabytes:.0f} |\n", flush=True)
    path.unlink()


def _listing(folder: Path) -> float:
    start = time.perf_counter()
    for _ in Folder(folder, "drops").files("many"):
        pass
    return time.perf_counter() - start


def _row(what: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    left, right = statistics.median(ours), statistics.median(theirs)
    show(f"| {what} | {left:.2f} | {right:.2f} | {left / right:.2f} |")


CASES = {
    "csv": csv_beside_psql,
    "json": json_beside_psql,
    "small": small_files,
    "large": large_file,
    "parquet": parquet,
}
USUAL = ["csv", "json", "small"]
"""The others are measured when they are named: they compare with nothing, and need much disk."""

if __name__ == "__main__":
    main()
