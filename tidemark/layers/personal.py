"""Columns with personal data: area.yml names them, in whatever layer they are called so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, did_you_mean
from tidemark.model import Table, label


def wrong(area: Area, entity: Entity, tables: Iterable[Table | None]) -> Iterator[ContractError]:
    """Say which columns no layer has: what was meant would be shown to everybody.

    Args:
        area: the area of the entity.
        entity: the entity.
        tables: its tables; None: one that is not there, which is told elsewhere.
    """
    there = [table for table in tables if table]
    known = {column for table in there for column in table.names}
    for column in entity.personal if there else ():
        if column not in known:
            hint = did_you_mean(column, known)
            yield ContractError(
                f"stg: no layer has a column {column!r} of {entity.name}, but entities."
                f"{entity.name}.personal of sql/{area.area}/area.yml names it."
                f"{hint and ' '}{hint}",
                server="stg",
                table=label(entity.table("stg")),
                column=column,
            )
