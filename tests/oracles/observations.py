"""What observations say of a key, in plain Python: the specification of derived dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Observation:
    """What was so from an instant on."""

    at: int
    tie: int
    type2: str
    type1: str
    ends: bool = False


@dataclass(frozen=True)
class Version:
    """What was so from an instant on up to another one; None: to this day."""

    changed_at: int
    valid_to: int | None
    type2: str
    type1: str
    is_deleted: bool = False


def timeline(observations: Iterable[Observation]) -> list[Version]:
    """Return the versions of one key, in order of time."""
    last = {one.at: one for one in sorted(observations, key=lambda one: (one.at, one.tie))}
    live = [one for one in last.values() if not one.ends]
    versions: list[Version] = []
    for one in last.values():
        before = versions[-1] if versions else None
        is_open = before is not None and before.valid_to is None
        if before and is_open and (one.ends or one.type2 != before.type2):
            versions[-1] = replace(before, valid_to=one.at, is_deleted=one.ends)
            is_open = False
        if not one.ends and not is_open:
            versions.append(Version(one.at, None, one.type2, live[-1].type1))
    return versions


def named(versions: list[Version], at: int) -> str | None:
    """Return the state that a fact of an instant points at: that in force, or the nearest one."""
    if not versions:
        return None
    begun = [one for one in versions if one.changed_at <= at]
    return (begun[-1] if begun else versions[0]).type2
