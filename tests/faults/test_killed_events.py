"""Batches of events that are killed between any two statements, and the marts behind them."""

from __future__ import annotations

import pytest

from tests.fix_events import Event, Shop, event, item, order
from tests.killing import kill
from tests.oracles.events import Line, marts
from tidemark.model import HOPS

pytestmark = pytest.mark.timeout(900)

ADA = {"customer_id": "c1", "email": "ada@example.com", "first_name": "Ada", "country": "NL"}
FIRST: dict[str, list[Event]] = {
    "2025/11/01/10/a": [
        order("e2", "11:00:00", "fulfilled", item("p1"), item("p2"), total_amount=20),
        event("e3", "10:30:00", customer=ADA),
        order("e5", "10:00:00", "placed", item("p1"), order_id="o2", customer="c2"),
    ],
    "2025/11/01/11/a": [event("e3", "10:30:00", customer={**ADA, "country": "BE"})],
}
SECOND: dict[str, list[Event]] = {
    "2025/10/31/23/late": [
        order("e1", "2025-10-31T23:00:00Z", "placed", item("p1")),
        event("e4", "2025-10-31T23:30:00Z", customer={**ADA, "email": "ada@example.org"}),
        event("e3", "10:30:00", customer={**ADA, "country": "FR"}),
    ],
    "2025/11/02/10/a": [
        order("e5", "10:00:00", "placed", item("p1"), order_id="o3", customer="c2"),
        order("e6", "2025-11-02T10:00:00Z", "refunded", item("p1", 10, 2)),
    ],
}


def drop(shop: Shop, files: dict[str, list[Event]]) -> list[Line]:
    """Drop files, with a line in each that is refused; return the lines that are not."""
    lines = []
    for path, events in files.items():
        shop.events(*events, "{broken", event(None, "10:00:00"), path=path)
        name = f"raw-events/{path}.json.gz"
        lines += [Line(name, number, one) for number, one in enumerate(events, 1)]
    return lines


def test_events_whose_batch_is_killed_are_there_once_and_whole(events_shop: Shop):
    lines = drop(events_shop, FIRST)
    for hop in HOPS:
        kill(events_shop, hop, 2, 6)
    lines += drop(events_shop, SECOND)
    kill(events_shop, "extract", 1, 6)
    kill(events_shop, "stage", 2, 3)
    kill(events_shop, "publish", 3, 3)
    assert events_shop.marts() == marts(lines)
    assert len(events_shop.rejects()) == 8
    assert events_shop.differences() == []
