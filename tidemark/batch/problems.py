"""What stands in the way of an area as the DWH's journal has it: alerts begin and end by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tidemark.declare.config import Area
from tidemark.layers import rejects
from tidemark.model import Event, Problem
from tidemark.postgres import compose
from tidemark.postgres.db import Session

OF_JOURNAL: tuple[Event, ...] = (
    "batch_failed",
    "check",
    "data_late",
    "delete_guard",
    "held_back",
    "rejects",
)
"""The events that `standing` judges: one that it does not find has ended."""

_NAMED: dict[str, Event] = {"check": "check", "delete_guard": "delete_guard"}
"""`etl_batches.failed_by` -> the event that tells it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A check that was broken when it last looked."""

    check: str
    entity: str | None
    layer: str
    severity: str
    status: str
    message: str
    batch_id: int | None
    run_time: datetime


@dataclass(frozen=True, slots=True)
class WithoutSuccess:
    """How long no batch has succeeded."""

    since: datetime
    """The end of the last success, or the beginning of the first attempt where none succeeded."""
    has_succeeded: bool
    seconds: float


def broken(dwh: Session, area: Area) -> list[Broken]:
    """Return the checks of an area that are broken now, by name."""
    declared = [*(one.name for one in area.placed_checks), *_ratios(area)]
    which = {"area": area.area, "declared": declared}
    return [Broken(*row) for row in dwh.rows(compose.statement(__name__, "broken"), which)]


def _ratios(area: Area) -> dict[str, str]:
    """Name the check of each entity's rejects: check -> entity."""
    return {rejects.ratio_check(name): name for name in area.entities}


def standing(dwh: Session, area: Area) -> list[Problem]:
    """Return what of the events that area.yml wants told stands in the way of an area."""
    found = [*_failed(dwh, area), *_late(dwh, area), *_broken(dwh, area), *_held_back(dwh, area)]
    return [one for one in found if one.event in area.alerts.events]


def _failed(dwh: Session, area: Area) -> Iterator[Problem]:
    """Tell a failed batch, unless another event tells what it failed by."""
    for batch_id, message, failed_by, since in dwh.rows(
        compose.statement(__name__, "failed"), {"area": area.area}
    ):
        if since is None:  # The last batch has succeeded.
            return
        event = _NAMED.get(failed_by or "", "batch_failed")
        if (failed_by or "").startswith("server:"):
            event = "server_away"
        if event not in area.alerts.events:
            event = "batch_failed"
        if event in ("batch_failed", "delete_guard"):
            what = f"Batch {batch_id} failed. {message}"
            command = "plan" if event == "delete_guard" else "status"
            yield Problem(event, "", "fail", what, since, f"tidemark {command} {area.area}")


def without_success(dwh: Session, area: Area) -> WithoutSuccess | None:
    """Return how long no batch of an area has succeeded; None: none has begun."""
    for row in dwh.rows(compose.statement(__name__, "without_success"), {"area": area.area}):
        return WithoutSuccess(*row)
    return None


def _late(dwh: Session, area: Area) -> Iterator[Problem]:
    found = without_success(dwh, area)
    if found and found.seconds > area.monitor.late_after.total_seconds():
        last = "the last success" if found.has_succeeded else "the first attempt"
        what = (
            f"No batch has succeeded since {last}, {timedelta(seconds=round(found.seconds))} ago; "
            f"the area allows {area.monitor.late_after}."
        )
        yield Problem("data_late", "", "fail", what, found.since, f"tidemark status {area.area}")


def _broken(dwh: Session, area: Area) -> Iterator[Problem]:
    ratios = _ratios(area)
    for one in broken(dwh, area):
        severity: Literal["warn", "fail"] = "fail" if one.severity == "fail" else "warn"
        if severity == "warn" and area.alerts.severity == "fail":
            continue
        if entity := ratios.get(one.check):
            look = f"tidemark rejects {area.area}"
            yield Problem("rejects", entity, severity, one.message, one.run_time, look)
        else:
            look = f"tidemark check {area.area}"
            yield Problem("check", one.check, severity, one.message, one.run_time, look)


def _held_back(dwh: Session, area: Area) -> Iterator[Problem]:
    for holder, bound, seconds in dwh.rows(
        compose.statement(__name__, "held_back"), {"area": area.area}
    ):
        if seconds and seconds > area.alerts.held_back_after.total_seconds():
            what = (
                f"What was written since {bound:%Y-%m-%d %H:%M:%SZ} waits for an open transaction "
                f"of {area.source.name}: {holder}."
            )
            yield Problem("held_back", "", "warn", what, bound, f"tidemark plan {area.area}")
