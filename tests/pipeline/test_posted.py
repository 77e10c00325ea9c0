"""Events that applications post: from the inbox in MRR through the hops, each exactly once."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import pytest

from tests.fix_posted import Post, Posting
from tests.queries import execute
from tidemark.batch import extract, pipeline
from tidemark.declare.project import Project
from tidemark.install import migrate, reset
from tidemark.layers import inbox
from tidemark.layers.inbox import Posted
from tidemark.model import LAYERS, Overrides
from tidemark.trust import rebuild

SOLD = {
    "source": {
        "event": "sale_made",
        "fields": {
            "item": "text",
            "price": "numeric(10, 2)",
            "note": {"type": "text", "required": False},
        },
    }
}


@pytest.fixture
def sales(posting: Post) -> Posting:
    return posting({"sales": SOLD})


def mirrored(made: Posting, columns: str = "event_id, item, price::text, note") -> list[Any]:
    query = f"select {columns} from mrr_sales where _deleted_at is null order by event_id"
    return made.rows("mrr", query)


def test_an_event_is_a_row_under_its_own_id(sales: Posting):
    sales.post("sale_made", "a", item="ball", price="10.00")
    sales.post("sale_made", "b", item="bat", price=12.5, note="gift")
    sales.run()
    assert mirrored(sales) == [("a", "ball", "10.00", None), ("b", "bat", "12.50", "gift")]
    assert sales.rows("stg", "select event_id, item from stg_sales order by 1") == [
        ("a", "ball"),
        ("b", "bat"),
    ]


def test_the_same_event_again_is_no_event(sales: Posting):
    told = [sales.post("sale_made", "a", item="ball", price=price) for price in (1, 1, 2)]
    assert told == ["stored", "repeated", "conflicting"]
    sales.run()
    assert mirrored(sales) == [("a", "ball", "1.00", None)]


def test_of_two_with_one_id_that_are_posted_together_the_first_is_kept(sales: Posting):
    prices = {"a": (1, 1, 2), "b": (1,)}
    events = [
        Posted(event_id, "sale_made", f'{{"item": "x", "price": {price}}}')
        for event_id, several in prices.items()
        for price in several
    ]
    with sales.servers.session("mrr", "post") as mrr:
        told = inbox.post(mrr, "made", events)
    assert told == ["stored", "repeated", "conflicting", "stored"]


def test_the_id_of_an_event_of_another_kind_conflicts(posting: Post):
    made = posting({"sales": SOLD, "returns": {"source": SOLD["source"] | {"event": "returned"}}})
    kinds = ("sale_made", "returned", "sale_made")
    told = [made.post(kind, "a", item="ball", price=1) for kind in kinds]
    assert told == ["stored", "conflicting", "repeated"]


def test_an_event_that_commits_late_is_taken_late(sales: Posting):
    with sales.warehouse.connect("mrr") as late, late.cursor() as cursor:
        cursor.execute(
            "insert into tidemark.inbox (area, event_id, kind, payload) values "
            "('made', 'late', 'sale_made', '{\"item\": \"old\", \"price\": 1}')"
        )
        sales.post("sale_made", "soon", item="new", price=2)
        sales.run()
        assert [row[0] for row in mirrored(sales)] == ["soon"]
        late.commit()
    sales.run()
    assert [row[0] for row in mirrored(sales)] == ["late", "soon"]


def test_of_many_that_post_one_event_at_once_one_stores_it(sales: Posting):
    told: list[str] = []

    def post() -> None:
        told.append(sales.post("sale_made", "a", item="ball", price=1))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sorted(told) == ["repeated"] * 7 + ["stored"]


def test_what_can_be_no_row_is_refused_and_keeps_up_no_other(sales: Posting):
    sales.post("sale_made", "a", item="ball", price="much")
    sales.post("sale_made", "b", item="bat", price=1)
    sales.post("sale_made", "c", price=None)
    sales.run()
    assert [row[0] for row in mirrored(sales)] == ["b"]
    refused = "select row_key, reasons from tidemark.refused where ended_by is null order by line"
    assert sorted(sales.rows("mrr", refused), key=repr) == [
        ({"event_id": "a"}, ["price: not a valid numeric(10,2)"]),
        ({"event_id": "c"}, ["item: missing", "price: missing"]),
    ]
    assert sales.rows("stg", "select count(*) from stg_rejects where resolved_at is null") == [(2,)]
    assert sales.verified().is_equal
    assert sales.rows("mrr", "select count(*) from tidemark.inbox where batch_id is null") == [(0,)]


def test_versions_of_a_key_follow_their_arrival(posting: Post):
    made = posting()
    for value in ("one", "two", "three"):
        made.post("things", id=1, v=value)
    made.run()
    made.post("things", id=1, v="four")
    made.run()
    every = "select v from {} order by _batch_id, _seq"
    assert made.rows("mrr", every.format("mrr_things_history")) == [("one",), ("two",), ("three",)]
    assert made.rows("mrr", every.format("mrr_things")) == [("four",)]
    assert made.verified().is_equal


def test_a_batch_that_fails_takes_no_event(sales: Posting, monkeypatch: pytest.MonkeyPatch):
    sales.post("sale_made", "a", item="ball", price=1)
    with monkeypatch.context() as patch:
        patch.setattr(extract, "_record", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sales.run()
    assert sales.rows("mrr", "select batch_id from tidemark.inbox") == [(None,)]
    sales.run()
    assert [row[0] for row in mirrored(sales)] == ["a"]


def test_a_reset_and_a_refresh_take_all_events_again(sales: Posting):
    for event_id in "ab":
        sales.post("sale_made", event_id, item="ball", price=1)
        sales.run()
    pipeline.run(sales.servers, sales.area, overrides=Overrides(refresh=frozenset({"sales"})))
    assert [row[0] for row in mirrored(sales)] == ["a", "b"]
    reset.run(sales.servers, Project(sales.home), sales.area, LAYERS)
    migrate.migrate(Project(sales.home), sales.servers)
    assert mirrored(sales) == []
    sales.run()
    assert [row[0] for row in mirrored(sales)] == ["a", "b"]
    assert sales.verified().is_equal


def test_a_refresh_keeps_each_version_once_and_leaves_what_is_new_to_the_next_batch(posting: Post):
    made = posting()
    for value in ("one", "two", "three"):
        made.post("things", id=1, v=value)
        made.run()
    for value in ("four", "five"):
        made.post("things", id=1, v=value)
    refresh = Overrides(refresh=frozenset({"things"}))
    pipeline.run(made.servers, made.area, overrides=refresh)
    assert made.rows("mrr", "select v from mrr_things") == [("three",)]
    made.run()
    pipeline.run(made.servers, made.area, overrides=refresh)
    every = "select v from {} order by _batch_id, _seq"
    before = [("one",), ("two",), ("three",), ("four",)]
    assert made.rows("mrr", every.format("mrr_things_history")) == before
    assert made.rows("mrr", every.format("mrr_things")) == [("five",)]
    assert made.verified().is_equal


def test_an_event_that_commits_late_is_the_last_one_of_its_key(posting: Post):
    made = posting()
    with closing(made.warehouse.connect("mrr")) as late:
        insert = "insert into tidemark.inbox (area, event_id, kind, payload) "
        values = "values ('made', 'late', 'things', '{\"id\": 1, \"v\": \"late\"}')"
        execute(late, f"begin; {insert}{values}")
        made.post("things", id=1, v="soon")
        made.run()
        execute(late, "commit")
    made.run()
    assert made.verified().is_equal
    made.warehouse.execute("mrr", "update mrr_things set v = 'wrong'")
    repair = made.verified().repair()
    pipeline.run(made.servers, made.area, overrides=Overrides(repair=repair))
    assert made.rows("stg", "select v from stg_things") == [("late",)]
    assert made.verified().is_equal


def test_verify_finds_what_the_mirror_has_otherwise(sales: Posting):
    for event_id in "abc":
        sales.post("sale_made", event_id, item="ball", price=1)
    sales.run()
    sales.warehouse.execute("mrr", "update mrr_sales set item = 'bat' where event_id = 'a'", [])
    sales.warehouse.execute("mrr", "delete from mrr_sales where event_id = 'b'", [])
    found = sales.verified()
    wrong = {one.key for one in found.checks[0].compared.differences}
    assert wrong == {("a",), ("b",)}


def test_a_rebuild_changes_nothing(sales: Posting):
    for event_id in "abc":
        sales.post("sale_made", event_id, item="ball", price=1)
    sales.run()
    rebuilt = rebuild.run(sales.servers, sales.area, dry_run=True)
    assert not any(one.added or one.changed or one.removed for one in rebuilt)


def test_a_field_that_is_declared_later_is_a_column(sales: Posting):
    sales.post("sale_made", "a", item="ball", price=1)
    sales.run()
    sales.post("sale_made", "b", item="bat", price=1, colour="red")
    path = sales.home / "sql" / "made" / "area.yml"
    path.write_text(
        path.read_text().replace(
            "fields:", "fields:\n        colour: {type: text, required: false}"
        )
    )
    pipeline.run(sales.servers, Project(sales.home).area("made"))
    assert mirrored(sales, "event_id, colour") == [("a", None), ("b", "red")]


def test_an_event_stays_refused_whatever_else_comes(sales: Posting):
    sales.post("sale_made", "a", item="ball", price="much")
    sales.run()
    sales.post("sale_made", "b", item="bat", price=1)
    sales.run()
    still = "select row_key from tidemark.refused where ended_by is null"
    assert sales.rows("mrr", still) == [({"event_id": "a"},)]
    assert sales.rows("stg", "select count(*) from stg_rejects where resolved_at is null") == [(1,)]
    assert sales.verified().is_equal
