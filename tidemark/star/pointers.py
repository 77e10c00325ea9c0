"""Facts that are there already: each points at the version in force at its event time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tidemark.model import QualifiedName
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.times import TimeColumn
from tidemark.star.facts import Fact
from tidemark.star.grains import Notes
from tidemark.star.scd2 import Dimension


@dataclass(frozen=True, slots=True)
class Pointer:
    """A key column of a fact table, as far as it takes to point its facts at other versions."""

    entity: str
    """The fact's entity; AREA.ENTITY where it is of another area than the dimension."""
    fact: QualifiedName
    column: str
    dimension: QualifiedName
    event_time: TimeColumn
    """Column of the fact table."""


def of(fact: Fact) -> Iterator[Pointer]:
    """Yield the keys of a fact's dimensions."""
    event_time = replace(fact.event_time, name=fact.event_column)
    for role in fact.roles:
        yield Pointer(fact.entity, fact.table, role.column, role.dimension.table, event_time)


def orphaned(pointer: Pointer, dimension: Dimension) -> Composable:
    """Compose the relation of natural keys whose versions all went although facts point at them.

    To be asked after `scd2.apply`, and before the facts point
    elsewhere (`repoint`).
    """
    return compose.statement(
        __name__,
        "orphaned",
        nk=Columns(dimension.natural_key),
        surrogate=db.name(dimension.surrogate),
        dimension=dimension.name,
        timeline=dimension.timeline.name,
        fact=db.name(*pointer.fact),
        column=db.name(pointer.column),
    )


def repoint(
    session: Session, pointer: Pointer, dimension: Dimension, *, notes: Notes | None = None
) -> int:
    """Point facts at the versions that now cover their event time, after `scd2.apply`.

    Args:
        session: on the DWH, in the publishing transaction.
        pointer: the facts' key.
        dimension: what they point at.
        notes: notes the facts that change their key, before they do.

    Returns:
        The number of facts that changed their key.
    """
    handovers = compose.statement(
        __name__,
        "handovers",
        surrogate=db.name(dimension.surrogate),
        dimension=dimension.name,
        timeline=dimension.timeline.name,
        nk=Columns(dimension.natural_key),
    )
    fact = db.name(*pointer.fact)
    span = compose.statement(__name__, "handovers_span", handovers=handovers, fact=fact)
    span_from, span_to = session.one(span)
    if span_from is None:
        return 0
    parts = _handed_over(pointer, handovers, {"span_from": span_from, "span_to": span_to})
    if notes:
        some = compose.statement(__name__, "handed_over", parts)
        for note in notes.old(some, column=pointer.column):
            session.queue(note)
    column = db.name(pointer.column)
    return session.run(compose.statement(__name__, "repoint", parts, column=column))


def _handed_over(pointer: Pointer, handovers: Composable, span: Mapping[str, str]) -> Parts:
    event_time = pointer.event_time
    event_column = db.name("f", event_time.name)
    in_span = "in_span" if event_time.kind == "instant" else "near_span"
    near = compose.statement(__name__, in_span, event_column=event_column)
    is_handed_over = compose.statement(
        __name__,
        "is_handed_over",
        column=db.name(pointer.column),
        at=event_time.instant(event_column),
        near=db.Bound(near, span),
    )
    fact = db.name(*pointer.fact)
    return {"fact": fact, "handovers": handovers, "is_handed_over": is_handed_over}


def moved(pointer: Pointer, dimension: Dimension, columns: Sequence[str] | None) -> Composable:
    """Compose the relation of facts that point at versions which are about to change, or to go.

    To be run when the dimension's timeline is made, and its versions are as they were.

    Args:
        pointer: the facts' key.
        dimension: what they point at.
        columns: those of the dimension whose change counts; None: all, and the change of any
            version counts for the facts of all versions of its member.
    """
    counted = [c for c in dimension.changing if columns is None or c in columns]
    moving = compose.statement(
        __name__,
        "moving",
        timeline=dimension.timeline.name,
        dimension=dimension.name,
        surrogate=db.name(dimension.surrogate),
        nk=Columns(dimension.natural_key),
        used=Columns(tuple(counted), texts=dimension.texts),
    )
    which: Parts = {"fact": db.name(*pointer.fact), "column": db.name(pointer.column)}
    if columns is not None:
        return compose.statement(__name__, "of_versions", which, moving=moving)
    return compose.statement(
        __name__,
        "of_members",
        which,
        moving=moving,
        dimension=dimension.name,
        surrogate=db.name(dimension.surrogate),
        nk=Columns(dimension.natural_key),
    )
