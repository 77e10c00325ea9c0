"""The batches of an area, fifty a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidemark.console.page import Asked, Page, Refused
from tidemark.postgres import compose

ROWS = 50
"""Of a page."""
_NEWEST = (1 << 63) - 1
"""Before this all batches were begun."""
STATUSES = ("SUCCESS", "FAILED", "RUNNING")


@dataclass(frozen=True, slots=True)
class Line:
    """One batch of a list."""

    batch_id: int
    status: str
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    rows_extracted: int | None
    error: str | None


def show(asked: Asked) -> Page:
    """Show the batches of an area, the newest first: `?status=FAILED&before=120`."""
    area, status = asked.area.area, asked.text("status")
    if status and status not in STATUSES:
        raise Refused(400, f"status: there are {', '.join(STATUSES)}.")
    before = asked.number("before", 0)
    which = {"area": area, "status": status, "before": before or _NEWEST, "limit": ROWS + 1}
    name = "page_of_status" if status else "page"
    with asked.servers.session("dwh", "console") as dwh:
        found = [Line(*row) for row in dwh.rows(compose.statement(__name__, name), which)]
    values = {
        "area": area,
        "status": status,
        "before": before,
        "statuses": STATUSES,
        "batches": found[:ROWS],
        "next": found[ROWS - 1].batch_id if len(found) > ROWS else None,
    }
    return Page("batches.html", f"Batches of {area}", values)
