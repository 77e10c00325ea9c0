"""Header and line: a fact of lines that have the time and the dimensions of their header.

A view makes its rows of both (docs/areas.md, "Rows made of other entities' rows").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from tidemark.install.propose import entities, shapes, words
from tidemark.install.propose.catalog import Reference, is_time
from tidemark.install.propose.draft import Entity, Join
from tidemark.install.propose.shapes import Shape
from tidemark.model import Column, QualifiedName
from tidemark.postgres.sqltypes import compares

_Shapes = Mapping[QualifiedName, Shape]
_Lines = Mapping[QualifiedName, Reference]


def lines(every: _Shapes) -> dict[QualifiedName, Reference]:
    """Find the tables that are lines, and how each names its header. Lines may have lines, too."""
    found: dict[QualifiedName, Reference] = {}
    while more := {
        name: reference
        for name, shape in every.items()
        if name not in found and (reference := _to_header(shape, every, found))
    }:
        found |= more
    return found


def _to_header(shape: Shape, every: _Shapes, known: Collection[QualifiedName]) -> Reference | None:
    """Return how a line names its header: by its key, or by the only reference to one."""
    if not shape.may_be_line:
        return None
    ways = [
        one
        for one in shape.references
        if one.target in every
        and (one.target in known or _is_header(every[one.target], every))
        and _is_found(shape.entity, one, every[one.target].entity)
    ]
    in_key = [one for one in ways if {*one.columns} <= {*shape.entity.key_columns}]
    best = in_key or ways
    return best[0] if len(best) == 1 else None


def _is_header(shape: Shape, every: _Shapes) -> bool:
    """Whether it is an event by itself, by the names of its lines, or as it has lines alone."""
    has_lines_alone = all(name in every and every[name].may_be_line for name in shape.referring)
    is_event = shape.has_own_lines or has_lines_alone or bool(shape.judged())
    return shape.may_be_header and is_event


def _is_found(line: Entity, reference: Reference, header: Entity) -> bool:
    """Whether a join by the header's key finds it for each line."""
    if {*reference.target_columns} != {*header.key_columns}:
        return False
    read = {column.name for column in line.columns}
    for ours, theirs in zip(reference.columns, reference.target_columns, strict=True):
        if ours not in read or not line.table.column(ours).not_null:
            return False
        own, key = line.table.column(ours).type, header.table.column(theirs).type
        if own != key and not compares(key, own):
            return False
    return True


def reasons(lines: _Lines, every: _Shapes) -> Iterator[tuple[QualifiedName, str]]:
    """Yield headers and lines, and why they are facts, or parts of one."""
    for name, reference in lines.items():
        only = ", whose rows say all of it" * goes_with_lines(every[reference.target], lines)
        yield reference.target, f"is the header of {every[name].entity.name}{only}"
    for name, reference in lines.items():
        header = every[reference.target].entity.name
        is_alone = goes_with_lines(every[reference.target], lines)
        own = "" if is_alone else f"; amounts of {header} stay apart, so that no line repeats them"
        yield name, f"has amounts, and {header} their time{own}"


def goes_with_lines(shape: Shape, lines: _Lines) -> bool:
    """Whether lines can say all that a header says: it has no amounts, and lines of one kind."""
    here = shape.entity.table.name
    own = {name for name, reference in lines.items() if reference.target == here}
    return shape.referring == own and len(own) == 1 and not shape.has_amounts


def made(lines: _Lines, every: _Shapes, free: Callable[[str], str]) -> dict[QualifiedName, Entity]:
    """Make the entities of lines with what their headers say, by the lines' tables.

    Args:
        lines: each behind its header, if that is a line itself.
        every: the shapes of all entities.
        free: makes a name one that no entity has.
    """
    found: dict[QualifiedName, Entity] = {}
    for name, reference in lines.items():
        line, above = every[name].entity, every[reference.target]
        header = found.get(reference.target, above.entity)
        is_whole = reference.target not in lines and goes_with_lines(above, lines)
        taken = dict(_taken(line, reference, header, is_whole=is_whole))
        named = free(f"{line.name}_with_{words.singular(above.entity.name)}")
        found[name] = _joined(named, line, header, reference, taken)
    return found


def _taken(
    line: Entity, reference: Reference, header: Entity, *, is_whole: bool
) -> Iterator[tuple[str, str]]:
    """Yield the columns of a header that its lines get, and their names there.

    They are its times, and what it refers to; all columns, if it has no fact of its own.
    """
    used = {column.name for column in line.table.columns}
    naming = {column for one in header.table.references for column in one.columns}
    dating = {column.name for column in header.columns if _dates(header, column)}
    for column in header.columns:
        is_known = column.name in (header.stamp, *reference.target_columns)
        if is_known or not (is_whole or column.name in naming | dating):
            continue
        is_free = column.name not in used
        wanted = column.name if is_free else f"{words.singular(header.name)}_{column.name}"
        name = entities.free(wanted, used)
        used.add(name)
        yield column.name, name


def _dates(header: Entity, column: Column) -> bool:
    return is_time(column) and not words.is_change_time(column.name, header.table.name[1])


def _joined(
    name: str, line: Entity, header: Entity, reference: Reference, taken: Mapping[str, str]
) -> Entity:
    on = dict(zip(reference.columns, reference.target_columns, strict=True))
    here = {**{theirs: ours for ours, theirs in on.items()}, **taken}
    own = [one for one in line.columns if one.name in line.key_columns or one.name != line.stamp]
    more = [replace(one, name=taken[one.name]) for one in header.columns if one.name in taken]
    moved = [
        replace(one, columns=tuple(here[column] for column in one.columns))
        for one in header.table.references
        if {*one.columns} <= here.keys()
    ]
    others = [one for one in line.table.references if one != reference]
    lacking = {here[one] for one in header.table.lacking if one in here}
    table = replace(
        line.table,
        columns=(*own, *more),
        indexes=(),
        references=tuple(dict.fromkeys([*others, *moved])),
        lacking=line.table.lacking | lacking,
    )
    event = here[shapes.event_time(header).value]
    join = Join(line.name, header.name, on, taken, event)
    return replace(line, name=name, table=table, watermark=None, left_out={}, remarks=(), join=join)
