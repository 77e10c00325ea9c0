"""The row versions of one key in MRR and STG, and its stays among the rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import StatementError
from tidemark.layers import mirror
from tidemark.layers.mirror import Mirrored
from tidemark.model import Layer, label
from tidemark.observe import keyed
from tidemark.postgres import catalog, compose
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Row, Session

MOST = 300
"""Versions that are read of one key, the latest ones."""


@dataclass(frozen=True, slots=True)
class RowVersion:
    """One state of a row in a mirror."""

    batch_id: int
    seq: int
    extracted_at: datetime
    """The source's clock when a batch saw it."""
    deleted_at: datetime | None
    """When a look found the row gone; None: it was there."""
    replaced_by: int | None
    """The batch that replaced it; None: it is the current one."""
    values: Mapping[str, str | None]
    """Column -> value as PostgreSQL writes it, in the order of the table."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a layer has of a key."""

    layer: Layer
    table: str
    versions: list[RowVersion]
    """In the order in which they came."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay of a source row outside the warehouse."""

    batch_id: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    """When a later version passed; None: it is refused still."""
    reasons: list[str]
    row: Mapping[str, Any]
    """The last version that was refused, as it came."""


def rows(session: Session, entity: Entity, key: Sequence[str]) -> Rows | None:
    """Return the row versions of a key in MRR or STG, MOST of them.

    Returns:
        None where the layer has no table of the entity.

    Raises:
        UsageError: a value is not of its column's type, or there are too many or too few.
    """
    layer: Layer = "mrr" if session.server == "mrr" else "stg"
    found = _found(session, entity, layer)
    if found is None:
        return None
    target, table = found
    parts: Parts = {
        **keyed.parts(entity, table, key),
        "mirror": target.name,
        "history": target.history,
        "payload": Columns(target.payload),
    }
    try:
        said = session.rows(compose.statement(__name__, "rows", parts), {"most": MOST})
    except StatementError as error:
        raise keyed.explained(error, entity, table, key) from error
    versions = [
        RowVersion(batch, seq, at, gone_at, by, {each: values[each] for each in target.payload})
        for batch, seq, at, gone_at, by, values in reversed(said)
    ]
    return Rows(layer, label(target.table), versions)


def stays(stg: Session, area: Area, entity: Entity, key: Sequence[str]) -> list[Stay]:
    """Return the stays of a key among the rejects, the first one first.

    Raises:
        UsageError: see `rows`.
    """
    return [Stay(*row) for row in _about(stg, "stays", area, entity, key)]


def keys_in_mrr(
    stg: Session, area: Area, entity: Entity, key: Sequence[str]
) -> list[tuple[str, ...]]:
    """Return the keys that MRR has of a row of STG: other ones if cleansing has changed them.

    Raises:
        UsageError: see `rows`.
    """
    claimed = [tuple(row[0]) for row in _about(stg, "claims", area, entity, key)]
    return claimed or [tuple(key)]


def _found(session: Session, entity: Entity, layer: Layer) -> Mirrored | None:
    places = mirror.bare(entity, layer).tables
    found = catalog.tables(session, places)
    is_there = {*places} <= {*found} and {*entity.key} <= {*found[places[0]].names}
    return mirror.made(layer, entity, found) if is_there else None


def _about(
    stg: Session, statement: str, area: Area, entity: Entity, key: Sequence[str]
) -> list[Row]:
    """Ask for what STG keeps beside its mirrors."""
    found = _found(stg, entity, "stg")
    if found is None:
        return []
    _, table = found
    query = compose.statement(__name__, statement, keyed.parts(entity, table, key))
    which = {"area": area.area, "entity": entity.name, "most": MOST}
    try:
        return stg.rows(query, which)
    except StatementError as error:
        raise keyed.explained(error, entity, table, key) from error
