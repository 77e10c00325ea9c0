"""The asset bank through the service: what is posted is told, as it is now and as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.fix_assets import KEY, Bank, at
from tests.fix_service import headers, served
from tidemark.api.service import Service

POSTED: dict[str, dict[str, Any]] = {
    "uploads": {"asset_name": "Sample", "asset_type_name": "generic"},
    "purchases": {"user_nk": "a", "credits_spent": 100},
    "transfers": {"user_nk": "b"},
}
TIMES = {"uploads": "upload_timestamp"}


@pytest.fixture
def client(bank: Bank) -> Iterator[httpx.Client]:
    """A client of a service for the area."""
    named = headers(bank, "clients", "assets.*", "read:assets")
    with (
        served(Service([bank.area], bank.servers.dsns)) as url,
        httpx.Client(base_url=url, headers=named, timeout=60) as opened,
    ):
        yield opened


Post = Callable[..., None]


@pytest.fixture
def post(client: httpx.Client) -> Post:
    """Post an event of an asset to one of the paths, at a time."""

    def one(path: str, time: str, **said: Any) -> None:
        body = {"s3_key": KEY, **POSTED[path], **said}
        body[TIMES.get(path, "transaction_timestamp")] = at(time)
        assert client.post(f"/v1/assets/{path}", json=body).status_code == 202

    return one


def owner(client: httpx.Client, time: str | None = None, key: str = KEY) -> Any:
    """Ask for the owner of an asset; returns the status where there is no answer."""
    answer = client.get(f"/v1/assets/{key}", params={"at": at(time)} if time else {})
    return answer.json()["owner"] if answer.status_code == 200 else answer.status_code


def history(client: httpx.Client, key: str = KEY) -> list[tuple[str | None, str, str | None]]:
    """Ask who has owned an asset, from when until when."""
    spans = client.get(f"/v1/assets/{key}").json()["history"]
    found = [(one["owner"], one["valid_from"], one["valid_to"]) for one in spans]
    return [(who, _hour(since), until and _hour(until)) for who, since, until in found]


def _hour(time: str) -> str:
    assert time.startswith("2023-10-15T"), time
    assert time.endswith("+00:00"), time
    return time[11:16]


def test_what_is_posted_is_told_with_who_has_owned_it(bank: Bank, client: httpx.Client, post: Post):
    post("uploads", "10:00:00", graph_role="root")
    bank.run()
    assert (owner(client), history(client)) == (None, [(None, "10:00", None)])
    post("purchases", "11:00:00")
    bank.run()
    post("transfers", "12:00:00")
    post("purchases", "13:00:00", user_nk="c", credits_spent=0)
    bank.run()
    told = client.get(f"/v1/assets/{KEY}").json()
    about = ["s3_key", "asset_name", "asset_type_name", "graph_role", "owner", "at"]
    assert [told[name] for name in about] == [KEY, "Sample", "generic", "root", "c", None]
    assert [(one["transaction_type"], one["credits_spent"]) for one in told["transactions"]] == [
        ("PURCHASE", 0),
        ("TRANSFER", None),
        ("PURCHASE", 100),
        ("UPLOAD", None),
    ]
    chain = [(None, "10:00"), ("a", "11:00"), ("b", "12:00"), ("c", "13:00")]
    assert [span[:2] for span in history(client)] == chain
    assert [span[2] for span in history(client)] == ["11:00", "12:00", "13:00", None]


def test_an_asset_is_told_as_it_was_at_each_instant(bank: Bank, client: httpx.Client, post: Post):
    for hour, path in enumerate(POSTED, 10):
        post(path, f"{hour}:00:00")
    bank.run()
    expected = {
        "09:59:59": 404,
        "10:00:00": None,
        "10:59:59.999999": None,
        "11:00:00": "a",
        "2023-10-15T13:59:59+02:00": "a",
        "2023-10-15T14:00:00+02:00": "b",
        "2099-01-01T00:00:00Z": "b",
    }
    assert {time: owner(client, time) for time in expected} == expected
    assert client.get(f"/v1/assets/{KEY}", params={"at": at("11:30:00")}).json()["at"] == (
        "2023-10-15T11:30:00+00:00"
    )


def test_an_asset_that_is_bought_before_its_upload_comes_is_told(
    bank: Bank, client: httpx.Client, post: Post
):
    post("purchases", "11:00:00")
    bank.run()
    told = client.get(f"/v1/assets/{KEY}").json()
    assert (told["asset_name"], told["upload_timestamp"], told["owner"]) == (None, None, "a")
    assert (owner(client, "10:30:00"), history(client)) == (404, [("a", "11:00", None)])
    post("uploads", "10:00:00")
    bank.run()
    told = client.get(f"/v1/assets/{KEY}").json()
    assert (told["asset_name"], told["owner"], owner(client, "10:30:00")) == ("Sample", "a", None)
    assert history(client) == [(None, "10:00", "11:00"), ("a", "11:00", None)]


def test_what_comes_out_of_order_is_told_in_its_order(bank: Bank, client: httpx.Client, post: Post):
    for path, hour in (("transfers", 13), ("uploads", 10), ("purchases", 12)):
        post(path, f"{hour}:00:00")
        bank.run()
    assert history(client) == [
        (None, "10:00", "12:00"),
        ("a", "12:00", "13:00"),
        ("b", "13:00", None),
    ]
    assert (owner(client), owner(client, "12:30:00")) == ("b", "a")


def test_assets_are_told_apart_by_all_of_their_key(bank: Bank, client: httpx.Client, post: Post):
    keys = ["a/b c.jpg", "a/b", "ä?.jpg", "uploads"]
    for number, key in enumerate(keys):
        post("uploads", "10:00:00", s3_key=key)
        post("purchases", "11:00:00", s3_key=key, user_nk=f"u{number}")
    bank.run()
    asked = ["a/b%20c.jpg", "a/b", "%C3%A4%3F.jpg", "uploads", "a", "b", "a/b/"]
    assert [owner(client, key=key) for key in asked] == ["u0", "u1", "u2", "u3", 404, 404, 404]


def test_a_question_for_no_instant_is_told_so(bank: Bank, client: httpx.Client):
    bank.upload("10:00:00")
    bank.run()
    wrong = [
        "",
        "0",
        "now",
        "2023-10-15",
        "2023-10-15T10:00:00",
        "infinity",
        "2023-13-15T10:00:00Z",
    ]
    asked = [f"at={time}" for time in wrong] + ["when=2023-10-15T10:00:00Z"]
    answers = [client.get(f"/v1/assets/{KEY}?{one}") for one in asked]
    assert [one.status_code for one in answers] == [422] * len(asked)
    assert {one.headers["content-type"] for one in answers} == {"application/problem+json"}


def test_an_asset_that_nobody_knows_is_none(client: httpx.Client):
    answer = client.get("/v1/assets/other.jpg")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such thing.")
    assert owner(client, "10:00:00", key="other.jpg") == 404
