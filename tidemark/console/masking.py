"""Which columns are hidden from whom: those that area.yml calls personal, from all but owners."""

from __future__ import annotations

from collections.abc import Iterable

from tidemark.console.access import Access
from tidemark.declare.entity import Entity

HIDDEN = "•••"
"""What is shown in place of a value."""


def masked(entity: Entity, access: Access, columns: Iterable[str]) -> frozenset[str]:
    """Return those of the columns of an entity, in whatever layer, that a person may not see."""
    if access.reaches("owner"):
        return frozenset()
    return frozenset(columns) & personal(entity)


def personal(entity: Entity) -> frozenset[str]:
    """Return the names of its personal columns: also that of a fact, where it renames one."""
    renamed = entity.fact.renamed if entity.fact else {}
    ours = (column for column, sent in renamed.items() if sent in entity.personal)
    return frozenset((*entity.personal, *ours))
