"""The CPU that servers take."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rig import psql

TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def counted(dsns: Iterable[str]) -> Iterator[list[float]]:
    """Count the seconds of CPU that the servers of some URLs take in the block."""
    query = "select pg_read_file('postmaster.pid')"
    postmasters = [int(psql(dsn, "-c", query).split()[0]) for dsn in dsns]
    spent, before = [0.0], _cpu(postmasters)
    yield spent
    # A process that ends while these are read is counted nowhere; it ends just behind its client.
    time.sleep(0.3)
    spent[0] = _cpu(postmasters) - before


def _cpu(postmasters: list[int]) -> float:
    """Return the seconds of CPU of servers' processes, also of those that have ended."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # It has ended.
        if int(told[1]) in postmasters:
            ticks += int(told[11]) + int(told[12])
        elif int(stat.parent.name) in postmasters:
            ticks += sum(int(one) for one in told[11:15])
    return ticks / TICKS
