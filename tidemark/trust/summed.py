"""Compare aggregates with what their facts say, and compute them anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tidemark.model import label
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Session
from tidemark.star import refresh
from tidemark.star.computed import Computed
from tidemark.star.facts import Fact
from tidemark.star.scd2 import Dimension
from tidemark.star.schema import Star
from tidemark.trust.compare import Changes, Compared, Difference


def compared(dwh: Session, one: Computed) -> Compared:
    """Compare an aggregate, in a transaction that is rolled back.

    One that the next publish computes as a whole is pending.
    """
    found = differences(dwh, one)
    said, kept = dwh.one(compose.statement(__name__, "counts", _parts(one)))
    if one.reads.is_published:
        return Compared(said, kept, 0, found)
    return replace(Compared(said, kept, 0, []), pending=len(found))


def differences(dwh: Session, one: Computed) -> list[Difference]:
    """Find the grains in which an aggregate differs. All grains are those to compute, then."""
    refresh.fill(dwh, one)
    rows = dwh.rows(compose.statement(__name__, "differences", _parts(one)))
    return [
        Difference(kind, tuple(key), tuple(columns) if kind == "changed" else ())
        for kind, key, columns in rows
    ]


def rebuild(
    dwh: Session, star: Star, rebuilt: Sequence[Dimension | Fact], *, batch_id: int
) -> Iterator[Changes]:
    """Compute the aggregates that read rebuilt tables as a whole, those of other areas too."""
    tables = {one.table for one in rebuilt}
    pointing = {one.fact for one in star.pointers if one.dimension in tables}
    for one in star.aggregates:
        if {fact.qualified_name for fact in one.facts} & (tables | pointing):
            kinds = [each.kind for each in differences(dwh, one)]
            refresh.compute(dwh, one, batch_id=batch_id)
            yield Changes(
                "dwh",
                label(one.aggregate.table),
                added=kinds.count("missing"),
                changed=kinds.count("changed"),
                removed=kinds.count("surplus"),
            )


def _parts(one: Computed) -> Parts:
    grain = one.aggregate.columns
    return {
        "said": db.name(*one.aggregate.computed),
        "kept": db.name(*one.aggregate.table),
        "grain": Columns(grain),
        "rest": Columns(tuple(column for column in one.columns if column not in grain)),
    }
