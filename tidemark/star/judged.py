"""The rows of the star that checks judge, in the publishing transaction.

Of a dimension these are current versions of members that are there: history stays as it was, and
placeholders have nothing to judge. Which rows are new is read off the landing tables.
"""

from __future__ import annotations

from tidemark.layers import checks
from tidemark.layers.checks import Rows
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable
from tidemark.star.facts import DELETED, Fact
from tidemark.star.scd2 import Dimension
from tidemark.star.schema import Star


def rows(star: Star, area: str, *, have_landed: bool = False) -> checks.All:
    """Return the rows of each entity that has a table in the DWH.

    Args:
        star: the tables.
        area: whose they are.
        have_landed: whether the rows that are written are those of landing tables; else all count
            as written.
    """
    found = {
        name: _of_dimension(one, area, have_landed=have_landed)
        for name, one in star.dimensions.items()
    }
    return {
        **found,
        **{name: _of_fact(one, area, have_landed=have_landed) for name, one in star.facts.items()},
    }


def _of_dimension(one: Dimension, area: str, *, have_landed: bool) -> Rows:
    parts: Parts = {"surrogate": db.name(one.surrogate)}
    nk = Columns(one.natural_key)
    landed: Parts = {"landing": one.landing, "nk": nk, "landed_nk": nk}

    def lost(_: int) -> Composable | None:
        if one.lands == "observations":
            return None  # Those that are withdrawn leave no trace of their own.
        return compose.statement(
            __name__, "lost", entity=db.literal(one.entity), landing=one.landing
        )

    return Rows(
        area,
        one.entity,
        one.name,
        one.natural_key,
        compose.statement(__name__, "is_member", parts, row=db.raw("r")),
        compose.statement(__name__, "is_member", parts, row=db.raw("o")),
        lambda since: _written(one.name, since, landed, have_landed=have_landed),
        lost,
    )


def _of_fact(one: Fact, area: str, *, have_landed: bool) -> Rows:
    # With its time, PostgreSQL looks for a fact in one partition.
    stored = tuple(dict.fromkeys([*one.natural_key, one.event_column]))
    landed: Parts = {
        "landing": one.landing,
        "nk": Columns(stored),
        "landed_nk": Columns(tuple(one.columns[column] for column in stored)),
    }
    return Rows(
        area,
        one.entity,
        one.name,
        one.natural_key,
        _is_kept(one, "r"),
        _is_kept(one, "o"),
        lambda since: _written(one.name, since, landed, have_landed=have_landed),
        lambda _: compose.statement(
            __name__, "lost", entity=db.literal(one.entity), landing=one.landing
        ),
        pointing={
            role.column: (role.dimension.entity, (role.dimension.surrogate,)) for role in one.roles
        },
    )


def _is_kept(one: Fact, row: str) -> Composable:
    is_deleted = db.name(row, DELETED) if one.soft else db.literal(False)
    return compose.statement(__name__, "is_kept", is_deleted=is_deleted)


def _written(table: Composable, since: int, landed: Parts, *, have_landed: bool) -> Composable:
    """Compose the relation of rows that were written after a batch, where that is known."""
    if not have_landed or not since:
        return table
    return compose.statement(__name__, "has_landed", landed, rows=table)
