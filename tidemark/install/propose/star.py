"""A star by foreign keys: which entities are dimensions and which are facts, and what they hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tidemark.declare.star import SEEN, USUAL_SEEN_COLUMN
from tidemark.install.propose import entities, words
from tidemark.install.propose.catalog import Reference, is_time
from tidemark.install.propose.draft import Dimension, Entity, Fact, Guess, Placed, Role
from tidemark.model import Column, QualifiedName
from tidemark.postgres.sqltypes import compares
from tidemark.star.scd2 import VERSIONING

_NUMBERS = ("numeric", "money", "real", "double precision")
_WHOLE = ("integer", "bigint", "smallint")
_LONG = ("json", "xml", "bytea", "timestamp", "date", "time", "interval", "tsvector")
_LONG_TEXT = 255
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
        return [one for one in _dating(self.entity) if _rank(self.entity, one) == 0]

    @property
    def has_amounts(self) -> bool:
        """Whether it has numbers that can be summed."""
        return any(
            one.type.startswith(_NUMBERS)
            or (one.type in _WHOLE and words.is_amount(one.name) and one.name not in self.naming)
            for one in self.entity.columns
        )

    @property
    def naming(self) -> set[str]:
        """The columns that name other rows."""
        return {column for reference in self.references for column in reference.columns}

    @property
    def is_link(self) -> bool:
        """Whether a row says no more than that two others belong together."""
        own = {*self.entity.key_columns, *self.naming}
        others = [one for one in self.entity.columns if one.name not in own]
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
        columns = [one.name for one in self.entity.columns]
        is_named = words.has_own_name(columns, self.entity.table.name[1])
        ways = len(self.references)
        if self.referring:
            return ways > 0 and bool(self.events) and not is_named and ways + self.has_amounts > 1
        if is_named:
            return ways > 0 and any(one.not_null for one in self.events)
        if ways > 1:
            is_between = {*self.entity.key_columns} <= self.naming
            is_dated = any(_rank(self.entity, one) < _LATER for one in _dating(self.entity))
            return self.has_amounts or is_dated or is_between
        return bool(self.events) or (ways > 0 and self.has_amounts)


def _count(found: Collection[object], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"


def _dating(entity: Entity) -> list[Column]:
    """Return the times that may date a fact: those that are never null first."""
    found = [
        column
        for column in entity.columns
        if is_time(column)
        and column.name not in entity.table.lacking
        and not words.is_change_time(column.name, entity.table.name[1])
    ]
    return sorted(found, key=lambda one: (not one.not_null, _rank(entity, one)))


def _rank(entity: Entity, column: Column) -> int:
    """0: what a row is about; 1: when it was made; 2: what comes later."""
    if words.is_creation_time(column.name, entity.table.name[1]):
        return 1
    return _LATER if words.comes_later(column.name, entity.table.name[1]) else 0


def placed(
    found: Iterable[Entity], known: Mapping[QualifiedName, Placed]
) -> tuple[list[Placed], dict[QualifiedName, str]]:
    """Place entities in the star.

    Args:
        found: entities that are to be placed.
        known: those that are placed already, by the source's table.

    Returns:
        The placed entities, and why the others have no place there.
    """
    new = {entity.table.name: entity for entity in found}
    shapes = _shapes({name: one.entity for name, one in known.items()} | new)
    why = {name: shapes[name].judged() for name in new}
    homeless = {
        name: said for name, entity in new.items() if (said := _homeless(entity, bool(why[name])))
    }
    if homeless:
        others = (entity for name, entity in new.items() if name not in homeless)
        rest, more = placed(others, known)
        return rest, homeless | more
    dimensions = {name: entity for name, entity in new.items() if not why[name]}
    dimensions |= {
        name: one.entity for name, one in known.items() if isinstance(one.star, Dimension)
    }
    stars = [
        _fact(entity, shapes[name], why[name], dimensions)
        if why[name]
        else _dimension(entity, shapes[name])
        for name, entity in new.items()
    ]
    return stars, {}


def _homeless(entity: Entity, is_fact: bool) -> str:
    """Say why an entity has no place in the star; '' if it has one."""
    taken = [column for column in entity.key_columns if column in VERSIONING and not is_fact]
    return f"its key has a column {taken[0]}, as each dimension has for itself" if taken else ""


def _shapes(every: Mapping[QualifiedName, Entity]) -> dict[QualifiedName, Shape]:
    return {name: _shape(entity, every) for name, entity in every.items()}


def _shape(entity: Entity, every: Mapping[QualifiedName, Entity]) -> Shape:
    here = entity.table.name
    others = tuple(
        one for one in entity.table.references if one.target in every and one.target != here
    )
    referring = {
        name
        for name, other in every.items()
        if name != here and any(one.target == here for one in other.table.references)
    }
    return Shape(entity, others, frozenset(referring))


def _dimension(entity: Entity, shape: Shape) -> Placed:
    hidden = {*entity.key_columns, entity.stamp}
    attributes = [one for one in entity.columns if one.name not in hidden]
    naming = {column for one in entity.table.references for column in one.columns}
    type1 = {one.name for one in attributes if one.name not in naming and _is_type1(one)}
    used = {one.name for one in entity.columns}
    renamed = {
        one.name: entities.free(f"source_{one.name}", used)
        for one in attributes
        if one.name in VERSIONING
    }
    called = [(renamed.get(one.name, one.name), one.name in type1) for one in attributes]
    star = Dimension(
        surrogate_key=entities.free(
            f"{words.singular(entity.name)}_key", {*used, *VERSIONING, *renamed.values()}
        ),
        type2=tuple(name for name, is_type1 in called if not is_type1),
        type1=tuple(name for name, is_type1 in called if is_type1),
        effective="" if entity.watermark else SEEN,
        renamed=renamed,
    )
    referring = len(shape.referring)
    why = f"{referring} tables refer to it" if referring > 1 else "a table refers to it"
    return Placed(entity, star, why if referring else "it refers to nothing that happens")


def _is_type1(column: Column) -> bool:
    if column.type == "boolean":
        return False
    length = column.type.rpartition("(")[2].rstrip(")")
    is_long = column.type.startswith("character") and length.isdigit() and int(length) > _LONG_TEXT
    return (
        words.is_overwritten(column.name)
        or is_long
        or column.type.startswith(_LONG)
        or column.type.endswith("[]")
    )


def _fact(
    entity: Entity, shape: Shape, why: str, dimensions: Mapping[QualifiedName, Entity]
) -> Placed:
    event = _event_time(entity, _dating(entity))
    used = {one.name for one in entity.columns} | {"_batch_id", "is_deleted"}
    roles, replaced = {}, set()
    remarks = [] if event.value == SEEN else [*_doubts(entity, event.value)]
    for reference in shape.references:
        role = _role(entity, reference, dimensions)
        if isinstance(role, str):
            remarks.append(role)
            continue
        column = _role_column(reference, dimensions[reference.target], used)
        roles[column] = role
        used.add(column)
        replaced |= {*reference.columns}
    kept = {*entity.key_columns, event.value}
    columns = tuple(
        one
        for one in entity.columns
        if one.name in kept or one.name not in (*replaced, entity.stamp)
    )
    dates = dict(_dates(entity, event.value, used))
    seen = entities.free(USUAL_SEEN_COLUMN, used) if event.value == SEEN else ""
    return Placed(entity, Fact(event, roles, dates, columns, seen), why, tuple(remarks))


def _doubts(entity: Entity, event: str) -> Iterator[str]:
    if not entity.table.column(event).not_null:
        yield f"{event} may be null, and a fact without it would be refused"


def _event_time(entity: Entity, dating: list[Column]) -> Guess:
    if dating and (dating[0].not_null or _rank(entity, dating[0]) == 0):
        best = dating[0]
        others = [one.name for one in dating[1:]]
        why = f"{best.name} is {'the best of its times' if others else 'its only time'}"
        return Guess(best.name, why if best.not_null else f"{why}, although it may be null")
    return Guess(SEEN, "no time of its own is always there")


def _role(
    entity: Entity, reference: Reference, dimensions: Mapping[QualifiedName, Entity]
) -> Role | str:
    """Return what a fact refers to, or say why it keeps the columns as they are."""
    columns = ", ".join(reference.columns)
    target = dimensions.get(reference.target)
    if target is None:
        return (
            f"{columns} names a row of {'.'.join(reference.target)}, which is a fact too: "
            f"it stays as it is, and joins them"
        )
    by = dict(zip(reference.target_columns, reference.columns, strict=True))
    if {*by} != {*target.key_columns}:
        return f"{columns} names {target.table.label} by other columns than its key"
    named = tuple(by[column] for column in target.key_columns)
    for natural, column in zip(target.key_columns, named, strict=True):
        key, own = target.table.column(natural).type, entity.table.column(column).type
        if column in entity.left_out:
            return f"{column} names {target.table.label}, and is left out"
        if key != own and not compares(key, own):
            return f"{column} is {own}, and {natural} of {target.table.label} is {key}"
    return Role(target.name, () if named == target.key_columns else named)


def _role_column(reference: Reference, target: Entity, used: Collection[str]) -> str:
    is_short = len(reference.columns) == 1 and reference.columns != target.key_columns
    name = words.stem(reference.columns[0]) if is_short else words.singular(target.name)
    return entities.free(f"{name[:55]}_key", used)


def _dates(entity: Entity, event: str, used: set[str]) -> Iterator[tuple[str, str]]:
    """Yield date keys: of the event, and of each column that is a date."""
    for column in entity.columns:
        if column.name == event or column.type == "date":
            day = "_".join(words.pieces(column.name))
            day = day.removesuffix("_at").removesuffix("_on").removesuffix("_date")
            key = entities.free(f"{day[:50] if day != 'date' else 'day'}_date_key", used)
            used.add(key)
            yield key, column.name
