"""The service for applications: what is acknowledged is kept, once, and nothing else is."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fix_posted import Post
from tests.fix_service import SALE, SALES, Serve, Serving, Woken, dumped
from tidemark.api.pool import Pool
from tidemark.api.service import Service, Settings

KEPT = {"item": "ball", "price": "12.5", "sold_at": "2026-02-28T14:45:00+00:00"}


def test_an_event_that_is_posted_is_kept(served_area: Serving):
    answer = served_area.post("a")
    assert (answer.status_code, answer.json()) == (
        202,
        {"area": "made", "event_id": "a", "kind": "sale_made", "status": "stored"},
    )
    assert answer.headers["location"] == "/v1/events/a?area=made"
    assert served_area.inbox == [("a", KEPT)]
    assert served_area.worker.areas == ["made"]


def test_who_waits_for_events_elsewhere_is_told_of_one(served_area: Serving):
    with served_area.posting.hearing() as heard:
        served_area.post("a")
        assert heard() == {"made"}


def test_what_is_acknowledged_is_on_disk_whatever_else_the_server_would_do(posting: Post):
    dsn = posting().servers.dsns["mrr"]
    kept = []
    for usual in ("off", "local", "on", "remote_apply"):
        pool = Pool(f"{dsn}?options=-csynchronous_commit%3D{usual}", "mrr", size=1)
        with pool.session() as mrr:
            kept.append(mrr.value("show synchronous_commit"))
        pool.close()
    assert kept == ["on", "on", "on", "remote_apply"]


def test_a_worker_runs_as_long_as_the_service(posting: Post):
    made, worker = posting({"sales": SALES}), Woken()
    with Service([made.area], made.servers.dsns, worker=worker):
        assert worker.is_running
    assert not worker.is_running


def test_an_event_without_an_id_gets_one(served_area: Serving):
    told = served_area.post().json()
    assert [event_id for event_id, _ in served_area.inbox] == [told["event_id"]]
    assert uuid.UUID(told["event_id"]).version == 4


def test_a_repeated_event_is_kept_once_and_another_one_with_its_id_is_refused(
    served_area: Serving,
):
    answers = [served_area.post("a", price=price) for price in ("12.50", 12.5, 13)]
    assert [one.status_code for one in answers] == [202, 202, 409]
    assert answers[1].json()["status"] == "repeated"
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert served_area.inbox == [("a", KEPT)]


def test_of_sixteen_clients_with_one_event_one_stores_it(served_area: Serving):
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(served_area.post, ["a", "b"] * 40))
    told = [(one.status_code, one.json()["status"]) for one in answers]
    assert sorted(told) == [(202, "repeated")] * 78 + [(202, "stored")] * 2
    assert served_area.inbox == [("a", KEPT), ("b", KEPT)]


def test_several_events_have_a_result_each(served_area: Serving):
    events: list[dict[str, Any]] = [
        {"kind": "sale_made", "event_id": "a", "payload": dict(SALE)},
        {"kind": "visit_made", "area": "made", "event_id": "b", "payload": {"page": 7}},
        {"kind": "sale_made", "event_id": "a", "payload": {**SALE, "price": 1}},
        {"kind": "unknown", "event_id": "c", "payload": {}},
        {"kind": "visit_made", "event_id": "d", "payload": {"page": "/"}},
        {"kind": "visit_made", "event_id": "d", "payload": {"page": "/"}},
    ]
    answer = served_area.client.post("/v1/events", json={"events": events})
    told = [(one["event_id"], one["area"], one["status"]) for one in answer.json()["events"]]
    assert answer.status_code == 207
    assert told == [
        ("a", "made", "stored"),
        ("b", "made", "refused"),
        ("a", "made", "conflicting"),
        ("c", None, "refused"),
        ("d", "made", "stored"),
        ("d", "made", "repeated"),
    ]
    assert answer.json()["events"][1]["reasons"] == [
        {"field": "page", "reason": "has to be a text"}
    ]
    assert served_area.inbox == [("a", KEPT), ("d", {"page": "/"})]


def test_several_events_of_which_one_conflicts_are_no_202(served_area: Serving):
    served_area.post("a")
    other = {"kind": "sale_made", "event_id": "a", "payload": {**SALE, "price": 1}}
    events = {"events": [{**other, "event_id": "b"}, other]}
    assert served_area.client.post("/v1/events", json=events).status_code == 207


def test_several_events_that_are_all_kept_are_202(served_area: Serving):
    events = [
        {"kind": "visit_made", "event_id": f"{n:04}", "payload": {"page": "/"}} for n in range(1000)
    ]
    answer = served_area.client.post("/v1/events", json={"events": events})
    assert (answer.status_code, len(served_area.inbox)) == (202, 1000)
    too_many = {"events": [*events, {**events[0], "event_id": "x"}]}
    assert served_area.client.post("/v1/events", json=too_many).status_code == 422
    assert len(served_area.inbox) == 1000


REFUSED: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"item": 7}, [("item", "has to be a text")]),
    ({"item": "a\0b"}, [("item", "has a NUL or half a character in it, which no text can keep")]),
    ({"price": -1}, [("price", "has to be at least 0")]),
    ({"sold_at": 0}, [("sold_at", "has to be a time with a zone, such as 2026-02-28T14:45:00Z")]),
    ({"colour": "x"}, [("colour", "is no field of this kind of events")]),
    ({"4111 1111 1111 1111": "x"}, [("…", "is no field of this kind of events")]),
]


def test_what_is_no_event_is_told_without_its_values(served_area: Serving):
    answers = [served_area.post("a", **fields) for fields, _ in REFUSED]
    assert {one.status_code for one in answers} == {422}
    assert [
        [(one["field"], one["reason"]) for one in answer.json()["errors"]] for answer in answers
    ] == [errors for _, errors in REFUSED]
    assert served_area.inbox == []


BODIES: list[tuple[bytes, int]] = [
    (b"", 400),
    (dumped(SALE)[:-5], 400),
    (b'{"item": "a", "item": "b"}', 400),
    ('{"item": "a"}'.encode("utf-16"), 400),
    (b'\xef\xbb\xbf{"item": "a"}', 400),
    (b'{"item": "\xff"}', 400),
    (b"[" * 100_000, 400),
    (b'{"more": ' * 10_000 + b"1" + b"}" * 10_000, 400),
    (b'{"more": ' + b"9" * 10_000 + b"}", 400),
    (dumped({**SALE, "price": 1}).replace(b" 1", b" 1e99999999"), 422),
    (dumped({**SALE, "more": 1}).replace(b" 1}", b" 1e99999999}"), 422),
    (dumped({**SALE, "more": {"a": ["\ud800"]}}), 422),
    (dumped({**SALE, "\ud800": 1}), 422),
    (b"[]", 422),
    (b"null", 422),
    (b'"text"', 422),
]


@pytest.mark.parametrize("path", ["/v1/made/sales", "/v1/events"])
def test_a_body_that_is_no_event_is_refused(served_area: Serving, path: str):
    answers = [served_area.send(body, path=path) for body, _ in BODIES]
    assert {one.headers["content-type"] for one in answers} == {"application/problem+json"}
    assert [one.status_code for one in answers] == [status for _, status in BODIES]
    assert served_area.inbox == []


def test_a_body_of_another_type_is_refused(served_area: Serving):
    types = {
        "application/json": 202,
        "Application/JSON; charset=UTF-8": 202,
        "application/json; charset=latin-1": 415,
        "application/x-www-form-urlencoded": 415,
        "text/json": 415,
        "": 415,
    }
    body = dumped(SALE)
    found = {one: served_area.send(body, **{"Content-Type": one}).status_code for one in types}
    assert found == types
    assert served_area.send(body, **{"Content-Encoding": "gzip"}).status_code == 415


def test_a_body_that_is_too_large_is_refused_whether_its_length_is_said_or_not(serve: Serve):
    made = serve(Settings(largest=200))
    long = dumped({**SALE, "item": "x" * 200})
    assert made.send(long).status_code == 413

    def chunks() -> Iterator[bytes]:
        yield from (long[place : place + 50] for place in range(0, len(long), 50))

    named = {"Content-Type": "application/json"}
    answer = made.client.post("/v1/made/sales", content=chunks(), headers=named)
    assert (answer.status_code, made.inbox) == (413, [])


def test_a_body_whose_length_is_too_large_is_not_waited_for(serve: Serve):
    made = serve(Settings(largest=200))
    at = urlsplit(made.url)
    lines = [
        "POST /v1/made/sales HTTP/1.1",
        f"Host: {at.hostname}",
        f"Authorization: {made.client.headers['authorization']}",
        "Content-Type: application/json",
        "Content-Length: 201",
    ]
    with socket.create_connection((str(at.hostname), at.port or 0), timeout=10) as sent:
        sent.sendall("\r\n".join([*lines, "", ""]).encode())
        assert sent.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize(
    "name", ["Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key"]
)
def test_a_header_that_is_there_twice_is_refused(served_area: Serving, name: str):
    usual = {
        "Authorization": served_area.client.headers["authorization"],
        "Content-Encoding": "identity",
        "Content-Type": "application/json",
        "Idempotency-Key": "a",
    }
    told = [*usual.items(), (name, usual[name])]
    url = f"{served_area.url}/v1/made/sales"
    answer = httpx.post(url, content=dumped(SALE), headers=told)
    assert (answer.status_code, served_area.inbox) == (400, [])
    assert answer.json()["detail"] == f"The header {name} is there twice."
    assert httpx.post(url, content=dumped(SALE), headers=[*usual.items()]).status_code == 202


def test_spaces_around_an_id_are_none_of_it(served_area: Serving):
    at, body = urlsplit(served_area.url), dumped(SALE)
    lines = [
        "POST /v1/made/sales HTTP/1.1",
        f"Host: {at.netloc}",
        f"Authorization: {served_area.client.headers['authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Idempotency-Key:  a \t",
    ]
    with socket.create_connection((str(at.hostname), at.port or 0)) as opened:
        opened.sendall("\r\n".join((*lines, "", "")).encode() + body)
        assert opened.recv(1000).startswith(b"HTTP/1.1 202 ")
    assert [event_id for event_id, _ in served_area.inbox] == ["a"]


def test_ids_that_fit_into_no_header_are_refused(served_area: Serving):
    assert [served_area.post(one).status_code for one in ("a b", "", "x" * 201)] == [422] * 3
    assert served_area.post("x" * 200).status_code == 202
