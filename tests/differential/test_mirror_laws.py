"""What batches after any batch wrote is found without an index on the batch of a row.

`_batch_id` says it plainly, so the specification reads all rows. It holds whatever became of the
history: versions that retention or a person deleted, and a table that was derived again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from tests.further import tries
from tests.queries import execute, rows
from tidemark.layers import deltas, mirror, versions
from tidemark.layers.mirror import Mirror
from tidemark.postgres import db, question
from tidemark.postgres.db import Composable, Session

START = datetime(2025, 1, 1, tzinfo=UTC)
MEMBERS = Mirror(
    ("public", "mrr_members"),
    "landing",
    ("member_id", "city"),
    ("member_id",),
    types={"member_id": "integer", "city": "text"},
)
MADE = """
    create table if not exists mrr_members (member_id integer not null, city text);
    create unlogged table if not exists landing.members (
        member_id integer, city text, _batch_id bigint, _seq bigint, _extracted_at timestamptz,
        _deleted_at timestamptz, _follows boolean
    )
"""
WRITTEN = """
    select member_id, city, _batch_id, _seq from mrr_members where _batch_id > %(after)s
"""
VERSIONS = f"""
    {WRITTEN} union all
    select member_id, city, _batch_id, _seq from mrr_members_history where _batch_id > %(after)s
"""
LIVE = "select member_id, city, _batch_id, _seq from mrr_members where _deleted_at is null"
COLUMNS = ("member_id", "city", "_batch_id", "_seq")

Shown = list[tuple[int, str]]
Batch = tuple[str, Shown]
"""How it is applied, and what it shows: a member, and its city or that it is gone."""

shown = st.lists(
    st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from(["Rome", "Oslo", "gone"])), max_size=4
)
batches = st.lists(
    st.tuples(st.sampled_from(["once", "in order", "sent again"]), shown), min_size=1, max_size=6
)
law = settings(
    max_examples=tries(150, usually=30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Mirrored:
    """The mirror `mrr_members`, to which batches are applied from batch 1 on."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.session = connection, Session(connection, "mrr")
        execute(connection, MADE)
        execute(connection, "drop table if exists mrr_members, mrr_members_history")
        execute(connection, MADE)
        execute(connection, "select tidemark.create_mirror('mrr_members', array['member_id'])")
        execute(connection, "truncate tidemark.applied_batch, tidemark.history_lost")
        self.last = 0
        self.live: list[list[tuple[object, ...]]] = [[]]
        """The live rows after each batch."""

    def apply(self, how: str, shown: Shown) -> None:
        self.last += 1
        seen = list({member: (member, city) for member, city in shown}.values())
        landed = [
            (*self._row(*one), self.last, seq, START + timedelta(self.last), *self._gone(one[1]))
            for seq, one in enumerate(shown if how == "in order" else seen)
        ]
        with self.connection.cursor() as cursor:
            cursor.execute("truncate landing.members")
            execute_values(cursor, "insert into landing.members values %s", landed)
        landing = db.name("landing", "members")
        if how == "in order":
            versions.apply(self.session, MEMBERS, landing, rows=1)
        else:
            mirror.apply(self.session, MEMBERS, landing, rows=1, rewrite=how == "sent again")
        execute(
            self.connection,
            "insert into tidemark.applied_batch (area, batch_id, marks) values ('a', %s, '{}')",
            [self.last],
        )
        self.live.append(sorted(rows(self.connection, LIVE)))

    @staticmethod
    def _row(member: int, city: str) -> tuple[object, ...]:
        return member, None if city == "gone" else city

    @staticmethod
    def _gone(city: str) -> tuple[object, ...]:
        return (START, True) if city == "gone" else (None, False)

    def found(self, query: Composable) -> list[tuple[object, ...]]:
        return sorted(self.session.rows(query), key=str)

    def meant(self, query: str, after: int) -> list[tuple[object, ...]]:
        return sorted(rows(self.connection, query, {"after": after}), key=str)


def apply(connection: Connection, batches: Sequence[Batch]) -> Mirrored:
    mirrored = Mirrored(connection)
    for batch in batches:
        mirrored.apply(*batch)
    return mirrored


def holds(mirrored: Mirrored) -> None:
    """Compare what is found after each batch with what the rows themselves say."""
    for after in range(mirrored.last + 1):
        written = deltas.written(MEMBERS, after=after)
        written = deltas.some_columns(written, columns=COLUMNS)
        assert mirrored.found(written) == mirrored.meant(WRITTEN, after)
        sent = deltas.versions(MEMBERS, after=after, columns=COLUMNS)
        assert mirrored.found(sent) == mirrored.meant(VERSIONS, after)
        changed = deltas.changed({"members": MEMBERS}, {"members": after})
        has_changed = ["members"] if mirrored.meant(WRITTEN, after) else []
        assert question.ask(mirrored.session, changed) == has_changed


@law
@given(batches)
def test_a_delta_is_all_that_later_batches_wrote(mrr: Connection, batches: list[Batch]):
    mirrored = apply(mrr, batches)
    holds(mirrored)
    assert rows(mrr, "select * from tidemark.history_lost") == []
    for batch_id, live in enumerate(mirrored.live):
        as_of = deltas.as_of(MEMBERS, batch_id, columns=COLUMNS)
        assert mirrored.found(deltas.some_columns(as_of, columns=COLUMNS)) == sorted(live, key=str)


GONE = {
    "retention": "delete from mrr_members_history where _replaced_by <= {batch}",
    "deleted by hand": "delete from mrr_members_history where _batch_id >= {batch}",
    "truncated": "truncate mrr_members_history",
    "made again": """
        create temporary table kept as select * from mrr_members;
        truncate mrr_members, mrr_members_history;
        insert into mrr_members select * from kept;
        update mrr_members set _first_batch_id = least(_first_batch_id, {batch});
        drop table kept
    """,
}
"""How versions go from the history, or from both tables."""


@law
@given(batches, st.sampled_from([*GONE]), st.integers(1, 6), batches)
def test_a_delta_loses_nothing_with_the_history(
    mrr: Connection, before: list[Batch], how: str, batch: int, since: list[Batch]
):
    mirrored = apply(mrr, before)
    execute(mrr, GONE[how].format(batch=batch))
    holds(mirrored)
    for one in since:
        mirrored.apply(*one)
    holds(mirrored)
