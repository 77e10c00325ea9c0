"""What stands in the way of an area as the DWH's journal has it: alerts begin and end by it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
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


_OF_STAR = ("versions_of_", "keys_of_")
"""Audits of every star, which no area declares."""


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
class Said:
    """What a check said when it last looked."""

    check: str
    entity: str | None
    layer: str
    severity: str
    status: str
    value: Decimal | None
    bound: str
    message: str
    batch_id: int | None
    run_time: datetime

    @property
    def is_broken(self) -> bool:
        """Whether something is not as it should be. One that rejects rows has done its work."""
        return self.status != "PASSED" and self.severity != "reject"


@dataclass(frozen=True, slots=True)
class WithoutSuccess:
    """How long no batch has succeeded."""

    since: datetime
    """The end of the last success, or the beginning of the first attempt where none succeeded."""
    has_succeeded: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A transaction of the source that held back the bound of the last extraction."""

    holder: str
    bound: datetime
    seconds: float | None
    """How far the bound was behind the source's clock."""


def broken(dwh: Session, areas: Collection[Area]) -> dict[str, list[Broken]]:
    """Return the checks of each area that are broken now, by name."""
    return {
        area: [
            Broken(*(getattr(one, name.name) for name in fields(Broken)))
            for one in found
            if one.is_broken
        ]
        for area, found in said_last(dwh, areas).items()
    }


def said_last(dwh: Session, areas: Collection[Area]) -> dict[str, list[Said]]:
    """Return what each check of each area said last, by name; one that is gone is left out."""
    found: dict[str, list[Said]] = {area.area: [] for area in areas}
    declared = {area.area: {*declared_checks(area)} for area in areas}
    which = {"areas": [*found]}
    for area, *row in dwh.rows(compose.statement(__name__, "said_last"), which):
        one = Said(*row)
        if one.check in declared[area] or one.check.startswith(_OF_STAR):
            found[area].append(one)
    return found


def declared_checks(area: Area) -> list[str]:
    """Name the checks of an area that there are now: the log has others, which are gone."""
    return [*(one.name for one in area.placed_checks), *_ratios(area)]


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


def without_success(dwh: Session, areas: Collection[Area]) -> dict[str, WithoutSuccess]:
    """Return how long no batch of each area has succeeded; one without a batch is left out."""
    which = {"areas": [area.area for area in areas]}
    found = dwh.rows(compose.statement(__name__, "without_success"), which)
    return {area: WithoutSuccess(*row) for area, *row in found}


def held_back(dwh: Session, areas: Collection[Area]) -> dict[str, HeldBack]:
    """Return what held back the last extraction of each area; one that nothing held is left out."""
    which = {"areas": [area.area for area in areas]}
    found = dwh.rows(compose.statement(__name__, "held_back"), which)
    return {area: HeldBack(*row) for area, *row in found}


def _late(dwh: Session, area: Area) -> Iterator[Problem]:
    found = without_success(dwh, [area]).get(area.area)
    if found and found.seconds > area.monitor.late_after.total_seconds():
        last = "the last success" if found.has_succeeded else "the first attempt"
        what = (
            f"No batch has succeeded since {last}, {timedelta(seconds=round(found.seconds))} ago; "
            f"the area allows {area.monitor.late_after}."
        )
        yield Problem("data_late", "", "fail", what, found.since, f"tidemark status {area.area}")


def _broken(dwh: Session, area: Area) -> Iterator[Problem]:
    ratios = _ratios(area)
    for one in broken(dwh, [area])[area.area]:
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
    found = held_back(dwh, [area]).get(area.area)
    if found and (found.seconds or 0) > area.alerts.held_back_after.total_seconds():
        what = (
            f"What was written since {found.bound:%Y-%m-%d %H:%M:%SZ} waits for an open "
            f"transaction of {area.source.name}: {found.holder}."
        )
        yield Problem("held_back", "", "warn", what, found.bound, f"tidemark plan {area.area}")
