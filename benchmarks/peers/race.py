"""Time a first load, deltas and idle runs of Tidemark and its peers, and check what they wrote."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.floor import copy_batch
from benchmarks.peers.tools import HERE, Tool, entrants
from benchmarks.rig import SETTLE_SECONDS, Process, Rig, Size, psql, rig, show
from tidemark.install import embedded

STEPS = {"first load": 3, "1 % delta": 8, "nothing changed": 20}
"""Step -> how many times faster Tidemark is meant to be than the best that does the whole job."""
PART = ("1 % delta", 2.5)
"""The same beside the best that does a part of it, at a million rows."""
DAYS = 3
MOST_ROWS_FOR_DAYS = 1_000_000
"""Of larger tables one day is enough: its runs are long."""
IDLE_SECONDS, MOST_IDLE_RUNS = 10.0, 7
"""Runs that find nothing are repeated until they have taken so long together, or so often."""
FLOOR = "three hops of nothing but COPY, into the same tables and indexes"
SETTINGS = {
    # A table that is made and filled in one transaction is not logged, on any server: otherwise the
    # peers, which work on the source's, would write what the warehouse's servers do not.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # dlt's `not in` over five million rows is hashed then; otherwise it takes days.
    "work_mem": "256MB",
}


@dataclass(slots=True)
class Entry:
    """A tool in the race, and what its runs took."""

    tool: Tool
    runs: int = 0
    processes: dict[str, list[Process]] = field(default_factory=lambda: {s: [] for s in STEPS})

    def seconds(self, step: str) -> float:
        """Median of a step's runs."""
        return median(process.seconds for process in self.processes[step])

    @property
    def peak_megabytes(self) -> float:
        """The largest of all its processes."""
        return max(p.peak_megabytes for runs in self.processes.values() for p in runs)


Floors = dict[str, list[float]]
"""Step -> seconds that psql alone took to copy what Tidemark had written."""


@dataclass(slots=True)
class Expected:
    """How many versions there have to be."""

    customers: int
    days: int = 0

    def of(self, tool: Tool) -> tuple[int, int]:
        """All versions, and the current ones."""
        refused = self.customers * 3 // 400 if tool.cleanses else 0
        current = self.customers + self.days * (self.customers // 1000) - refused
        return current + self.days * (self.customers // 100), current


def run(rows: Sequence[int]) -> None:
    """Print a table for each number of customers."""
    show(_about())
    for customers in rows:
        with (
            tempfile.TemporaryDirectory(prefix="tidemark-peers-") as folder,
            rig(Size(customers, 1, 1), SETTINGS) as made,
        ):
            entries = [Entry(tool) for tool in entrants(made, Path(folder))]
            floors = _race(made, customers, entries)
        show(_table(customers, entries, floors), flush=True)


def _race(made: Rig, customers: int, entries: Sequence[Entry]) -> Floors:
    expected, floors = Expected(customers), Floors()
    time.sleep(SETTLE_SECONDS)  # the newest customer is as old as the end of the seeding
    _step(made, "first load", entries, expected)
    _copy(made, "first load", floors)
    _vacuum(made)
    for day in range(1, 1 + (DAYS if customers <= MOST_ROWS_FOR_DAYS else 1)):
        script = str(HERE / "delta.sql")
        options = ("-v", f"customers={customers}", "-v", f"day={day}", "-f", script)
        psql(made.dsns["operational"], *options)
        time.sleep(SETTLE_SECONDS)
        expected.days = day
        _step(made, "1 % delta", entries, expected)
        _copy(made, "1 % delta", floors)
    _vacuum(made)
    _step(made, "nothing changed", entries, expected)
    return floors


def _step(made: Rig, step: str, entries: Sequence[Entry], expected: Expected) -> None:
    for entry in entries:
        processes = entry.processes[step]
        made.settle()
        _run(entry, processes)
        while step == "nothing changed" and len(processes) < MOST_IDLE_RUNS:
            if sum(process.seconds for process in processes) >= IDLE_SECONDS:
                break
            _run(entry, processes)
        _check(entry.tool, step, expected)
        done = f"{step} of {expected.customers:,} customers, {entry.tool.name}"
        show(f"{done}: {processes[-1].seconds:.2f} s", file=sys.stderr)


def _copy(made: Rig, step: str, floors: Floors) -> None:
    batch_id = int(psql(made.dsns["dwh"], "-c", "select max(batch_id) from etl_batches"))
    seconds = sum(copy_batch(made, batch_id).values())
    floors.setdefault(step, []).append(seconds)
    show(f"{step}, the floor: {seconds:.2f} s", file=sys.stderr)


def _run(entry: Entry, processes: list[Process]) -> None:
    processes.append(entry.tool.run(entry.runs))
    entry.runs += 1


def _check(tool: Tool, step: str, expected: Expected) -> None:
    wanted, found = expected.of(tool), tool.count()
    if found != wanted:
        raise SystemExit(
            f"{tool.name}, {step}: {found[0]:,} versions, {found[1]:,} of them current, "
            f"instead of {wanted[0]:,} and {wanted[1]:,}."
        )


def _vacuum(made: Rig) -> None:
    """Do what autovacuum would do a minute later, while others are timed."""
    psql(made.dsns["operational"], "-c", "vacuum analyze")
    made.vacuum()


def _about() -> str:
    return (
        "Seconds of wall time, from the start of the command that a user types to its end; "
        f"{embedded.version()}, Python {platform.python_version()}, {os.cpu_count()} CPUs\n"
    )


def _table(customers: int, entries: Sequence[Entry], floors: Floors) -> str:
    lines = [
        f"| {customers:,} customers | {' | '.join(STEPS)} | memory of the process | |",
        f"|---|{'---:|' * len(STEPS)}---:|---|",
    ]
    for entry in entries:
        cells = [f"{entry.seconds(step):.2f} s" for step in STEPS]
        lines.append(
            f"| {entry.tool.name} | {' | '.join(cells)} | {entry.peak_megabytes:.0f} MB "
            f"| {entry.tool.about} |"
        )
    bare = {step: median(floors[step]) for step in STEPS if step in floors}
    cells = [f"{bare[step]:.2f} s" if step in bare else "" for step in STEPS]
    lines.append(f"| `psql`, the floor | {' | '.join(cells)} | | {FLOOR} |")
    ours, *peers = entries
    whole = [peer for peer in peers if peer.tool.is_whole]
    part = [peer for peer in peers if not peer.tool.is_whole]
    lines.append(f"| best of the whole job ÷ Tidemark | {_ratios(ours, whole, STEPS)} | | |")
    goals = dict([PART]) if customers == MOST_ROWS_FOR_DAYS else {}
    lines.append(f"| best of a part ÷ Tidemark | {_ratios(ours, part, goals)} | | |")
    reached = [
        f"{min(peer.seconds(step) for peer in whole) / bare[step]:.1f}" if step in bare else ""
        for step in STEPS
    ]
    lines.append(f"| best of the whole job ÷ floor | {' | '.join(reached)} | | |")
    return "\n".join(lines) + "\n"


def _ratios(ours: Entry, peers: Sequence[Entry], goals: Mapping[str, float]) -> str:
    ratios = [
        f"{min(peer.seconds(step) for peer in peers) / ours.seconds(step):.1f}"
        + (f" (goal ≥ {goals[step]:g})" if step in goals else "")
        for step in STEPS
    ]
    return " | ".join(ratios)
