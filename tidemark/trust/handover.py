"""Point the facts of other areas at the versions of a dimension that is rebuilt.

A rebuild sends the facts of its own area again. Those of other areas stay, and their areas may be
behind. So each keeps its member, and gets the version of it that is in force at its event time now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from tidemark.model import QualifiedName
from tidemark.postgres import compose, db, refusals, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.star import facts, members
from tidemark.star.pointers import Pointer
from tidemark.star.scd2 import Dimension
from tidemark.star.schema import Star


def pointers(star: Star, dimension: Dimension) -> list[Pointer]:
    """Return the keys of other areas' facts that point at a dimension."""
    own = {fact.table for fact in star.facts.values()}
    return [
        one for one in star.pointers if one.dimension == dimension.table and one.fact not in own
    ]


def keep(dwh: Session, dimension: Dimension) -> None:
    """Keep which member each version is of, before versions go."""
    query = compose.statement(
        __name__,
        "keep",
        surrogate=db.name(dimension.surrogate),
        nk=Columns(dimension.natural_key),
        dimension=dimension.name,
    )
    worktable.make(dwh, _before(dimension), query)
    worktable.analyze(dwh, _before(dimension))


def repoint(
    dwh: Session, dimension: Dimension, pointing: Sequence[Pointer], *, batch_id: int
) -> Iterator[tuple[QualifiedName, int]]:
    """Point facts at the versions that the dimension has now.

    A member of which no version is left is inferred again, since facts name it.

    Args:
        dwh: in the transaction that has called `keep`.
        dimension: it was rebuilt.
        pointing: see `pointers`.
        batch_id: the batch that makes inferred members.

    Yields:
        A fact table, and how many of its facts changed their key.
    """
    for table, keys in groupby(pointing, lambda one: one.fact):
        changed = 0
        for pointer in keys:
            parts = _parts(dimension, pointer)
            with refusals.named(pointer.entity, dwh=refusals.STORING):
                lost = compose.statement(__name__, "lost", parts)
                members.infer(dwh, dimension.members, lost, batch_id=batch_id)
                changed += dwh.run(compose.statement(__name__, "repoint", parts))
        yield table, changed
    if pointing:
        worktable.drop(dwh, _before(dimension))


def _before(dimension: Dimension) -> Composable:
    schema, entity = dimension.landed
    return db.name(schema, f"{entity}.before")


def _parts(dimension: Dimension, pointer: Pointer) -> Parts:
    nk = Columns(dimension.natural_key)
    at = pointer.event_time.instant(db.name("f", pointer.event_time.name))
    return {
        "fact": db.name(*pointer.fact),
        "column": db.name(pointer.column),
        "at": at,
        "before": _before(dimension),
        "dimension": dimension.name,
        "surrogate": db.name(dimension.surrogate),
        "nk": nk,
        "nearest": facts.nearest(dimension.members, known="b", by=nk, at=at),
    }
