"""Watch the journal: fail loudly when an area's batches fail, are late, or reject too much."""

from __future__ import annotations

from datetime import timedelta

from tidemark import db
from tidemark.config import Area
from tidemark.db import Servers, Session
from tidemark.errors import MonitorError

_FEW_ROWS = 100
"""Of fewer rows than these, a ratio says nothing."""


def check(servers: Servers, area: Area) -> None:
    """Examine the last batch of an area that has ended. None has yet: nothing is wrong.

    Raises:
        MonitorError: everything that is wrong, one sentence each.
    """
    with servers.session("dwh", f"monitor {area.area}") as dwh:
        problems = [*_failure(dwh, area), *_lateness(dwh, area)]
    if problems:
        raise MonitorError(
            f"{area.area}: {' '.join(problems)} `tidemark status {area.area}` shows the last "
            f"batches, `tidemark rejects {area.area}` the rows that were refused."
        )


def _failure(dwh: Session, area: Area) -> list[str]:
    found = dwh.rows(db.compose("monitor", "last_ended"), {"area": area.area})
    if not found:
        return []
    [(batch_id, status, message)] = found
    if status == "FAILED":
        return [f"Batch {batch_id} failed: {message}"]
    allowed = area.monitor.max_reject_ratio
    return [
        f"Batch {batch_id} rejected {rejected:,} of {rows:,} rows of {entity}, "
        f"and the area allows {allowed:.0%}."
        for entity, rows, rejected in dwh.rows(
            db.compose("monitor", "rejected"), {"batch_id": batch_id}
        )
        if rows >= _FEW_ROWS and rejected > allowed * rows
    ]


def _lateness(dwh: Session, area: Area) -> list[str]:
    seconds = dwh.value(db.compose("monitor", "seconds_without_success"), {"area": area.area})
    if seconds is None or seconds <= area.monitor.late_after.total_seconds():
        return []
    return [
        f"No batch has succeeded for {timedelta(seconds=round(seconds))}, "
        f"and the area allows {area.monitor.late_after}."
    ]
