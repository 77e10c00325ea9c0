"""Tidemark, and what a user would pick instead, each set up as its own documentation says."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.rig import Process, Rig, measure, psql, reaching

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".venvs"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that keeps the history of customers."""

    name: str
    about: str
    command: Callable[[int], list[str]]
    """The command line of the n-th run, from 0."""
    folder: Path
    environment: Mapping[str, str]
    dsn: str
    """Of the database with its versions."""
    versions: str
    """Relation of its versions; each has `is_current`."""
    cleanses: bool = False
    """Whether it refuses the rows that source.sql has made dirty."""
    is_whole: bool = False
    """Whether it does the whole job: the history of another server's table, on a server of its own.
    Others do one part of it."""

    def run(self, number: int) -> Process:
        """Run it for the n-th time, as a person would by typing the command."""
        return measure(self.command(number), self.environment, self.folder)

    def count(self) -> tuple[int, int]:
        """Count its versions: all, and the current ones."""
        query = f"select count(*), count(*) filter (where is_current) from {self.versions}"
        versions, current = psql(self.dsn, "-c", query).split("|")
        return int(versions), int(current)


def entrants(rig: Rig, folder: Path) -> list[Tool]:
    """Return all tools, Tidemark first; their projects are copied into `folder`.

    Those that do a part of the job work in the source's own database, where nothing has to be moved
    for dbt and SQLMesh.
    """
    return [
        tidemark(rig),
        dbt(rig, folder, "customers"),
        _dlt(rig, folder, "full", "dlt", "the whole table; sees deletes"),
        _dlt(rig, folder, "incremental", "dlt, incremental", "what has a new `updated_at`"),
        _sqlmesh(rig, folder),
        _dlt_and_dbt(rig, folder, "full", rig.floor("stg"), "sees deletes"),
        _dlt_and_dbt(rig, folder, "incremental", rig.floor("dwh"), "sees no deletes"),
    ]


def tidemark(rig: Rig) -> Tool:
    """Return `tidemark run` of the retail area."""
    return Tool(
        "Tidemark",
        "three hops, four servers; cleanses; sees deletes",
        lambda _: [str(Path(sys.executable).with_name("tidemark")), "run", "retail"],
        HERE.parent.parent,
        rig.environment,
        rig.dsns["dwh"],
        "dwh_dim_customers where customer_key <> 0",
        cleanses=True,
    )


def dbt(rig: Rig, folder: Path, *snapshots: str) -> Tool:
    """Return `dbt snapshot` of some of the snapshots in its project."""
    program = str(ENVIRONMENTS / "dbt" / "bin" / "dbt")
    return Tool(
        "dbt",
        "in one database",
        lambda _: [program, "snapshot", "--select", *snapshots],
        _project("dbt", folder),
        _environment(rig, DBT_SEND_ANONYMOUS_USAGE_STATS="false"),
        rig.dsns["operational"],
        "(select dbt_valid_to is null as is_current from dbt.customers) as v",
    )


def _dlt(rig: Rig, folder: Path, extract: str, name: str, about: str) -> Tool:
    dsn = rig.dsns["operational"]
    return Tool(
        name,
        about,
        lambda _: [str(ENVIRONMENTS / "dlt" / "bin" / "python"), "pipeline.py", extract],
        _project("dlt", folder),
        _environment(rig, **_of_dlt(rig, folder, into=dsn)),
        dsn,
        f"(select _dlt_valid_to is null as is_current from dlt_{extract}.customers) as v",
    )


def _dlt_and_dbt(rig: Rig, folder: Path, extract: str, into: str, about: str) -> Tool:
    """Return what a user would build for the whole job: dlt to another server, dbt behind it."""
    python, dbt_program = ENVIRONMENTS / "dlt" / "bin" / "python", ENVIRONMENTS / "dbt/bin/dbt"
    projects = {name: shlex.quote(str(_project(name, folder))) for name in ("dlt", "dbt")}
    words = (
        f"cd {projects['dlt']} && {shlex.quote(str(python))} mirror.py {extract} && "
        f"cd {projects['dbt']} && {shlex.quote(str(dbt_program))} snapshot "
        f"--select mirrored_{extract}"
    )
    settings = _of_dlt(rig, folder, into=into) | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    return Tool(
        f"dlt and dbt, {extract}",
        f"two hops, on another server; {about}",
        lambda _: ["bash", "-c", words],
        folder,
        {**_environment(rig, **settings), **reaching(into)},
        into,
        f"(select dbt_valid_to is null as is_current from dbt.mirrored_{extract}) as v",
        is_whole=True,
    )


def _of_dlt(rig: Rig, folder: Path, *, into: str) -> dict[str, str]:
    source = urlsplit(rig.dsns["operational"])._replace(scheme="postgresql+psycopg2")
    return {
        "DLT_DATA_DIR": str(folder / "dlt" / "data"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "SOURCES__SQL_DATABASE__CREDENTIALS": source.geturl(),
        "DESTINATION__POSTGRES__CREDENTIALS": into,
    }


def _sqlmesh(rig: Rig, folder: Path) -> Tool:
    programs = ENVIRONMENTS / "sqlmesh" / "bin"
    today = datetime.now(UTC)

    def command(number: int) -> list[str]:
        if number == 0:
            return [str(programs / "sqlmesh"), "plan", "--auto-apply", "--no-prompts"]
        return [str(programs / "python"), "run.py", f"{today + timedelta(days=number):%Y-%m-%d}"]

    return Tool(
        "SQLMesh",
        "in one database, writes the whole table again",
        command,
        _project("sqlmesh", folder),
        _environment(rig, SQLMESH_HOME=str(folder / "home")),
        rig.dsns["operational"],
        "(select valid_to is null as is_current from sqlmesh_peer.customers) as v",
    )


def _project(name: str, folder: Path) -> Path:
    """Copy a tool's project to where it may leave caches, logs and state."""
    shutil.copytree(HERE / name, folder / name, dirs_exist_ok=True)
    return folder / name


def _environment(rig: Rig, **variables: str) -> dict[str, str]:
    """Return the settings that point a peer to the source; it reports no usage to anyone."""
    return {
        **reaching(rig.dsns["operational"]),
        **rig.environment,
        "DO_NOT_TRACK": "1",
        **variables,
    }
