"""Who may call the service, how often, and what it says while PostgreSQL is away."""

from __future__ import annotations

import time

from tests.commands import succeed, tidemark
from tests.fix_service import SALE, Serve, Serving
from tidemark.api.service import Settings


def test_without_a_key_that_is_in_force_nothing_is_taken(served_area: Serving):
    revoked = served_area.key("*", name="old")
    succeed("keys", "revoke", "old", env=served_area.posting.environment)
    wrong = ["", "Bearer", "Bearer tm_short", f"Bearer tm_{'A' * 43}", "Basic YTpi"]
    for named in [{"Authorization": one} for one in wrong] + [revoked]:
        for method, path in [
            ("POST", "/v1/made/sales"),
            ("POST", "/v1/events"),
            ("GET", "/v1/events/a"),
            ("GET", "/v1/made/ball"),
        ]:
            sent = served_area.client.build_request(method, path, json=dict(SALE), headers=named)
            answer = served_area.client.send(sent)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert served_area.inbox == []


def test_a_key_that_is_revoked_is_refused_at_once(served_area: Serving):
    named = served_area.key("made.sale_made")
    sale = dict(SALE)
    post = served_area.client.post
    assert post("/v1/made/sales", json=sale, headers=named).status_code == 202
    succeed("keys", "revoke", "some", env=served_area.posting.environment)
    assert post("/v1/made/sales", json=sale, headers=named).status_code == 401


def test_a_key_does_what_its_scopes_say_and_no_more(served_area: Serving):
    client, sale = served_area.client, dict(SALE)
    visit = {"events": [{"kind": "visit_made", "event_id": "v", "payload": {"page": "/"}}]}
    expected = {
        "made.sale_made": (202, 207, 403, 404),
        "made.visit_made": (403, 202, 403, 200),
        "made.*": (202, 202, 403, 200),
        "*": (202, 202, 403, 200),
        "read:made": (403, 207, 200, 200),
        "read:*": (403, 207, 200, 200),
    }
    served_area.client.post("/v1/events", json=visit)
    for number, scope in enumerate(expected):
        named = served_area.key(scope, name=f"key{number}")
        answers = (
            client.post("/v1/made/sales", json=sale, headers=named),
            client.post("/v1/events", json=visit, headers=named),
            client.get("/v1/made/ball", headers=named),
            client.get("/v1/events/v", headers=named),
        )
        assert tuple(one.status_code for one in answers) == expected[scope], scope


def test_a_key_that_asks_too_often_is_told_when_to_ask_again(serve: Serve):
    made = serve(Settings(rate=2))
    answers = [made.post(f"{number}") for number in range(4)]
    assert [one.status_code for one in answers] == [202, 202, 429, 429]
    other = made.key("*")
    assert made.client.post("/v1/made/sales", json=dict(SALE), headers=other).status_code == 202
    time.sleep(float(answers[3].headers["retry-after"]))
    assert made.post("later").status_code == 202


def test_keys_are_made_and_listed_and_no_key_is_kept(served_area: Serving):
    env = served_area.posting.environment
    made = succeed("keys", "create", "shop", "--scope", "made.*", "--scope", "read:made", env=env)
    named = {"Authorization": f"Bearer {made.out.strip()}"}
    assert served_area.client.get("/v1/made/ball", headers=named).status_code == 200
    listed = succeed("keys", "list", "--json", env=env).json
    assert [(one["name"], one["scopes"], one["revoked_at"]) for one in listed] == [
        ("all", ["*", "read:*"], None),
        ("shop", ["made.*", "read:made"], None),
    ]
    (kept,) = served_area.posting.rows("mrr", "select t::text from tidemark.api_key as t offset 1")
    assert made.out.strip()[3:] not in kept[0]
    assert "revoked at" in succeed("keys", "list", env=env).out


def test_a_key_that_can_not_be_made_is_told_why(served_area: Serving):
    env = served_area.posting.environment
    told = [
        tidemark("keys", *words.split(), env=env).err.partition(". ")[0]
        for words in (
            "create shop",
            "create all --scope *",
            "create a/b --scope *",
            "create shop --scope made.sale",
            "revoke shop",
        )
    ]
    assert told == [
        "error: keys: a key is for something",
        "error: keys: 'all' is or was the name of a key",
        "error: keys: 'a/b' is no name of a key",
        "error: scope 'made.sale': there is none of this name",
        "error: key 'shop': there is none of this name",
    ]
