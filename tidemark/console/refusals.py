"""Rows that are refused now: how many, for all; why, and which they are, for owners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from shlex import quote
from typing import Any

from tidemark.console import pictures, shown
from tidemark.console.page import Asked, Page, Refused
from tidemark.console.pictures import Column, Strip
from tidemark.postgres import compose
from tidemark.postgres.db import Session

ROWS = 50
"""Of a page."""
DAYS = 30
"""How far back the picture reaches."""
_MOST = 200
"""Reasons, and reasons of days, that are listed."""


@dataclass(frozen=True, slots=True)
class Open:
    """Rows that are refused now."""

    area: str
    entity: str
    reason: str | None
    """None: for whatever reason. Reasons may quote values, so they are for owners."""
    rows: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is refused now."""

    id: int
    entity: str
    item: str | None
    """Of a file, a queue or a table whose row MRR refused; None: cleansing refused it."""
    key: str
    reasons: list[str]
    batch_id: int | None
    first_seen_at: datetime
    last_seen_at: datetime
    text: str
    """Its beginning, as it came or as JSON."""
    length: int
    """Of the whole."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for."""

    areas: list[str]
    area: str
    entity: str
    reason: str
    parameters: dict[str, Any] = field(default_factory=dict)


def by_entity(stg: Session, which: Mapping[str, Any]) -> list[Open]:
    """Count the rows of `areas` that are refused now, the most frequent first."""
    return [Open(*row) for row in stg.rows(compose.statement(__name__, "by_entity"), which)]


def by_reason(stg: Session, which: Mapping[str, Any]) -> list[Open]:
    """Count them by reason, as an owner may; a row may have several."""
    return [Open(*row) for row in stg.rows(compose.statement(__name__, "by_reason"), which)]


def show(asked: Asked) -> Page:
    """Show the open rejects of an area, or of all."""
    wanted = _wanted(asked)
    is_owner = asked.access.reaches("owner")
    with asked.servers.session("stg", "console") as stg:
        found = (by_reason if is_owner else by_entity)(stg, wanted.parameters)
    values = {
        "wanted": wanted,
        "is_owner": is_owner,
        "areas": [*asked.areas],
        "found": found[:_MOST],
        "left": max(0, len(found) - _MOST),
        "commands": _commands(asked, wanted),
        "cursors": {name: asked.number(name, 0) or None for name in ("before", "refused_before")},
        **(_for_owner(asked, wanted) if is_owner else {}),
    }
    return Page("refusals.html", "Rejects", values)


def _wanted(asked: Asked) -> Wanted:
    area, entity, reason = (asked.text(name) for name in ("area", "entity", "reason"))
    if area and area not in asked.areas:
        raise Refused(404, "There is no such area. Choose another one.")
    if reason and not asked.access.reaches("owner"):
        raise Refused(403, "Reasons may quote values of rows, so they are for owners.")
    if "\0" in entity + reason:
        raise Refused(400, "No entity and no reason has a zero byte.")
    areas = [area] if area else [*asked.areas]
    return Wanted(areas, area, entity, reason, {"areas": areas, "entity": entity, "reason": reason})


def _for_owner(asked: Asked, wanted: Wanted) -> dict[str, Any]:
    over_time = {**wanted.parameters, "zone": str(asked.zone), "days": DAYS, "most": _MOST}
    which = {**wanted.parameters, "area": wanted.area, "limit": ROWS + 1, "longest": shown.LONGEST}
    rows: list[Row] = []
    of_mrr: list[Row] = []
    with asked.servers.session("stg", "console") as stg:
        days = stg.rows(compose.statement(__name__, "days"), over_time)
        reasons = stg.rows(compose.statement(__name__, "reasons_of_days"), over_time)
        if wanted.area:
            before = {"before": asked.number("before", 0)}
            found = stg.rows(compose.statement(__name__, "rows"), {**which, **before})
            rows = [Row(*row) for row in found]
    if wanted.area and not wanted.reason:
        with asked.servers.session("mrr", "console") as mrr:
            before = {"before": asked.number("refused_before", 0)}
            found = mrr.rows(compose.statement(__name__, "refused"), {**which, **before})
            of_mrr = [Row(*row) for row in found]
    return {
        "days": _strip(days),
        "reasons": reasons,
        "rows": rows[:ROWS],
        "next": rows[ROWS - 1].id if len(rows) > ROWS else None,
        "refused": of_mrr[:ROWS],
        "next_refused": of_mrr[ROWS - 1].id if len(of_mrr) > ROWS else None,
        "retries": _retries(wanted.area, of_mrr[:ROWS]),
    }


def _strip(days: Sequence[tuple[date, int, int]]) -> Strip:
    columns = [
        Column(
            f"d{day}",
            rows or None,
            "",
            f"{day}: {shown.count(rows)} rows were refused for the first time, "
            f"{shown.count(still)} of them still are",
        )
        for day, rows, still in days
    ]
    label = f"Rows that were refused for the first time, on each of the last {DAYS} days"
    return pictures.strip(label, columns, DAYS)


def _commands(asked: Asked, wanted: Wanted) -> list[tuple[str, str]]:
    """Say what shows rejects, and what takes rows again."""
    if not wanted.area:
        return []
    only = f" --entity {quote(wanted.entity)}" if wanted.entity else ""
    rejects = f"tidemark rejects {quote(wanted.area)}"
    told = [("Shows the rows, with every reason", f"{rejects}{only}")]
    area = asked.areas[wanted.area]
    if area.has_inbox:
        again = "Sends the events again, after the rules were corrected"
        told.append((again, f"{rejects} --replay-all"))
    again = "Takes the rows again that were corrected in the source, or whose rules were"
    return [*told, (again, f"tidemark run {quote(wanted.area)}")]


def _retries(area: str, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Say how each file of these rows is taken again."""
    items = dict.fromkeys(row.item for row in rows if row.item)
    return [
        (f"Takes {item} again", f"tidemark rejects {quote(area)} --retry {quote(item)}")
        for item in [*items][:10]
    ]
