"""What breaks a check: the keys of some rows, and the query that shows all of them to a person."""

from __future__ import annotations

from tidemark.declare.check import Check
from tidemark.declare.check_kinds import Freshness, Query, Reconcile, RowCount, Unique
from tidemark.layers import checks
from tidemark.layers.checks import Measured, Rows
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session

FEW = 5
"""Keys of bad rows that are shown unless a person asks for more."""


def sample(session: Session, one: Measured, *, few: int = FEW) -> list[dict[str, object]]:
    """Read the keys of some rows that break a check. No other value of a row is read."""
    check, rows, limit = one.placed.check, one.rows, db.literal(few)
    if isinstance(check, RowCount | Freshness):
        return []
    if isinstance(check, Reconcile):
        return [of for of, _, _ in differing(session, one, few=few) if of]
    if isinstance(check, Query):
        keys = {*rows.key} if rows else {key for other in one.others.values() for key in other.key}
        asked = compose.statement(
            __name__,
            "sample_of_query",
            query=db.raw(check.sql),
            keys=db.literal(sorted(keys)),
            few=limit,
        )
        return [row for (row,) in session.rows(asked) if row]
    assert rows is not None, "area.yml: other kinds are of an entity"
    parts: Parts = {"few": limit}
    if isinstance(check, Unique):
        query = _sample_of_unique(one, rows, check, parts)
    else:
        parts = {**parts, **one.relation, "looked": one.looked, "bad": one.bad}
        query = compose.statement(__name__, "sample", parts, key=Columns(rows.key))
    found = [row for (row,) in session.rows(query)]
    return found or (_places_of_refused(session, rows, check, few=few) if rows.is_raw else [])


def _places_of_refused(
    session: Session, rows: Rows, check: Check, *, few: int
) -> list[dict[str, object]]:
    """Read where rows without a key were: they have nothing else to be named by."""
    query = compose.statement(
        __name__,
        "places_of_refused",
        area=db.literal(rows.area),
        entity=db.literal(rows.entity),
        columns=db.literal(list(check.columns)),
        few=db.literal(few),
    )
    return [row for (row,) in session.rows(query)]


def _sample_of_unique(one: Measured, rows: Rows, check: Unique, parts: Parts) -> Composable:
    if rows.is_raw and {*check.unique} == {*rows.key}:
        which = {"area": db.literal(rows.area), "entity": db.literal(rows.entity)}
        return compose.statement(__name__, "sample_of_items", parts, **which)
    return compose.statement(
        __name__,
        "sample_of_repeated",
        parts,
        rows=rows.table,
        is_live=rows.is_live,
        looked=one.looked,
        columns=Columns(check.unique),
        key=Columns(rows.key),
    )


def differing(
    session: Session, one: Measured, *, few: int = FEW
) -> list[tuple[dict[str, object], str | None, str | None]]:
    """Read where the two queries of a check differ: of what, and both numbers."""
    check = one.placed.check
    assert isinstance(check, Reconcile), "another kind has no two sides"
    query = compose.statement(
        __name__, "sample_of_sides", sides=checks.sides(check.reconcile), few=db.literal(few)
    )
    return [(of, left, right) for of, left, right in session.rows(query)]


def showing(one: Measured) -> Composable:
    """Compose the query that shows a person what breaks a check, or what it counts."""
    check, rows = one.placed.check, one.rows
    match check:
        case Query():
            return db.raw(check.sql)
        case Reconcile():
            return compose.statement(__name__, "show_sides", sides=checks.sides(check.reconcile))
    assert rows is not None, "area.yml: other kinds are of an entity"
    parts: Parts = {"rows": rows.table, "is_live": rows.is_live}
    match check:
        case RowCount() | Freshness():
            return compose.statement(__name__, "show_number", parts, number=one.number)
        case Unique():
            columns = Columns(check.unique)
            return compose.statement(
                __name__, "show_repeated", parts, looked=one.looked, columns=columns
            )
    named = Columns(tuple(dict.fromkeys([*rows.key, *check.columns])))
    return compose.statement(
        __name__, "show_rows", parts, named=named, looked=one.looked, bad=one.bad
    )
