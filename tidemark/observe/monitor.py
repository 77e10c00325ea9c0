"""Watch the journal: raise an error if batches of an area fail, are late, or break checks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tidemark.batch import notify, problems
from tidemark.declare.config import Area
from tidemark.errors import ConnectError, MonitorError
from tidemark.model import ServerName
from tidemark.postgres import compose
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers


@dataclass(frozen=True, slots=True)
class Watched:
    """What is wrong with the last batches of an area, one sentence each; empty if all is well."""

    area: str
    problems: list[str]


def look(servers: Servers, area: Area) -> Watched:
    """Examine the last batch of an area that has ended. Without one, only lateness can be wrong."""
    with servers.session("dwh", f"monitor {area.area}") as dwh:
        return Watched(area.area, [*_failure(dwh, area), *_lateness(dwh, area)])


def tell(servers: Servers, areas: Collection[Area]) -> None:
    """Begin and end the alerts of areas: what is late, or away, begins without a batch.

    Raises:
        ConnectError: the DWH is away. That is told as well.
    """
    if servers.channels is None:
        return
    names = {name for area in areas for name in notify.used(area) if name in servers.dsns}
    away = {name: error for name in sorted(names) if (error := _away(servers, name))}
    for area in areas:
        gone = [away[name] for name in notify.used(area) if name in away]
        notify.look(servers, area, gone)


def _away(servers: Servers, name: ServerName) -> ConnectError | None:
    try:
        with servers.session(name, "monitor"):
            return None
    except ConnectError as error:
        return error


def has_ended(servers: Servers, area: Area) -> bool:
    """Whether a batch of an area has ended, successfully or not."""
    with servers.session("dwh", f"monitor {area.area}") as dwh:
        return bool(dwh.rows(compose.statement(__name__, "last_ended"), {"area": area.area}))


def check(watched: Sequence[Watched]) -> None:
    """Raise a MonitorError with all problems, if there are any."""
    said = [
        f"{one.area}: {' '.join(one.problems)} `tidemark status {one.area}` shows the last "
        f"batches, `tidemark rejects {one.area}` the rows that were refused."
        for one in watched
        if one.problems
    ]
    if said:
        raise MonitorError("\n".join(said))


def _failure(dwh: Session, area: Area) -> list[str]:
    found = dwh.rows(compose.statement(__name__, "last_ended"), {"area": area.area})
    if not found:
        return []
    [(batch_id, status, message)] = found
    if status == "FAILED":
        return [f"Batch {batch_id} failed: {message}"]
    which = {"area": area.area, "batch_id": batch_id}
    broken = dwh.rows(compose.statement(__name__, "broken"), which)
    return [f"Batch {batch_id}: {message}" for (message,) in broken]


def _lateness(dwh: Session, area: Area) -> list[str]:
    found = problems.without_success(dwh, area)
    if found is None or found.seconds <= area.monitor.late_after.total_seconds():
        return []
    return [
        f"No batch has succeeded for {timedelta(seconds=round(found.seconds))}, "
        f"and the area allows {area.monitor.late_after}."
    ]
