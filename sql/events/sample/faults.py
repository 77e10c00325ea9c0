"""Lines that no reader can make a good event of; no I/O and no clock."""

from . import lines
from .lines import Event

WAYS = 5
"""In how many ways an event is spoilt."""


def malformed(event: Event, place: int) -> str:
    """Spoil the event of an order, each place in another way."""
    order = event["order"]
    first, *others = order["items"]
    ways: tuple[Event, ...] = (
        event,
        event | {"order": order | {"total_amount": "n/a"}},
        event | {"event_timestamp": "yesterday"},
        {name: value for name, value in event.items() if name != "event_id"},
        event | {"order": order | {"items": [first | {"quantity": 0}, *others]}},
    )
    line = lines.line(ways[place % WAYS])
    return line if place % WAYS else line[: len(line) // 2]
