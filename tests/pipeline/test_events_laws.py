"""However events are spread over files, days and batches, the marts say what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_events import Event, Shop, item
from tests.further import tries
from tests.oracles.events import STATES, Line, marts

_numbers = count(1)

NUMBERS = st.integers(0, 3)
FIRST = datetime(2025, 10, 30, tzinfo=UTC)
TIMES = st.integers(0, 40).map(lambda hours: FIRST + timedelta(hours=2 * hours))
TEXTS = st.sampled_from([None, "a", "b"])
ITEMS = st.lists(
    st.builds(
        item,
        st.sampled_from(["p1", "p2"]),
        st.sampled_from([5, 7.25]),
        st.integers(1, 3),
        st.sampled_from(["books", "toys"]),
    ),
    max_size=3,
)
CUSTOMERS = st.fixed_dictionaries(
    {"customer_id": NUMBERS, "email": TEXTS, "first_name": TEXTS, "country": TEXTS}
)
ORDERS = st.fixed_dictionaries(
    {"order_id": NUMBERS, "status": st.sampled_from(STATES)},
    optional={"total_amount": st.sampled_from([10, 12.5]), "items": ITEMS},
)
SHOWN = st.tuples(st.integers(0, 15), TIMES, st.none() | CUSTOMERS, st.none() | ORDERS, NUMBERS)
FILES = st.lists(st.lists(SHOWN, min_size=1, max_size=6), min_size=2, max_size=6)


def named(number: int, shown: tuple[Any, ...]) -> Event:
    """Make an event of what was drawn; its ids are those of an example."""
    event, at, customer, order, session = shown
    own = f"x{number:03}"
    return {
        "event_id": f"{own}e{event:02}",
        "event_timestamp": at.isoformat(),
        "event_type": f"order_{order['status']}" if order else "page_view",
        "session_id": f"{own}s{session}",
        "customer": customer and {**customer, "customer_id": f"{own}c{customer['customer_id']}"},
        "order": order and {**order, "order_id": f"{own}o{order['order_id']}"},
    }


@settings(
    max_examples=tries(12, usually=4),
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(files=FILES, data=st.data())
def test_any_order_of_files_and_batches_gives_what_all_events_say(
    events_shop: Shop, files: list[list[Any]], data: st.DataObject
):
    shop, number = events_shop, next(_numbers)
    lines: list[Line] = []
    for place in data.draw(st.permutations(range(len(files)))):
        path = f"2025/11/{place // 2 + 1:02}/{place % 2:02}/{number:03}"
        shown = [named(number, one) for one in files[place]]
        lines += [Line(f"raw-events/{path}.json.gz", at, one) for at, one in enumerate(shown, 1)]
        shop.events(*shown, path=path)
        if data.draw(st.booleans()):
            check(shop, number, lines)
    check(shop, number, lines)
    assert shop.differences() == []


def check(shop: Shop, number: int, lines: list[Line]) -> None:
    shop.run()
    found = [[row for row in rows if row[0][:4] == f"x{number:03}"] for rows in shop.marts()]
    assert found == marts(lines)
