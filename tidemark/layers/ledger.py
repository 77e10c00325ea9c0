"""The ledger of a layer: which batches it has applied, and which of them the layer before it lacks.

A layer applies only batches that the layer before it has applied. If the layer before lacks one, it
was restored from an older backup. The next batch reads again what the source still shows, but
versions that were replaced since the backup are only in the later layers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark.declare.config import Area
from tidemark.layers import rulesets
from tidemark.model import ServerName
from tidemark.postgres import compose, confined, db, question
from tidemark.postgres.db import Session
from tidemark.postgres.question import Question


@dataclass(frozen=True, slots=True)
class Applied:
    """A batch that a layer has applied."""

    marks: Mapping[str, str]
    is_repair: bool
    refreshed: Sequence[str]
    """Entities that were extracted as a whole (`--full-refresh`)."""
    entities: Sequence[str] | None
    """Entities of which it may have written versions; None: it is not known."""
    clock: datetime
    """The source's clock when the batch looked at it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Batches of an area that one layer has applied, and the one before it lacks."""

    area: str
    layer: ServerName
    sender: ServerName
    batches: tuple[int, ...]
    since: datetime
    """When the first of them was applied."""
    restored: ServerName
    """The layer that came back from a backup: the sender, or the one before it."""

    def __str__(self) -> str:
        first, last = self.batches[0], self.batches[-1]
        lacks = "lacks" if self.restored == self.sender else "loses, too"
        return (
            f"{self.layer}: it has applied {len(self.batches)} batches of {self.area} that "
            f"{self.sender} {lacks} ({first} to {last}, since {self.since:%Y-%m-%d %H:%M:%SZ}): "
            f"{self.restored} came back from an older backup, so what they changed can't be "
            "derived again"
        )


def after(area: str, batch_id: int) -> Question[dict[int, Applied]]:
    """Ask for the batches that a layer has applied after `batch_id`, in order."""
    return question.of(
        compose.statement(__name__, "applied_after"),
        {"area": area, "after": batch_id},
        lambda rows: {applied: Applied(*about) for applied, *about in rows},
    )


def applied_after(session: Session, area: str, batch_id: int) -> dict[int, Applied]:
    """Read the batches that a layer has applied after `batch_id`, in order."""
    return question.ask(session, after(area, batch_id))


def touched(batches: Mapping[int, Applied], after: Mapping[str, int]) -> list[str]:
    """Find the entities of which batches may have written versions, each after one of its own.

    Args:
        batches: those that the layer has applied.
        after: entity -> batch. Of one that begins at batch 0, the batches may be gone that wrote
            its versions.
    """
    return [
        name
        for name, reached in after.items()
        if not reached
        or any(
            batch_id > reached and (one.entities is None or name in one.entities)
            for batch_id, one in batches.items()
        )
    ]


def last(area: str) -> Question[int]:
    """Ask for the last batch that a layer has applied; 0 before the first."""
    return question.of(compose.statement(__name__, "last_applied"), {"area": area}, question.one)


def last_applied(session: Session, area: str) -> int:
    """Read the last batch that a layer has applied; 0 before the first."""
    return question.ask(session, last(area))


def record(
    session: Session,
    area: Area,
    batch_id: int,
    marks: Mapping[str, str],
    entities: Collection[str],
    *,
    is_repair: bool = False,
    refreshed: Collection[str] = (),
) -> None:
    """Record a batch as applied, and by which rules; call it in the transaction that applies it.

    Args:
        session: in that transaction.
        area: whose batch.
        batch_id: the batch.
        marks: entity -> high-water mark that holds after it.
        entities: those of which it may have written versions here.
        is_repair: whether it wrote what another layer has lost.
        refreshed: entities that a person had extracted as a whole.
    """
    rules = rulesets.of(area)
    is_known = session.value(
        compose.statement(__name__, "record"),
        {
            "area": area.area,
            "batch_id": batch_id,
            "marks": db.Json(dict(marks)),
            "is_repair": is_repair,
            "refreshed": sorted(refreshed),
            "entities": sorted(entities),
            "ruleset": rules and rules.checksum,
        },
    )
    if rules is not None and not is_known:
        rulesets.keep(session, rules)


def lost(sender: Session, receiver: Session, area: Area, *, but: Lost | None = None) -> Lost | None:
    """Compare what two neighbouring layers have applied of an area.

    Args:
        sender: the layer before `receiver`.
        receiver: the layer that can have no other batches.
        area: the area of the batches.
        but: batches that the sender is about to lose as well.
    """
    gone = set(but.batches) if but else set()
    kept = _applied(sender, area).keys() - gone
    start = _start(sender, area)
    missing = {
        batch_id: at
        for batch_id, at in _applied(receiver, area).items()
        if batch_id >= start and batch_id not in kept
    }
    if not missing:
        return None
    batches = tuple(sorted(missing))
    restored = but.restored if but and missing.keys() <= gone else sender.server
    return Lost(area.area, receiver.server, sender.server, batches, missing[batches[0]], restored)


def forget(receiver: Session, found: Lost) -> None:
    """Delete lost batches from a layer's ledger, in the transaction that removes their rows."""
    receiver.run(
        compose.statement(__name__, "forget"), {"area": found.area, "batches": list(found.batches)}
    )


def _start(session: Session, area: Area) -> int:
    """Read before which batch a layer has let go of those that every layer has applied."""
    rows = confined.read(session, ("tidemark", "ledger_start"), ("area", "batch_id"))
    return max([int(batch_id) for name, batch_id in rows if name == area.area], default=0)


def _applied(session: Session, area: Area) -> dict[int, datetime]:
    rows = confined.read(session, ("tidemark", "applied_batch"), ("area", "batch_id", "applied_at"))
    return {int(batch): datetime.fromisoformat(at) for name, batch, at in rows if name == area.area}
