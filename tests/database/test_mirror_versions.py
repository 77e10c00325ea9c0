"""Versioned mirrors: what a batch writes, what it keeps, and what a hop sends of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from tests.further import tries
from tests.queries import execute, rows
from tidemark.layers import deltas, mirror
from tidemark.layers.mirror import Mirror
from tidemark.postgres import db, question
from tidemark.postgres.db import Row, Session
from tidemark.results import Counts

JAN, FEB = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
MEMBERS = Mirror(
    ("public", "mrr_members"),
    "landing",
    ("member_id", "city", "tier"),
    ("member_id",),
    types={"member_id": "integer", "city": "text", "tier": "text"},
)

Member = tuple[int, str | None, str | None]


@dataclass
class Mirrored:
    """The mirror `mrr_members`, and what it takes to apply a batch to it."""

    connection: Connection
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = Session(self.connection, "mrr")
        execute(
            self.connection,
            """
            create table mrr_members (member_id integer not null, city text, tier text);
            select tidemark.create_mirror('mrr_members', array['member_id']);
            create unlogged table landing.members (
                member_id integer, city text, tier text,
                _batch_id bigint, _seq bigint, _extracted_at timestamptz, _deleted_at timestamptz
            )
            """,
        )

    def apply(
        self, batch: int, members: Iterable[Member], deleted_at: datetime | None = None
    ) -> Counts:
        """Apply one batch, extracted on the first of January."""
        landed = [(*member, batch, 0, JAN, deleted_at) for member in members]
        with self.connection.cursor() as cursor:
            cursor.execute("truncate landing.members")
            execute_values(cursor, "insert into landing.members values %s", landed)
        return mirror.apply(self.session, MEMBERS, db.name("landing", "members"), rows=1)

    def current(self) -> list[Row]:
        """Read the mirror: payload, batch, first batch, deleted at."""
        return self._rows("mrr_members")

    def history(self) -> list[Row]:
        """Read the replaced versions, likewise."""
        return self._rows("mrr_members_history")

    def _rows(self, table: str) -> list[Row]:
        return rows(
            self.connection,
            f"""
            select member_id, city, tier, _batch_id, _first_batch_id, _deleted_at
            from {table} order by member_id, _batch_id
            """,
        )

    def sent(self, after: int, *, history: bool = True) -> list[Row]:
        """Read what a hop sends to a receiver that has applied batch `after`: payload and batch."""
        columns = (*MEMBERS.payload, "_batch_id")
        query = (
            deltas.versions(MEMBERS, after=after, columns=columns)
            if history
            else deltas.some_columns(deltas.written(MEMBERS, after=after), columns=columns)
        )
        return sorted(self.session.rows(query), key=str)


@pytest.fixture
def mirrored(mrr: Connection) -> Mirrored:
    return Mirrored(mrr)


def test_the_first_batch_fills_the_mirror(mirrored: Mirrored) -> None:
    counts = mirrored.apply(7, [(1, "Rome", "gold"), (2, None, None)])

    assert counts == Counts(inserted=2)
    assert mirrored.current() == [(1, "Rome", "gold", 7, 7, None), (2, None, None, 7, 7, None)]
    assert mirrored.history() == []


def test_a_replaced_version_moves_into_the_history(mirrored: Mirrored) -> None:
    mirrored.apply(1, [(1, "Rome", "gold")])

    assert mirrored.apply(2, [(1, "Oslo", "gold")]) == Counts(updated=1)
    assert mirrored.apply(5, [(1, "Bern", "gold")]) == Counts(updated=1)

    assert mirrored.current() == [(1, "Bern", "gold", 5, 1, None)]
    assert mirrored.history() == [(1, "Rome", "gold", 1, 1, None), (1, "Oslo", "gold", 2, 1, None)]


def test_an_unchanged_row_is_not_written(mirrored: Mirrored) -> None:
    query = "select ctid, m::text from mrr_members as m"
    mirrored.apply(1, [(1, "Rome", None)])
    before = rows(mirrored.connection, query)

    assert mirrored.apply(2, [(1, "Rome", None)]) == Counts()

    assert rows(mirrored.connection, query) == before
    assert mirrored.history() == []


def test_a_new_row_knows_the_batch_that_first_saw_it(mirrored: Mirrored) -> None:
    mirrored.apply(1, [(1, "Rome", None)])
    mirrored.apply(2, [(2, "Oslo", None)])

    counts = mirrored.apply(3, [(1, "Bern", None), (2, "Bern", None), (3, "Bern", None)])

    assert counts == Counts(inserted=1, updated=2)
    assert mirrored.current() == [
        (1, "Bern", None, 3, 1, None),
        (2, "Bern", None, 3, 2, None),
        (3, "Bern", None, 3, 3, None),
    ]


def test_null_is_neither_the_empty_text_nor_equal_to_nothing(mirrored: Mirrored) -> None:
    mirrored.apply(1, [(1, None, "gold"), (2, "", "gold"), (3, None, None)])

    counts = mirrored.apply(2, [(1, "", "gold"), (2, None, "gold"), (3, None, None)])

    assert counts == Counts(updated=2)
    assert mirrored.current() == [
        (1, "", "gold", 2, 1, None),
        (2, None, "gold", 2, 1, None),
        (3, None, None, 1, 1, None),
    ]


def test_columns_are_compared_one_by_one_and_not_as_a_joined_text(mirrored: Mirrored) -> None:
    mirrored.apply(1, [(1, "x|y", "z")])

    assert mirrored.apply(2, [(1, "x", "y|z")]) == Counts(updated=1)


def test_a_delete_and_a_return_are_versions(mirrored: Mirrored) -> None:
    mirrored.apply(1, [(1, "Rome", None)])
    mirrored.apply(2, [(1, "Rome", None)], deleted_at=FEB)

    mirrored.apply(3, [(1, "Rome", None)])

    assert mirrored.current() == [(1, "Rome", None, 3, 1, None)]
    assert mirrored.history() == [(1, "Rome", None, 1, 1, None), (1, "Rome", None, 2, 1, FEB)]


def test_a_hop_sends_the_versions_of_the_batches_that_its_receiver_lacks(
    mirrored: Mirrored,
) -> None:
    mirrored.apply(1, [(1, "Rome", None), (2, "Rome", None)])
    mirrored.apply(2, [(1, "Oslo", None)])
    mirrored.apply(3, [(1, "Bern", None)])

    assert mirrored.sent(after=0) == [
        (1, "Bern", None, 3),
        (1, "Oslo", None, 2),
        (1, "Rome", None, 1),
        (2, "Rome", None, 1),
    ]
    assert mirrored.sent(after=1) == [(1, "Bern", None, 3), (1, "Oslo", None, 2)]
    assert mirrored.sent(after=1, history=False) == [(1, "Bern", None, 3)]
    assert mirrored.sent(after=3) == []


@pytest.mark.parametrize(("after", "has"), [(0, True), (1, True), (2, False)])
def test_a_mirror_has_a_delta_when_a_later_batch_wrote_to_it(
    mirrored: Mirrored, after: int, has: bool
) -> None:
    mirrored.apply(1, [(1, "Rome", None)])
    mirrored.apply(2, [(1, "Oslo", None)])
    mirrored.apply(3, [(1, "Oslo", None)])

    found = question.ask(mirrored.session, deltas.changed({"members": MEMBERS}, {"members": after}))

    assert found == (["members"] if has else [])


batches = st.lists(
    st.dictionaries(st.sampled_from([1, 2]), st.tuples(*[st.sampled_from([None, "", "x"])] * 2)),
    max_size=5,
)


@settings(
    max_examples=tries(100, usually=40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches)
def test_mirror_and_history_hold_each_change_of_a_key_once(
    mirrored: Mirrored, batches: list[dict[int, tuple[str | None, str | None]]]
) -> None:
    execute(mirrored.connection, "truncate mrr_members, mrr_members_history")
    latest: dict[int, tuple[str | None, str | None]] = {}
    expected = []
    for number, batch in enumerate(batches, start=1):
        mirrored.apply(number, [(key, *payload) for key, payload in batch.items()])
        changed = {k: p for k, p in batch.items() if k not in latest or latest[k] != p}
        expected += [(key, *payload, number) for key, payload in changed.items()]
        latest |= batch

    assert mirrored.sent(after=0) == sorted(expected, key=str)
    assert sorted(row[:3] for row in mirrored.current()) == sorted(
        (key, *payload) for key, payload in latest.items()
    )
