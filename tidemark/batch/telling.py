"""What the log says of a batch: when hops begin and end, what they did, and why they failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from tidemark import logs
from tidemark.errors import GateError, TidemarkError
from tidemark.model import CheckResult, Hop
from tidemark.results import Counts, HopResult

log = logs.named(__name__)


@dataclass(slots=True)
class Told:
    """What the run of a hop has done, for the log."""

    counts: dict[str, Counts] = field(default_factory=dict)
    checks: Sequence[CheckResult] = ()

    def warning(self, entity: str) -> str | None:
        """Say what is wrong with an entity although the hop has succeeded; None: nothing."""
        broken = (one.message for one in self.checks if one.entity == entity and one.is_broken)
        return " ".join(filter(None, [self.counts[entity].warning, *broken])) or None


@contextmanager
def run(
    area: str, hop: Hop | Literal["rebuild"], batch_id: int | None, told: Told
) -> Iterator[None]:
    """Log the block as the run of a hop, or as a rebuild, which belongs to no batch."""
    began = time.monotonic()
    what = f"{hop} of {area}" if batch_id is None else f"batch {batch_id} of {area}, {hop}"
    with logs.within(area, batch_id, hop):
        log.info("%s: begins", what)
        try:
            yield
        except BaseException as error:
            _failed(what, error, time.monotonic() - began)
            raise
        seconds = time.monotonic() - began
        if hop == "rebuild" or batch_id is None:
            log.info(
                "%s: ended after %.2f s", what, seconds, extra=logs.fields(seconds=_ms(seconds))
            )
        else:
            _ended(HopResult(hop, area, batch_id, seconds, told.counts, told.checks))


def begun(area: str, batch_id: int) -> None:
    """Log that a batch begins."""
    with logs.within(area, batch_id):
        log.info("batch %s of %s: begins", batch_id, area)


def published(area: str, batch_id: int) -> None:
    """Log that a batch has ended well."""
    with logs.within(area, batch_id):
        log.info("batch %s of %s: ended, and is published", batch_id, area)


def noted(area: str, batch_id: int, process: str, *, deleted: int, error: str) -> None:
    """Log work that is no hop."""
    with logs.within(area, batch_id):
        if error:
            log.warning("%s: %s failed: %s", area, process, error)
        else:
            extra = logs.fields(deleted=deleted)
            log.info("%s: %s deleted %s rows", area, process, f"{deleted:,}", extra=extra)


def _failed(what: str, error: BaseException, seconds: float) -> None:
    for check in error.broken if isinstance(error, GateError) else ():
        log.warning("%s", check, extra=_about(check))
    about = logs.fields(**logs.of_error(error), seconds=_ms(seconds))
    log.error("%s: failed after %.2f s: %s", what, seconds, logs.said(error), extra=about)
    if isinstance(error, TidemarkError):
        error.is_logged = True


def _ended(result: HopResult) -> None:
    # Of an entity that was only looked at, a line in each batch would tell nothing.
    quiet = {name for name, counts in result.entities.items() if not counts.is_telling}
    for entity, line in result.lines:
        counts = result.entities[entity] if entity else None
        rows = {"changed": result.changed} if counts is None else counts.as_dict()
        spent = result.seconds if counts is None else counts.seconds
        log.log(
            logging.DEBUG if entity in quiet else logging.INFO,
            "%s",
            line,
            extra=logs.fields(entity=entity, **rows, seconds=_ms(spent)),
        )
    _told_beside(result)


def _told_beside(result: HopResult) -> None:
    """Log remarks, what holds a bound back, and what is wrong although the hop has succeeded."""
    looks = [counts.look for counts in result.entities.values() if counts.look]
    for holder in {str(look.window.held_by) for look in looks if look.window.held_by}:
        extra = logs.fields(held_back_by=holder)
        log.info("%s: the bound is held back by %s", result.area, holder, extra=extra)
    for entity, counts in result.entities.items():
        for remark in counts.remarks:
            log.info("%s", remark, extra=logs.fields(entity=entity))
        if counts.warning:
            log.warning("%s", counts.warning, extra=logs.fields(entity=entity))
    for check in (one for one in result.checks if one.is_broken):
        if check.severity == "reject":
            log.info("%s", check.message, extra=_about(check))
        else:
            log.warning("%s: %s", result.area, check, extra=_about(check))


def _about(check: CheckResult) -> dict[str, object]:
    return logs.fields(
        entity=check.entity, check=check.check, severity=check.severity, status=check.status
    )


def _ms(seconds: float) -> float:
    return round(seconds, 3)
