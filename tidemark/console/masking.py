"""Which columns of a row somebody may not see."""

from __future__ import annotations

from collections.abc import Iterable

from tidemark.console.access import Access
from tidemark.declare.entity import Entity


def masked(entity: Entity, access: Access, columns: Iterable[str]) -> frozenset[str]:
    """Return the columns that are not shown to a person: personal ones, but to an owner."""
    if access.reaches("owner"):
        return frozenset()
    return frozenset(columns) & frozenset(getattr(entity, "personal", ()))
