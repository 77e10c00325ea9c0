"""What the page about posted events shows works as it says."""

from __future__ import annotations

import re

import yaml

from tests.fix_posted import Post
from tests.fix_servers import HOME
from tidemark.declare import posted

PAGE = (HOME / "docs" / "posted.md").read_text()


def test_the_area_of_the_page_takes_events(posting: Post):
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    made = posting(yaml.safe_load(shown)["entities"])
    made.post("sale_made", "a", item="ball", price="12.50", sold_at="2026-02-28T14:45:00Z")
    made.run()
    columns = "event_id, item, price::text, sold_at::text, note"
    assert made.rows("mrr", f"select {columns} from mrr_sales") == [
        ("a", "ball", "12.50", "2026-02-28 14:45:00+00", None)
    ]
    assert made.rows("stg", "select count(*) from stg_sales") == [(1,)]


def test_the_page_names_all_types_of_fields():
    (row,) = re.findall(r"\| `fields\.<name>\.type` \| (.*?) \|", PAGE)
    assert {*re.findall(r"`([^`]+)`", row)} == {*posted._TYPES, "numeric(38, 0)"}


def test_the_statement_of_the_page_posts_an_event(posting: Post):
    made = posting()
    made.warehouse.execute(
        "mrr",
        "insert into tidemark.inbox (area, event_id, kind, payload) values "
        """('made', 'a', 'things', '{"id": 1, "v": "one"}')""",
        [],
    )
    made.run()
    assert made.rows("mrr", "select id, v from mrr_things") == [(1, "one")]
