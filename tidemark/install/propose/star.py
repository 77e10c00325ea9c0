"""A star by foreign keys: which entities are dimensions and which are facts, and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from tidemark.declare.star import SEEN, SPAN, USUAL_SEEN_COLUMN
from tidemark.install.propose import entities, joins, shapes, words
from tidemark.install.propose.catalog import Reference
from tidemark.install.propose.draft import Dimension, Entity, Fact, Placed, Role
from tidemark.install.propose.shapes import Shape
from tidemark.model import Column, QualifiedName
from tidemark.postgres.sqltypes import compares
from tidemark.star.scd2 import VERSIONING

_LONG = ("json", "xml", "bytea", "timestamp", "date", "time", "interval", "tsvector")
_LONG_TEXT = 255


def placed(
    proposed: Iterable[Entity],
    known: Mapping[QualifiedName, Placed],
    free: Callable[[str], str],
) -> tuple[list[Placed], dict[QualifiedName, str]]:
    """Place entities in the star.

    Args:
        proposed: entities that are to be placed.
        known: those that are placed already, by the source's table.
        free: makes a name one that no entity has.

    Returns:
        The placed entities, and why the others have no place there.
    """
    new = {entity.table.name: entity for entity in proposed}
    every = {name: one.entity for name, one in known.items()} | new
    found = shapes.every(every)
    lines = joins.lines({name: found[name] for name in new})
    why = {name: found[name].judged() for name in new} | dict(joins.reasons(lines, found))
    homeless = {
        name: said for name, entity in new.items() if (said := _homeless(entity, bool(why[name])))
    }
    if homeless:
        others = (entity for name, entity in new.items() if name not in homeless)
        rest, more = placed(others, known, free)
        return rest, homeless | more
    dimensions = {name: entity for name, entity in new.items() if not why[name]}
    dimensions |= {
        name: one.entity for name, one in known.items() if isinstance(one.star, Dimension)
    }
    made = joins.made(lines, found, free)
    stars: list[Placed] = []
    for name, entity in new.items():
        if not why[name]:
            stars.append(_dimension(entity, found[name], dimensions))
        elif name in made:
            join = made[name]
            stars.append(Placed(entity, None, f"is a part of {join.name}"))
            stars.append(_fact(join, shapes.of(join, every), why[name], dimensions))
        elif joins.goes_with_lines(found[name], lines):
            stars.append(Placed(entity, None, why[name]))
        else:
            stars.append(_fact(entity, found[name], why[name], dimensions))
    return stars, {}


def _homeless(entity: Entity, is_fact: bool) -> str:
    """Say why an entity has no place in the star; '' if it has one."""
    taken = [column for column in entity.key_columns if column in VERSIONING and not is_fact]
    return f"its key has a column {taken[0]}, as each dimension has for itself" if taken else ""


def _dimension(entity: Entity, shape: Shape, dimensions: Mapping[QualifiedName, Entity]) -> Placed:
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
    surrogate = entities.free(
        f"{words.singular(entity.name)}_key", {*used, *VERSIONING, *renamed.values()}
    )
    star = Dimension(
        surrogate_key=surrogate,
        type2=tuple(name for name, is_type1 in called if not is_type1),
        type1=tuple(name for name, is_type1 in called if is_type1),
        effective="" if entity.watermark else SEEN,
        renamed=renamed,
        references=dict(_references(entity, dimensions, {surrogate, *SPAN}, renamed)),
    )
    referring = len(shape.referring)
    why = f"{referring} tables refer to it" if referring > 1 else "a table refers to it"
    return Placed(entity, star, why if referring else "it refers to nothing that happens")


def _references(
    entity: Entity,
    dimensions: Mapping[QualifiedName, Entity],
    used: set[str],
    renamed: Mapping[str, str],
) -> Iterator[tuple[str, Role]]:
    """Yield the keys of a dimension's view: of each dimension at which it points."""
    if f"{entity.name}_at" in {one.name for one in dimensions.values()}:
        return  # Its view would have the name of that dimension.
    for reference in entity.table.references:
        role = _role(entity, reference, dimensions)
        is_itself = isinstance(role, Role) and role == Role(entity.name)
        is_renamed = {*reference.columns} & renamed.keys()
        if isinstance(role, Role) and not is_itself and not is_renamed:
            column = _role_column(reference, dimensions[reference.target], used)
            used.add(column)
            yield column, role


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
    event = shapes.event_time(entity)
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


def _role(
    entity: Entity, reference: Reference, dimensions: Mapping[QualifiedName, Entity]
) -> Role | str:
    """Return what a row refers to, or say why a fact keeps the columns as they are."""
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
            day = day.removesuffix("_at").removesuffix("_on")[:50]
            key = entities.free(f"{day if day.endswith('date') else f'{day}_date'}_key", used)
            used.add(key)
            yield key, column.name
