"""Audits of the star schema: rows that must not exist, whatever the layers before it hold."""

from __future__ import annotations

from dataclasses import dataclass

from tidemark.model import END_OF_TIME, Key, label
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Session
from tidemark.star.facts import Fact, RoleKey, nearest
from tidemark.star.scd2 import Dimension


@dataclass(frozen=True, slots=True)
class Audit:
    """Rows of one table of the DWH that must not exist."""

    entity: str
    table: str
    what: str
    keys: list[Key]
    """Natural keys, one for each row."""


def versions(dwh: Session, dimension: Dimension) -> list[Audit]:
    """Look for versions that overlap, leave an unexplained gap, or are wrongly current."""
    found = dwh.rows(
        compose.statement(
            __name__,
            "broken_versions",
            dimension=dimension.name,
            surrogate=db.name(dimension.surrogate),
            nk=Columns(dimension.natural_key),
            end=db.literal(END_OF_TIME),
        )
    )
    return [
        Audit(
            dimension.entity,
            label(dimension.table),
            what,
            [tuple(key) for key, problem in found if problem == what],
        )
        for what in sorted({problem for _, problem in found})
    ]


def facts(dwh: Session, fact: Fact, role: RoleKey) -> list[Audit]:
    """Look for facts that point at a version that was not in force at their event time."""
    dimension = role.dimension
    found = dwh.rows(
        compose.statement(
            __name__,
            "misplaced_facts",
            fact=fact.name,
            dimension=dimension.name,
            column=db.name(role.column),
            surrogate=db.name(dimension.surrogate),
            at=fact.stored_at("f"),
            nearest=nearest(
                dimension,
                known="d",
                by=Columns(dimension.natural_key),
                at=fact.stored_at("f"),
            ),
            nk=Columns(fact.natural_key),
        )
    )
    keys = [tuple(key) for (key,) in found]
    what = f"{role.column} is not of the version in force at {fact.event_column}"
    return [Audit(fact.entity, label(fact.table), what, keys)] if keys else []
