"""Histories of four keys, as Hypothesis draws them for the laws of tests/differential.

Instants, attributes and clocks are few, so that changes collide, come late, repeat, revert and
contradict each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.fix_dimension import Key, Members, Seen
from tests.fix_visits import Visit
from tests.further import tries
from tests.oracles import scd2 as oracle
from tests.oracles.scd2 import BEGINNING, TICK, FirstVersion, Observation, Version

KEYS: tuple[Key, ...] = (("a", 1), ("a", 2), ("b", 1), ("b", 2))
INSTANTS = [datetime(1815, 12, 10, tzinfo=UTC), datetime(2025, 1, 30, tzinfo=UTC)]
INSTANTS += [datetime(2025, 2, day, tzinfo=UTC) for day in (1, 3)]
CLOCK = datetime(2025, 1, 31, tzinfo=UTC)
EVENT_TIMES = [INSTANTS[0] - timedelta(days=400), *INSTANTS]
EVENT_TIMES += [at + step for at in INSTANTS for step in (TICK, timedelta(days=1))]
PLACES = [(None, ""), ("", None), ("x|y", "z"), ("x", "y|z")]
NAMES = [("Ada",), ("Ada L.",)]
UNKNOWN: Key = (None, None)
TIER = 1
"""The place of the column `tier` among those of type 2."""

Landing = list[Seen]

law = settings(
    max_examples=tries(100, usually=20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""An example is a history of each key, and undoes what it wrote: one database serves them all."""


@dataclass(frozen=True)
class History:
    """What landed of the keys, and the keys that a fact had named before."""

    landings: list[Landing]
    inferred: frozenset[Key]
    first_version: FirstVersion
    since: int = 0
    """The last batch that knows nothing of the column `tier`, which was added then."""
    has_plans: bool = True
    """Whether the observations have a clock."""

    @property
    def seen(self) -> Landing:
        """All that landed."""
        return [seen for landing in self.landings for seen in landing]

    def some(self, random: Random) -> Landing:
        """Pick some of what landed, as a replay of older batches brings it."""
        return random.sample(self.seen, random.randint(0, len(self.seen)))

    def expected(self, seen: Iterable[Seen]) -> dict[Key, list[Version]]:
        """Say what the specification makes of what was seen."""
        by_key = defaultdict(list)
        for key, observation in seen:
            by_key[key].append(observation)
        timelines = {
            key: oracle.timeline(
                oracle.informed(observations, TIER, self.since),
                first_version=self.first_version,
                was_inferred=key in self.inferred,
            )
            for key, observations in by_key.items()
        }
        return {key: versions for key, versions in timelines.items() if versions}

    def instants(self, key: Key, seen: Iterable[Seen]) -> set[datetime]:
        """Say at which instants the key was seen, without what was withdrawn."""
        return oracle.instants(observation for of, observation in seen if of == key)

    def prepare(self, members: Members) -> None:
        """Set the dimension up as it is before the first landing."""
        lands = "plans" if self.has_plans else "changes"
        added = {"tier": self.since} if self.since else {}
        members.becomes(first_version=self.first_version, lands=lands, added=added)
        for key in self.inferred:
            members.infer(key)

    def with_members_named_by(self, visits: Iterable[Visit], seen: Landing) -> History:
        """Add the members that these visits name before anything was seen of them."""
        named = {key for visit in visits for key in (visit.host, visit.guest) if key}
        return replace(self, inferred=self.inferred | named - self.expected(seen).keys())

    def version_at(self, at: datetime, key: Key | None, seen: Landing) -> tuple[Key, datetime]:
        """Say which version a fact points at: its key, and when it began to be so."""
        if key is None:
            return UNKNOWN, BEGINNING
        versions = self.expected(seen).get(key)
        return key, oracle.version_at(versions, at).changed_at if versions else BEGINNING


glimpses = st.none() | st.tuples(
    st.sampled_from(INSTANTS),
    st.sampled_from(PLACES),
    st.sampled_from(NAMES),
    st.sampled_from([None, None, *INSTANTS]),
)
"""What a batch shows of one key: nothing, or when it changed to what, and perhaps its delete."""


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw up to three landings of up to three batches, of which some show a key several times.

    Of half of the histories, the first batches know nothing of the column `tier`. In half of them
    the clock goes on from batch to batch, among the instants at which changes take effect.
    """
    batches = st.tuples(*[glimpses] * len(KEYS))
    has_clock = draw(st.booleans())
    since = draw(st.sampled_from([0, 0, 2, 4]))
    landings, number = [], 0
    for landed in draw(st.lists(st.lists(batches, min_size=1, max_size=3), max_size=3)):
        landing = []
        for batch in landed:
            number += 1
            for key, glimpse in zip(KEYS, batch, strict=True):
                if glimpse:
                    observation = Observation(number, *glimpse)
                    if has_clock:
                        observation = _at_its_clock(observation)
                    if number <= since:
                        observation = replace(observation, type2=(observation.type2[0], None))
                    landing.append((key, observation))
        landings.append(in_fewer_batches(landing) if draw(st.booleans()) else landing)
    inferred = draw(st.frozensets(st.sampled_from(KEYS), max_size=2))
    first_version: FirstVersion = draw(st.sampled_from(["beginning", "change"]))
    return History(landings, inferred, first_version, since, has_clock)


def _at_its_clock(observation: Observation) -> Observation:
    """Let a batch see it at its clock: some of it has yet to begin, and a delete is now."""
    clock = CLOCK + observation.batch * timedelta(hours=12)
    deleted_at = observation.deleted_at and clock
    return replace(observation, clock=clock, deleted_at=deleted_at)


def in_fewer_batches(landing: Landing) -> Landing:
    """Let each even batch that landed show what the one before it showed as well, in order."""
    landed = {o.batch for _, o in landing}
    later = {batch: batch + batch % 2 for batch in landed if batch + batch % 2 in landed}
    return [
        (key, replace(o, batch=later.get(o.batch, o.batch), seq=100 * o.batch + o.seq))
        for key, o in landing
    ]


visits = st.lists(
    st.builds(
        Visit,
        visit_id=st.sampled_from([1, 2, 3]),
        at=st.sampled_from(EVENT_TIMES),
        host=st.none() | st.sampled_from(KEYS),
        guest=st.none() | st.sampled_from(KEYS),
        spent=st.none() | st.sampled_from([1, 2]),
    ),
    max_size=3,
    unique_by=lambda visit: visit.visit_id,
)
