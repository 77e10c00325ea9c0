"""The versions of one natural key, and the facts that point at each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import (
    ContractError,
    StatementError,
)
from tidemark.model import Table, label
from tidemark.observe import keyed, pointing
from tidemark.postgres import catalog, compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Row, Session
from tidemark.postgres.sessions import Servers
from tidemark.postgres.sqltypes import unsized

_VALIDITY = ("valid_from", "valid_to")
_STATES = ("is_deleted", "is_inferred")

_AS_THEY_ARE = frozenset(
    (
        "text",
        "character varying",
        "bpchar",
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
    )
)
"""Types whose values a person sees as Python writes them. All others (bytea, arrays, json)
are shown as PostgreSQL writes them: in Python's spelling, values that differ may look the same."""


@dataclass(frozen=True, slots=True)
class History:
    """Versions of one natural key in the order of their validity."""

    table: str
    columns: tuple[str, ...]
    """The dimension's columns, then one per key column of a fact: how many facts point here."""
    versions: list[tuple[Any, ...]]
    """Values whose type Python has no equal of are as PostgreSQL writes them."""
    structured: list[dict[str, Any]]
    """Per version, what JSON has in place of those values: arrays, objects, and texts."""
    counts: tuple[str, ...]
    """The columns that count facts."""
    essential: tuple[str, ...]
    """The columns that are shown unless all are asked for."""

    def records(self) -> list[dict[str, Any]]:
        """Return the versions with the names of their columns."""
        return [
            {**dict(zip(self.columns, version, strict=True)), **values}
            for version, values in zip(self.versions, self.structured, strict=True)
        ]

    def only(self, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the versions with only some of the columns."""
        at = [self.columns.index(column) for column in columns]
        return [tuple(version[index] for index in at) for version in self.versions]


def read(servers: Servers, area: Area, entity: Entity, key: Sequence[str]) -> History:
    """Read the versions of one natural key.

    Args:
        servers: those of the project.
        area: the area; its facts are counted.
        entity: the dimension.
        key: the natural key's values as text, in the key's order.

    Raises:
        UsageError: the key has another number of columns, or a value is not of its column's type.
    """
    assert entity.dimension is not None, "called for dimensions"
    with servers.session("dwh", "history") as dwh:
        table = _table(dwh, entity)
        versions, structured = _versions(dwh, entity, table, key)
        at = table.names.index(entity.dimension.surrogate_key)
        counts = _fact_counts(dwh, area, entity, table, [version[at] for version in versions])
    return History(
        table=label(entity.table("dwh")),
        columns=(*table.names, *counts),
        versions=[(*v, *(found.get(v[at], 0) for found in counts.values())) for v in versions],
        structured=structured,
        counts=tuple(counts),
        essential=(
            entity.dimension.surrogate_key,
            *entity.dimension.type2,
            *_VALIDITY,
            *(state for state in _STATES if any(v[table.names.index(state)] for v in versions)),
            *counts,
        ),
    )


def _versions(
    dwh: Session, entity: Entity, table: Table, key: Sequence[str]
) -> tuple[list[Row], list[dict[str, Any]]]:
    """Read the versions, and of the columns that are read as text what JSON shows of them."""
    texts = [one.name for one in table.columns if unsized(one.value_type) not in _AS_THEY_ARE]
    query = compose.statement(
        __name__,
        "versions",
        keyed.parts(entity, table, key),
        structured=Columns(tuple(texts)),
        columns=Columns(
            table.names, types=tuple("text" if c in texts else "" for c in table.names)
        ),
        dimension=db.name(*entity.table("dwh")),
    )
    try:
        rows = dwh.rows(query)
    except StatementError as error:
        raise keyed.explained(error, entity, table, key) from error
    structured = [dict(zip(texts, row[: len(texts)], strict=True)) for row in rows]
    return [row[len(texts) :] for row in rows], structured


def most_changed(servers: Servers, entity: Entity) -> tuple[str, ...] | None:
    """Return the natural key that has the most versions, None in an empty dimension."""
    assert entity.dimension is not None, "called for dimensions"
    with servers.session("dwh", "history") as dwh:
        found = dwh.rows(
            compose.statement(
                __name__,
                "most_versions",
                nk=Columns(entity.key),
                dimension=db.name(*entity.table("dwh")),
                surrogate=db.name(entity.dimension.surrogate_key),
            )
        )
    return tuple(str(value) for value in found[0]) if found else None


def _table(dwh: Session, entity: Entity) -> Table:
    name = entity.table("dwh")
    found = catalog.tables(dwh, [name])
    if name not in found:
        raise ContractError(
            f"dwh: {label(name)} does not exist. Run `tidemark migrate`.",
            server="dwh",
            table=label(name),
        )
    return found[name]


def _fact_counts(
    dwh: Session, area: Area, entity: Entity, table: Table, keys: Sequence[int]
) -> dict[str, dict[int, int]]:
    """Count the facts per version: `<fact table>` or `<fact table>.<role>` -> key -> rows."""
    counts: dict[str, dict[int, int]] = {}
    every = list(_pointing(area, entity))
    there = catalog.tables(dwh, [fact.table("dwh") for _, fact, _ in every])
    for name, fact, columns in every:
        for column in columns if fact.table("dwh") in there else ():
            label = f"{name}.{column}" if len(columns) > 1 else name
            if label in table.names:
                label += " (facts)"
            query = compose.statement(
                __name__, "facts", column=db.name(column), fact=db.name(*fact.table("dwh"))
            )
            counts[label] = dict(dwh.rows(query, {"keys": list(keys)}))
    return counts


def _pointing(area: Area, entity: Entity) -> Iterator[tuple[str, Entity, list[str]]]:
    """Yield the facts that point at a dimension, and by which columns; AREA.ENTITY of others."""
    found: dict[str, tuple[Entity, list[str]]] = {}
    for one in pointing.at(area, entity):
        found.setdefault(one.fact, (one.entity, []))[1].append(one.column)
    yield from ((name, *each) for name, each in found.items())


def natural_key(servers: Servers, entity: Entity, surrogate: int) -> tuple[str | None, ...] | None:
    """Return the natural key of the version with a surrogate key; None: there is none.

    The unknown member's has no values.
    """
    assert entity.dimension is not None, "called for dimensions"
    with servers.session("dwh", "history") as dwh:
        found = dwh.rows(
            compose.statement(
                __name__,
                "natural_key",
                nk=Columns(entity.key),
                dimension=db.name(*entity.table("dwh")),
                surrogate=db.name(entity.dimension.surrogate_key),
            ),
            {"surrogate": surrogate},
        )
    return tuple(found[0]) if found else None
