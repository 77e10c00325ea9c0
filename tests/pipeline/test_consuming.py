"""A queue of events: what it brings is in the inbox once, or refused once, and then deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.fix_queues import Fed, ids, sale
from tidemark.batch.consuming import Consumed, Manner
from tidemark.layers import inbox, rejects
from tidemark.postgres.db import Session


def test_each_event_is_in_the_inbox_once_however_often_it_came(fed: Fed):
    fed.send(*(sale(event_id) for event_id in ids(1, 25)), *(sale(one) for one in ids(1, 5)))
    assert fed.consume() == Consumed(fed.name, 30, 30, 25, 5, 0)
    assert fed.inbox() == ids(1, 25)
    assert fed.left() == (0, 0)
    assert fed.consume() == Consumed(fed.name, 0, 0, 0, 0, 0)


def test_an_event_without_an_id_has_that_of_its_message(fed: Fed):
    one, several = fed.send(sale(), [sale(), sale("own")])
    assert fed.consume().stored == 3
    assert set(fed.inbox()) == {one, f"{several}/1", "own"}


def test_an_event_goes_through_the_hops(fed: Fed):
    fed.send(sale("a", price=1))
    with fed.made.hearing() as heard:
        fed.consume()
        assert heard() == {"made"}
    fed.made.run()
    assert fed.made.rows("stg", "select event_id, price::text from stg_sales") == [("a", "1.00")]


POISON: dict[str, tuple[Any, str, str]] = {
    "no JSON": ("{", "(unknown)", "the message is no JSON"),
    "NaN": ('{"a": NaN}', "(unknown)", "the message is no JSON"),
    "deep": ("[" * 5000, "(unknown)", "the message is nested too deeply"),
    "no object": ("5", "(unknown)", "an event has to be an object"),
    "empty": ([], "(unknown)", "the list has no events"),
    "kind": ({"kind": "odd", "payload": {}}, "(unknown)", "kind: is none that the area knows"),
    "no kind": ({"payload": {}}, "(unknown)", "kind: is required"),
    "area": ({**sale(), "area": "other"}, "(unknown)", "area: is none that takes events"),
    "event": ({**sale(), "time": 1}, "sales", "time: is no field of an event"),
    "id": (sale("x" * 201), "sales", "event_id: has to be a text of 1 to 200 characters"),
    "field": (sale(price="much"), "sales", "price: has to be a number"),
    "another": (sale(colour="red"), "sales", "colour: is no field of this kind"),
    "least": (sale(price=-1), "sales", "price: has to be at least 0"),
    "NUL": (sale(item="a\0b"), "sales", "item: has a NUL or half a character in it, which no "),
    "payload": ({"kind": "sale_made"}, "sales", "payload: has to be an object"),
}


def test_poison_is_refused_with_its_reason_and_deleted(fed: Fed):
    sent = fed.send(*(body for body, *_ in POISON.values()))
    fed.send(sale("good"))
    assert fed.consume() == Consumed(fed.name, 16, 16, 1, 0, 15)
    assert fed.left() == (0, 0)
    found = {event_id.partition("/")[0]: (entity, why) for entity, event_id, why in fed.refused()}
    assert found.keys() == {*sent}
    for message, (_, entity, why) in zip(sent, POISON.values(), strict=True):
        assert found[message][0] == entity
        assert [one.startswith(why) for one in found[message][1]] == [True], found[message]


def test_another_body_under_a_known_id_is_refused(fed: Fed):
    fed.send(sale("a", price=1), sale("a", price=2))
    assert fed.consume() == Consumed(fed.name, 2, 2, 1, 0, 1)
    reason = "event_id: the inbox has another event with this id"
    assert fed.refused() == [("sales", "a", [reason])]
    fed.made.run()
    assert len(fed.refused()) == 1, "the event that was there before is no correction"


def test_poison_that_comes_again_is_refused_once(fed: Fed):
    for _ in range(2):
        fed.send(sale("a", price="much"))
        fed.consume()
        fed.made.run()
    assert fed.refused() == [("sales", "a", ["price: has to be a number"])]


def test_poison_is_a_reject_like_any_other_once_a_batch_has_run(fed: Fed):
    fed.send(sale("a", price="much"), sale("b", price="more"))
    fed.consume()
    fed.made.run()
    with fed.made.servers.session("stg", "test") as stg:
        found = rejects.listing(stg, fed.made.area, entity=None, resolved=False, limit=9)
    assert {(one.place, one.item, one.reasons[0]) for one in found} == {
        (f"{fed.name}, event_id {one}", fed.name, "price: has to be a number") for one in "ab"
    }
    assert fed.made.verified().is_equal


def test_poison_is_of_the_batch_that_carried_it_on(fed: Fed):
    fed.send(sale("a", price="much"))
    fed.consume()
    first = fed.made.run()
    fed.send(sale("b"))
    fed.consume()
    fed.made.run()
    kept = fed.made.rows("mrr", "select batch_id from tidemark.refused")
    assert kept == [(first.batch_id,)]


def test_poison_that_is_sent_right_is_a_reject_no_more(fed: Fed):
    fed.send(sale("a", price="much"))
    fed.consume()
    fed.made.run()
    fed.send(sale("a", price=1))
    fed.consume()
    fed.made.run()
    assert fed.refused() == []
    open_ones = "select count(*) from stg_rejects where resolved_at is null"
    assert fed.made.rows("stg", open_ones) == [(0,)]
    assert fed.made.verified().is_equal


def test_what_postgresql_does_not_keep_is_refused_alone(fed: Fed, monkeypatch: pytest.MonkeyPatch):
    post = inbox.post

    def broken(mrr: Session, area: str, events: Sequence[inbox.Posted]) -> list[inbox.Outcome]:
        bad = [inbox.Posted(e.event_id, e.kind, '"no object"') for e in events if e.event_id == "b"]
        return post(mrr, area, [e for e in events if e.event_id != "b"] + bad)

    monkeypatch.setattr(inbox, "post", broken)
    fed.send(*(sale(one) for one in "abc"))
    assert fed.consume() == Consumed(fed.name, 3, 3, 2, 0, 1)
    assert fed.refused() == [("sales", "b", ["payload: PostgreSQL can't keep it"])]
    assert fed.inbox() == ["a", "c"]


def test_receives_are_joined_into_a_commit(fed: Fed, monkeypatch: pytest.MonkeyPatch):
    post, sizes = inbox.post, []

    def counted(mrr: Session, area: str, events: Sequence[inbox.Posted]) -> list[inbox.Outcome]:
        sizes.append(len(events))
        return post(mrr, area, events)

    monkeypatch.setattr(inbox, "post", counted)
    fed.send(*(sale(event_id) for event_id in ids(1, 60)))
    fed.manner = Manner(wait=0, until="empty", batch_size=25)
    fed.consume()
    assert sizes == [25, 25, 10]
