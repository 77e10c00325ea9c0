"""Rows that cleansing passes on as they are, merged into STG right from where they landed.

A cleansing view that Tidemark has made changes nothing. So if none of its rows is refused, and no
key is in question, a copy of what it returns (`cleanse`) would only say again what has landed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tidemark.layers import made, mirror
from tidemark.layers.claims import Claims
from tidemark.postgres import compose, db, refusals, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.results import Counts


@dataclass(frozen=True, slots=True)
class Landed:
    """The rows of one batch that have landed for STG."""

    claims: Claims
    """Those of their entity."""
    deleted_at: Composable
    """Since when a row is deleted."""
    violations: Collection[Composable]
    """Conditions for which a row is refused whatever the view says."""
    rewrite: bool
    """See `mirror.apply`."""

    @property
    def parts(self) -> Parts:
        """What fills the placeholders of the statements."""
        claims = self.claims
        return {
            "area": db.literal(claims.area),
            "entity": db.literal(claims.entity),
            "view": db.name(*claims.view.qualified_name),
            "mirror": claims.target.name,
            "key": Columns(claims.target.key),
            "payload": Columns(claims.target.payload),
            "deleted_at": self.deleted_at,
            "violation": [*self.violations],
        }


def merge(stg: Session, landed: Landed, counts: Counts) -> bool:
    """Merge rows into STG as they came, if they may be.

    Few rows are not: to find that out takes longer than to copy them.

    Args:
        stg: in the transaction that applies the batch.
        landed: the rows.
        counts: the number of landed rows (`processed`); the results are added.

    Returns:
        Whether that was done. If not, nothing was written.
    """
    claims, rows, parts = landed.claims, counts.processed, landed.parts
    if rows <= worktable.FEW or not _is_passing(stg, claims):
        return False
    worktable.analyze(stg, db.name(*claims.landing.qualified_name), rows=rows)
    with refusals.named(claims.entity, stg=refusals.CLEANSING):
        if not stg.value(compose.statement(__name__, "are_plain", parts)):
            return False
    found = compose.statement(__name__, "landed", parts)
    incoming = compose.statement(__name__, "as_landed", parts, landed=found)
    with refusals.named(claims.entity, stg=refusals.STORING):
        counts.add(mirror.apply(stg, claims.target, incoming, rows=rows, rewrite=landed.rewrite))
    return True


def _is_passing(stg: Session, claims: Claims) -> bool:
    """Whether the view is the one that Tidemark makes, and its keys have the mirror's types."""
    if not claims.keeps_keys:
        return False
    place = claims.landing.qualified_name[0], f"{claims.entity}.passing"
    beside = db.name(*place)
    query = made.passing(claims.landing)
    stg.queue(compose.statement(__name__, "make_beside", beside=beside, query=query))
    names = {
        "view": db.literal(db.quoted(*claims.view.qualified_name)),
        "beside": db.literal(db.quoted(*place)),
    }
    is_passing = bool(stg.value(compose.statement(__name__, "is_passing", **names)))
    stg.queue(compose.statement(__name__, "drop_beside", beside=beside))
    return is_passing
