"""All that is known of one key of a dimension, as somebody may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidemark.console import masking, shown
from tidemark.console.page import Asked
from tidemark.declare.entity import Entity
from tidemark.observe import history, known, pointing, traced
from tidemark.observe.known import Known
from tidemark.observe.pointing import Dot
from tidemark.observe.traced import Rows, Stay
from tidemark.star.scd2 import VERSIONING


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a key, as the page shows it."""

    values: Mapping[str, str]
    """Attribute -> value, as a person reads it."""
    changed: frozenset[str]
    """Attributes whose value is another one than in the version before."""
    valid_from: datetime
    valid_to: datetime
    is_current: bool
    is_deleted: bool
    batch_id: int
    """The batch since which it is known."""
    is_late: bool
    """Whether a version that begins later was known earlier."""
    surrogate: int | None = None
    """None: that is not asked of the DWH."""
    is_inferred: bool = False
    facts: int = 0

    def holds(self, at: datetime) -> bool:
        """Whether it was in force at an instant."""
        return self.valid_from <= at < self.valid_to


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that point at versions by one key column, the latest ones."""

    name: str
    area: str
    entity: str
    dots: list[Dot]


@dataclass(frozen=True, slots=True)
class Below:
    """What STG and MRR have of a key."""

    stg: Rows | None
    mrr: Rows | None
    stays: list[Stay]


@dataclass(frozen=True, slots=True)
class Life:
    """All that is known of a key."""

    columns: tuple[str, ...]
    versions: list[Version]
    source: str
    """What the versions are those of: the DWH's table, or STG's rows up to a batch."""
    known: Known | None
    """What was known after a batch; None: the person may not see it."""
    below: Below
    facts: list[Facts]

    @property
    def is_there(self) -> bool:
        """Whether anything of the key is."""
        return bool(self.versions or (self.known and self.known.touches) or self.below.stays)


def read(asked: Asked, entity: Entity, key: Sequence[str], batch: int | None) -> Life:
    """Read the life of a key.

    Args:
        asked: by whom.
        entity: one that feeds a dimension.
        key: the natural key's values as text, in the key's order.
        batch: show what was known after it; None: what the DWH has.

    Raises:
        UsageError: the key has other columns or types.
        Refused: the person may not see what was known.
    """
    found = None
    if asked.access.reaches("owner"):
        found = known.read(asked.servers, asked.area, entity, key, after=batch)
    elif batch is not None:
        asked.require("owner", "What was known after a batch")
    if found is None or batch is None:
        said = _of_dwh(asked, entity, key)
    else:
        said = _of_stg(entity, found, batch)
    facts = _facts(asked, entity, said[1])
    return Life(*said, found, below(asked, entity, key), facts)


_Versions = tuple[tuple[str, ...], list[Version], str]


def _of_dwh(asked: Asked, entity: Entity, key: Sequence[str]) -> _Versions:
    """Read the versions that the DWH has."""
    found = history.read(asked.servers, asked.area, entity, key)
    assert entity.dimension is not None, "called for dimensions"
    own = {entity.dimension.surrogate_key, *found.counts}
    columns = _attributes(entity, (column for column in found.columns if column not in own))
    hidden = masking.masked(entity, asked.access, columns)
    records = found.records()
    versions = [
        Version(
            **_said(records, place, columns, hidden),
            surrogate=record[entity.dimension.surrogate_key],
            is_inferred=record["is_inferred"],
            facts=sum(record[count] for count in found.counts),
        )
        for place, record in enumerate(records)
    ]
    return columns, versions, found.table


def _of_stg(entity: Entity, found: Known, batch: int) -> _Versions:
    """Take the versions that were known after a batch."""
    columns = _attributes(entity, found.columns)
    records = found.records()
    versions = [
        Version(**_said(records, place, columns, frozenset())) for place in range(len(records))
    ]
    return columns, versions, f"what was known after batch {batch}"


def _attributes(entity: Entity, columns: Iterable[str]) -> tuple[str, ...]:
    """Choose the attributes among columns: those that make versions first."""
    assert entity.dimension is not None, "called for dimensions"
    made_by = entity.dimension.type2
    others = {*entity.key, *VERSIONING, *made_by}
    return (*made_by, *(column for column in columns if column not in others))


def _said(
    records: Sequence[Mapping[str, Any]],
    place: int,
    columns: Sequence[str],
    hidden: frozenset[str],
) -> dict[str, Any]:
    record, before = records[place], records[place - 1] if place else None
    later = (one["_batch_id"] for one in records[place + 1 :])
    return {
        "values": {c: masking.HIDDEN if c in hidden else shown.value(record[c]) for c in columns},
        "changed": frozenset(c for c in columns if before and before[c] != record[c]),
        "valid_from": record["valid_from"],
        "valid_to": record["valid_to"],
        "is_current": record["is_current"],
        "is_deleted": record["is_deleted"],
        "batch_id": record["_batch_id"],
        "is_late": any(batch < record["_batch_id"] for batch in later),
    }


def _facts(asked: Asked, entity: Entity, versions: Sequence[Version]) -> list[Facts]:
    """Read the facts that point at versions of the DWH."""
    surrogates = [one.surrogate for one in versions if one.surrogate is not None]
    if not surrogates:
        return []
    with asked.servers.session("dwh", "console") as dwh:
        return [
            Facts(f"{one.fact}.{one.column}", one.area, one.entity.name, dots)
            for one in pointing.at(asked.area, entity)
            if (dots := pointing.dots(dwh, one, surrogates))
        ]


def below(asked: Asked, entity: Entity, key: Sequence[str]) -> Below:
    """Read what is below the star of a key: nothing, unless the person is an owner."""
    if not asked.access.reaches("owner"):
        return Below(None, None, [])
    with asked.servers.session("stg", "console") as stg:
        staged = traced.rows(stg, entity, key)
        mrr_keys = traced.keys_in_mrr(stg, asked.area, entity, key)
        stays = [one for each in mrr_keys for one in traced.stays(stg, asked.area, entity, each)]
    if entity.is_derived:
        return Below(staged, None, stays)
    with asked.servers.session("mrr", "console") as mrr:
        return Below(staged, traced.rows(mrr, entity, mrr_keys[0]), stays)
