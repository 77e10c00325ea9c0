"""What two neighbouring layers have of an entity, as the two sides of a comparison.

Across servers every column is text: that is the one form in which all types and versions agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidemark import db
from tidemark.compare import Shape
from tidemark.compose import Columns
from tidemark.config import Entity
from tidemark.db import Composable
from tidemark.facts import DELETED, Fact, RoleKey
from tidemark.mirror import Mirror
from tidemark.model import Column
from tidemark.scd2 import Dimension
from tidemark.star import Sent

_EFFECTIVE = "_effective"
NOTHING = db.text("false")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two relations that have to be equal, and when a difference between rows is none."""

    shape: Shape
    sent: Composable
    kept: Composable
    excuse: Composable


def mirrored(entity: Entity, columns: Sequence[Column], mirror: Mirror) -> tuple[Shape, Composable]:
    """Return what a mirror has of its source, in the columns that both have."""
    texts = _texts(column.name for column in columns)
    kept = _rows(texts, mirror.parts["mirror"], condition=db.compose("verify", "is_live"))
    return _shape(entity.key, {column.name: column for column in columns}), kept


def dimension(target: Dimension, sent: Sent, published: int) -> Pair:
    """Pair STG's rows with the current versions of a dimension.

    What the first observation of a version said (`rest`) may differ from the last one by design.
    """
    columns = (*target.natural_key, *target.type2, *target.type1)
    staged = {column.name: column for column in sent.columns}
    current = db.compose("verify", "is_current_member", surrogate=db.name(target.surrogate))
    excuse = db.compose(
        "verify",
        "is_in_force",
        dimension=target.name,
        v_is_s=db.text(" and ").join(
            db.name("v", column)
            + db.text(" = ")
            + db.name("s", column)
            + db.text(f"::{staged[column].type}")
            for column in target.natural_key
        ),
        type2_v=db.joined("v.{}::text", target.type2) if target.type2 else db.text("null"),
        type2_s=db.names(target.type2, of="s") if target.type2 else db.text("null"),
    )
    effective = _text(target.effective, as_=_EFFECTIVE)
    return Pair(
        _shape(
            target.natural_key,
            {column: staged[column] for column in columns},
            carried=(_EFFECTIVE,),
        ),
        _staged([*_texts(columns), effective], sent.mirror, published),
        _rows(_texts(columns), target.name, condition=current),
        excuse,
    )


def fact(target: Fact, sent: Sent, published: int) -> Pair:
    """Pair STG's rows with a fact table: its columns, its dates, and the members it points at."""
    staged = {column.name: column for column in sent.columns}
    columns = [_text(source, as_=name) for name, source in target.columns.items()]
    stored = _texts(target.columns)
    compared = {name: staged[source] for name, source in target.columns.items()}
    for name, source in target.dates.items():
        parts = {"column": db.name(source), "name": db.name(name)}
        unknown = target.unknown_date(name)
        columns.append(db.compose("verify", "date_key", **parts, unknown=unknown))
        stored.append(_text(name))
        compared[name] = Column(name, "integer")
    tables = target.name + db.text(" as t")
    labels: dict[str, str] = {}
    for number, role in enumerate(target.roles):
        alias = db.name(f"d{number}")
        tables += db.text("\n") + _join(role, alias)
        for place, natural in enumerate(role.dimension.natural_key):
            # What says both would be longer than a name may be.
            member = f"_member_{len(labels)}"
            labels[member] = f"{role.column}.{natural}"
            columns.append(_member(role, place, member))
            stored.append(_joined_member(alias, natural, member))
            compared[member] = Column(member, role.dimension.key_types[natural])
    kept = db.name("t", DELETED) if target.on_delete == "soft" else NOTHING
    return Pair(
        _shape(target.natural_key, compared, labels=labels),
        _staged(columns, sent.mirror, published),
        db.compose(
            "verify",
            "rows",
            columns=db.text(", ").join(stored),
            pending=NOTHING,
            tables=tables,
            condition=db.text("not ") + kept,
        ),
        NOTHING,
    )


def _join(role: RoleKey, alias: Composable) -> Composable:
    return db.compose(
        "verify",
        "join",
        dimension=role.dimension.name,
        alias=alias,
        column=db.name(role.column),
        surrogate=db.name(role.dimension.surrogate),
    )


def _member(role: RoleKey, place: int, name: str) -> Composable:
    by, read_as = role.by[place], role.dimension.read_as[place]
    return db.compose(
        "verify",
        "member",
        by=Columns(role.by),
        value=Columns((by,), types=(read_as,)),
        name=db.name(name),
    )


def _joined_member(alias: Composable, natural: str, name: str) -> Composable:
    parts = {"alias": alias, "column": db.name(natural), "name": db.name(name)}
    return db.compose("verify", "joined_member", **parts)


def staged(target: Mirror, cleaned: Composable, applied: int) -> Pair:
    """Pair what cleansing makes of MRR's rows with what STG has, on STG's server.

    Args:
        target: STG's mirror.
        cleaned: what the cleansing view made of MRR's rows.
        applied: the last batch that STG has applied; what later ones wrote is pending.
    """
    parts = {
        "columns": db.names(target.payload, of="t"),
        "cleaned": cleaned,
        "mirror": target.parts["mirror"],
        "applied": db.literal(applied),
        "key": db.names(target.key),
        "key_r": db.names(target.key, of="r"),
        "pairs_r": db.text(", ").join(
            db.literal(column) + db.text(", ") + db.name("r", column) for column in target.key
        ),
    }
    return Pair(
        Shape(
            target.key,
            tuple(c for c in target.payload if c not in target.key),
            texts=target.texts,
        ),
        db.compose("verify", "cleaned_rows", **parts),
        db.compose("verify", "staged_rows", **parts),
        db.compose("verify", "is_refused", **parts),
    )


def _shape(
    key: tuple[str, ...],
    columns: Mapping[str, Column],
    *,
    carried: tuple[str, ...] = (),
    labels: Mapping[str, str] | None = None,
) -> Shape:
    """Make the shape of a pair on two servers: rows differ where their own types say so."""
    return Shape(
        key,
        tuple(name for name in columns if name not in key),
        carried,
        frozenset(
            # A member is another one where its key's own type says so, as in the join.
            name
            for name, column in columns.items()
            if column.is_compared_as_text and name not in (labels or {})
        ),
        {name: column.type for name, column in columns.items()},
        labels or {},
    )


def _staged(columns: Sequence[Composable], mirror: Mirror, published: int) -> Composable:
    applied = db.literal(published)
    return _rows(
        columns,
        mirror.parts["mirror"],
        condition=db.compose("verify", "is_live_or_pending", applied=applied),
        pending=db.compose("verify", "written_after", applied=applied),
    )


def _rows(
    columns: Sequence[Composable],
    table: Composable,
    *,
    condition: Composable | None = None,
    pending: Composable = NOTHING,
) -> Composable:
    return db.compose(
        "verify",
        "rows",
        columns=db.text(", ").join(columns),
        pending=pending,
        tables=table + db.text(" as t"),
        condition=condition or db.text("true"),
    )


def _text(column: str, *, as_: str | None = None) -> Composable:
    return db.compose("verify", "text", column=db.name(column), name=db.name(as_ or column))


def _texts(columns: Iterable[str]) -> list[Composable]:
    return [_text(column) for column in columns]
