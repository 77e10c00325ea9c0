"""The first page: a card for each area."""

from __future__ import annotations

from tidemark.console.page import Asked, Page


def show(asked: Asked) -> Page:
    """Show all areas."""
    return Page("overview.html", "Overview", {"areas": asked.areas.values()})
