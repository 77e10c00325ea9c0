"""Audits of the star schema: rows that must not exist, whatever the layers before it hold.

They are checks that every area has. A publish looks at the timelines of the keys that it touched;
`tidemark verify` and `tidemark check` look at everything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tidemark.layers.samples import FEW
from tidemark.model import END_OF_TIME, CheckResult, Key, label
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Session
from tidemark.star.facts import Fact, RoleKey, nearest
from tidemark.star.scd2 import Dimension
from tidemark.star.schema import Star


@dataclass(frozen=True, slots=True)
class Audit:
    """Rows of one table of the DWH that must not exist."""

    entity: str
    table: str
    what: str
    columns: tuple[str, ...]
    """The columns of the natural key."""
    keys: list[Key]
    """Natural keys, one for each row."""


def every(dwh: Session, star: Star) -> list[Audit]:
    """Look at all tables of a star."""
    found = versions(dwh, list(star.dimensions.values()))
    for fact in star.facts.values():
        for role in fact.roles:
            found += facts(dwh, fact, role)
    return found


def versions(
    dwh: Session, dimensions: Sequence[Dimension], *, have_landed: bool = False
) -> list[Audit]:
    """Look for versions that overlap, leave an unexplained gap, or are wrongly current.

    Args:
        dwh: the DWH.
        dimensions: where to look.
        have_landed: look only at the keys in the landing tables.
    """
    if not dimensions:
        return []
    queries = [
        compose.statement(
            __name__,
            "broken_versions",
            place=db.literal(place),
            dimension=one.name,
            surrogate=db.name(one.surrogate),
            nk=Columns(one.natural_key),
            end=db.literal(END_OF_TIME),
            is_looked_at=compose.statement(
                __name__, "has_landed", nk=Columns(one.natural_key), landing=one.landing
            )
            if have_landed
            else compose.statement(__name__, "is_any"),
        )
        for place, one in enumerate(dimensions)
    ]
    rows = sorted(dwh.rows(compose.union_all(queries)), key=lambda row: (row[0], row[2], row[1]))
    told = sorted({(place, what) for place, _, what in rows})
    return [
        Audit(
            dimensions[place].entity,
            label(dimensions[place].table),
            what,
            dimensions[place].natural_key,
            [tuple(key) for at, key, problem in rows if (at, problem) == (place, what)],
        )
        for place, what in told
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
    return [Audit(fact.entity, label(fact.table), what, fact.natural_key, keys)] if keys else []


def of_landed(dwh: Session, dimensions: Sequence[Dimension]) -> list[CheckResult]:
    """Check the timelines of the keys that have landed, in the publishing transaction."""
    began = time.monotonic()
    found = versions(dwh, dimensions, have_landed=True)
    seconds = time.monotonic() - began
    tables = {label(one.table): one.entity for one in dimensions}
    return list(_results(tables, found, "versions", seconds))


def of_all(dwh: Session, star: Star, *, few: int = FEW) -> list[CheckResult]:
    """Check all timelines, and what all facts point at."""
    began = time.monotonic()
    found = every(dwh, star)
    seconds = time.monotonic() - began
    dimensions = {label(one.table): name for name, one in star.dimensions.items()}
    facts_of = {label(one.table): name for name, one in star.facts.items()}
    return [
        *_results(dimensions, found, "versions", seconds, few=few),
        *_results(facts_of, found, "keys", seconds, few=few),
    ]


def _results(
    tables: dict[str, str], found: Sequence[Audit], what: str, seconds: float, *, few: int = FEW
) -> Iterator[CheckResult]:
    for table, entity in tables.items():
        audits = [audit for audit in found if audit.table == table]
        rows = sum(len(audit.keys) for audit in audits)
        told = "; ".join(f"{len(audit.keys):,} rows: {audit.what}" for audit in audits)
        hint = ". `tidemark verify` says more, and `--repair` mends it" if audits else ""
        yield CheckResult(
            f"{what}_of_{table}",
            entity,
            "dwh",
            "fail",
            "FAILED" if audits else "PASSED",
            Decimal(rows),
            "at most 0",
            f"{table}: {told or 'as they should be'}{hint}",
            [
                dict(zip(audit.columns, key, strict=True))
                for audit in audits
                for key in audit.keys[:few]
            ],
            seconds,
        )
