"""What an orchestrator runs: a hop, or a look at the journal, in a process of its own.

Nothing here knows which orchestrator it is. Logs go to the standard library's logging, and to the
file of `TIDEMARK_LOG_FILE`; results are plain enough for JSON, and a signal cancels what runs on
the servers.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from logging import ERROR, INFO
from pathlib import Path
from typing import TypedDict

from tidemark import logs
from tidemark.batch import pipeline
from tidemark.declare import environment
from tidemark.declare.config import Area
from tidemark.declare.project import Project, find_project
from tidemark.errors import TidemarkError
from tidemark.install import servers
from tidemark.logs import writing
from tidemark.model import Hop, Overrides
from tidemark.observe import monitor, status, waiting
from tidemark.postgres import interrupts, sessions

log = logs.named(__name__)

_MANY = 100
"""Among so many last batches one is looked for."""


class Done(TypedDict):
    """What a hop did, as XCom keeps it."""

    batch_id: int
    changed: int
    seconds: float
    entities: dict[str, dict[str, int]]
    checks: dict[str, str]
    """Name -> status."""


def project_at(folder: Path) -> Project:
    """Find the project that a folder lies in, such as that of a DAG."""
    return find_project(folder)


def run_hop(
    project: Project,
    area: str,
    hop: Hop,
    *,
    batch_id: int | None = None,
    refresh: str | None = None,
    only: str | None = None,
    accept_deletes: bool = False,
    accept_checks: Collection[str] = (),
    by: str = "",
) -> Done:
    """Run one hop of an area's batch; without `batch_id` it opens a batch.

    Args:
        project: the folder with `sql/`.
        area: its name.
        hop: extract, stage or publish.
        batch_id: what the hop before returned.
        refresh: ENTITY or AREA.ENTITY to extract as a whole; one of another area is passed over.
        only: the one area that the run is of; None: all. An ENTITY is looked for there first.
        accept_deletes: delete every row that is gone from the source, however many there are.
        accept_checks: checks that do not keep the batch from being published; those of other areas
            are passed over.
        by: who says so.

    Raises:
        UnknownNameError, AmbiguousNameError: of `refresh`; nothing has begun.
        GateError: checks refuse the batch; running it again would find the same.
        TidemarkError: the layer is as it was; the hop is logged as FAILED.
    """
    wanted = project.area(area)
    names = frozenset(accept_checks) & {one.name for one in wanted.placed_checks}
    overrides = Overrides(
        _refreshed(project, wanted, refresh, only), accept_deletes, accept_checks=names, by=by
    )
    with _opened(project) as opened:
        result = pipeline.run_hop(opened, wanted, hop, batch_id, overrides=overrides)
    return {
        "batch_id": result.batch_id,
        "changed": result.changed,
        "seconds": round(result.seconds, 3),
        "entities": {name: counts.as_dict() for name, counts in result.entities.items()},
        "checks": {one.check: one.status for one in result.checks},
    }


def _refreshed(
    project: Project, area: Area, refresh: str | None, only: str | None
) -> frozenset[str]:
    if refresh is None:
        return frozenset()
    found, entity = project.entity(refresh, area=only)
    return frozenset({entity.name} if found.area == area.area else ())


def watch(project: Project, areas: Collection[str] | None = None) -> None:
    """Look at the last batches of these areas, or of all.

    Raises:
        MonitorError: they fail, are late, or reject too much; of all areas.
    """
    with _opened(project) as opened:
        names = project.areas if areas is None else areas
        watched = [monitor.look(opened, project.area(area)) for area in names]
        for one in watched:
            if not one.problems:
                with logs.within(one.area):
                    log.info("%s: the last batch is good and in time", one.area)
        monitor.check(watched)


def tell(project: Project) -> None:
    """Tell the channels of TIDEMARK_ALERT_URLS what has begun or ended, in all areas.

    Raises:
        ConnectError: the DWH is away. That is told as well.
    """
    with _opened(project) as opened:
        if opened.channels is None:
            log.info("TIDEMARK_ALERT_URLS is not set: nobody is told")
        monitor.tell(opened, list(project.areas.values()))


def has_new_files(project: Project, area: str) -> bool:
    """Whether there is a file that no batch of an area has taken, and that the next one would.

    It lists what the next batch lists (`lookback`), and opens no file that is new.

    Raises:
        ConfigError: the area's source has no files.
        ConnectError: MRR or the source is away.
    """
    with _opened(project) as opened:
        return waiting.has_new_files(opened, project.area(area))


def is_behind(project: Project, area: str) -> bool:
    """Whether a layer lacks a batch that MRR has: a hop has failed, and a run would go on."""
    with _opened(project) as opened:
        return waiting.is_behind(opened, project.area(area))


def judge(project: Project, area: str, batch_id: int) -> None:
    """Tell what checks found in a batch.

    Raises:
        MonitorError: it was not published; names the checks, if they refused it.
    """
    with _opened(project) as opened, logs.within(area):
        first, *broken = monitor.judge(opened, project.area(area), batch_id)
        log.info("%s", first)
        for one in broken:
            log.warning("%s", one)


def tell_outcome(project: Project, area: str, batch_id: int | None, *, since: datetime) -> str:
    """Tell what became of a batch in one line, and return the line.

    Args:
        project: the folder with `sql/`.
        area: its name.
        batch_id: what the first hop returned; None: it has failed, or was not run.
        since: when its run began. Without `batch_id` the last batch since then is meant, if any.
    """
    with _opened(project) as opened, logs.within(area):
        with opened.session("dwh", f"monitor {area}") as dwh:
            last = status.last_batches(dwh, project.area(area), _MANY)
        for one in last:
            if one.batch_id == batch_id or (batch_id is None and one.started_at >= since):
                level = ERROR if one.status == "FAILED" else INFO
                log.log(level, "%s", said := _outcome(area, one))
                return said
        log.info("%s", said := f"{area}: no batch has begun since {since:%Y-%m-%d %H:%M:%SZ}")
        return said


def _outcome(area: str, batch: status.Batch) -> str:
    took = "" if batch.seconds is None else f" in {batch.seconds:.1f} s"
    said = f"batch {batch.batch_id} of {area}: {batch.status}{took}, {batch.rows_extracted:,} rows"
    return f"{said}: {batch.error_message}" if batch.error_message else said


@contextmanager
def _opened(project: Project) -> Iterator[sessions.Servers]:
    wanted = writing.wanted(environment.values(project.home, os.environ), project.home)
    with writing.written(wanted):
        try:
            with servers.resolve(project) as opened, interrupts.cancelling():
                yield opened
        except TidemarkError as error:
            if not error.is_logged:
                log.error("%s", error, extra=logs.fields(**logs.of_error(error)))
            raise
