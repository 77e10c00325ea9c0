"""The rows of an entity in two neighbouring layers, as the two sides of a comparison.

Across servers every column is text, the one form that is the same for all types and versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemark.declare.entity import Entity
from tidemark.layers.mirror import Mirror
from tidemark.model import END_OF_TIME, Column
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Part
from tidemark.postgres.db import Composable
from tidemark.star.facts import DELETED, Fact, RoleKey
from tidemark.star.scd2 import ENDS, Dimension
from tidemark.star.schema import Feed
from tidemark.trust.compare import CommonColumns

_EFFECTIVE = "_effective"
_INSTANT = "timestamp with time zone"
_TIMES = ("changed_at", "valid_to")
NOTHING = db.raw("false")


@dataclass(frozen=True, slots=True)
class RelationPair:
    """Two relations that have to be equal, and when a difference between their rows is excused."""

    common: CommonColumns
    sent: Composable
    kept: Composable
    excused_if: Composable


def mirrored(
    entity: Entity, columns: Sequence[Column], mirror: Mirror
) -> tuple[CommonColumns, Composable]:
    """Return what a mirror has of its source, in the columns that both have."""
    names = Columns(tuple(column.name for column in columns))
    kept = compose.statement(__name__, "live_rows", columns=names, mirror=mirror.name)
    return _common(entity.key, {column.name: column for column in columns}), kept


def dimension(target: Dimension, feed: Feed, published: int) -> RelationPair:
    """Pair STG's rows with the current versions of a dimension.

    Untracked columns are not compared: a version keeps what its first observation said.
    """
    columns = (*target.natural_key, *target.type2, *target.type1)
    staged = {column.name: column for column in feed.columns}
    surrogate = db.name(target.surrogate)
    return RelationPair(
        _common(
            target.natural_key,
            {column: staged[column] for column in columns},
            carried=(_EFFECTIVE,),
        ),
        compose.statement(
            __name__,
            "staged_members",
            columns=Columns(columns),
            effective=target.effective_at("t"),
            mirror=feed.mirror.name,
            applied=db.literal(published),
        ),
        compose.statement(
            __name__,
            "current_members",
            columns=Columns(columns),
            dimension=target.name,
            surrogate=surrogate,
        ),
        compose.statement(
            __name__,
            "is_in_force",
            dimension=target.name,
            nk=Columns(target.natural_key),
            staged_nk=Columns(
                target.natural_key,
                types=tuple(staged[column].type for column in target.natural_key),
            ),
            type2=Columns(target.type2),
        ),
    )


def observed(target: Dimension, feed: Feed, published: int) -> RelationPair:
    """Pair what STG's observations say with all versions of a dimension, told by their beginning.

    Untracked columns are those of a version's first observation here too.
    """
    staged = {column.name: column for column in feed.columns}
    columns = {name: staged[name] for name in target.attributes}
    columns |= {name: Column(name, _INSTANT) for name in _TIMES} | {ENDS: Column(ENDS, "boolean")}
    return RelationPair(
        _common((*target.natural_key, "changed_at"), columns),
        compose.statement(
            __name__,
            "observed_versions",
            nk=Columns(target.natural_key),
            type2=Columns(target.type2, texts=target.texts),
            type1=Columns(target.type1),
            untracked=Columns(target.untracked),
            attributes=Columns(target.attributes),
            effective=target.effective_at("t"),
            order=target.order,
            live=db.raw(f"t.{ENDS} is not true") if target.has_ends else db.raw("true"),
            mirror=feed.mirror.name,
            applied=db.literal(published),
            end=db.literal(END_OF_TIME),
        ),
        compose.statement(
            __name__,
            "stored_versions",
            attributes=Columns(target.attributes),
            dimension=target.name,
            surrogate=db.name(target.surrogate),
        ),
        NOTHING,
    )


def fact(target: Fact, feed: Feed, published: int) -> RelationPair:
    """Pair STG's rows with a fact table: its columns, its dates, and the members it points at."""
    staged = {column.name: column for column in feed.columns}
    compared = {name: staged[source] for name, source in target.columns.items()}
    compared.update({name: Column(name, "integer") for name in target.dates})
    labels: dict[str, str] = {}
    said: list[Composable] = []
    pointed_at: list[Composable] = []
    for number, role in enumerate(target.roles):
        for place, natural in enumerate(role.dimension.natural_key):
            # Numbered, since `<key column>.<natural key>` may be longer than a name can be.
            member = f"_member_{len(labels)}"
            labels[member] = f"{role.column}.{natural}"
            said.append(_said(role, place, member))
            pointed_at.append(db.name(_alias(number), natural))
            compared[member] = Column(member, role.dimension.key_types[natural])
    return RelationPair(
        _common(target.natural_key, compared, labels=labels),
        compose.statement(
            __name__,
            "staged_facts",
            sources=Columns(tuple(target.columns.values())),
            columns=Columns(tuple(target.columns)),
            days=target.days("t"),
            unknown_dates=[target.unknown_date(name) for name in target.dates],
            date_keys=Columns(tuple(target.dates)),
            members=said,
            relation=feed.sent(feed.mirror.name),
            applied=db.literal(published),
        ),
        compose.statement(
            __name__,
            "stored_facts",
            columns=Columns(tuple(target.columns)),
            date_keys=Columns(tuple(target.dates)),
            natural=pointed_at,
            members=Columns(tuple(labels)),
            fact=target.name,
            **_joins(target),
            is_deleted=db.name("t", DELETED) if target.soft else NOTHING,
        ),
        NOTHING,
    )


def _joins(target: Fact) -> Mapping[str, Part]:
    """Return what joins a fact with the dimensions that it points at, one for each role."""
    roles = dict(enumerate(target.roles))
    return {
        "dimension": [role.dimension.name for role in roles.values()],
        "d": [db.name(_alias(number)) for number in roles],
        "column": Columns(tuple(role.column for role in roles.values())),
        "surrogate": [db.name(_alias(n), role.dimension.surrogate) for n, role in roles.items()],
    }


def _alias(number: int) -> str:
    return f"d{number}"


def _said(role: RoleKey, place: int, name: str) -> Composable:
    by, read_as = role.by[place], role.dimension.read_as[place]
    return compose.statement(
        __name__,
        "member",
        by=Columns(role.by),
        value=Columns((by,), types=(read_as,)),
        name=db.name(name),
    )


def staged(target: Mirror, cleaned: Composable, applied: int) -> RelationPair:
    """Pair what cleansing makes of MRR's rows with what STG has, on STG's server.

    Args:
        target: STG's mirror.
        cleaned: MRR's rows as the cleansing view returns them.
        applied: the last batch that STG has applied; rows of later batches are pending.
    """
    columns, key = Columns(target.payload), Columns(target.key)
    last = db.literal(applied)
    return RelationPair(
        CommonColumns(
            target.key,
            tuple(c for c in target.compared.names if c not in target.key),
            texts=target.texts,
        ),
        compose.statement(__name__, "cleaned_rows", columns=columns, cleaned=cleaned, applied=last),
        compose.statement(__name__, "staged_rows", columns=columns, mirror=target.name),
        compose.statement(__name__, "is_refused", key=key, cleaned=cleaned, applied=last),
    )


def _common(
    key: tuple[str, ...],
    columns: Mapping[str, Column],
    *,
    carried: tuple[str, ...] = (),
    labels: Mapping[str, str] | None = None,
) -> CommonColumns:
    """Make the columns of a pair on two servers: rows differ where their own types say so."""
    return CommonColumns(
        key,
        tuple(name for name in columns if name not in key),
        carried,
        frozenset(
            # The keys of members are compared by their own type, as the join to facts does.
            name
            for name, column in columns.items()
            if column.is_compared_as_text and name not in (labels or {})
        ),
        {name: column.type for name, column in columns.items()},
        labels or {},
    )
