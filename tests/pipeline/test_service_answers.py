"""What the service tells: of events, of the star, and of itself."""

from __future__ import annotations

import math

from tests.fix_retail import wait_until
from tests.fix_service import SALE, Serve, Serving
from tidemark.api.service import Settings


def test_an_event_is_followed_from_the_call_to_the_star(served_area: Serving):
    served_area.post("a")
    told = served_area.client.get("/v1/events/a").json()
    assert (told["status"], told["batch_id"], told["visible_at"]) == ("received", None, None)
    batch = served_area.posting.run()
    told = served_area.client.get("/v1/events/a?area=made").json()
    assert (told["status"], told["batch_id"]) == ("loaded", batch.batch_id)
    assert told["received_at"] < told["visible_at"]
    assert (told["area"], told["kind"], told["reasons"]) == ("made", "sale_made", [])


def test_an_event_that_a_batch_has_under_way_is_taken(served_area: Serving):
    served_area.post("a")
    served_area.posting.run()
    served_area.posting.warehouse.execute("dwh", "delete from tidemark.applied_batch", [])
    assert served_area.client.get("/v1/events/a").json()["status"] == "taken"


def test_an_event_that_the_warehouse_refuses_says_why(served_area: Serving):
    made = served_area.posting
    made.post("sale_made", "mrr", item="x", price="much", sold_at="2026-01-01T00:00:00Z")
    made.post("sale_made", "stg", item="x", price=1, sold_at="2026-01-01T00:00:00Z")
    made.run()
    made.warehouse.execute(
        "stg",
        "insert into stg_rejects (area, entity, key, row_data, reasons, batch_id, first_seen_at, "
        """last_seen_at) values ('made', 'sales', '{"item": "x"}', '{"event_id": "stg"}', """
        "'{item: is sold out}', 1, now(), now())",
        [],
    )
    told = {one: served_area.client.get(f"/v1/events/{one}").json() for one in ("mrr", "stg")}
    assert {name: (one["status"], one["reasons"]) for name, one in told.items()} == {
        "mrr": ("refused", ["price: not a valid numeric(10,2)"]),
        "stg": ("refused", ["item: is sold out"]),
    }


def test_there_is_no_event_that_nobody_has_posted(served_area: Serving):
    paths = ["a", "%00", "a/b", "%FF", "x" * 201, "a?area=none"]
    answers = [served_area.client.get(f"/v1/events/{path}") for path in paths]
    assert [one.status_code for one in answers] == [404] * 6
    assert served_area.client.get("/v1/events/a?area=made&area=made").status_code == 422


def test_a_question_is_answered_by_the_function_of_the_star(served_area: Serving):
    get = served_area.client.get
    answer = get("/v1/made/ball")
    assert answer.text == '{"n": 1.10, "at": null, "who": "tidemark_analyst", "item": "ball"}'
    assert answer.headers["content-type"] == "application/json"
    told = get("/v1/made/a/b c.jpg", params={"at": "2026-01-01T00:00:00+01:00"}).json()
    assert (told["item"], told["at"]) == ("a/b c.jpg", "2025-12-31T23:00:00+00:00")
    assert get("/v1/made/none").status_code == 404


def test_a_question_that_is_none_is_told_so(served_area: Serving):
    wrong = ["?at=0", "?when=2026-01-01T00:00:00Z", "?item=bat", "?at=", "%00"]
    answers = [served_area.client.get(f"/v1/made/ball{one}") for one in wrong]
    assert [one.status_code for one in answers] == [422] * 5


def test_an_answer_only_reads_and_ends_in_time(serve: Serve):
    made = serve(Settings(patience="200ms"))
    right = "grant usage on sequence public.etl_batch_id_seq to tidemark_analyst"
    made.posting.warehouse.execute("dwh", right, [])
    assert [made.client.get(f"/v1/made/{one}").status_code for one in ("slow", "writes")] == [
        503
    ] * 2
    assert made.client.get("/v1/made/ball").status_code == 200


def test_what_there_is_not_is_told_as_a_problem(served_area: Serving):
    client = served_area.client
    nowhere, wrong = client.get("/v2"), client.delete("/v1/made/sales")
    assert (nowhere.status_code, wrong.status_code, wrong.headers["allow"]) == (404, 405, "POST")
    for answer in (nowhere, wrong):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


def test_health_and_readiness_are_told_apart(served_area: Serving):
    get = served_area.client.get
    assert (get("/health").json(), get("/ready").json()) == (
        {"status": "alive"},
        {"status": "ready"},
    )
    served_area.posting.warehouse.execute("mrr", "alter table tidemark.inbox rename to gone", [])
    assert (get("/health").status_code, get("/ready").status_code) == (200, 503)


def test_every_outcome_is_counted(served_area: Serving):
    named = {"Authorization": "Bearer none"}
    for fields in ({}, {}, {"price": 1}, {"price": "none"}):
        served_area.post("a", **fields)
    served_area.client.post("/v1/made/sales", json=dict(SALE), headers=named)
    outcomes = {
        one: served_area.metric(
            f'tidemark_api_events_total{{area="made",kind="sale_made",outcome="{one}"}}'
        )
        for one in ("stored", "repeated", "conflicting", "refused", "unauthorized", "limited")
    }
    assert outcomes == {
        "stored": 1,
        "repeated": 1,
        "conflicting": 1,
        "refused": 1,
        "unauthorized": 1,
        "limited": 0,
    }
    posted = 'tidemark_api_requests_total{method="POST",route="/v1/made/sales",status="202"}'
    assert served_area.metric(posted) == 2
    assert "12.5" not in served_area.client.get("/metrics").text


def test_the_delay_until_an_event_is_visible_is_measured(served_area: Serving):
    waiting = 'tidemark_api_oldest_waiting_seconds{area="made"}'
    served_area.post("a")
    assert served_area.metric(waiting) > 0
    served_area.posting.run()
    assert served_area.metric(waiting) == 0
    count = 'tidemark_api_visible_seconds_count{area="made"}'
    wait_until(lambda: served_area.metric(count) == 1)
    assert 0 < served_area.metric('tidemark_api_visible_seconds_sum{area="made"}') < 60


def test_metrics_are_told_while_mrr_is_away(serve: Serve):
    made = serve(dsns={"mrr": "postgresql://nobody@127.0.0.1:1/none"})
    assert math.isnan(made.metric('tidemark_api_oldest_waiting_seconds{area="made"}'))
