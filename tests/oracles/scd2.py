"""What an SCD2 dimension holds of one key, as plain sequential Python (the rule of docs/scd2.md).

Nothing here knows the SQL: it takes what was ever seen of a key, batch by batch, and says which
versions that makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
END = datetime(9999, 12, 31, tzinfo=UTC)
TICK = timedelta(microseconds=1)

Attributes = tuple[str | None, ...]
FirstVersion = Literal["beginning", "change"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one batch showed of one key; a batch shows a key at most once."""

    batch: int
    at: datetime
    """When the row changed, by the source's clock."""
    type2: Attributes
    type1: Attributes = ()
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One row of the dimension, its surrogate key apart."""

    type2: Attributes
    type1: Attributes
    valid_from: datetime
    valid_to: datetime
    changed_at: datetime
    batch: int
    """The batch that showed its start; once it is deleted, the batch that showed the delete."""
    is_deleted: bool = False
    is_current: bool = True


def timeline(
    observations: Iterable[Observation],
    *,
    first_version: FirstVersion = "beginning",
    was_inferred: bool = False,
) -> list[Version]:
    """Say which versions the observations of one key make, in order of time."""
    ordered = _by_effective_time(observations)
    versions: list[Version] = []
    for at, is_live, seen in ordered:
        in_force = versions[-1] if versions and versions[-1].is_current else None
        if in_force and is_live and in_force.type2 == seen.type2:
            continue
        if in_force:
            versions[-1] = replace(
                in_force,
                valid_to=at,
                batch=in_force.batch if is_live else seen.batch,
                is_deleted=not is_live,
                is_current=False,
            )
        if is_live:
            versions.append(Version(seen.type2, (), at, END, at, seen.batch))
    if versions and (first_version == "beginning" or was_inferred):
        versions[0] = replace(versions[0], valid_from=min(BEGINNING, versions[0].changed_at))
    return [replace(version, type1=ordered[-1][2].type1) for version in versions]


def informed(observations: Iterable[Observation], column: int, since: int) -> list[Observation]:
    """Say what was seen, of which batches up to `since` know nothing of a type-2 column.

    They are taken to have shown what the key shows first.
    """
    ordered = sorted(observations, key=lambda o: o.batch)
    knowing = [o for o in ordered if o.batch > since or o.type2[column] is not None]
    return [
        o if o in knowing or not knowing else _with(o, column, knowing[0].type2[column])
        for o in ordered
    ]


def _with(observation: Observation, column: int, value: str | None) -> Observation:
    before, after = observation.type2[:column], observation.type2[column + 1 :]
    return replace(observation, type2=(*before, value, *after))


def _by_effective_time(
    observations: Iterable[Observation],
) -> list[tuple[datetime, bool, Observation]]:
    """Order what was seen: (instant, whether the key is there from then on, observation)."""
    seen: dict[tuple[datetime, bool], Observation] = {}
    last_delete = datetime.min.replace(tzinfo=UTC)
    is_there = False
    for observation in sorted(observations, key=lambda o: o.batch):
        if observation.deleted_at is None:
            # A key that returns does so after its delete, whatever the source's clock says. At one
            # instant, the later batch replaces what the earlier one showed.
            seen[max(observation.at, last_delete), True] = observation
            is_there = True
        elif is_there:
            # A delete comes after all that was there to be deleted.
            latest = max(observation.at, *(at for at, _ in seen))
            last_delete = max(observation.deleted_at, latest + TICK)
            seen[last_delete, False] = observation
            is_there = False
        elif (last_delete, False) in seen:
            # A delete of what is deleted already repeats that delete.
            seen[last_delete, False] = observation
    # False sorts before True: at one instant the delete comes before the return.
    return [(at, is_live, o) for (at, is_live), o in sorted(seen.items(), key=lambda item: item[0])]


def version_at(versions: list[Version], at: datetime) -> Version:
    """Pick the version that a fact of this instant points at.

    That is the one in force. In the gap after a delete it is the deleted one, and before the first
    version the first.
    """
    begun = [version for version in versions if version.valid_from <= at]
    return begun[-1] if begun else versions[0]
