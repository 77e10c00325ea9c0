"""Refused events that are sent again: corrected in a file, or as they are when rules were."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Done, succeed, tidemark
from tests.fix_posted import Post, Posting
from tests.fix_queues import SOLD, Fed, sale
from tests.fix_retail import PATIENCE, wait_until
from tests.queries import execute
from tidemark.batch import pipeline, replaying
from tidemark.declare.project import Project
from tidemark.install.migrate import migrate
from tidemark.layers import inbox
from tidemark.layers.inbox import Posted
from tidemark.postgres.sessions import Servers

CLEAN = """
create or replace view landing_made.clean_sales as
select
    event_id, received_at, item, price,
    _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at,
    array_remove(array[case when {} then 'item is unknown' end], null) as reject_reasons
from landing_made.sales
"""
UNKNOWN = CLEAN.format("item = 'none'")


@pytest.fixture
def sales(posting: Post) -> Posting:
    return posting({"sales": SOLD}, sql={"stg/views/clean_sales.sql": UNKNOWN})


def replay(made: Posting, tmp_path: Path, *events: Any) -> Done:
    """Send events again that a file has."""
    lines = [one if isinstance(one, str) else json.dumps(one) for one in events]
    (tmp_path / "again.jsonl").write_text("\n".join(lines), "utf-8")
    words = ("rejects", "made", "--replay", str(tmp_path / "again.jsonl"))
    return tidemark(*words, env=made.environment)


def staged(made: Posting) -> list[Any]:
    return made.rows("stg", "select event_id, item, price::text from stg_sales order by 1")


def still_open(made: Posting) -> list[Any]:
    query = "select key ->> 'event_id' from stg_rejects where resolved_at is null order by 1"
    return [event_id for (event_id,) in made.rows("stg", query)]


def listed(made: Posting) -> list[dict[str, Any]]:
    done = succeed("rejects", "made", "--json", env=made.environment)
    found: list[dict[str, Any]] = json.loads(done.out, parse_float=Decimal)
    return found


def test_an_event_that_cleansing_refused_is_corrected(sales: Posting, tmp_path: Path):
    sales.post("sale_made", "a", item="none", price="1")
    sales.post("sale_made", "b", item="bat", price="2")
    sales.run()
    (reject,) = listed(sales)
    assert reject["event"] == {
        "event_id": "a",
        "kind": "sale_made",
        "payload": {"item": "none", "price": "1"},
    }
    reject["event"]["payload"]["item"] = "ball"
    done = replay(sales, tmp_path, reject["event"], "")
    said = "made: 1 event was sent again, and the next batch takes what was.\n"
    assert done == Done(0, said, "")
    assert still_open(sales) == ["a"]
    sales.run()
    assert staged(sales) == [("a", "ball", "1.00"), ("b", "bat", "2.00")]
    assert still_open(sales) == []
    assert sales.rows("mrr", "select item from mrr_sales_history") == [("none",)]
    assert sales.verified().is_equal


def test_an_event_that_mrr_refused_is_corrected(sales: Posting, tmp_path: Path):
    sales.post("sale_made", "a", item="ball", price="much")
    sales.run()
    assert still_open(sales) == ["a"]
    (reject,) = listed(sales)
    reject["event"]["payload"]["price"] = "1"
    with sales.hearing() as heard:
        assert replay(sales, tmp_path, reject["event"]).code == 0
        assert heard() == {"made"}
    sales.run()
    assert (staged(sales), still_open(sales)) == ([("a", "ball", "1.00")], [])
    assert sales.verified().is_equal


def test_two_that_send_an_event_again_wait_for_each_other(sales: Posting):
    sales.post("sale_made", "a", item="ball", price="much")
    sales.run()
    line = json.dumps(sale("a", price="1"))

    def again(servers: Servers) -> int:
        with servers:
            return replaying.from_file(servers, sales.area, "a file", [line]).replayed

    with closing(sales.warehouse.connect("mrr")) as holder, ThreadPoolExecutor(2) as pool:
        execute(holder, "begin; select from tidemark.inbox for update")
        both = [pool.submit(again, sales.servers.beside("again")) for _ in range(2)]
        wait_until(lambda: sales.waiting() == 2)
        execute(holder, "rollback")
        assert [one.result(PATIENCE) for one in both] == [1, 1]
    sales.run()
    assert (staged(sales), still_open(sales)) == ([("a", "ball", "1.00")], [])


def test_what_a_queue_brought_wrong_is_corrected(fed: Fed, tmp_path: Path):
    fed.send(sale("a", price="much"), {"event_id": "b", "kind": "sold", "payload": {"n": 1.50}})
    (nameless,) = fed.send("{")
    fed.consume()
    before = listed(fed.made)
    fed.made.run()
    assert [one["event"] for one in before] == [one["event"] for one in listed(fed.made)]
    events = {one["event"]["event_id"]: one["event"] for one in before}
    assert events["b"] == {"event_id": "b", "kind": "sold", "payload": {"n": Decimal("1.5")}}
    assert events[nameless] == {"event_id": nameless, "kind": None, "payload": None}
    assert replay(fed.made, tmp_path, *(sale(one) for one in events)).code == 0
    assert set(fed.inbox()) == {"a", "b", nameless}
    fed.made.run()
    assert (fed.refused(), listed(fed.made)) == ([], [])
    assert fed.made.verified().is_equal


def test_one_wrong_line_lets_nothing_be_written(sales: Posting, tmp_path: Path):
    for event_id in "ab":
        sales.post("sale_made", event_id, item="none", price="1")
    sales.post("sale_made", "c", item="bat", price="1")
    sales.run()
    name, before = tmp_path / "again.jsonl", sales.rows("mrr", "select * from tidemark.inbox")
    lines = [
        sale("a"),
        sale("b", price="much"),
        sale("a"),
        sale(),
        sale("c"),
        "{",
        [sale("b"), sale("b")],
        {**sale("b"), "kind": "sold"},
    ]
    done = replay(sales, tmp_path, *lines)
    assert done.code == 2
    assert done.err.splitlines() == [
        f"error: {name}: nothing was sent again:",
        "line 2: price: has to be a number",
        "line 3: event_id: is that of line 1",
        "line 4: event_id: is required",
        "line 6: the message is no JSON",
        "line 7: a line is one event",
        "line 8: kind: is none that the area knows",
        "line 5: event_id: no event of this id is refused",
    ]
    assert sales.rows("mrr", "select * from tidemark.inbox") == before


PRICED = {
    "source": {"event": "price_set", "fields": {"item": "text", "price": "numeric(10, 2)"}},
    "key": ["item"],
}


def test_events_of_several_kinds_are_sent_again_in_the_order_of_the_file(
    posting: Post, tmp_path: Path
):
    made = posting({"sales": SOLD, "prices": PRICED})
    kinds = {"a": "price_set", "b": "sale_made", "c": "price_set"}
    for event_id, kind in kinds.items():
        made.post(kind, event_id, item="ball", price="much")
    with made.servers.session("mrr", "post") as mrr:
        inbox.post(mrr, "other", [Posted("a", "price_set", "{}")])
    made.run()
    said = [{**sale(one, price=str(n)), "kind": kinds[one]} for n, one in enumerate("cba")]
    wrong = replay(made, tmp_path, *said[:2], {**said[2], "kind": "sale_made"})
    assert wrong.err.endswith("\nline 3: kind: the inbox has this event as one of another kind\n")
    assert replay(made, tmp_path, *said).code == 0
    made.run()
    assert made.rows("stg", "select item, price::text from stg_prices") == [("ball", "2.00")]
    assert (staged(made), still_open(made)) == ([("b", "ball", "1.00")], [])
    others = "select event_id from tidemark.inbox where area = 'other'"
    assert made.rows("mrr", others) == [("a",)]


def test_all_that_is_refused_is_sent_again_once_cleansing_is_corrected(sales: Posting):
    sales.post("sale_made", "a", item="none", price="1")
    sales.post("sale_made", "b", item="ball", price="much")
    sales.run()
    view = sales.home / "sql/made/stg/views/clean_sales.sql"
    view.write_text(CLEAN.format("item = 'nothing'"))
    migrate(Project(sales.home), sales.servers)
    done = succeed("rejects", "made", "--replay-all", "--json", env=sales.environment)
    left = [{"event_id": "b", "reasons": ["price: has to be a number"]}]
    assert done.json == {"area": "made", "replayed": 1, "left": left}
    sales.run()
    assert (staged(sales), still_open(sales)) == ([("a", "none", "1.00")], ["b"])


def test_what_a_queue_brought_of_a_kind_that_is_declared_later_is_sent_again(fed: Fed):
    fed.send({"event_id": "a", "kind": "gift_made", "payload": {"item": "ball"}}, "{")
    fed.send(sale("b", price=1), sale("b", price=2))
    fed.consume()
    path = fed.made.home / "sql/made/area.yml"
    gifts = "entities:\n  gifts: {source: {event: gift_made, fields: {item: text}}}"
    path.write_text(path.read_text().replace("entities:", gifts))
    migrate(project := Project(fed.made.home), fed.made.servers)
    done = replaying.everything(fed.made.servers, project.area("made"))
    assert (done.replayed, sorted(one.reasons[0] for one in done.left)) == (
        1,
        ["event_id: the inbox has another event with this id", "the message is no JSON"],
    )
    pipeline.run(fed.made.servers, project.area("made"))
    assert fed.made.rows("stg", "select event_id, item from stg_gifts") == [("a", "ball")]
    assert sorted(entity for entity, *_ in fed.refused()) == ["(unknown)", "sales"]


def test_a_key_that_has_a_row_is_not_changed(posting: Post, tmp_path: Path):
    bad = UNKNOWN.replace("sales", "things").replace("item, price", "id, v")
    made = posting(sql={"stg/views/clean_things.sql": bad.replace("item = 'none'", "v = 'none'")})
    made.post("things", "a", id=1, v="none")
    made.post("things", "b", id="one", v="x")
    made.run()
    told = [{"event_id": one, "kind": "things", "payload": {"id": 2, "v": "x"}} for one in "ab"]
    assert (
        "line 1: id: is of the key of things, which has a row"
        in replay(made, tmp_path, told[0], told[1]).err
    )
    assert replay(made, tmp_path, told[1]).code == 0
    made.post("things", id=2, v="later")
    made.run()
    assert made.rows("stg", "select id, v from stg_things") == [(2, "later")]
    assert made.rows("mrr", "select row_key from tidemark.refused where ended_by is null") == []
    assert made.verified().is_equal


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--replay", "none.jsonl"], "rejects: none.jsonl can't be read: No such file"),
        (["--replay", "x", "--replay-all"], "rejects: --retry, --replay and --replay-all exclude"),
    ],
)
def test_wrong_words_are_told(sales: Posting, words: list[str], error: str):
    done = tidemark("rejects", "made", *words, env=sales.environment)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {error}")
