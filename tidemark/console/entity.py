"""One entity: its tables, their columns, and where the columns of its star come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidemark.console import feeding, masking, tracing
from tidemark.console.feeding import Fed, Feeding, Role
from tidemark.console.page import Asked, Page
from tidemark.declare.entity import Entity
from tidemark.layers.contracts import history_of
from tidemark.layers.mirror import LINEAGE
from tidemark.model import LAYERS, QualifiedName, ServerName, label
from tidemark.postgres import compose
from tidemark.star.scd2 import confirmed_of


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    about: str | None
    roles: Sequence[Role]
    is_personal: bool
    fed: Fed | None = None
    """Where its values come from; None: that is not shown here."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of one layer."""

    layer: ServerName
    name: QualifiedName
    rows: int | None
    bytes: int
    about: str | None
    columns: Sequence[tuple[str, str, str | None, str | None]]
    """Name, type, comment, and how PostgreSQL fills it if nothing feeds it."""

    @property
    def label(self) -> str:
        """Its name for people."""
        return label(self.name)


def show(asked: Asked) -> Page:
    """Show an entity. There is no row of it here, so everybody may see it."""
    area, entity = asked.area, asked.entity
    tables = {layer: _tables(asked, entity, layer) for layer in LAYERS}
    with asked.servers.session("stg", "console") as stg:
        fed = Feeding(area, entity, tracing.of(stg, area, entity))
    main = {
        layer: found[0]
        for layer, found in tables.items()
        if found and found[0].name == feeding.table_of(entity, layer)
    }
    values = {
        "area": area,
        "entity": entity,
        "kind": kind(entity),
        "tables": [table for found in tables.values() for table in found],
        "columns": {layer: _columns(asked, entity, table, fed) for layer, table in main.items()},
        "main": main,
    }
    return Page("entity.html", f"{entity.name} of {area.area}", values)


def kind(entity: Entity) -> str:
    """Say what an entity is."""
    star = "dimension" if entity.dimension else "fact" if entity.fact else "no star"
    return f"{star}, derived" if entity.is_derived else star


def _tables(asked: Asked, entity: Entity, layer: ServerName) -> list[Table]:
    """Read an entity's tables in a layer; its main one is the first."""
    main = feeding.table_of(entity, layer)
    if main is None:
        return []
    others = [confirmed_of(main)] if entity.dimension else []
    wanted = [main, *([history_of(main)] if layer != "dwh" else others)]
    which = {"schemas": [schema for schema, _ in wanted], "tables": [name for _, name in wanted]}
    with asked.servers.session(layer, "console") as session:
        return [
            Table(layer, (schema, name), rows, size, about, [tuple(each) for each in columns or ()])
            for schema, name, rows, size, about, columns in session.rows(
                compose.statement(__name__, "tables"), which
            )
        ]


def _columns(asked: Asked, entity: Entity, table: Table, feeds: Feeding) -> list[Column]:
    """Describe the columns of a main table; the last one before analysts says what feeds it."""
    names = [name for name, *_ in table.columns]
    fed: list[Fed | None] = [None] * len(names)
    if table.layer == "dwh":
        filled = {name: how for name, *_, how in table.columns if how}
        fed = [*feeds.star(names, filled)]
    elif table.layer == "stg" and not entity.dwh:
        fed = [None if name in LINEAGE else feeds.staged(name) for name in names]
    personal = masking.personal(entity)
    return [
        Column(
            name,
            kind,
            about,
            feeding.roles(asked.area, entity, table.layer, name),
            name in personal,
            each,
        )
        for (name, kind, about, _), each in zip(table.columns, fed, strict=True)
    ]
