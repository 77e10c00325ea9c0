"""However observations come, go and are corrected, a dimension is what those of today say."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_areas import Made
from tests.further import tries
from tests.oracles import observations as oracle
from tests.oracles.observations import Observation
from tests.pipeline.test_derived import change
from tests.pipeline.test_observations import happen, owners, registry, run, versions

__all__ = ["registry"]

EVENT = st.tuples(
    st.just("event"),
    st.integers(1, 6),
    st.integers(1, 2),
    st.integers(1, 4),
    st.sampled_from("xyz"),
    st.sampled_from("ab"),
    st.booleans() | st.just(False),
)
GONE = st.tuples(st.just("gone"), st.integers(1, 6))
RUN = st.just(("run",))
STEPS = st.lists(EVENT | EVENT | EVENT | GONE | RUN, min_size=4, max_size=14)
USED = [(1, 2), (1, 4), (2, 2), (2, 4)]
"""Which asset was used in the middle of which month."""


@settings(
    max_examples=tries(5, usually=3),
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_any_order_of_events_and_batches_gives_the_same_history(
    registry: Made, steps: list[tuple[Any, ...]]
):
    change(registry, "delete from events")
    run(registry)
    events: dict[int, tuple[Any, ...]] = {}
    for what, *values in [*steps, ("run",)]:
        if what == "event":
            happen(registry, tuple(values))
            events[values[0]] = tuple(values)
        elif what == "gone":
            change(registry, f"delete from events where id = {values[0]}")
            events.pop(values[0], None)
        else:
            run(registry)

    told = {asset: _timeline(events, asset) for asset in (1, 2)}
    assert versions(registry, what="owner, label, is_deleted") == [
        row for asset, timeline in told.items() for row in _rows(asset, timeline)
    ]
    assert owners(registry) == [oracle.named(told[asset], month) for asset, month in USED]
    assert registry.differences() == []


def _timeline(events: dict[int, tuple[Any, ...]], asset: int) -> list[oracle.Version]:
    return oracle.timeline(
        Observation(month, id_, owner, label, ends)
        for id_, of, month, owner, label, ends in events.values()
        if of == asset
    )


def _rows(asset: int, timeline: list[oracle.Version]) -> list[tuple[Any, ...]]:
    """Return versions as a table has them: the first one from the beginning, the last one open."""
    if not timeline:
        return [(asset, 0, 9, None, None, False)]
    return [
        (asset, one.changed_at if number else 0, one.valid_to or 9, one.type2, one.type1,
         one.is_deleted)
        for number, one in enumerate(timeline)
    ]  # fmt: skip
