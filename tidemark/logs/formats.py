"""How a line of the log reads: as text, or as an object of JSON. docs/logs.md has every key."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

_WORK = ("area", "batch_id", "hop")
_SHOWN = ("error", "exit_code")
"""Other keys that a line of text has as well. What else there is, its message says."""


class Json(logging.Formatter):
    """One object per line. Keys that have no value are left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        return json.dumps(dict(_keys(record)), ensure_ascii=False, default=str)


class Text(logging.Formatter):
    """One line per record, also if its message has several."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        keys = dict(_keys(record))
        work = "".join(f" {key}={keys[key]}" for key in _WORK if key in keys)
        more = "".join(f" {key}={keys[key]}" for key in _SHOWN if key in keys)
        message = " ".join(str(keys["message"]).split("\n"))
        return f"{keys['time']} {record.levelname:7} {record.name}{work}: {message}{more}"


FORMATS: Mapping[str, type[logging.Formatter]] = {"text": Text, "json": Json}


def _keys(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    yield "time", at.replace("+00:00", "Z")
    yield "level", record.levelname
    yield "logger", record.name
    yield "message", record.getMessage()
    for key in _WORK:
        if (value := getattr(record, key, None)) is not None:
            yield key, value
    if record.exc_info and record.exc_info[0]:
        yield "error", record.exc_info[0].__name__
    yield from getattr(record, "fields", {}).items()
