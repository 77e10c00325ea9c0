"""Dimensions that areas share: a fact may point at one of another area, named AREA.ENTITY.

Whoever publishes such a dimension points the facts of the other areas at its new versions, and a
publish of the facts may make inferred members in it. So both areas are locked for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from tidemark.declare.entity import Entity
from tidemark.declare.star import Role
from tidemark.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from tidemark.declare.config import Area


@dataclass(frozen=True, slots=True)
class Use:
    """A key of a fact, or a reference of a dimension, to a dimension of another area."""

    area: Area
    """The area of the fact or dimension that points there."""
    entity: Entity
    place: str
    """Where `entity` declares it."""
    role: Role

    @property
    def column(self) -> str:
        """The key column."""
        return self.place.rpartition(".")[2]

    @property
    def fact(self) -> str:
        """The fact's name among those of all areas."""
        return f"{self.area.area}.{self.entity.name}"

    @property
    def used(self) -> str:
        """The area of the dimension."""
        return self.role.area

    @property
    def dimension(self) -> Entity:
        """The dimension."""
        return self.area.dimension_of(self.role)

    @property
    def declared(self) -> str:
        """Where it is declared."""
        return f"entities.{self.entity.name}.{self.place}"


def borrowed(area: Area) -> Iterator[Use]:
    """Yield the keys of an area's facts that point at dimensions of others."""
    yield from (use for use in uses(area) if use.entity.fact)


def uses(area: Area) -> Iterator[Use]:
    """Yield all by which an area's facts and dimensions point at dimensions of others."""
    for entity in area.entities.values():
        for place, role in entity.roles.items():
            if not role.is_of(area.area):
                yield Use(area, entity, place, role)


def lent(area: Area) -> Iterator[Use]:
    """Yield the keys of other areas' facts that point at dimensions of an area."""
    for other in area.others.values():
        yield from (use for use in borrowed(other) if use.used == area.area)


def beside(area: Area) -> tuple[str, ...]:
    """Name the areas that share a dimension with an area."""
    using, used = (use.area.area for use in lent(area)), (use.used for use in borrowed(area))
    return tuple(sorted({*using, *used}))


def written(area: Area) -> tuple[str, ...]:
    """Name the entities of other areas whose tables a publish of an area may write."""
    facts, dimensions = (
        (use.fact for use in lent(area)),
        (use.role.entity for use in borrowed(area)),
    )
    return tuple(dict.fromkeys((*facts, *dimensions)))


def ordered(areas: Mapping[str, Area]) -> dict[str, Area]:
    """Put areas behind those whose dimensions they use, else in the order of their names.

    Raises:
        ConfigError: a fact names what is no dimension of another area; or areas use each other's.
    """
    for area in areas.values():
        for use in uses(area):
            _refuse_unknown(use, areas)
    needed = {name: {use.used for use in borrowed(area)} for name, area in areas.items()}
    sorter = TopologicalSorter(needed)
    try:
        sorter.prepare()
    except CycleError as error:
        names = sorted({*error.args[1]})
        raise ConfigError(
            f"sql/{names[0]}/area.yml: {' and '.join(names)} use each other's dimensions, and each "
            "would have to be there before the other. Declare those that they share in one area, "
            "which uses no dimension of the others."
        ) from error
    found: dict[str, Area] = {}
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found |= {name: areas[name] for name in ready}
        sorter.done(*ready)
    return found


def _refuse_unknown(use: Use, areas: Mapping[str, Area]) -> None:
    where = f"sql/{use.area.area}/area.yml: {use.declared}"
    if use.used not in areas:
        hint = did_you_mean(use.used, areas) or f"There are {', '.join(sorted(areas))}."
        raise ConfigError(f"{where}: {use.role.entity!r} is of no area. {hint}")
    names = [f"{use.used}.{one.name}" for one in areas[use.used].dimensions]
    if use.role.entity not in names:
        hint = did_you_mean(use.role.entity, names) or f"It has {', '.join(names) or 'none'}."
        raise ConfigError(f"{where}: {use.role.entity!r} is no dimension of {use.used}. {hint}")
    if lack := use.role.misfit(use.dimension.key):
        raise ConfigError(f"{where}.by: {lack}")
    distributions = {area.area: area.distribution for area in (use.area, areas[use.used])}
    if use.entity.fact and len({*distributions.values()}) > 1:
        said = " and ".join(f"{name} says {one}" for name, one in sorted(distributions.items()))
        raise ConfigError(
            f"{where}: facts and the dimensions at which they point lie together, and of "
            f"`distribution` {said}. Write the same in both area.yml."
        )
