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


@dataclass(frozen=True, slots=True)
class _Checked:
    """What a check found in a batch."""

    check: str
    layer: str
    severity: str
    status: str
    message: str
    accepted_by: str | None

    @property
    def is_broken(self) -> bool:
        """Whether something is not as it should be. One that rejects rows has done its work."""
        return self.status != "PASSED" and self.severity != "reject"

    @property
    def is_open(self) -> bool:
        """Whether nothing may be published because of it."""
        return self.is_broken and self.severity == "fail" and self.accepted_by is None

    def __str__(self) -> str:
        accepted = f" (accepted by {self.accepted_by})" if self.accepted_by else ""
        return (
            f"check {self.check!r} {self.status.lower()} on {self.layer}: {self.message}{accepted}"
        )


def judge(servers: Servers, area: Area, batch_id: int) -> Sequence[str]:
    """Return what checks found in a batch that was published; the first line counts them.

    Raises:
        MonitorError: the batch was not published: because of checks, which are named, or else.
    """
    which = {"area": area.area, "batch_id": batch_id}
    with servers.session("dwh", f"monitor {area.area}") as dwh:
        checked = [
            _Checked(*row) for row in dwh.rows(compose.statement(__name__, "checked"), which)
        ]
        found = dwh.rows(compose.statement(__name__, "batch"), which)
    status, message = found[0] if found else ("unknown", None)
    named = f"batch {batch_id} of {area.area}"
    if refused := [str(one) for one in checked if one.is_open]:
        raise MonitorError(f"{named} is not as it should be: {'; '.join(refused)}")
    if status != "SUCCESS":
        raise MonitorError(f"{named} was not published: {message or status}")
    broken = [str(one) for one in checked if one.is_broken]
    return [f"{named}: {len(checked)} checks, {len(broken)} of them broken", *broken]


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
    checked = [_Checked(*row) for row in dwh.rows(compose.statement(__name__, "checked"), which)]
    return [f"Batch {batch_id}: {one.message}" for one in checked if one.is_broken]


def _lateness(dwh: Session, area: Area) -> list[str]:
    found = problems.without_success(dwh, [area]).get(area.area)
    if found is None or found.seconds <= area.monitor.late_after.total_seconds():
        return []
    return [
        f"No batch has succeeded for {timedelta(seconds=round(found.seconds))}, "
        f"and the area allows {area.monitor.late_after}."
    ]
