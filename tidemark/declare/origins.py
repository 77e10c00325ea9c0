"""What an entity's `source` may be, and an area's; a tag says which (`yamlfiles.KIND`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Tag

from tidemark.declare.origin import Origin
from tidemark.declare.posted import EventsOfEntity, Inbox
from tidemark.declare.reading import Files, FilesOfEntity
from tidemark.declare.settings import Postgres


def _kind(value: object) -> str:
    named = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"~{named}" if named in {"files", "events"} else "~postgres"


Source = Annotated[
    Annotated[Postgres, Tag("~postgres")]
    | Annotated[Files, Tag("~files")]
    | Annotated[Inbox, Tag("~events")],
    Discriminator(_kind),
]
"""The source of an area."""


def _kind_of_origin(value: object) -> str:
    for key, model, tag in (
        ("files", FilesOfEntity, "~files"),
        ("fields", EventsOfEntity, "~events"),
    ):
        if isinstance(value, model) or (isinstance(value, dict) and key in value):
            return tag
    return "~table"


EntitySource = Annotated[
    Annotated[Origin, Tag("~table")]
    | Annotated[FilesOfEntity, Tag("~files")]
    | Annotated[EventsOfEntity, Tag("~events")],
    Discriminator(_kind_of_origin),
]
"""The source of an entity."""
