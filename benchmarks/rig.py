"""Four embedded servers with a source to read, and the programs that are measured on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from tidemark.declare.project import Project
from tidemark.install import embedded
from tidemark.install.embedded import site
from tidemark.install.migrate import migrate
from tidemark.model import DEFAULT_SOURCE, LAYERS, ServerName, dsn_variable
from tidemark.postgres.sessions import Servers

HERE = Path(__file__).parent
PSQL = str(site.installed() / "psql")
QUIET = ("-X", "-q", "-At", "-v", "ON_ERROR_STOP=1")
SETTLE_SECONDS = 1.5
"""Longer than the margin of the watermark: what was committed before is extracted."""

show = print

_AS_USERS_HAVE_THEM: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Size:
    """Rows in the source, or the rows of which a day changes a hundredth."""

    customers: int
    products: int
    sales: int

    @classmethod
    def of(cls, scale: float) -> Size:
        """The workload of `benchmarks/run` at a scale."""
        return cls(round(1_000_000 * scale), round(50_000 * scale), round(5_000_000 * scale))

    @property
    def variables(self) -> list[str]:
        """Options of psql."""
        given = {"customers": self.customers, "products": self.products, "sales": self.sales}
        return [option for name, value in given.items() for option in ("-v", f"{name}={value}")]


@dataclass(frozen=True, slots=True)
class Process:
    """What one process took, from its start to its end."""

    seconds: float
    peak_megabytes: float
    output: str
    cpu: float = 0.0
    """Seconds of CPU of this one process."""


class Rig:
    """Servers of one size; `floor` is a second database of each warehouse layer."""

    def __init__(self, dsns: Mapping[ServerName, str], size: Size) -> None:
        self.dsns = dict(dsns)
        self.size = size

    def floor(self, layer: ServerName) -> str:
        """The URL of the layer's database that psql alone fills."""
        return urlsplit(self.dsns[layer])._replace(path="/floor").geturl()

    def build(self) -> None:
        """Migrate the layers, clone the empty warehouse for the floor, and fill the source."""
        with Servers(self.dsns) as servers:
            migrate(Project(HERE.parent), servers)
        for layer in LAYERS:
            maintenance = urlsplit(self.dsns[layer])._replace(path="/postgres").geturl()
            psql(maintenance, "-c", f"create database floor template {layer}")
        psql(self.dsns["operational"], *self.size.variables, "-f", str(HERE / "source.sql"))
        self.settle()

    def play_day(self, day: int, size: Size) -> None:
        """Change the source as much as a day of `size` does."""
        script = str(HERE / "day.sql")
        psql(self.dsns["operational"], *size.variables, "-v", f"day={day}", "-f", script)
        time.sleep(SETTLE_SECONDS)

    def settle(self) -> None:
        """Leave no writes behind that the next measurement would pay for."""
        for dsn in self.dsns.values():
            psql(dsn, "-c", "checkpoint")

    def vacuum(self) -> None:
        """Do after a load what autovacuum would do a minute later, while others are timed."""
        for layer in LAYERS:
            for dsn in (self.dsns[layer], self.floor(layer)):
                psql(dsn, "-c", "vacuum analyze")

    def run_batch(self) -> tuple[Process, dict[str, Any]]:
        """Run a batch, and return what its process took and what its hops did."""
        process = measure([sys.executable, "-m", "benchmarks.batch", "retail"], self.environment)
        return process, json.loads(process.output)

    def run_command(self) -> Process:
        """Run `tidemark run retail` as an operator does."""
        command = str(Path(sys.executable).with_name("tidemark"))
        return measure([command, "run", "retail"], self.environment)

    @property
    def environment(self) -> dict[str, str]:
        """What points a process to these servers."""
        named = {dsn_variable(server): dsn for server, dsn in self.dsns.items()}
        return {**os.environ, **named, "TIDEMARK_HOME": str(HERE.parent)}


@contextmanager
def rig(size: Size, settings: Mapping[str, str] = _AS_USERS_HAVE_THEM) -> Iterator[Rig]:
    """Lend servers with a filled source and an empty warehouse; they are removed afterwards."""
    with started(settings) as dsns:
        made = Rig(dsns, size)
        made.build()
        yield made


@contextmanager
def started(
    settings: Mapping[str, str] = _AS_USERS_HAVE_THEM,
) -> Iterator[Mapping[ServerName, str]]:
    """Lend the URLs of servers on which nothing was done; they are removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-benchmark-"))
    folder.chmod(0o711)  # as root, the servers run as a user that has to get in
    try:
        yield embedded.start(folder, (DEFAULT_SOURCE, *LAYERS), settings=settings)
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)


def measure(
    command: list[str], environment: Mapping[str, str], folder: Path = HERE.parent
) -> Process:
    """Run a process in a folder, to its end.

    Raises:
        SystemExit: it failed, with what it said.
    """
    start = time.perf_counter()
    with subprocess.Popen(
        command, env=dict(environment), cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None, "a pipe was asked for"
        output = process.stdout.read()
        # Not Popen.wait: the memory of this one child, not the largest of all.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}.\n{output}")
    cpu = usage.ru_utime + usage.ru_stime
    return Process(seconds, usage.ru_maxrss / 1024, output, cpu)


def psql(dsn: str, *options: str) -> str:
    """Run psql; returns rows without headers.

    Raises:
        SystemExit: it failed, with what it said.
    """
    done = subprocess.run(
        [PSQL, *QUIET, *options], env=reaching(dsn), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"psql {' '.join(options)[:200]}:\n{done.stderr}")
    return done.stdout.strip()


def reaching(dsn: str) -> dict[str, str]:
    """Return the environment in which a client of PostgreSQL reaches what a URL names."""
    url = urlsplit(dsn)
    return {
        **os.environ,
        "PGHOST": str(url.hostname),
        "PGPORT": str(url.port),
        "PGUSER": str(url.username),
        "PGPASSWORD": str(url.password),
        "PGDATABASE": url.path[1:],
    }
