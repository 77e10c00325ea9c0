"""Where the columns of an entity come from, through all views of STG between its star and MRR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tidemark.console import lineage, printed
from tidemark.console.lineage import Drawn, Place, Places, Relation
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.model import QualifiedName, label
from tidemark.postgres import compose
from tidemark.postgres.db import Session


@dataclass(frozen=True, slots=True)
class Step:
    """How one view makes a column."""

    view: str
    column: str
    expressions: tuple[str, ...]
    """One for each `select` whose rows it has; empty: it could not be told."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a column comes from in the end: tables that no view is before."""

    values: Places = frozenset()
    rows: Places = frozenset()
    """See `Drawn`."""
    maybe: Places = frozenset()
    steps: tuple[Step, ...] = ()
    """Views that do more than pass it on, from the star on."""
    unread: tuple[str, ...] = ()
    """Views of which not all could be read."""


class Traces:
    """What is known of the views behind some entities."""

    def __init__(
        self,
        relations: Mapping[QualifiedName, Relation],
        follows: Mapping[QualifiedName, QualifiedName],
    ) -> None:
        """`follows` has tables, and the view whose rows each of them keeps."""
        self.relations, self._follows = relations, follows
        self._read: dict[QualifiedName, tuple[Mapping[str, Drawn], Mapping[str, Step]]] = {}
        self._traces: dict[Place, Trace] = {}

    def trace(self, place: Place) -> Trace:
        """Follow a column of a table or a view back."""
        if place not in self._traces:
            # Views that read each other in a circle can't be, and tables that follow might be.
            self._traces[place] = Trace(frozenset({place}))
            self._traces[place] = self._found(place)
        return self._traces[place]

    def _found(self, place: Place) -> Trace:
        schema, name, column = place
        at = self._follows.get((schema, name), (schema, name))
        relation = self.relations.get(at)
        if relation is None or column not in relation.columns:
            return Trace(frozenset({place}))
        if not relation.definition:
            return Trace(frozenset({place})) if at == (schema, name) else self.trace((*at, column))
        drawn, steps = self._views(relation)
        found = _joined(drawn[column], *self._each(drawn[column]))
        own = () if _passes_on(steps[column]) else (steps[column],)
        unread = () if drawn[column].is_whole else (label(at),)
        return replace(
            found,
            steps=tuple(dict.fromkeys((*own, *found.steps))),
            unread=tuple(dict.fromkeys((*unread, *found.unread))),
        )

    def _each(self, drawn: Drawn) -> tuple[list[Trace], list[Trace], list[Trace]]:
        values, rows, maybe = (
            [self.trace(place) for place in sorted(places)]
            for places in (drawn.values, drawn.rows, drawn.maybe)
        )
        return values, rows, maybe

    def _views(self, view: Relation) -> tuple[Mapping[str, Drawn], Mapping[str, Step]]:
        if view.name not in self._read:
            texts = printed.expressions(view.definition)
            if len(texts) != len(view.columns):
                texts = [()] * len(view.columns)
            steps = {
                column: Step(label(view.name), column, text)
                for column, text in zip(view.columns, texts, strict=True)
            }
            self._read[view.name] = lineage.read(view, self.relations), steps
        return self._read[view.name]


def _joined(
    drawn: Drawn, of_values: list[Trace], of_rows: list[Trace], of_maybe: list[Trace]
) -> Trace:
    values = _union(one.values for one in of_values)
    rows = _union(one.rows for one in of_values) | _union(one.values | one.rows for one in of_rows)
    maybe = _union(one.maybe for one in (*of_values, *of_rows))
    maybe |= _union(one.values | one.rows | one.maybe for one in of_maybe)
    return Trace(
        values,
        rows - values,
        maybe - rows - values,
        tuple(step for one in of_values for step in one.steps),
        tuple(view for one in (*of_values, *of_rows) for view in one.unread),
    )


def _union(some: Iterator[Places]) -> Places:
    return frozenset().union(*some)


def _passes_on(step: Step) -> bool:
    """Whether a view does nothing to a column, and calls it as it was called."""
    return len(step.expressions) == 1 and step.expressions[0].rpartition(".")[2] in (
        step.column,
        f'"{step.column}"',
    )


def of(stg: Session, area: Area, entity: Entity) -> Traces:
    """Read the views behind an entity from STG's catalog."""
    behind = _behind(area, entity)
    views = [view for one in behind for view in _own_views(one)]
    which = {"schemas": [schema for schema, _ in views], "views": [name for _, name in views]}
    found = (
        Relation(
            (schema, name),
            tuple(columns),
            definition or "",
            frozenset((*each[:2], each[2] or "") for each in reads or ()),
        )
        for schema, name, columns, definition, reads in stg.rows(
            compose.statement(__name__, "behind"), which
        )
    )
    follows = {one.table("stg"): one.view for one in behind}
    follows |= {one.landing: one.deriving_view for one in behind if one.is_derived}
    return Traces({one.name: one for one in found}, follows)


def _behind(area: Area, entity: Entity) -> list[Entity]:
    """Return an entity, and those of whose rows it is made."""
    found, todo = dict[str, Entity](), [entity]
    while todo:
        one = todo.pop()
        if one.name not in found:
            found[one.name] = one
            todo += [area.entities[name] for name in one.made_of]
    return [*found.values()]


def _own_views(entity: Entity) -> Iterator[QualifiedName]:
    yield entity.view
    if entity.is_derived:
        yield entity.deriving_view
