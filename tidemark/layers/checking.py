"""What checks found of an area's entities: those that are sound, and all that is wrong with others.

A check yields what is wrong. So a person sees all of it at once, and not one thing at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, refuse

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Checked(Generic[T_co]):
    """What was made of the entities that are sound, and what is wrong with the others."""

    sound: dict[str, T_co]
    wrong: dict[str, tuple[ContractError, ...]]

    @property
    def problems(self) -> tuple[ContractError, ...]:
        """All that is wrong, entity by entity."""
        return tuple(chain.from_iterable(self.wrong.values()))

    def whole(self) -> dict[str, T_co]:
        """Return what was made of all entities.

        Raises:
            ContractError: all that is wrong.
        """
        refuse(self.problems)
        return self.sound


def each(
    entities: Iterable[Entity],
    wrong: Callable[[Entity], Iterable[ContractError]],
    made: Callable[[Entity], T_co],
) -> Checked[T_co]:
    """Check each entity, and make something of it if nothing is wrong."""
    sound: dict[str, T_co] = {}
    problems: dict[str, tuple[ContractError, ...]] = {}
    for entity in entities:
        found = tuple(first_of_each(wrong(entity)))
        if found:
            problems[entity.name] = found
        else:
            sound[entity.name] = made(entity)
    return Checked(sound, problems)


def told(check: Callable[[], object]) -> tuple[ContractError, ...]:
    """Return what a check raises."""
    try:
        check()
    except ContractError as error:
        return error.problems
    return ()


def first_of_each(problems: Iterable[ContractError]) -> Iterator[ContractError]:
    """Yield the first problem of each column of an entity: what follows from it says no more."""
    told: set[str] = set()
    for problem in problems:
        what = problem.column or str(problem)
        if what not in told:
            yield problem
        told.update(filter(None, [what, problem.other]))
