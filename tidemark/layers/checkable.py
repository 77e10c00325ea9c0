"""What checks need of the tables that they look at."""

from __future__ import annotations

from collections.abc import Iterator

from tidemark.declare.check import Placed
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, did_you_mean
from tidemark.model import ServerName, Table, label


def wrong(
    layer: ServerName, area: Area, entity: Entity, table: Table | None
) -> Iterator[ContractError]:
    """Say where a check of an entity can't look at its table in a layer.

    Args:
        layer: the layer.
        area: of the entity.
        entity: its checks.
        table: its table there; None: it has none.
    """
    for one in entity.placed_checks:
        if one.layer != layer:
            continue
        known = set(table.names) if table else set()
        missing = [column for column in one.check.columns if column not in known]
        if one.check.severity == "reject" and not (one.check.IS_OF_ONE_ROW and layer == "stg"):
            what = _no_reject(one, entity)
        elif table is None:
            what = f"it has no table in {layer}. Name another layer with `on`"
        elif missing:
            what = f"{table.name} has no column {missing[0]!r}. {did_you_mean(missing[0], known)}"
        else:
            continue
        what = what.strip()
        yield ContractError(
            f"{layer}: the check {one.name!r} of sql/{area.area}/area.yml: {what}"
            f"{'' if what.endswith(('?', '.')) else '.'}",
            server=layer,
            table=table.name if table else label(entity.landing),
            column=missing[0] if missing and table else None,
        )


def _no_reject(one: Placed, entity: Entity) -> str:
    return (
        "`severity: reject` is for a check of one row by itself in STG, and "
        f"{one.check.KIND} on {one.layer} is none. Make a derived entity (`from: "
        f"[{entity.name}]`) whose view shows beside a row what it depends on, and reject rows of "
        "that one; or let the check `warn` or `fail`"
    )
