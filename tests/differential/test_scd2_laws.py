"""The history that the engine makes, compared with its specification, and laws that need none.

An example is what a few landings of a few batches show of four keys (tests/histories.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, groupby, pairwise, repeat
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fix_dimension import Key, Members, Seen
from tests.fix_visits import Visit, Visits
from tests.histories import (
    CLOCK,
    INSTANTS,
    KEYS,
    NAMES,
    PLACES,
    History,
    Landing,
    histories,
    in_fewer_batches,
    law,
    visits,
)
from tests.oracles.scd2 import BEGINNING, END, Observation, Version
from tests.queries import execute, rows
from tidemark.postgres import compose


@law
@given(histories())
def test_the_versions_are_those_of_the_specification(
    shop_members: Members, history: History
) -> None:
    with shop_members.undone():
        history.prepare(shop_members)
        seen = []
        for landing in history.landings:
            seen += landing
            shop_members.land(landing)
            assert shop_members.versions() == history.expected(seen)


@law
@given(histories(), st.randoms())
def test_a_replay_writes_nothing(shop_members: Members, history: History, random: Random) -> None:
    with shop_members.undone():
        history.prepare(shop_members)
        for landing in history.landings:
            shop_members.land(landing)
        stored = shop_members.stored()

        for landing in [*history.landings[-1:], history.some(random)]:
            shop_members.land(landing)
            assert shop_members.stored() == stored


@law
@given(histories())
def test_a_catch_up_makes_the_history_that_its_batches_make_one_by_one(
    shop_members: Members, history: History
) -> None:
    batches = groupby(sorted(history.seen, key=_batch_of), key=_batch_of)

    together = _versions(shop_members, history, [history.seen])
    one_by_one = _versions(shop_members, history, [list(batch) for _, batch in batches])

    assert together == one_by_one


@law
@given(histories())
def test_a_batch_that_shows_a_key_several_times_makes_the_history_of_as_many_batches(
    shop_members: Members, history: History
) -> None:
    """Surrogate keys included, which go by the order of the versions that they are of."""
    at_once = [in_fewer_batches(landing) for landing in history.landings]
    assert _history(shop_members, history, at_once) == _history(
        shop_members, history, history.landings
    )


@law
@given(histories(), st.randoms())
def test_the_order_of_the_rows_that_land_does_not_matter(
    shop_members: Members, history: History, random: Random
) -> None:
    shuffled = [random.sample(landing, len(landing)) for landing in history.landings]

    in_order = _versions(shop_members, history, history.landings)

    assert _versions(shop_members, history, shuffled) == in_order


@law
@given(histories())
def test_one_version_of_a_key_is_in_force_at_any_time_from_its_first_to_its_delete(
    shop_members: Members, history: History
) -> None:
    for versions in _versions(shop_members, history, history.landings).values():
        for version, successor in pairwise(versions):
            assert version.valid_to <= successor.valid_from
            assert version.is_deleted or version.valid_to == successor.valid_from
            assert not version.is_current
        assert versions[-1].is_current == (versions[-1].valid_to == END)
        assert versions[-1].is_current != versions[-1].is_deleted


OF_1815 = Observation(1, INSTANTS[0], PLACES[0], NAMES[0])
ENDED_BEFORE_1900 = History(
    [[(KEYS[0], OF_1815), (KEYS[0], replace(OF_1815, batch=2, deleted_at=INSTANTS[0]))]],
    frozenset(KEYS[:1]),
    "beginning",
)
"""An inferred member, which waits since 1900, is filled by a version that is over by then."""


_LIVE = [(KEYS[0], replace(OF_1815, batch=number)) for number in range(4)]
_MOVED = [(KEYS[0], replace(OF_1815, batch=2, at=INSTANTS[2], type2=PLACES[1]))]
FILLED = History([_LIVE[1:2]], frozenset(KEYS[:1]), "change", has_plans=False)
"""An inferred member is filled."""
REPLAYED = History(
    [_LIVE[:1], [(KEYS[0], replace(OF_1815, batch=1, at=INSTANTS[1]))], _MOVED],
    frozenset(),
    "beginning",
    has_plans=False,
)
"""A key is confirmed, and then moves."""
RETURNED = History(
    [_LIVE[1:2], [(KEYS[0], replace(OF_1815, batch=2, deleted_at=INSTANTS[2]))], _LIVE[3:]],
    frozenset(),
    "beginning",
    has_plans=False,
)
"""A key returns with its old stamp."""


@law
@given(histories(), st.booleans())
@example(FILLED, False)
@example(REPLAYED, False)
@example(RETURNED, True)
def test_steps_that_cannot_matter_are_left_out_and_change_nothing(
    shop_members: Members, history: History, has_deletes: bool
) -> None:
    """Surrogate keys and timelines included: pointers, gates and aggregates read nothing else."""
    as_looked = _written(shop_members, history)
    statement = compose.statement

    def looking(module: str, name: str, *common: Any, **parts: Any) -> Any:
        step = {"all_arrived": "some_arrived", "not_moved": "moved" if has_deletes else name}
        return statement(module, step.get(name, name), *common, **parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "statement", looking)
        assert _written(shop_members, history) == as_looked


def _seen(batch: int, at: datetime, place: int, *, clock: datetime, gone: bool = False) -> Seen:
    """Say what a batch shows of the first key at a clock."""
    deleted_at = clock if gone else None
    return KEYS[0], Observation(batch, at, PLACES[place], NAMES[0], deleted_at, clock)


def _planned(*later: Seen) -> History:
    """Make a history in which the key has a plan, and then what comes later."""
    began = _seen(1, INSTANTS[0], 0, clock=CLOCK - timedelta(days=1))
    plan = _seen(2, INSTANTS[3], 1, clock=CLOCK)
    return History([[began], [plan], *([seen] for seen in later)], frozenset(), "beginning")


_NOW = CLOCK + timedelta(hours=12)
CANCELLED = _planned(_seen(3, INSTANTS[0], 0, clock=_NOW))
MOVED = _planned(_seen(3, INSTANTS[2], 1, clock=_NOW))
CHANGED = _planned(_seen(3, INSTANTS[3], 2, clock=_NOW))
GONE = _planned(_seen(3, INSTANTS[3], 1, clock=_NOW, gone=True))


@law
@given(histories())
@example(ENDED_BEFORE_1900)
@example(CANCELLED)
@example(MOVED)
@example(CHANGED)
@example(GONE)
def test_a_version_keeps_the_surrogate_key_of_the_first_version_that_it_continues(
    shop_members: Members, history: History
) -> None:
    with shop_members.undone():
        history.prepare(shop_members)
        seen: Landing = []
        for landing in history.landings:
            before = shop_members.surrogates()
            shop_members.land(landing)
            seen += landing
            after = shop_members.surrogates()
            for key, versions in shop_members.versions().items():
                remaining = history.instants(key, seen) | {BEGINNING}
                known = {at: k for at, k in before.get(key, {}).items() if at in remaining}
                assert {
                    at: surrogate if surrogate in known.values() else None
                    for at, surrogate in after[key].items()
                } == _continued(versions, known)


PLANNED_VISITS = [[], [Visit(1, INSTANTS[3], KEYS[0]), Visit(2, INSTANTS[2], KEYS[0])], []]
"""Visits of the time of a plan, and of the time before."""


@law
@given(histories(), st.lists(visits, min_size=3, max_size=3))
@example(CANCELLED, PLANNED_VISITS)
@example(MOVED, PLANNED_VISITS)
@example(CHANGED, PLANNED_VISITS)
@example(GONE, PLANNED_VISITS)
def test_a_fact_points_at_the_version_in_force_at_its_event_time(
    shop_visits: Visits, history: History, landed: list[list[Visit]]
) -> None:
    with shop_visits.undone():
        history.prepare(shop_visits.members)
        latest: dict[int, Visit] = {}
        seen: Landing = []
        landings = chain(history.landings, repeat(Landing()))
        for number, (landing, visits) in enumerate(zip(landings, landed, strict=False), 1):
            seen += landing
            latest |= {visit.visit_id: visit for visit in visits}
            shop_visits.publish(number, visits, landing)
            history = history.with_members_named_by(visits, seen)
            for who in ("host", "guest"):
                assert shop_visits.pointing_at(who) == {
                    visit.visit_id: history.version_at(visit.at, getattr(visit, who), seen)
                    for visit in latest.values()
                }


def _continued(versions: list[Version], known: dict[datetime, int]) -> dict[datetime, int | None]:
    """Find the surrogate key that each version has of those that were known, by its change time.

    It is that of the first known version which begins in it. An inferred member is filled by the
    first version, whenever that was.
    """
    found = {
        version.changed_at: next(
            (
                surrogate
                for changed_at, surrogate in sorted(known.items())
                if version.valid_from <= changed_at < version.valid_to
            ),
            None,
        )
        for version in versions
    }
    if BEGINNING in known:
        found[versions[0].changed_at] = known[BEGINNING]
    return found


def _history(
    members: Members, history: History, landings: Iterable[Landing]
) -> dict[Key, list[tuple[Version, int]]]:
    """Read the versions without their batches, each with the rank of its surrogate key."""
    with members.undone():
        history.prepare(members)
        for landing in landings:
            members.land(landing)
        surrogates = members.surrogates()
        return {
            key: [
                (
                    replace(one, place=(0, 0), deleted=(0, 0) if one.is_deleted else None),
                    sorted(surrogates[key].values()).index(surrogates[key][one.changed_at]),
                )
                for one in versions
            ]
            for key, versions in members.versions().items()
        }


def _written(members: Members, history: History) -> list[list[tuple[Any, ...]]]:
    """Read what each landing leaves behind: versions, confirmations and timelines.

    At last everything lands again, and the dimension has lost a part of it.
    """
    tables = ("dwh_dim_members", "tidemark.dwh_dim_members_confirmed", 'landing."members.timeline"')
    found: list[list[tuple[Any, ...]]] = []
    with members.undone():
        execute(members.connection, "alter sequence dwh_dim_members_member_key_seq restart")
        history.prepare(members)
        for number, landing in enumerate([*history.landings, history.seen]):
            if number == len(history.landings):
                execute(members.connection, f"delete from {tables[1]}")
            members.land(landing)
            for table in tables:
                query = f"select t::text from {table} as t order by 1"
                found.append(rows(members.connection, query))
    return found


def _batch_of(seen: Seen) -> int:
    """Tell which batch showed an observation."""
    return seen[1].batch


def _versions(
    members: Members, history: History, landings: Iterable[Landing]
) -> dict[Key, list[Version]]:
    with members.undone():
        history.prepare(members)
        for landing in landings:
            members.land(landing)
        return members.versions()
