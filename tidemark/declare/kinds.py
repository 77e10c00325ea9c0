"""Values of `area.yml` that may be of several kinds; a tag says which (`yamlfiles.KIND`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag

from tidemark.declare.reading import document_path
from tidemark.declare.scalars import Identifier, Key


def _kind_of_key(value: object) -> str:
    return "~paths" if isinstance(value, Mapping) else "~columns"


_Paths = Annotated[
    Mapping[Identifier, Annotated[str, AfterValidator(document_path)]],
    Field(min_length=1, max_length=31),
]
EntityKey = Annotated[
    Annotated[Key, Tag("~columns")] | Annotated[_Paths, Tag("~paths")], Discriminator(_kind_of_key)
]

OF_A_DATABASE = (
    "extract watermark watermark_zone watermark_sequence lookback settle compare_keys_every"
).split()
"""Keys of an entity that say how a table is read."""

OF_A_SOURCE = (
    "source extract watermark watermark_sequence lookback settle deletes compare_keys_every "
    "max_delete_ratio on_new_column leave_out mrr"
).split()
"""Keys of an entity that say how a source is read."""
