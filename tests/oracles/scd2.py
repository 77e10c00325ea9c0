"""What an SCD2 dimension holds of one key, as plain sequential Python (the rule of docs/scd2.md).

Nothing here knows the SQL: it takes what was ever seen of a key, in order, and says which
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
Place = tuple[int, int]
"""A batch, and the place among what it showed of the key."""
FirstVersion = Literal["beginning", "change"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one batch showed of one key; one that shows several things does so in order."""

    batch: int
    at: datetime
    """When the row changed, by the source's clock."""
    type2: Attributes
    type1: Attributes = ()
    deleted_at: datetime | None = None
    clock: datetime | None = None
    """When the batch saw it, by the source's clock; None: after all that had begun."""
    seq: int = 0

    @property
    def place(self) -> Place:
        """Its place in the order in which observations arrived."""
        return self.batch, self.seq


@dataclass(frozen=True, slots=True)
class Version:
    """One row of the dimension, its surrogate key apart."""

    type2: Attributes
    type1: Attributes
    valid_from: datetime
    valid_to: datetime
    changed_at: datetime
    place: Place
    """Of the observation that showed its start."""
    deleted: Place | None = None
    """Of the one that showed its delete."""
    is_current: bool = True

    @property
    def is_deleted(self) -> bool:
        """Whether a delete ended it."""
        return self.deleted is not None


def timeline(
    observations: Iterable[Observation],
    *,
    first_version: FirstVersion = "beginning",
    was_inferred: bool = False,
) -> list[Version]:
    """Say which versions the observations of one key make, in order of time."""
    ordered, type1 = _by_effective_time(observations)
    versions: list[Version] = []
    for at, is_live, seen in ordered:
        in_force = versions[-1] if versions and versions[-1].is_current else None
        if in_force and is_live and in_force.type2 == seen.type2:
            continue
        if in_force:
            versions[-1] = replace(
                in_force,
                valid_to=at,
                deleted=None if is_live else seen.place,
                is_current=False,
            )
        if is_live:
            versions.append(Version(seen.type2, (), at, END, at, seen.place))
    if versions and (first_version == "beginning" or was_inferred):
        versions[0] = replace(versions[0], valid_from=min(BEGINNING, versions[0].changed_at))
    return [replace(version, type1=type1) for version in versions]


def instants(observations: Iterable[Observation]) -> set[datetime]:
    """Say at which instants something was seen that was not withdrawn since."""
    return {at for at, _, _ in _by_effective_time(observations)[0]}


def informed(observations: Iterable[Observation], column: int, since: int) -> list[Observation]:
    """Say what was seen, of which batches up to `since` know nothing of a type-2 column.

    They are taken to have shown what the key shows first.
    """
    ordered = sorted(observations, key=lambda o: o.place)
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
) -> tuple[list[tuple[datetime, bool, Observation]], Attributes]:
    """Order what was seen: (instant, whether the key is there from then on, observation).

    Beside it stands what holds of type 1: what was seen of the latest time.
    """
    seen: dict[tuple[datetime, bool], Observation] = {}
    type1: Attributes = ()
    for observation in sorted(observations, key=lambda o: o.place):
        withdrawn = _withdrawn_by(observation, seen)
        seen = {instant: o for instant, o in seen.items() if instant not in withdrawn}
        instant = _placed(observation, seen)
        if instant is None:
            continue
        seen[instant] = observation
        if withdrawn or instant == max(seen):
            type1 = observation.type1
    # False sorts before True: at one instant the delete comes before the return.
    ordered = [(at, is_live, o) for (at, is_live), o in sorted(seen.items(), key=lambda i: i[0])]
    return ordered, type1


def _withdrawn_by(
    observation: Observation, seen: dict[tuple[datetime, bool], Observation]
) -> set[tuple[datetime, bool]]:
    """Say what had not begun when the source showed the key otherwise.

    A key that is gone takes its plans along, unless it never was more than a plan.
    """
    clock = observation.clock
    if clock is None:
        return set()
    if observation.deleted_at is None:
        # A delete goes together with what it ended, a tick before.
        return {(at, live) for at, live in seen if (at if live else at - TICK) > clock}
    if not any(is_live and at <= clock for at, is_live in seen):
        return set()
    return {(at, is_live) for at, is_live in seen if is_live and at > clock}


def _placed(
    observation: Observation, seen: dict[tuple[datetime, bool], Observation]
) -> tuple[datetime, bool] | None:
    """Say at which instant an observation counts; None: there is nothing that it could delete."""
    last_delete = max((at for at, is_live in seen if not is_live), default=None)
    if observation.deleted_at is None:
        # A key that returns does so after its delete, whatever the source's clock says. At one
        # instant, the later batch replaces what the earlier one showed.
        return max(observation.at, last_delete or observation.at), True
    if not seen:
        return None
    last = max(seen, key=lambda instant: (seen[instant].place, instant))
    if not last[1]:
        # A delete of what is deleted already repeats that delete.
        return last
    # A delete comes after all that was there to be deleted, as far as it had begun.
    latest = max(at for at, _ in seen)
    if observation.clock is None or observation.at <= observation.clock:
        latest = max(observation.at, latest)
    return max(observation.deleted_at, latest + TICK), False


def version_at(versions: list[Version], at: datetime) -> Version:
    """Pick the version that a fact of this instant points at.

    That is the one in force. In the gap after a delete it is the deleted one, and before the first
    version the first.
    """
    begun = [version for version in versions if version.valid_from <= at]
    return begun[-1] if begun else versions[0]
