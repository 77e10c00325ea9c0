"""What a batch can do with times: the one place that knows it."""

from __future__ import annotations

from tidemark.model import Column


def makes_windows(column: Column) -> bool:
    """Whether a column of this type can be a watermark."""
    return column.type == "timestamp with time zone"
