"""Events as lines of JSON. Amounts are decimals, and keep their digits both ways."""

import json
import re
from decimal import Decimal
from typing import Any

Event = dict[str, Any]

_ORDER = re.compile(r'\{"event_id": "E[\d-]+[^FX]?", .*"order": \{')
# The encoder has no number for a decimal: it is written as a text, and unquoted.
_AMOUNT = re.compile(r'"amount:([\d.]+)"')
_encode = json.JSONEncoder(ensure_ascii=False, default=lambda amount: f"amount:{amount}").encode


def line(event: Event) -> str:
    """Write an event, or a part of one, as a line without its end."""
    return _AMOUNT.sub(r"\1", _encode(event))


def event(line: str) -> Event:
    """Read what `line` has written."""
    found: Event = json.loads(line, parse_float=Decimal)
    return found


def with_id(line: str, event_id: str) -> str:
    """Put an id in front of the line of an event that has none."""
    return f'{{"event_id": "{event_id}", {line[1:]}'


def has_id(line: str) -> bool:
    """Whether the line of an event begins with its id."""
    return line.startswith('{"event_id"')


def is_of_order(line: str) -> bool:
    """Whether a line is a good event of an order."""
    return '"order": {' in line and _ORDER.match(line) is not None
