"""Several versions of a key in one batch: what becomes of them in a versioned mirror."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from tests.queries import execute, rows
from tidemark.errors import RefusedRowError
from tidemark.layers import versions
from tidemark.layers.mirror import Mirror
from tidemark.postgres import db
from tidemark.postgres.db import Row, Session
from tidemark.results import Counts

MEMBERS = Mirror(
    ("public", "mrr_members"),
    "landing",
    ("member_id", "city", "about"),
    ("member_id",),
    frozenset({"about"}),
    {"member_id": "integer", "city": "text", "about": "json"},
)
START = datetime(2025, 1, 1, tzinfo=UTC)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


@dataclass(frozen=True)
class Shown:
    """One version of a member: of which batch, at which place, and what it is."""

    batch: int
    seq: int
    city: str | None
    member: int = 1
    is_deleted: bool = False
    follows: bool = False
    hour: int = 0

    @property
    def row(self) -> tuple[object, ...]:
        deleted_at = at(self.hour) if self.is_deleted else None
        follows = self.is_deleted or self.follows
        about = None if follows else f'{{"city": "{self.city}"}}'
        city = None if follows else self.city
        seen = at(self.hour)
        return (self.member, city, about, self.batch, self.seq, seen, deleted_at, follows)


class Mirrored:
    """The mirror `mrr_members`, whose rows have a column without an equality."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.session = connection, Session(connection, "mrr")
        execute(
            connection,
            """
            create table mrr_members (member_id integer not null, city text, about json);
            select tidemark.create_mirror('mrr_members', array['member_id']);
            create unlogged table landing.members (
                member_id integer, city text, about json, _batch_id bigint, _seq bigint,
                _extracted_at timestamptz, _deleted_at timestamptz, _follows boolean
            )
            """,
        )

    def apply(self, shown: Iterable[Shown], *, rewrite: Iterable[int] = ()) -> Counts:
        with self.connection.cursor() as cursor:
            cursor.execute("truncate landing.members")
            execute_values(
                cursor, "insert into landing.members values %s", [one.row for one in shown]
            )
        landing = db.name("landing", "members")
        return versions.apply(self.session, MEMBERS, landing, rows=1, rewrite=list(rewrite))

    def current(self) -> list[Row]:
        return self._read("mrr_members")

    def history(self) -> list[Row]:
        return self._read("mrr_members_history")

    def _read(self, table: str) -> list[Row]:
        return rows(
            self.connection,
            f"""
            select member_id, city, _batch_id, _seq, _first_batch_id, _deleted_at is not null
            from {table} order by member_id, _batch_id, _seq
            """,
        )

    def clocks(self) -> list[Row]:
        """Read all versions in order, but for their batches."""
        return rows(
            self.connection,
            """
            select member_id, city, about::text, _extracted_at, _deleted_at, is_current
            from (
                select *, null as _replaced_by, true as is_current from mrr_members
                union all select *, false from mrr_members_history
            ) as v order by member_id, _batch_id, _seq
            """,
        )


@pytest.fixture
def mirrored(mrr: Connection) -> Mirrored:
    return Mirrored(mrr)


def test_the_last_version_is_current_and_the_others_are_history(mirrored: Mirrored):
    counts = mirrored.apply([Shown(1, 5, "Oslo"), Shown(1, 2, "Rome"), Shown(1, 9, "Bern")])

    assert counts == Counts(inserted=1, updated=2)
    assert mirrored.current() == [(1, "Bern", 1, 9, 1, False)]
    assert mirrored.history() == [(1, "Rome", 1, 2, 1, False), (1, "Oslo", 1, 5, 1, False)]


def test_a_version_is_compared_with_the_one_before_it_and_not_with_the_current_row(
    mirrored: Mirrored,
):
    mirrored.apply([Shown(1, 0, "Rome")])

    counts = mirrored.apply([Shown(2, 0, "Oslo"), Shown(2, 1, "Rome")])

    assert counts == Counts(updated=2)
    assert mirrored.current() == [(1, "Rome", 2, 1, 1, False)]
    assert mirrored.history() == [(1, "Rome", 1, 0, 1, False), (1, "Oslo", 2, 0, 1, False)]


def test_equal_versions_in_a_row_are_one(mirrored: Mirrored):
    mirrored.apply([Shown(1, 0, "Rome")])

    shown = [Shown(2, n, city) for n, city in enumerate(["Rome", "Rome", "Oslo", "Oslo"])]
    assert mirrored.apply(shown) == Counts(updated=1)

    assert mirrored.current() == [(1, "Oslo", 2, 2, 1, False)]
    assert mirrored.history() == [(1, "Rome", 1, 0, 1, False)]


def test_a_delete_has_the_payload_of_the_version_before_it(mirrored: Mirrored):
    mirrored.apply([Shown(1, 0, "Rome")])

    mirrored.apply([Shown(2, 0, "Oslo"), Shown(2, 1, None, is_deleted=True), Shown(2, 2, "Oslo")])

    assert mirrored.current() == [(1, "Oslo", 2, 2, 1, False)]
    assert mirrored.history()[1:] == [(1, "Oslo", 2, 0, 1, False), (1, "Oslo", 2, 1, 1, True)]


def test_a_delete_of_what_never_was_there_says_nothing(mirrored: Mirrored):
    shown = [Shown(3, 0, None, is_deleted=True), Shown(4, 0, "Rome")]

    assert mirrored.apply(shown) == Counts(inserted=1)
    assert mirrored.current() == [(1, "Rome", 4, 0, 4, False)]


def test_what_a_repair_shows_again_is_the_live_version_before_it(mirrored: Mirrored):
    mirrored.apply([Shown(1, 0, "Rome"), Shown(1, 0, "Rome", member=2)])

    gone = Shown(2, 0, None, is_deleted=True, member=2)
    again = [Shown(3, 0, None, member=member, follows=True) for member in (1, 2)]
    mirrored.apply([gone, *again], rewrite=[3])

    assert mirrored.current() == [(1, "Rome", 3, 0, 1, False), (2, "Rome", 2, 0, 1, True)]


def test_two_versions_of_a_key_at_one_place_are_refused(mirrored: Mirrored):
    with pytest.raises(RefusedRowError, match="have one place"):
        mirrored.apply([Shown(1, 0, "Rome"), Shown(1, 0, "Oslo")])


shows = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.sampled_from(["Rome", "Oslo", None, "gone"])), max_size=8
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shows, st.lists(st.booleans(), min_size=8, max_size=8))
def test_one_batch_of_several_versions_is_several_batches_of_one(
    mirrored: Mirrored, seen: list[tuple[int, str | None]], cuts: list[bool]
):
    """Cut into batches in one way or another, or not at all: but for the batches it is the same."""
    cut = [
        Shown(1 + sum(cuts[:n]), n, city, member, is_deleted=city == "gone", hour=n)
        for n, (member, city) in enumerate(seen)
    ]
    found = []
    for batches in ([[one] for one in cut], _by_batch(cut), [cut]):
        execute(mirrored.connection, "truncate mrr_members, mrr_members_history")
        counts = Counts()
        for batch in batches:
            counts.add(mirrored.apply(batch))
        found.append((mirrored.clocks(), counts))
    assert found[0] == found[1] == found[2]


def _by_batch(shown: Iterable[Shown]) -> list[list[Shown]]:
    batches: dict[int, list[Shown]] = {}
    for one in shown:
        batches.setdefault(one.batch, []).append(one)
    return list(batches.values())
