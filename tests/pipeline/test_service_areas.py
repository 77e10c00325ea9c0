"""A service of two areas that have a kind of one name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests import fix_posted
from tests.fix_posted import Post, Posting
from tests.fix_retail import PATIENCE, wait_until
from tests.queries import execute
from tidemark.api import keys
from tidemark.api.intake import Result
from tidemark.api.problems import Problem
from tidemark.api.service import Service
from tidemark.declare.project import Project
from tidemark.errors import StatementError

SOLD = {"source": {"event": "sale_made", "fields": {"item": "text"}}}


@dataclass
class Both:
    """A service of the areas `made` and `other`, and a key for all of both."""

    made: Posting
    service: Service
    key: str

    def post(self, *events: tuple[str | None, str]) -> list[Result]:
        """Post sales in one request: area and id of each."""
        told: list[dict[str, Any]] = [
            {"area": area, "kind": "sale_made", "event_id": event_id, "payload": {"item": "ball"}}
            for area, event_id in events
        ]
        return self.service.intake.several(self.key, json.dumps({"events": told}).encode())

    @property
    def inbox(self) -> list[Any]:
        return self.made.rows("mrr", "select area, event_id from tidemark.inbox order by 1, 2")


@pytest.fixture
def both(posting: Post, tmp_path: Path) -> Iterator[Both]:
    fix_posted.declare(tmp_path / "project", {"sold": SOLD}, area="other")
    made = posting({"sales": SOLD})
    areas = [*Project(made.home).areas.values()]
    with made.servers.session("mrr", "keys") as mrr:
        key = keys.create(mrr, "both", ["*"], areas)
    with Service(areas, made.servers.dsns) as service:
        yield Both(made, service, key)


def test_events_of_two_areas_are_kept_together_or_not_at_all(both: Both):
    both.made.warehouse.execute(
        "mrr", "alter table tidemark.inbox add constraint no_other check (area <> 'other')"
    )
    with pytest.raises(StatementError):
        both.post(("made", "a"), ("other", "b"))
    assert both.inbox == []
    both.made.warehouse.execute("mrr", "alter table tidemark.inbox drop constraint no_other")
    assert {one.status for one in both.post(("made", "a"), ("other", "b"))} == {"stored"}
    assert both.inbox == [("made", "a"), ("other", "b")]


def test_requests_take_the_areas_in_one_order(both: Both):
    """Otherwise two could wait for each other."""
    insert = (
        "insert into tidemark.inbox (area, event_id, kind, payload) "
        "values ('{}', '{}', 'sale_made', '{{\"item\": \"ball\"}}')"
    )
    with closing(both.made.warehouse.connect("mrr")) as holder, ThreadPoolExecutor(1) as pool:
        execute(holder, "begin; " + insert.format("made", "a"))
        posted = pool.submit(both.post, ("other", "b"), ("made", "a"))
        wait_until(lambda: both.made.waiting() == 1)
        free = f"set lock_timeout = '1s'; {insert.format('other', 'b')}; reset lock_timeout"
        both.made.warehouse.execute("mrr", free)
        execute(holder, "commit")
        assert [one.status for one in posted.result(PATIENCE)] == ["repeated", "repeated"]


def test_an_event_of_a_kind_of_two_areas_has_to_name_one(both: Both):
    nowhere, here, there = both.post((None, "a"), ("made", "b"), ("other", "b"))
    assert (nowhere.status, [one.field for one in nowhere.reasons]) == ("refused", ["area"])
    assert (here.status, there.status) == ("stored", "stored")
    with pytest.raises(Problem) as raised:
        both.service.state(both.key, None, "b")
    assert raised.value.status == 422
    assert both.service.state(both.key, "other", "b").area == "other"


def test_a_key_of_one_area_neither_posts_to_the_other_nor_sees_its_events(both: Both):
    both.post(("other", "a"))
    with both.made.servers.session("mrr", "keys") as mrr:
        one = keys.create(mrr, "one", ["made.*"], Project(both.made.home).areas.values())
    mine = replace(both, key=one)
    assert [each.status for each in mine.post(("made", "b"), ("other", "b"))] == [
        "stored",
        "refused",
    ]
    assert mine.service.state(one, None, "b").area == "made"
    for area in (None, "other"):
        with pytest.raises(Problem) as raised:
            mine.service.state(one, area, "a")
        assert raised.value.status == 404
