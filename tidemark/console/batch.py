"""One batch: what it did, how long each part took, and what to do if it failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote
from typing import Any

from tidemark.console import pictures, shown
from tidemark.console.page import Asked, Page, Refused, whole
from tidemark.console.pictures import Gantt, Lane, Span
from tidemark.model import HOPS
from tidemark.postgres import compose

_USUAL = 30
"""Batches that say how long one takes."""
_MOST = 3_000
"""Lines of the log that are shown."""
_LANES = 40
"""Entities of the picture: those that took longest."""
_COMMAND = re.compile(r"`(tidemark [^`\n…]+)`")


@dataclass(frozen=True, slots=True)
class Whole:
    """A batch as the DWH has recorded it."""

    area: str
    batch_id: int
    status: str
    started_at: datetime
    ended_at: datetime | None
    seconds: float
    """Until now, where it has not ended."""
    error: str | None
    failed_by: str | None
    previous: int | None
    next: int | None
    usual: float | None
    """The median of those before it that succeeded."""
    of: int
    """How many those were."""
    now: datetime

    @property
    def compared(self) -> str:
        """How long it took, beside others, in words."""
        if self.usual is None:
            return "There is no successful batch before it to compare with."
        others = "The batch before it" if self.of == 1 else f"The median of the {self.of} before it"
        less = self.seconds < self.usual
        differs = shown.seconds(abs(self.seconds - self.usual))
        took = "took" if self.of == 1 else "is"
        return (
            f"{others} {took} {shown.seconds(self.usual)}: this one "
            f"{'took' if self.ended_at else 'has taken'} {differs} {'less' if less else 'more'}."
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One line of the log: a hop, an entity in it, or work that is no hop."""

    log_id: int
    process: str
    hop: str | None
    entity: str | None
    status: str
    start: datetime
    end: datetime | None
    seconds: float | None
    processed: int | None
    inserted: int | None
    updated: int | None
    deleted: int | None
    error: str | None
    additional: Mapping[str, Any] | None

    @property
    def info(self) -> Mapping[str, Any]:
        """What else the log has."""
        return self.additional or {}

    @property
    def name(self) -> str:
        """What it is called."""
        return self.entity or self.hop or self.process.rpartition(".")[2]

    @property
    def own_seconds(self) -> float | None:
        """How long it took: of an entity, what the hop has spent on it."""
        return self.streamed + self.applied if self.entity else self.seconds

    @property
    def streamed(self) -> float:
        """Seconds that the rows of an entity were on their way."""
        return float(self.info.get("stream_seconds") or 0)

    @property
    def applied(self) -> float:
        """Seconds of the statements that apply them."""
        return float(self.info.get("apply_seconds") or 0)

    @property
    def low(self) -> datetime | None:
        """Where its window begins; None: at the start, or it has none."""
        return _instant(self.info.get("low"))

    @property
    def high(self) -> datetime | None:
        """Where its window ends; None: it has none."""
        return _instant(self.info.get("high"))

    @property
    def retries(self) -> list[tuple[datetime | None, str]]:
        """Attempts that failed before this one: when, and why."""
        found = self.info.get("retries") or []
        return [(_instant(one.get("at")), str(one.get("error", ""))) for one in found]

    @property
    def remarks(self) -> list[str]:
        """What is worth telling of it."""
        drift = self.info.get("drift")
        return [*([str(drift)] if drift else []), *map(str, self.info.get("remarks") or [])]


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found in the batch."""

    check: str
    entity: str | None
    layer: str
    severity: str
    status: str
    value: object
    bound: str
    message: str
    accepted_by: str | None


def show(asked: Asked) -> Page:
    """Show a batch of any area that the console has."""
    which = {"batch_id": whole("batch", asked.path["batch"]), "usual": _USUAL, "most": _MOST}
    with asked.servers.session("dwh", "console") as dwh:
        found = dwh.rows(compose.statement(__name__, "batch"), which)
        if not found or found[0][0] not in asked.areas:
            raise Refused(404, "There is no such batch, or it was so long ago that it is deleted.")
        batch = Whole(*found[0])
        log = dwh.rows(compose.statement(__name__, "runs"), which)
        of_area = {**which, "area": batch.area}
        checks = dwh.rows(compose.statement(__name__, "checks"), of_area)
    runs, results = (
        [Run(*row) for row in log],
        [Found(*row) for row in checks],
    )
    values = {
        "batch": batch,
        "runs": runs,
        "hops": [run for run in runs if run.entity is None],
        "held": dict.fromkeys(held for run in runs if (held := run.info.get("held_back_by"))),
        "retries": [(run.name, at, error) for run in runs for at, error in run.retries],
        "checks": results,
        "gantt": _gantt(batch, runs),
        "lanes": _LANES,
        "commands": _commands(batch, runs, results),
    }
    return Page("batch.html", f"Batch {batch.batch_id} of {batch.area}", values)


def _gantt(batch: Whole, runs: Sequence[Run]) -> Gantt:
    ends = [run.end or batch.now for run in runs]
    end = max([batch.ended_at or batch.now, *ends])
    start = min([batch.started_at, *(run.start for run in runs)])
    longest = sorted((run for run in runs if run.entity), key=lambda run: -(run.own_seconds or 0))
    label = f"The hops of batch {batch.batch_id} and their entities, from its beginning to its end"
    return pictures.gantt(label, _lanes(batch, runs, longest[:_LANES]), start, end)


def _lanes(batch: Whole, runs: Sequence[Run], drawn: Sequence[Run]) -> Iterator[Lane]:
    names = dict.fromkeys([*(h for h in HOPS if any(run.hop == h for run in runs)), *_others(runs)])
    for name in names:
        of_hop = [run for run in runs if run.entity is None and run.name == name]
        yield Lane(name, [_span(run, run.end or batch.now) for run in of_hop])
        for entity in dict.fromkeys(run.entity for run in drawn if run.hop == name):
            mine = [run for run in drawn if (run.hop, run.entity) == (name, entity)]
            yield Lane(entity or "", [span for run in mine for span in _parts(run)], is_part=True)


def _others(runs: Sequence[Run]) -> Iterator[str]:
    yield from (run.name for run in runs if run.entity is None)


def _span(run: Run, end: datetime) -> Span:
    told = f"{run.name}: {run.status}, {shown.seconds(end - run.start)}"
    return Span(run.start, end, run.status, told)


def _parts(run: Run) -> Iterator[Span]:
    """Yield streaming and applying of an entity. Where in the hop they began is not recorded."""
    streamed = run.start + timedelta(seconds=run.streamed)
    if run.streamed:
        told = f"{run.name}: rows were on their way for {shown.seconds(run.streamed)}"
        yield Span(run.start, streamed, "", told)
    applied = streamed + timedelta(seconds=run.applied)
    told = f"{run.name}: {run.status}, rows were applied for {shown.seconds(run.applied)}"
    yield Span(streamed, applied, run.status, told)


def _commands(batch: Whole, runs: Sequence[Run], checks: Sequence[Found]) -> dict[str, str]:
    """Say what to do next: command -> what for. What lets things pass comes behind what looks."""
    area = quote(batch.area)
    told: dict[str, str] = {}
    if batch.status != "SUCCESS":
        failed_by = batch.failed_by or ""
        if failed_by == "check":
            told.setdefault(f"tidemark check {area}", "Looks at the checks, and writes nothing")
        elif failed_by == "delete_guard":
            told.setdefault(f"tidemark plan {area}", "Shows what would be deleted")
        elif failed_by.startswith("server:"):
            told.setdefault("tidemark doctor", "Says which server is away, and why")
        ended = "" if batch.ended_at else ", if the process of this one was killed"
        told.setdefault(f"tidemark run {area}", f"Runs the next batch, which goes on{ended}")
        errors = [batch.error, *(run.error for run in runs)]
        for command in (each for error in errors for each in _COMMAND.findall(error or "")):
            told.setdefault(command, "The error names this as well")
    if any(run.info.get("rejected") for run in runs):
        told.setdefault(f"tidemark rejects {area}", "Shows the rows that were refused")
    if any(one.status != "PASSED" for one in checks):
        told.setdefault(f"tidemark check {area}", "Looks at the checks, and writes nothing")
    told.setdefault(f"tidemark status {area}", "Shows where the area stands")
    return told
