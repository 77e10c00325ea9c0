"""Where pages of the console are, for those who link to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from tidemark.declare import environment

VARIABLE = "TIDEMARK_CONSOLE_URL"
"""Environment variable: where people reach the console, such as https://console.example.com."""


def console(home: Path) -> str:
    """Return where people reach a project's console; '': nobody has said it."""
    return environment.values(home, os.environ).get(VARIABLE, "").rstrip("/")


def batch(console: str, batch_id: int) -> str:
    """Return the address of a batch."""
    return f"{console}/batches/{batch_id}"


def batches(console: str, area: str) -> str:
    """Return the address of the batches of an area, the newest first."""
    return f"{console}/areas/{_segment(area)}/batches"


def key(console: str, area: str, entity: str, values: Sequence[str]) -> str:
    """Return the address of the life of one natural key."""
    given = urlencode([("key", value) for value in values])
    return f"{console}/areas/{_segment(area)}/entities/{_segment(entity)}/keys?{given}"


def _segment(name: str) -> str:
    return quote(name, safe="")
