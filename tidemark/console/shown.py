"""How values are shown: the templates, and what they are written with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from tidemark.console.page import UTC
from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME

if TYPE_CHECKING:
    from jinja2 import Environment

STATUS_MARKS = {
    "SUCCESS": "✓",
    "FAILED": "✕",
    "RUNNING": "…",
    "WARNING": "!",
    "PASSED": "✓",
    "WARNED": "!",
    "ERROR": "✕",
}
"""Status of a batch, a hop or a check -> the mark that stands beside its colour."""

TONES = {
    "SUCCESS": "good",
    "PASSED": "good",
    "FAILED": "bad",
    "ERROR": "bad",
    "WARNING": "warn",
    "WARNED": "warn",
}
"""Status -> its colour, by a class of the style sheet."""


def tone(status: str) -> str:
    """Return how a status is coloured; `plain`: as everything else."""
    return TONES.get(status, "plain")


@cache
def templates() -> Environment:
    """Return the templates. A value that one needs and does not get is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("tidemark.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"count": count, "cut": cut, "seconds": seconds, "segment": segment}
    made.filters |= {"size": size, "value": value}
    made.globals |= {"STATUS_MARKS": STATUS_MARKS, "tone": tone}
    return made


def link(path: str, zone: ZoneInfo, **parameters: Any) -> str:
    """Write the address of a page; the zone goes along, and parameters without a value do not."""
    given = {name: each for name, each in parameters.items() if each not in (None, "", ())}
    if zone is not UTC and "zone" not in given:
        given["zone"] = str(zone)
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def segment(text: str) -> str:
    """Quote what is to be one segment of a path."""
    return quote(str(text), safe="")


def instant(at: datetime | None, zone: ZoneInfo) -> str:
    """Write an instant in a zone, to the second or as exactly as it is; '-': there is none."""
    if at is None:
        return "-"
    if at in (BEGINNING_OF_TIME, END_OF_TIME):
        return "the beginning" if at == BEGINNING_OF_TIME else "open"
    try:
        local = at.astimezone(zone)
    except (OverflowError, ValueError):
        return str(at)  # so near to the first or the last year that the zone has no name for it
    fraction = f".{local.microsecond:06}" if local.microsecond else ""
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {'UTC' if zone is UTC else offset}"


def count(number: int | None) -> str:
    """Write a number of things, with commas; '-': it is not known."""
    return "-" if number is None else f"{number:,}"


def seconds(duration: float | timedelta | None) -> str:
    """Write a duration as a person says it: `0.42 s`, `3 min 5 s`, `2 h 3 min`."""
    if duration is None:
        return "-"
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if duration < 10:
        return f"{duration:.2f} s"
    whole = round(duration)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min")]
    told = [f"{number} {unit}" for number, unit in [*parts, (whole % 60, "s")] if number]
    return " ".join(told[:2]) or "0 s"


def size(number: int | None) -> str:
    """Write a number of bytes as PostgreSQL does: `64 kB`, `1.4 GB`; '-': it is not known."""
    if number is None:
        return "-"
    units = ["bytes", "kB", "MB", "GB", "TB", "PB"]
    scaled, unit = float(number), 0
    while scaled >= 1024 and unit < len(units) - 1:
        scaled, unit = scaled / 1024, unit + 1
    return f"{scaled:.0f} {units[unit]}" if unit < 2 else f"{scaled:.1f} {units[unit]}"


LONGEST = 2_000
"""Characters of one value that are shown; its length says that there are more."""


def value(each: object, length: int | None = None) -> str:
    """Write a value of a row as a person reads it: nothing as `∅`, and a long one cut.

    Args:
        each: the value.
        length: of the whole, where only its beginning was read.
    """
    if each is None:
        return "∅"
    text = ("true" if each else "false") if isinstance(each, bool) else str(each)
    length = max(length or 0, len(text))
    if length <= LONGEST:
        return text
    # Isolated, since what it says of its direction must not turn what stands behind it.
    return f"\u2068{text[:LONGEST]}\u2069… ({length:,} characters)"


def cut(text: str, most: int) -> str:
    """Write the beginning of a text where there is little room; the whole is elsewhere."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def page(template: str, values: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Fill a template; its links and instants are those of a zone."""
    tools = {
        "zone": str(zone),
        "instant": lambda at: instant(at, zone),
        "link": lambda path, **parameters: link(path, zone, **parameters),
    }
    return str(templates().get_template(template).render({**tools, **values}))
