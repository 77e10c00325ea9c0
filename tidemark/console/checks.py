"""Checks: what each said last; of one, what it said before, and keys for who may see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from shlex import quote
from typing import Any

from tidemark.batch import problems
from tidemark.console import pictures, shown
from tidemark.console.page import Asked, Page, Refused
from tidemark.console.pictures import Column, Strip
from tidemark.postgres import compose

LOOKS = 50
"""Of a page."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a check said once."""

    log_id: int
    at: datetime
    batch_id: int | None
    layer: str
    severity: str
    status: str
    value: Decimal | None
    bound: str
    message: str
    accepted_by: str | None
    sample: Sequence[Any] | None

    @property
    def keys(self) -> list[str]:
        """Rows that broke it."""
        return [json.dumps(one, ensure_ascii=False) for one in self.sample or ()]


def show(asked: Asked) -> Page:
    """Show the checks of an area, or of all; `?area=retail&check=…` shows what one said before."""
    area, check = asked.text("area"), asked.text("check")
    if area and area not in asked.areas:
        raise Refused(404, "There is no such area. Choose another one.")
    if check:
        if not area:
            raise Refused(400, "A check is one of an area: give `area` as well.")
        return _history(asked, area, check)
    wanted = [one for one in asked.areas.values() if area in ("", one.area)]
    with asked.servers.session("dwh", "console") as dwh:
        found = problems.said_last(dwh, wanted)
    values = {"area": area, "areas": [*asked.areas], "found": found}
    return Page("checks.html", "Checks", values)


def _history(asked: Asked, area: str, check: str) -> Page:
    may_see = asked.access.reaches("analyst")
    which = {
        "area": area,
        "check": check.replace("\0", ""),
        "before": asked.number("before", 0),
        "limit": LOOKS + 1,
    }
    name = "history_with_samples" if may_see else "history"
    with asked.servers.session("dwh", "console") as dwh:
        found = [Look(*row) for row in dwh.rows(compose.statement(__name__, name), which)]
    if not found and not which["before"]:
        raise Refused(404, "This check has never looked, or there is none of this name.")
    looks = found[:LOOKS]
    values = {
        "area": area,
        "check": check,
        "looks": looks,
        "may_see": may_see,
        "strip": _strip(asked, check, looks),
        "next": found[LOOKS - 1].log_id if len(found) > LOOKS else None,
        "before": which["before"],
        "command": f"tidemark check {quote(area)}",
    }
    return Page("check.html", f"Check {check}", values)


def _strip(asked: Asked, check: str, looks: Sequence[Look]) -> Strip:
    columns = [
        Column(
            f"l{one.log_id}",
            None if one.value is None else float(one.value),
            one.status,
            f"{shown.instant(one.at, asked.zone)}: {one.status}, {shown.value(one.value)}",
            shown.link(f"/batches/{one.batch_id}", asked.zone) if one.batch_id else "",
        )
        for one in reversed(looks)
    ]
    return pictures.strip(f"What {check} has found, the last time at the right", columns, LOOKS)
