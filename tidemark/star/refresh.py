"""Bring aggregates up to their facts: compute the grains that a batch touches, or all.

The rows of touched grains are deleted and computed anew, in the transaction that changes the facts:
readers see both as they were, or both as they are. A table that was never published, or that is
computed otherwise now, is computed as a whole; so is one that reads a fact table which is filled as
a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from tidemark.declare.entity import Entity
from tidemark.model import QualifiedName, Table
from tidemark.postgres import compose, db, refusals, worktable
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.worktable import WorkTable
from tidemark.star import computed, pointers
from tidemark.star.computed import Computed
from tidemark.star.grains import Noted, Notes
from tidemark.star.pointers import Pointer
from tidemark.star.scd2 import Dimension

REMEDY = "Correct its SELECT, and run `tidemark migrate`."


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a batch has to do for aggregates."""

    whole: Sequence[Computed]
    """Those that are computed as a whole."""
    touched: Mapping[int, Computed]
    """Number -> one of which the touched grains are computed."""
    notes: Mapping[QualifiedName, Notes]
    """Fact table -> the notes of its changes."""

    def begin(self, session: Session) -> None:
        """Leave the notes empty."""
        for notes in self.notes.values():
            session.queue(notes.table.emptied)

    def before(self, dimension: Dimension, pointing: Iterable[Pointer]) -> list[Composable]:
        """Compose the notes of facts whose grains, or rows of grains, a dimension moves.

        To be run when its timeline is made, and its versions are as they were.
        """
        found: list[Composable] = []
        for pointer in pointing:
            notes = self.notes.get(pointer.fact)
            if pointer.dimension != dimension.table or notes is None:
                continue
            for noted in notes.noted:
                one = self.touched[noted.number]
                if one.reads.of(dimension.table):
                    used = computed.moves(one, dimension.table, dimension.natural_key)
                    some = pointers.moved(pointer, dimension, used)
                    found += notes.old(some, numbers=[noted.number])
        return found

    def run(self, session: Session, *, batch_id: int, rows: int) -> None:
        """Compute what is due, when facts and dimensions are as they are to be.

        Args:
            session: on the DWH, in the publishing transaction.
            batch_id: the batch that it publishes.
            rows: about how many landed.
        """
        for notes in self.notes.values():
            worktable.analyze(session, notes.table.name, rows=rows)
        for one in self.whole:
            fill(session, one)
            compute(session, one, batch_id=batch_id, rows=rows)
        for number, one in self.touched.items():
            queries = chain.from_iterable(each.touched(number) for each in self.notes.values())
            _touch(session, one, compose.union_all(list(queries)))
            for step in ("remove", "remove_nulls"):
                session.queue(compose.statement(__name__, step, one.aggregate.parts))
            _compute(session, one, rows=rows)
            session.queue(one.record(batch_id))
        for notes in self.notes.values():
            worktable.release(session, notes.table, rows=rows)


def of(
    some: Sequence[Computed],
    *,
    area: str,
    refilled: Collection[QualifiedName],
    named: Collection[str],
) -> Refresh:
    """Say what a batch has to do.

    Args:
        some: the aggregates that it may touch.
        area: the area that it publishes.
        refilled: fact tables that it fills as a whole.
        named: aggregates of the area to compute as a whole.
    """
    whole = [
        one
        for one in some
        if one.area == area
        and (
            not one.reads.is_published
            or one.aggregate.name in named
            or any(fact.qualified_name in refilled for fact in one.facts)
        )
    ]
    touched = dict(enumerate(one for one in some if one not in whole))
    return Refresh(whole, touched, _notes(touched))


def fill(session: Session, one: Computed) -> None:
    """Let all grains be those to compute."""
    every = compose.statement(__name__, "every", one.aggregate.parts)
    _touch(session, one, every)


def _touch(session: Session, one: Computed, found: Composable) -> None:
    columns = zip(one.aggregate.columns, one.types, strict=True)
    session.queue(WorkTable(one.aggregate.touched, worktable.own(**dict(columns))).emptied)
    session.queue(compose.statement(__name__, "touch", one.aggregate.parts, found=found))
    # The planner has to know how few there are: else it may read all facts to find those of a day.
    worktable.analyze(session, db.name(*one.aggregate.touched))


def compute(
    session: Session, one: Computed, *, batch_id: int, rows: int = worktable.FEW + 1
) -> None:
    """Compute an aggregate as a whole, of which all grains are those to compute.

    Args:
        session: on the DWH, in a transaction.
        one: the aggregate.
        batch_id: the batch that its facts are as of.
        rows: about how many facts it is computed of.
    """
    session.queue(compose.statement(__name__, "empty", one.aggregate.parts))
    _compute(session, one, rows=rows)
    session.queue(one.record(batch_id))


def _compute(session: Session, one: Computed, *, rows: int) -> None:
    """Insert the rows of the grains to compute; of many facts, by way of a table of their own.

    PostgreSQL reads facts in several processes for a table that it makes, and not for an insert.
    """
    parts = {**one.aggregate.parts, "columns": Columns(one.columns)}
    evaluated = db.name(*one.aggregate.evaluated)
    with refusals.named(one.aggregate.name, dwh=REMEDY):
        if rows > worktable.FEW:
            query = compose.statement(__name__, "evaluate", parts)
            worktable.make(session, evaluated, query)
            parts["computed"] = evaluated
        session.run(compose.statement(__name__, "compute", parts))
    if rows > worktable.FEW:
        worktable.drop(session, evaluated)


def _notes(touched: Mapping[int, Computed]) -> dict[QualifiedName, Notes]:
    noted: dict[QualifiedName, list[Noted]] = {}
    about: dict[QualifiedName, tuple[Table, Entity]] = {}
    for number, one in touched.items():
        for grain, fact in zip(one.aggregate.grains, one.facts, strict=True):
            noted.setdefault(grain.fact, []).append(one.noted(number, grain))
            about[grain.fact] = (fact, one.aggregate.area.entities[grain.entity])
    return {place: computed.notes(*about[place], each) for place, each in noted.items()}
