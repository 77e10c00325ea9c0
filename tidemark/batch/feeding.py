"""What the publish hop sends from STG to the DWH, and what it leaves out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidemark.declare.config import Area
from tidemark.layers import deltas, ledger, mirror, suspects
from tidemark.layers.ledger import Applied
from tidemark.layers.mirror import LINEAGE_COLUMNS
from tidemark.model import Column
from tidemark.postgres import question, transfer
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Job, Landing
from tidemark.results import Counts
from tidemark.star.schema import Feed, Star


@dataclass(frozen=True, slots=True)
class Delta:
    """Which versions STG has that the DWH lacks."""

    after: Mapping[str, int]
    """Entity -> the last batch that its table in the DWH has."""
    last: int
    """The last batch that STG has applied."""
    marks: Mapping[str, str]
    changed: Sequence[str]
    """Entities with versions after that batch."""
    known: Mapping[str, int]
    """Entity -> batch. A key that STG first saw after this batch can't be in the entity's table."""
    snapshot: str = ""
    """The name of the look's snapshot for other sessions; '': nobody has asked for it yet."""


def delta_of(
    stg: Session,
    area: Area,
    after: Mapping[str, int],
    batches: Mapping[int, Applied],
    surplus: Sequence[str] = (),
) -> Delta:
    """Find the versions in STG that the tables of the DWH lack.

    Args:
        stg: in a transaction with one snapshot.
        area: the area of the tables.
        after: entity -> the last batch that its table in the DWH has.
        batches: batches that STG has applied: all from the smallest of those on.
        surplus: entities of which the DWH has rows that STG lacks.
    """
    last = max(batches) if batches else ledger.last_applied(stg, area.area)
    behind = {name: reached for name, reached in after.items() if reached < last}
    touched = ledger.touched(batches, behind)
    staged = {name: mirror.bare(area.entities[name], "stg") for name in touched}
    written: Sequence[str] = ()
    snapshot = ""
    if touched:
        asked = deltas.changed(staged, {name: behind[name] for name in touched})
        written, snapshot = question.ask(stg, question.both(asked, transfer.sharing_snapshot()))
    changed = [name for name in behind if name in surplus or name in written]
    # A key counts as new to the DWH if STG first saw it after the batch that the table has. That is
    # wrong if STG lacks this batch, since it was restored, or if a repair brought rows back that
    # STG had lost: it may see a key as new that was published before. Then no key counts as new.
    # The same holds for a table that begins at batch 0: it may have rows already.
    repairs = [batch_id for batch_id, applied in batches.items() if applied.is_repair]
    known = {
        name: reached if reached in batches and reached >= max(repairs, default=0) else last
        for name, reached in after.items()
    }
    marks = batches[last].marks if batches else {}
    return Delta(after, last, marks, changed, known, snapshot)


def empty(dwh: Session, star: Star, entities: Iterable[str]) -> None:
    """Empty landing tables of the DWH, in a transaction."""
    for name in entities:
        dwh.queue(landing(star, name).emptied)


def landing(star: Star, entity: str) -> Landing:
    """Return an entity's landing table in the DWH."""
    feed, dimension = star.feeds[entity], star.dimensions.get(entity)
    made = Landing(feed.landing, landed(feed))
    return made.joined_by(dimension.natural_key) if dimension else made


def landed(feed: Feed) -> tuple[Column, ...]:
    """Return the columns of a landing table."""
    return (*feed.columns, *LINEAGE_COLUMNS)


@dataclass(frozen=True, slots=True)
class Held:
    """Entities of which checks have held versions back."""

    area: str
    entities: Collection[str]
    published: Mapping[str, int]
    """Entity -> the last batch that its table in the DWH has."""


def held_back(stg: Session, area: Area, star: Star) -> Held:
    """Read of which entities checks have held versions back."""
    return Held(area.area, question.ask(stg, suspects.entities(area)), star.last_batches)


def job(star: Star, entity: str, *, after: int, held: Held) -> Job:
    """Return the job that sends versions of batches above `after`.

    Those that checks have held back until they were replaced are left out. Of facts these are
    current rows, and of observations all those of the keys that have new ones.
    """
    feed, target = star.feeds[entity], landing(star, entity)
    columns = [column.name for column in target.columns]
    dimension = star.dimensions.get(entity)
    if dimension and dimension.lands == "observations":
        nk = dimension.natural_key
        query = deltas.observations(feed.mirror, nk, after=after, columns=columns)
    elif dimension:
        query = deltas.versions(feed.mirror, after=after, columns=columns)
        if entity in held.entities:
            reached = held.published[entity]
            query = suspects.without(
                query,
                feed.mirror,
                area=held.area,
                entity=entity,
                columns=columns,
                published=reached,
            )
    else:
        written = deltas.written(feed.mirror, after=after)
        query = deltas.some_columns(feed.sent(written), columns=columns)
    return Job(target, query, transfer.is_binary_safe(target.columns, target.columns))


def land(
    servers: Servers,
    stg: Session,
    star: Star,
    delta: Delta,
    *,
    counts: Mapping[str, Counts],
    held: Held,
) -> None:
    """Fill the landing tables of changed entities."""
    jobs = [
        job(star, name, after=delta.after[name], held=held)
        for name in sorted(delta.changed, key=lambda name: -star.feeds[name].rows)
    ]
    snapshot = delta.snapshot or transfer.shared_snapshot(stg)
    streamed = transfer.stream_all(servers, sender=("stg", snapshot), receiver="dwh", jobs=jobs)
    for name, result in streamed.items():
        counts[name].processed = result.rows
        counts[name].spend("stream_seconds", result.seconds)
