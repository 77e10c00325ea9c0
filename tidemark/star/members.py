"""The members of a dimension, as facts name them and point at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidemark.declare.entity import Entity
from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME, QualifiedName, Table
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sqltypes import unsized


@dataclass(frozen=True, slots=True)
class Members:
    """A dimension as facts know it: what they name a member by, and what they point at."""

    entity: str
    """Its entity; AREA.ENTITY where that is of another area than the facts."""
    table: QualifiedName
    surrogate: str
    key_type: str
    """The type of the surrogate key."""
    natural_key: tuple[str, ...]
    key_types: Mapping[str, str] = field(default_factory=dict)
    """Column of the natural key -> type, without its length, to which a column of another table is
    cast when it is compared with it. Without a type here, it is compared as it is."""

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        return db.name(*self.table)

    @property
    def read_as(self) -> tuple[str, ...]:
        """Types to which columns of other tables are cast when they name a natural key.

        So a key of type `char` ignores blanks. The dimension's own columns are not cast, so that
        its index can be used.
        """
        return tuple(self.key_types.get(column, "") for column in self.natural_key)


def of(entity: Entity, table: Table, name: str = "") -> Members:
    """Return a dimension as facts know it.

    Args:
        entity: it feeds the dimension.
        table: the dimension, as the catalog shows it.
        name: what the entity is called there; without, by its name.
    """
    assert entity.dimension is not None, "called for dimensions"
    return Members(
        entity=name or entity.name,
        table=table.qualified_name,
        surrogate=entity.dimension.surrogate_key,
        key_type=table.type_of(entity.dimension.surrogate_key),
        natural_key=entity.key,
        key_types={column: unsized(table.column(column).value_type) for column in entity.key},
    )


def infer(session: Session, members: Members, unknown: Composable, *, batch_id: int) -> int:
    """Make an inferred member for each natural key that facts name and no version has.

    Args:
        session: on the DWH, in the publishing transaction.
        members: where they go.
        unknown: relation of natural keys. A key that exists, or has a null in it, is passed over.
        batch_id: the batch that makes them.

    Returns:
        The number of members made.
    """
    parts: Parts = {
        "dimension": members.name,
        "nk": Columns(members.natural_key),
        "beginning": db.literal(BEGINNING_OF_TIME),
        "end": db.literal(END_OF_TIME),
        "unknown": unknown,
    }
    return session.run(compose.statement(__name__, "infer", parts), {"batch_id": batch_id})
