"""Time CSV files on their way into PostgreSQL by Tidemark and by dlt, and check what they wrote."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.drops import HEADER, Drops, csv_lines, write
from benchmarks.peers.race import SETTINGS
from benchmarks.peers.tools import ENVIRONMENTS, HERE
from benchmarks.rig import Process, measure, psql, show, started
from tests.fix_files import declare
from tidemark.model import LAYERS, ServerName, dsn_variable

STEPS = ("first load", "second day", "nothing new")
GOAL = 3
"""How many times faster than dlt Tidemark is meant to be, with a first load and a second day."""

CLEAN = """
create or replace view landing_sales.clean_sales as
select
    l.id::bigint as id,
    l.sold_at::timestamp at time zone 'UTC' as sold_at,
    l.customer,
    l.product,
    l.quantity::integer as quantity,
    l.price::numeric as price,
    l.shop,
    l._batch_id, l._seq, l._first_batch_id, l._extracted_at, l._deleted_at,
    array[]::text[] as reject_reasons
from landing_sales.sales as l;
"""
STAR = """
create table fact_sales (
    id bigint primary key,
    sold_at timestamptz not null,
    customer text,
    product text,
    quantity integer,
    price numeric,
    shop text
);
select tidemark.create_fact('fact_sales', array[]::text[]);
"""


@dataclass(frozen=True, slots=True)
class Loader:
    """A program that loads the files."""

    name: str
    about: str
    command: list[str]
    environment: Mapping[str, str]
    dsn: str
    table: str
    processes: list[Process] = field(default_factory=list)

    def check(self, rows: int, changed: int) -> None:
        """Check what the table has: all rows, and those of the second day."""
        query = f"select count(*), count(*) filter (where shop like 'store%') from {self.table}"
        found = psql(self.dsn, "-c", query)
        if found != f"{rows}|{changed}":
            raise SystemExit(f"{self.name}: {found} rows instead of {rows}|{changed}.")


def run(rows: int) -> None:
    """Print a table for files with so many rows."""
    with tempfile.TemporaryDirectory(prefix="tidemark-files-") as folder, started(SETTINGS) as dsns:
        Path(folder).chmod(0o755)
        drops = Drops(Path(folder), dsns)
        fact = {"fact": {"table": "fact_sales", "event_time": "sold_at"}}
        entity = {"source": "sales/*.csv", "key": ["id"]}
        made = {"stg/views/clean_sales.sql": CLEAN, "dwh/01_create_schema.sql": STAR}
        declare(drops.home, {"sales": {**entity, **fact}}, area="sales", sql=made)
        declare(drops.home, {"raw": entity}, area="raw")
        write(_day(drops, 1), csv_lines(0, rows), HEADER)
        drops.migrate()
        loaders = _loaders(drops)
        _step(drops, loaders, rows, 0)
        second = (line.replace("shop", "store") for line in csv_lines(rows * 19 // 20, rows // 10))
        write(_day(drops, 2), second, HEADER)
        for _ in STEPS[1:]:
            _step(drops, loaders, rows * 21 // 20, rows // 10)
        show(_table(rows, loaders), flush=True)


def _day(drops: Drops, day: int) -> Path:
    return drops.home / "drops" / "sales" / f"{day}.csv"


def _loaders(drops: Drops) -> list[Loader]:
    named = {dsn_variable(layer): drops.dsns[layer] for layer in LAYERS}
    ours = {**os.environ, **named, "TIDEMARK_HOME": str(drops.home)}
    run = [str(Path(sys.executable).with_name("tidemark")), "run"]
    layers: Mapping[ServerName, str] = drops.dsns
    whole = Loader(
        "Tidemark", "three hops: mirror, cleansed, fact table",
        [*run, "sales"], ours, layers["dwh"], "fact_sales",
    )  # fmt: skip
    first = Loader(
        "Tidemark, the first hop", "the mirror alone, with its lineage",
        [*run, "raw", "--hop", "extract"], ours, layers["mrr"], "mrr_raw",
    )  # fmt: skip
    return [whole, first, *(_dlt(drops, reader) for reader in ("duckdb", "pandas"))]


def _dlt(drops: Drops, reader: str) -> Loader:
    dsn = drops.dsns["operational"]
    environment = {
        **os.environ,
        "DO_NOT_TRACK": "1",
        "DLT_DATA_DIR": str(drops.home / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "DESTINATION__POSTGRES__CREDENTIALS": dsn,
    }
    program = str(ENVIRONMENTS / "dlt" / "bin" / "python")
    command = [program, str(HERE / "dlt" / "files.py"), reader, str(drops.home / "drops" / "sales")]
    return Loader(f"dlt, {reader}", "one table", command, environment, dsn, f"dlt_{reader}.sales")


def _step(drops: Drops, loaders: list[Loader], rows: int, changed: int) -> None:
    for one in loaders:
        for dsn in drops.dsns.values():
            psql(dsn, "-c", "checkpoint")
        one.processes.append(measure(one.command, one.environment, drops.home))
        one.check(rows, changed)
        show(f"{one.name}: {one.processes[-1].seconds:.2f} s", file=sys.stderr)


def _table(rows: int, loaders: list[Loader]) -> str:
    lines = [
        f"| {rows:,} rows | {' | '.join(STEPS)} | memory of the process | |",
        f"|---|{'---:|' * len(STEPS)}---:|---|",
    ]
    for one in loaders:
        cells = [f"{process.seconds:.2f} s" for process in one.processes]
        memory = max(process.peak_megabytes for process in one.processes)
        lines.append(f"| {one.name} | {' | '.join(cells)} | {memory:.0f} MB | {one.about} |")
    whole, first, *peers = loaders
    for ours in (whole, first):
        ratios = [
            f"{min(peer.processes[n].seconds for peer in peers) / ours.processes[n].seconds:.1f}"
            for n in range(len(STEPS))
        ]
        lines.append(f"| faster dlt ÷ {ours.name} | {' | '.join(ratios)} | | goal ≥ {GOAL} |")
    return "\n".join(lines) + "\n"
