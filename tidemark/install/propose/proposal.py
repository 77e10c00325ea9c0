"""A proposal for an area: from a catalog to entities that have a place in the star."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tidemark.declare.scalars import LONGEST_NAME
from tidemark.errors import ConfigError
from tidemark.install.propose import entities, star
from tidemark.install.propose.catalog import Catalog, SourceTable
from tidemark.install.propose.draft import Entity, Placed, Proposal
from tidemark.model import QualifiedName

_SHORTEST = 12
"""Letters that the names of entities need at least, beside the area's name."""


def make(
    catalog: Catalog,
    tables: Collection[SourceTable],
    *,
    area: str,
    source: str,
    known: Mapping[QualifiedName, Placed] | None = None,
    taken: Collection[str] = (),
) -> Proposal:
    """Propose an area of tables, or of what can be followed of them.

    Args:
        catalog: of the source.
        tables: those that are asked for.
        area: its name, which is that of its schema too.
        source: the name of its source.
        known: entities of tables that the area has already, by the source's table.
        taken: the names of all entities that it has.

    Raises:
        ConfigError: the area's name leaves no room for those of its tables.
    """
    longest = LONGEST_NAME - len(f"{area}.fact_")
    if longest < _SHORTEST:
        raise ConfigError(
            f"init: the area's name {area!r} has {len(area)} letters, and schema and table have "
            f"{LONGEST_NAME} together. Choose a shorter one with --area."
        )
    before = known or {}
    asked = {table.name for table in tables} | {*before}
    new = [table for table in tables if table.name not in before and table.part_of not in asked]
    names = entities.names(new, longest, taken)
    found, left_out = _followed(new, names, catalog.zone)
    used = {*names.values(), *taken}

    def free(wanted: str) -> str:
        derived = entities.derived(used)
        name = entities.free(wanted, {*used, *derived}, longest)
        used.add(name)
        return name

    stars, homeless = star.placed(found, before, free)
    return Proposal(
        area=area,
        source=source,
        schema=area,
        landing=f"landing_{area}",
        entities=tuple(stars),
        left_out=left_out | homeless,
        keywords=catalog.keywords,
    )


def _followed(
    tables: Iterable[SourceTable], names: Mapping[QualifiedName, str], zone: str
) -> tuple[list[Entity], dict[QualifiedName, str]]:
    """Return what can be followed, and of the other tables why they can't be."""
    found: list[Entity] = []
    left_out: dict[QualifiedName, str] = {}
    for table in tables:
        one = entities.entity(table, names[table.name], zone)
        if isinstance(one, str):
            left_out[table.name] = one
        else:
            found.append(one)
    return found, left_out
