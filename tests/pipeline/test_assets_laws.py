"""However events are spread over batches, and in whatever order, the star says what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_assets import STAR, Bank, Banks
from tests.further import tries
from tests.oracles.assets import Told, distinct, owner_at, replayed, star
from tidemark.trust import rebuild

_numbers = count(1)

FIRST = datetime(2023, 10, 15, tzinfo=UTC)
TIMES = st.integers(0, 6).map(lambda hours: FIRST + timedelta(hours=hours))
NAMES = st.sampled_from(["a", "b"])
KEYS = st.integers(0, 2)
UPLOADS = st.tuples(st.just("asset_uploaded"), KEYS, TIMES, NAMES, NAMES, st.none() | NAMES)
PURCHASES = st.tuples(st.just("asset_purchased"), KEYS, TIMES, NAMES, st.integers(0, 10**37))
TRANSFERS = st.tuples(st.just("asset_transferred"), KEYS, TIMES, NAMES)
EVENTS = st.lists(UPLOADS | PURCHASES | TRANSFERS, min_size=1, max_size=10)


def named(own: str, number: int, drawn: tuple[Any, ...]) -> Told:
    """Make an event of what was drawn; its ids, types and users are those of an example."""
    kind, key, at, *rest = drawn
    said: dict[str, Any] = {"s3_key": f"{own}k{key}"}
    if kind == "asset_uploaded":
        name, of_type, role = rest
        said |= {"asset_name": name, "asset_type_name": own + of_type, "graph_role": role}
        said["upload_timestamp"] = at.isoformat()
    else:
        said |= {"user_nk": own + rest[0], "transaction_timestamp": at.isoformat()}
    if kind == "asset_purchased":
        said["credits_spent"] = rest[1]
    return Told(f"{own}e{number}", kind, {k: v for k, v in said.items() if v is not None})


@settings(
    max_examples=tries(15, usually=5),
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=EVENTS, data=st.data())
def test_any_order_of_events_and_batches_gives_what_all_events_say(
    bank: Bank, drawn: list[tuple[Any, ...]], data: st.DataObject
):
    own = f"x{next(_numbers):03}"
    events = [named(own, number, one) for number, one in enumerate(drawn)]
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=3))
    posted: list[Told] = []
    for one in data.draw(st.permutations([*events, *repeated])):
        posted.append(one)
        bank.post(one.kind, one.event_id, **one.said)
        if data.draw(st.integers(0, 3)) == 0:
            check(bank, own, posted)
    check(bank, own, posted)
    assert bank.differences() == []


def check(bank: Bank, own: str, posted: list[Told]) -> None:
    """The star is the replay of the events, and so is the owner at every instant."""
    bank.run()
    found = [[row for row in rows if row[0].startswith(own)] for rows in bank.star()]
    expected = star(posted)
    assert found == expected
    for key, history in replayed(distinct(posted)).items():
        hours = [FIRST + timedelta(minutes=30 * half) for half in range(-1, 14)]
        owners = bank.dwh(
            f"select assets.fn_owner_at('{key}', t.at) from unnest(array["
            + ", ".join(f"timestamptz '{hour.isoformat()}'" for hour in hours)
            + "]) with ordinality as t (at, place) order by t.place"
        )
        assert [owner for (owner,) in owners] == [owner_at(history, hour) for hour in hours]


def test_a_rebuild_and_the_batches_give_the_same_star(banks: Banks):
    bank = banks("rebuilt")
    for number, kind in enumerate(["asset_purchased", "asset_uploaded", "asset_transferred"] * 2):
        rest = {"asset_uploaded": ("a", "b", None), "asset_purchased": ("a", 5)}.get(kind, ("b",))
        told = named("x", number, (kind, number % 2, FIRST + timedelta(hours=9 - number), *rest))
        bank.post(told.kind, told.event_id, **told.said)
        bank.run()
    before = bank.star()
    rebuild.run(bank.servers, bank.area)
    assert bank.star() == before
    assert len(before) == len(STAR)
    assert bank.differences() == []
