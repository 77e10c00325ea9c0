"""What docs/events.md says is so: its commands, its inventory, its answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.docs.test_pages import section, table
from tests.typed import Typist, at_area
from tidemark.model import ServerName

TYPED = [
    row[1].strip("`")
    for row in table(section("events.md", "What was typed, and what is typed here"))
]
INVENTORY = table(section("events.md", "Inventory"))
QUESTIONS = [row[1].strip("`") for row in table(section("events.md", "Questions"))]


@pytest.fixture(scope="module")
def shop(
    platforms: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Typist]:
    """The area after all commands of the page."""
    with at_area(platforms, tmp_path_factory.mktemp("events"), "events") as made:
        keys = {"events.dim_customers": "customer_key"}
        verified = "tidemark verify events"
        made.type_all(TYPED, verified=verified, inventory=INVENTORY, surrogates=keys)
        yield made


def test_each_command_does_what_was_done_before(shop: Typist):
    assert [done.code for done in shop.said] == [0] * len(TYPED)
    first, second, third = (
        done.out
        for typed, done in zip(TYPED, shop.said, strict=True)
        if typed == "tidemark run events"
    )
    assert re.search(r"extract +lines +2,788 +2,781 ", first)
    assert re.search(r"publish +orders +55 +26 +29 ", second)
    assert "events: nothing changed" in third


def test_the_inventory_is_that_of_the_page(shop: Typist):
    shown = {row[1].strip("`"): int(row[2].replace(",", "")) for row in INVENTORY}
    assert shop.counted == shown


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_an_answer(shop: Typist, question: str):
    assert shop.dwh(question) != []


def test_what_is_odd_in_the_sample_ends_where_it_should(shop: Typist):
    for query in (
        "select count(*) from events.fct_orders where order_id like '%X'",
        "select count(*) from events.dim_customers where customer_id is null and customer_key <> 0",
        "select count(*) from events.fct_orders where order_id like '%T' and item_count < 2",
        "select count(*) from events.fct_orders where placed_at > fulfilled_at",
    ):
        assert shop.dwh(query) == [(0,)], query
    versions = """
        select right(customer_id, 1), count(*) > 1 from events.dim_customers
        where customer_id ~ '[EM]$' group by customer_id order by 1
    """
    assert {kind for kind, is_changed in shop.dwh(versions) if is_changed} == {"E", "M"}
