"""The first page: a card for each area.

One statement asks a server for all areas, however many there are. If another server than the DWH is
away, the page says so, and shows the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark import logs
from tidemark.batch import problems
from tidemark.batch.problems import Broken, HeldBack, WithoutSuccess
from tidemark.console import pictures, refusals, shown
from tidemark.console.page import Asked, Page
from tidemark.console.pictures import Column, Strip
from tidemark.console.refusals import Open
from tidemark.declare.config import Area
from tidemark.errors import ConnectError
from tidemark.model import ServerName
from tidemark.observe import status
from tidemark.observe.status import Batch, Mark
from tidemark.postgres import compose

log = logs.named(__name__)

BATCHES = 30
"""How many batches a card shows."""
_TABLES = 20
"""Tables whose marks a card has: those that are the farthest behind."""


@dataclass(frozen=True, slots=True)
class Card:
    """The state of one area."""

    area: Area
    marks: Sequence[Mark]
    batches: Sequence[Batch]
    """The last one first."""
    waits: WithoutSuccess | None
    """None: no batch was ever begun."""
    held: HeldBack | None
    checks: Sequence[Broken]
    rejects: Sequence[Open] | None
    """By entity; None: STG is away."""
    reasons: Sequence[Open]
    """The same rows by reason, for an owner; a row may have several."""
    strip: Strip

    @property
    def last(self) -> Batch | None:
        """The last batch."""
        return self.batches[0] if self.batches else None

    @property
    def oldest(self) -> Mark | None:
        """The mark of the table that is the farthest behind; None: no table has an instant."""
        known = [mark for mark in self.marks if mark.high_water_mark]
        return min(known, key=_behind, default=None)

    @property
    def are_even(self) -> bool:
        """Whether all tables are as fresh as the oldest."""
        return len({mark.high_water_mark for mark in self.marks}) == 1

    @property
    def farthest(self) -> Sequence[Mark]:
        """Marks, those that are the farthest behind first."""
        return sorted(
            self.marks, key=lambda mark: (mark.high_water_mark is not None, _behind(mark))
        )[:_TABLES]

    @property
    def due(self) -> datetime | None:
        """When it counts as late."""
        return self.waits.since + self.area.monitor.late_after if self.waits else None

    @property
    def is_late(self) -> bool:
        """Whether that has passed."""
        allowed = self.area.monitor.late_after.total_seconds()
        return bool(self.waits and self.waits.seconds > allowed)

    @property
    def open_rejects(self) -> int:
        """How many rows are refused now."""
        return sum(one.rows for one in self.rejects or ())


def _behind(mark: Mark) -> float:
    return mark.high_water_mark.timestamp() if mark.high_water_mark else 0.0


def show(asked: Asked) -> Page:
    """Show all areas."""
    areas = [*asked.areas.values()]
    cards = _cards(asked, areas)
    away = [] if _answers(asked, "mrr") else ["mrr"]
    away += [] if all(card.rejects is not None for card in cards) else ["stg"]
    return Page("overview.html", "Overview", {"cards": cards, "away": away, "slots": BATCHES})


def _cards(asked: Asked, areas: Collection[Area]) -> list[Card]:
    with asked.servers.session("dwh", "console") as dwh:
        marks = status.marks(dwh, areas)
        batches = status.batches_of(dwh, areas, BATCHES)
        waits = problems.without_success(dwh, areas)
        held = problems.held_back(dwh, areas)
        checks = problems.broken(dwh, areas)
    rejects, reasons = _rejects(asked, areas)
    return [
        Card(
            area=area,
            marks=marks[name],
            batches=batches[name],
            waits=waits.get(name),
            held=held.get(name),
            checks=checks[name],
            rejects=_of(name, rejects) if rejects is not None else None,
            reasons=_of(name, reasons),
            strip=_strip(asked, name, batches[name]),
        )
        for name, area in asked.areas.items()
    ]


def _rejects(asked: Asked, areas: Collection[Area]) -> tuple[list[Open] | None, list[Open]]:
    which = {"areas": [area.area for area in areas], "entity": "", "reason": ""}
    try:
        with asked.servers.session("stg", "console") as stg:
            is_owner = asked.access.reaches("owner")
            reasons = refusals.by_reason(stg, which) if is_owner else []
            return refusals.by_entity(stg, which), reasons
    except ConnectError as error:
        log.warning("%s", error, extra=logs.fields(**logs.of_error(error)))
        return None, []


def _answers(asked: Asked, layer: ServerName) -> bool:
    """Whether a layer is there from which a card shows nothing, but which a batch needs."""
    try:
        with asked.servers.session(layer, "console") as session:
            return bool(session.value(compose.statement(__name__, "answer")))
    except ConnectError as error:
        log.warning("%s", error, extra=logs.fields(**logs.of_error(error)))
        return False


def _of(area: str, found: Sequence[Open]) -> list[Open]:
    return [one for one in found if one.area == area]


def _strip(asked: Asked, area: str, batches: Sequence[Batch]) -> Strip:
    columns = [
        Column(
            f"b{one.batch_id}",
            one.rows_extracted,
            one.status,
            f"Batch {one.batch_id}: {one.status}, {shown.count(one.rows_extracted)} rows "
            f"extracted, {shown.seconds(one.seconds)}",
            shown.link(f"/batches/{one.batch_id}", asked.zone),
        )
        for one in reversed(batches)
    ]
    label = f"The last {len(columns)} batches of {area}, the newest at the right, by rows extracted"
    return pictures.strip(label, columns, BATCHES)
