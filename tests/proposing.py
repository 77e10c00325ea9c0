"""Proposals of `init`, from catalogs as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from tidemark.declare import yamlfiles
from tidemark.declare.config import Area
from tidemark.install.propose import proposal, text
from tidemark.install.propose.catalog import Catalog, Index, Reference, SourceTable
from tidemark.install.propose.draft import Proposal
from tidemark.model import Column

INT, TEXT, STAMP, DATE = "integer", "text", "timestamp with time zone", "date"


def table(name: str, /, *refers: str, key: Sequence[str] = ("id",), **columns: str) -> SourceTable:
    """A table with a key, a watermark, and a column `<table>_id` for each table it refers to.

    A column whose type ends with ? may be null.
    """
    types = {**dict.fromkeys(key, INT), **{f"{one}_id": INT for one in refers}}
    types |= {**columns, "updated_at": STAMP}
    made = [Column(c, t.rstrip("?"), not_null=not t.endswith("?")) for c, t in types.items()]
    return SourceTable(
        ("public", name),
        tuple(made),
        indexes=(Index(tuple(key), is_unique=True, is_primary=True),),
        references=tuple(Reference((f"{one}_id",), ("public", one), ("id",)) for one in refers),
        is_stamped=True,
    )


def propose(*tables: SourceTable, **more: Any) -> Proposal:
    catalog = Catalog({one.name: one for one in tables}, **more)
    made = proposal.make(catalog, tables, area="shop", source="shop")
    if made.entities:
        yamlfiles.validated(yaml.safe_load(text.area(made)), "area.yml", Area)
    return made


def stars(made: Proposal) -> dict[str, Any]:
    return {one.name: one.star for one in made.entities}


SHOP = (
    table("customer", name=TEXT, email=TEXT, city=TEXT),
    table("product", name=TEXT, price="numeric(9,2)"),
    table("sale", "customer", "product", ordered_at=STAMP, due_on=DATE, amount="numeric(9,2)"),
)
