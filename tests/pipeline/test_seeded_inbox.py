"""What a seeder may post: events as area.yml declares them, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_posted import Post
from tidemark.errors import ConfigError
from tidemark.install.posting import Event, Inbox

ONE = {"id": 1, "v": "one"}


def test_a_seeder_posts_what_is_declared_once(posting: Post):
    made = posting()
    with made.servers.session("mrr", "seed") as mrr:
        inbox = Inbox(mrr, made.area)
        assert inbox.greatest_id() is None
        events = [Event(name, "things", ONE) for name in ("a-1", "b-9", "a-2", "a-1")]
        assert inbox.post(events) == ["stored", "stored", "stored", "repeated"]
        assert (inbox.greatest_id("a-"), inbox.greatest_id()) == ("a-2", "b-9")


@pytest.mark.parametrize(
    ("kind", "said", "error"),
    [
        ("thing", ONE, "seed: thing: sql/made/area.yml declares no events of this kind"),
        ("things", {**ONE, "v": 7}, "seed: things: v: Value error, has to be a text"),
        ("things", {"id": 1}, "seed: things: v: Field required"),
    ],
)
def test_what_is_not_declared_is_no_event(posting: Post, kind: str, said: Any, error: str):
    made = posting()
    with made.servers.session("mrr", "seed") as mrr, pytest.raises(ConfigError) as refused:
        Inbox(mrr, made.area).post([Event("a", kind, said)])
    assert str(refused.value).startswith(error)
    assert made.rows("mrr", "select count(*) from tidemark.inbox") == [(0,)]
