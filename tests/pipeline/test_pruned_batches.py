"""An area that runs a batch a second keeps the batches of a month, and nothing needs the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fix_posted import Post, Posting
from tidemark.batch import retention
from tidemark.declare.project import Project
from tidemark.declare.settings import OF_AN_INBOX, Retention
from tidemark.install import migrate, reset
from tidemark.layers import ledger
from tidemark.model import LAYERS, Layer
from tidemark.trust import rebuild

OLD = timedelta(days=31)


def applied(made: Posting, layer: Layer) -> list[int]:
    query = "select batch_id from tidemark.applied_batch order by batch_id"
    return [batch for (batch,) in made.rows(layer, query)]


def batches(made: Posting) -> list[int]:
    return [one for (one,) in made.rows("dwh", "select batch_id from etl_batches order by 1")]


def age(made: Posting, until: int) -> None:
    made.warehouse.execute(
        "dwh", "update etl_batches set started_at = now() - %s where batch_id <= %s", [OLD, until]
    )


@pytest.fixture
def busy(posting: Post) -> Posting:
    """Make an area with five batches, of which the first three are old."""
    made = posting()
    for number in range(5):
        made.post("things", id=number % 2, v=f"v{number}")
        made.run()
    age(made, 3)
    return made


def test_batches_of_an_inbox_are_kept_for_a_month(busy: Posting):
    assert busy.area.retention == OF_AN_INBOX
    busy.run()
    assert batches(busy) == [4, 5, 6]
    assert [applied(busy, layer) for layer in LAYERS] == [[4, 5, 6]] * 3


def test_what_is_said_of_retention_holds_in_its_place(posting: Post):
    made = posting(settings={"retention": {"rejects": "1d"}})
    assert made.area.retention == Retention(rejects=timedelta(days=1))


def test_a_rebuild_needs_no_batch_that_is_gone(busy: Posting):
    busy.run()
    assert not any(
        one.added or one.changed or one.removed for one in rebuild.run(busy.servers, busy.area)
    )
    assert busy.verified().is_equal


def test_a_receiver_that_begins_anew_gets_all_versions(busy: Posting):
    history = "select _batch_id, v from stg_things_history order by 1"
    busy.run()
    before = busy.rows("stg", history)
    project = Project(busy.home)
    reset.run(busy.servers, project, busy.area, ["dwh", "stg"])
    migrate.migrate(project, busy.servers)
    busy.run()
    assert busy.rows("stg", history) == before == [(1, "v0"), (2, "v1"), (3, "v2")]
    assert busy.verified().is_equal


def lost(made: Posting) -> list[ledger.Lost | None]:
    sessions = made.servers.session
    with sessions("mrr", "a") as mrr, sessions("stg", "b") as stg, sessions("dwh", "c") as dwh:
        return [ledger.lost(mrr, stg, made.area), ledger.lost(stg, dwh, made.area)]


def test_a_receiver_that_still_lists_them_was_not_ahead(busy: Posting):
    """So it is with a DWH that is restored from a backup of before."""
    busy.run()
    statement = """
        insert into tidemark.applied_batch (area, batch_id, marks, is_repair, refreshed)
        values ('made', 2, '{}', false, '{}')
    """
    busy.warehouse.execute("dwh", statement, [])
    assert lost(busy) == [None, None]


def test_a_sender_that_lost_later_batches_is_found_out(busy: Posting):
    busy.run()
    busy.warehouse.execute("stg", "delete from tidemark.applied_batch where batch_id > 4", [])
    (first, second) = lost(busy)
    assert first is None
    assert second is not None
    assert second.batches == (5, 6)


def test_no_batch_goes_that_a_layer_has_not_applied(busy: Posting):
    busy.warehouse.execute("stg", "delete from tidemark.applied_batch where batch_id > 1", [])
    age(busy, 5)
    retention.apply(busy.servers, busy.area, 5)
    assert batches(busy) == [1, 2, 3, 4, 5]


def test_old_versions_go_though_their_batches_are_gone(busy: Posting):
    busy.run()
    for layer in ("mrr", "stg"):
        busy.warehouse.execute(layer, "update tidemark.batch_clock set clock = now() - %s", [OLD])
    area = busy.area.model_copy(update={"retention": Retention(history=timedelta(days=30))})
    busy.post("things", id=0, v="last")
    busy.area = area
    busy.run()
    kept = "select v from mrr_things_history order by _batch_id"
    assert ("v0",) not in busy.rows("mrr", kept)
