"""Alerts: those that stand, and those that have ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidemark.console.page import Asked, Page, Refused
from tidemark.postgres import compose

ROWS = 50
"""Of a page."""
_MOST = 500
"""Open alerts that are listed."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One problem, from its beginning to its end."""

    id: int
    area: str
    """'': of what several areas share, such as a server."""
    event: str
    subject: str
    severity: str
    what: str
    look: str
    """The command that shows more."""
    began_at: datetime
    ended_at: datetime | None
    channels: int
    told: int
    """How many of them have taken the message that it began."""


def show(asked: Asked) -> Page:
    """Show the alerts of an area, or of all: `?area=retail&before=12`."""
    area = asked.text("area")
    if area and area not in asked.areas:
        raise Refused(404, "There is no such area. Choose another one.")
    which = {
        "areas": [area] if area else ["", *asked.areas],
        "before": asked.number("before", 0),
        "limit": ROWS + 1,
        "most": _MOST,
    }
    with asked.servers.session("dwh", "console") as dwh:
        open_now = [Alert(*row) for row in dwh.rows(compose.statement(__name__, "open"), which)]
        past = [Alert(*row) for row in dwh.rows(compose.statement(__name__, "past"), which)]
    values = {
        "area": area,
        "areas": [*asked.areas],
        "open": open_now,
        "past": past[:ROWS],
        "next": past[ROWS - 1].id if len(past) > ROWS else None,
        "before": which["before"],
    }
    return Page("alerts.html", "Alerts", values)
