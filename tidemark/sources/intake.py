"""Where rows of a source land in MRR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tidemark.declare.entity import Entity
from tidemark.model import Column, Table
from tidemark.postgres import careful, inlet
from tidemark.postgres.transfer import Landing


def table(entity: Entity, columns: Sequence[Column], shown: Table) -> Landing:
    """Return the landing table of an entity's rows.

    Args:
        entity: whose rows they are.
        columns: what lands of them, with the types of the mirror.
        shown: what the source shows. Rows of files are numbered as they land.
    """
    if shown.kind != "files":
        columns = (*columns, *inlet.OWN_COLUMNS)
        return Landing(entity.landing, columns).joined_by(entity.key)
    made = {
        name: f"{shown.column(name).type} generated always as {expression} stored"
        for name, expression in shown.generated.items()
    }
    # A row without a key is refused where its line is known, and not when rows are merged.
    types = {one.name: made.get(one.name, one.type) for one in columns}
    types |= {name: f"{types[name]}{careful.NOT_NULL}" for name in entity.shown_key}
    own = (inlet.NUMBERED if one.name == "_seq" else one for one in inlet.OWN_COLUMNS)
    return Landing(entity.landing, (*(replace(one, type=types[one.name]) for one in columns), *own))
