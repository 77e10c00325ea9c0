"""By which column a fact is distributed (`distribution: citus`)."""

from __future__ import annotations

from collections.abc import Iterable

from tidemark.declare.entity import Entity


def column_of(entity: Entity) -> str:
    """Return the column of a fact table by which its rows are distributed."""
    assert entity.fact is not None, "called for facts"
    return entity.fact.distribute_by or _key(entity)[0]


def refuse(facts: Iterable[Entity]) -> None:
    """Refuse to distribute facts by a column that may change.

    Raises:
        ValueError: names the fact, and the columns that will do.
    """
    for entity in facts:
        if column_of(entity) not in _key(entity):
            raise ValueError(
                f"entities.{entity.name}.fact.distribute_by: {column_of(entity)!r} is no column of "
                f"its key, and a row never moves to another worker. Take one of "
                f"{', '.join(_key(entity))}"
            )


def _key(entity: Entity) -> tuple[str, ...]:
    """Return the natural key of a fact, as its table names it."""
    assert entity.fact is not None, "called for facts"
    ours = {sent: name for name, sent in entity.fact.rename.items()}
    return tuple(ours.get(column, column) for column in entity.key)
