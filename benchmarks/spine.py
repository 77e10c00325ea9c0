"""Time a first load, deltas and idle runs of Tidemark and of the floor, and print a table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.floor import copy_batch
from benchmarks.rig import Process, Rig, Size, psql, rig, show
from tidemark.install import embedded
from tidemark.model import HOPS, Hop

DAYS = 3
FLAT_DAYS = 5
IDLE_RUNS = 7


@dataclass(slots=True)
class Measured:
    """What the batches of one kind took, and what their floors took."""

    processes: list[Process] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    floors: list[dict[Hop, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median of whole processes."""
        return median(process.seconds for process in self.processes)

    @property
    def floor(self) -> float:
        """Median of the three hops together."""
        return median(sum(hops.values()) for hops in self.floors)

    @property
    def peak_megabytes(self) -> float:
        """The largest of all processes."""
        return max(process.peak_megabytes for process in self.processes)

    def hop_seconds(self, hop: Hop) -> float:
        """Median of one hop."""
        return median(float(_hop(batch, hop)["seconds"]) for batch in self.batches)


def main() -> None:
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1: five million sales")
    scale = parser.parse_args().scale
    size, tenth = Size.of(scale), Size.of(scale / 10)
    with rig(tenth) as small, rig(size) as large:
        show(_about(size, large))
        first = _first_load(large)
        _first_load(small)
        day = _days(large, size, start=1)
        flat_large, flat_small = _flatness(large, small, tenth)
        idle = [large.run_command() for _ in range(IDLE_RUNS)]
    show(_summary(first, day, idle))
    show(_flat(flat_large, flat_small, tenth))
    show(_breakdown("First load", first))
    show(_breakdown(f"Delta (median of {DAYS}; rows of the last)", day))


def _first_load(target: Rig) -> Measured:
    measured = Measured()
    _batch(target, measured)
    target.vacuum()
    return measured


def _days(target: Rig, size: Size, *, start: int) -> Measured:
    """Play days, each run by Tidemark and then copied by the floor."""
    measured = Measured()
    for day in range(start, start + DAYS):
        target.play_day(day, size)
        _batch(target, measured)
    return measured


def _flatness(large: Rig, small: Rig, size: Size) -> tuple[Measured, Measured]:
    """Play the same small days on both, in turns."""
    on_large, on_small = Measured(), Measured()
    for day in range(101, 101 + FLAT_DAYS):
        for target, measured in ((small, on_small), (large, on_large)):
            target.play_day(day, size)
            _batch(target, measured)
    return on_large, on_small


def _batch(target: Rig, measured: Measured) -> None:
    target.settle()
    process, batch = target.run_batch()
    measured.processes.append(process)
    measured.batches.append(batch)
    floor = copy_batch(target, batch["batch_id"])
    measured.floors.append(floor)
    done = f"batch {batch['batch_id']} of {target.size.sales:,} sales"
    show(f"{done}: {process.seconds:.2f} s, floor {sum(floor.values()):.2f} s", file=sys.stderr)


def _about(size: Size, target: Rig) -> str:
    version = psql(target.dsns["dwh"], "-c", "show server_version")
    return (
        f"{size.customers:,} customers, {size.products:,} products, {size.sales:,} sales; "
        f"{embedded.version()} ({version}), Python {platform.python_version()}, "
        f"{os.cpu_count()} CPUs\n"
    )


def _summary(first: Measured, day: Measured, idle: list[Process]) -> str:
    peak = max(first.peak_megabytes, day.peak_megabytes, *(run.peak_megabytes for run in idle))
    lines = [
        "| | Tidemark | floor | ratio | goal |",
        "|---|---:|---:|---:|---:|",
        _row("first load", first, "1.3"),
        _row("delta", day, "3"),
        f"| nothing changed | {median(run.seconds for run in idle):.2f} s | | | 0.6 s |",
        f"| memory of the process | {peak:.0f} MB | | | 150 MB |",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, measured: Measured, goal: str) -> str:
    ratio = measured.seconds / measured.floor
    return (
        f"| {name} | {measured.seconds:.2f} s | {measured.floor:.2f} s | {ratio:.2f} | ≤ {goal} |"
    )


def _flat(large: Measured, small: Measured, size: Size) -> str:
    return (
        f"The delta of {size.sales:,} sales against its own tables {small.seconds:.2f} s, against "
        f"tables ten times larger {large.seconds:.2f} s: ratio {large.seconds / small.seconds:.2f} "
        f"(goal 0.8 to 1.2). Their floors: {small.floor:.2f} s and {large.floor:.2f} s.\n"
    )


def _breakdown(title: str, measured: Measured) -> str:
    lines = [
        f"{title}, in seconds:\n",
        "| hop | entity | rows | stream | apply | hop | floor of the hop |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for hop in HOPS:
        floor = median(hops[hop] for hops in measured.floors)
        lines.append(f"| {hop} | | | | | {measured.hop_seconds(hop):.2f} | {floor:.2f} |")
        for name, counts in _hop(measured.batches[-1], hop)["entities"].items():
            info = counts["info"]
            times = [f"{info[key]:.2f}" if key in info else "" for key in _TIMES]
            lines.append(f"| | {name} | {counts['processed']:,} | {' | '.join(times)} | | |")
    return "\n".join(lines) + "\n"


def _hop(batch: dict[str, Any], hop: Hop) -> Any:
    return batch["hops"][HOPS.index(hop)]


_TIMES = ("stream_seconds", "apply_seconds")


if __name__ == "__main__":
    main()
