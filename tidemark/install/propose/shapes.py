"""What decides whether a table is a dimension or a fact: references, times, amounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tidemark.declare.star import SEEN
from tidemark.install.propose import words
from tidemark.install.propose.catalog import Reference, is_time
from tidemark.install.propose.draft import Entity, Guess
from tidemark.model import Column, QualifiedName

_NUMBERS = ("numeric", "money", "real", "double precision")
_WHOLE = ("integer", "bigint", "smallint")
_LATER = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides whether a table is a dimension or a fact."""

    entity: Entity
    references: tuple[Reference, ...]
    """To other entities."""
    referring: frozenset[QualifiedName]
    """Other entities that refer to it."""

    @property
    def events(self) -> list[Column]:
        """The times of what a row is about, the best first."""
        return [one for one in dating(self.entity) if rank(self.entity, one) == 0]

    @property
    def has_amounts(self) -> bool:
        """Whether it has numbers that can be summed."""
        others = [one for one in self.entity.columns if one.name not in self._names]
        return any(
            one.type.startswith(_NUMBERS) or (one.type in _WHOLE and words.is_amount(one.name))
            for one in others
        )

    @property
    def naming(self) -> set[str]:
        """The columns that name other rows."""
        return {column for reference in self.references for column in reference.columns}

    @property
    def _names(self) -> set[str]:
        """The columns that name it, or other rows."""
        return {*self.entity.key_columns, *self.naming}

    @property
    def is_named(self) -> bool:
        """Whether a row has a name of its own, as people and things have."""
        columns = [one.name for one in self.entity.columns]
        return words.has_own_name(columns, self.entity.table.name[1])

    @property
    def may_be_header(self) -> bool:
        """Whether it says when something happened and to whom, which its lines leave to it.

        A name may be the number of a document that has lines.
        """
        is_thing = self.is_named and not self.has_own_lines
        return bool(self.references and self.events) and not is_thing

    @property
    def has_own_lines(self) -> bool:
        """Whether a table that refers to it is called like its lines."""
        here = self.entity.table.name[1]
        return any(words.are_lines(name[1], here) for name in self.referring)

    @property
    def may_be_line(self) -> bool:
        """Whether it has amounts, and leaves their time to others."""
        return self.has_amounts and not self.events and not (self.is_named and self.referring)

    @property
    def is_link(self) -> bool:
        """Whether a row says no more than that two others belong together."""
        others = [one for one in self.entity.columns if one.name not in self._names]
        says_no_more = not self.events and all(map(is_time, others))
        return len(self.references) > 1 and not self.referring and says_no_more

    def judged(self) -> str:
        """Say why it is a fact; '' if it is a dimension."""
        refers = f"refers to {_count(self.references, 'table')}"
        if self.is_link:
            return f"says which rows of {_count(self.references, 'table')} belong together"
        if not self._happens():
            return ""
        if self.events:
            return f"{refers} and has a time" if self.references else "has a time"
        return f"{refers} and has amounts" if self.has_amounts else refers

    def _happens(self) -> bool:
        """Whether a row is something that happened, and not a person, a thing or a list's item."""
        ways, is_named = len(self.references), self.is_named
        if self.referring:
            return ways > 0 and bool(self.events) and not is_named and ways + self.has_amounts > 1
        if is_named:
            return ways > 0 and any(one.not_null for one in self.events)
        if ways > 1:
            is_between = {*self.entity.key_columns} <= self.naming
            is_dated = any(rank(self.entity, one) < _LATER for one in dating(self.entity))
            return self.has_amounts or is_dated or is_between
        return bool(self.events) or (ways > 0 and self.has_amounts)


def _count(found: Collection[object], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"


def dating(entity: Entity) -> list[Column]:
    """Return the times that may date a fact: those that are never null first."""
    found = [
        column
        for column in entity.columns
        if is_time(column)
        and column.name not in entity.table.lacking
        and not words.is_change_time(column.name, entity.table.name[1])
    ]
    return sorted(found, key=lambda one: (not one.not_null, rank(entity, one)))


def rank(entity: Entity, column: Column) -> int:
    """0: what a row is about; 1: when it was made; 2: what comes later."""
    if words.is_creation_time(column.name, entity.table.name[1]):
        return 1
    return _LATER if words.comes_later(column.name, entity.table.name[1]) else 0


def event_time(entity: Entity) -> Guess:
    """Choose the time that dates a fact."""
    if entity.join:
        return Guess(entity.join.event, f"{entity.join.event} is that of its {entity.join.header}")
    found = dating(entity)
    if found and (found[0].not_null or rank(entity, found[0]) == 0):
        best = found[0]
        why = f"{best.name} is {'the best of its times' if found[1:] else 'its only time'}"
        return Guess(best.name, why if best.not_null else f"{why}, although it may be null")
    return Guess(SEEN, "no time of its own is always there")


def every(entities: Mapping[QualifiedName, Entity]) -> dict[QualifiedName, Shape]:
    """Return the shapes of entities, by the source's table."""
    return {name: of(entity, entities) for name, entity in entities.items()}


def of(entity: Entity, entities: Mapping[QualifiedName, Entity]) -> Shape:
    """Return the shape of an entity among others."""
    here = entity.table.name
    others = tuple(
        one for one in entity.table.references if one.target in entities and one.target != here
    )
    referring = {
        name
        for name, other in entities.items()
        if name != here and any(one.target == here for one in other.table.references)
    }
    return Shape(entity, others, frozenset(referring))
