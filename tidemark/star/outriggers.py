"""Dimensions that a dimension points at, by the natural key (Kimball's outriggers).

Each has its own history, so what a version points at changes while the version stays as it is. The
view `<table>_at` says, for each version and each instant, at which versions it points: those that a
fact of that instant would point at. It has no parameter, so that it can be joined with facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError
from tidemark.model import END_OF_TIME, QualifiedName, Table, label
from tidemark.postgres import catalog, compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sqltypes import compares
from tidemark.star import members
from tidemark.star.facts import RoleKey
from tidemark.star.members import Members

FIRST = "0001-01-01 00:00:00+00"
"""Before the instant of any fact."""

Found = Mapping[QualifiedName, Table]


@dataclass(frozen=True, slots=True)
class Outriggers:
    """A dimension, and what it points at."""

    view: QualifiedName
    dimension: Members
    references: tuple[RoleKey, ...]

    @property
    def comment(self) -> str:
        """What the view shows. It differs for two views that differ."""
        pointing = "; ".join(
            f"{one.column} is {one.dimension.surrogate} of {label(one.dimension.table)} "
            f"by {', '.join(one.by)}"
            for one in self.references
        )
        return (
            f"One row per version of {label(self.dimension.table)} and span of instants, at_from "
            f"to before at_to, in which it points at the same versions: {pointing}."
        )

    @property
    def statement(self) -> Composable:
        """The statement that makes the view."""
        aliases = [f"r{number}" for number in range(len(self.references))]
        by = tuple(dict.fromkeys(column for one in self.references for column in one.by))
        pointed_at = [one.dimension for one in self.references]
        return compose.statement(
            __name__,
            "at",
            view=db.name(*self.view),
            surrogate=db.name(self.dimension.surrogate),
            key=[db.name(r, m.surrogate) for r, m in zip(aliases, pointed_at, strict=True)],
            columns=Columns(tuple(one.column for one in self.references)),
            starts=[db.name(alias, "_from") for alias in aliases],
            ends=[db.name(alias, "_to") for alias in aliases],
            dimension=_covering(self.dimension, by),
            referenced=[_covering(one, one.natural_key) for one in pointed_at],
            r=[db.name(alias) for alias in aliases],
            meets=[_meets(number, one) for number, one in enumerate(self.references)],
            comment=db.literal(self.comment),
        )


def of(area: Area, entity: Entity, found: Found) -> Outriggers | None:
    """Return what a dimension points at; None: a table is not there, or not as it has to be."""
    if entity.at_view is None or entity.dimension is None:
        return None
    roles = entity.dimension.references
    needed = [entity, *(area.dimension_of(role) for role in roles.values())]
    if any(one.table("dwh") not in found for one in needed) or any(wrong(area, entity, found)):
        return None
    own, *others = (members.of(one, found[one.table("dwh")]) for one in needed)
    references = tuple(
        RoleKey(column, there, role.by or there.natural_key)
        for (column, role), there in zip(roles.items(), others, strict=True)
    )
    return Outriggers(entity.at_view, own, references)


def tables(area: Area) -> list[QualifiedName]:
    """Return the tables that an area's dimensions point at."""
    referring = [one.dimension for one in area.dimensions if one.dimension]
    roles = (role for one in referring for role in one.references.values())
    return [area.dimension_of(role).table("dwh") for role in roles]


def wrong(area: Area, entity: Entity, found: Found) -> Iterator[ContractError]:
    """Yield what keeps a dimension from pointing at others.

    Args:
        area: the area of the dimension.
        entity: its entity.
        found: the tables of the DWH. One that is not there is told elsewhere, if it is the area's.
    """
    table = found.get(entity.table("dwh"))
    for column, role in entity.dimension.references.items() if entity.dimension else ():
        target = area.dimension_of(role)
        why = f"entities.{entity.name}.dimension.references.{column} of sql/{area.area}/area.yml"
        there = found.get(target.table("dwh"))
        by = role.by or target.key
        if not role.is_of(area.area):
            yield from catalog.missing(found, [target.table("dwh")], server="dwh", why=why)
        if table:
            yield from catalog.lacking(table, by, server="dwh", why=why)
        if there:
            assert target.dimension is not None, "area.yml was checked"
            needed = (target.dimension.surrogate_key, *target.key)
            yield from catalog.lacking(there, needed, server="dwh", why=why)
        if table and there:
            yield from _incomparable(table, by, there, target.key, why)


def _incomparable(
    table: Table, by: Sequence[str], there: Table, key: Sequence[str], why: str
) -> Iterator[ContractError]:
    for own, natural in zip(by, key, strict=True):
        if own not in table.names or natural not in there.names:
            continue
        one, other = table.column(own), there.column(natural)
        if not (one.type == other.type or compares(other.value_type, one.value_type)):
            yield ContractError(
                f"dwh: {why} finds a row of {there.name} by column {own!r} of {table.name}, which "
                f"is {one.type}, and the key {natural!r} is {other.type}, which can't hold every "
                "value of it. Give both one type, in every layer.",
                server="dwh",
                table=table.name,
                column=own,
            )


def comments(session: Session, views: Sequence[QualifiedName]) -> dict[QualifiedName, str]:
    """Read the comments of views; those that do not exist, or have none, are left out."""
    which = {"schemas": [schema for schema, _ in views], "views": [name for _, name in views]}
    found = session.rows(compose.statement(__name__, "comments"), which)
    return {(schema, name): comment for schema, name, comment in found}


def _covering(dimension: Members, columns: Sequence[str]) -> Composable:
    """Compose the relation of a dimension's versions, each with the instants that it holds for."""
    return compose.statement(
        __name__,
        "covering",
        surrogate=db.name(dimension.surrogate),
        columns=Columns(tuple(columns)),
        dimension=dimension.name,
        nk=Columns(dimension.natural_key),
        first=db.literal(FIRST),
        last=db.literal(END_OF_TIME),
    )


def _meets(number: int, reference: RoleKey) -> Composable:
    """Compose when a version is what a row points at, in the span that is left by those before."""
    before = [f"r{each}" for each in range(number)]
    return compose.statement(
        __name__,
        "meets",
        r=db.name(f"r{number}"),
        nk=reference.nk,
        by=reference.read(reference.by),
        starts=[db.name(alias, "_from") for alias in before],
        ends=[db.name(alias, "_to") for alias in before],
    )
