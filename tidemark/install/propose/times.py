"""What a batch can do with times: the one place that knows it."""

from __future__ import annotations

from tidemark.model import Column

SEEN: str | None = None
"""In place of a column: when Tidemark saw a row. None: a batch can't do that."""


def makes_windows(column: Column) -> bool:
    """Whether a column of this type can be a watermark."""
    return column.type == "timestamp with time zone"
