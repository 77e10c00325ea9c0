"""What docs/assets.md says is so: its commands, its inventory, its answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.docs.test_pages import section, table
from tests.typed import Typist, at_area
from tidemark.model import ServerName

TYPED = [
    row[1].strip("`")
    for row in table(section("assets.md", "What was typed, and what is typed here"))
]
INVENTORY = table(section("assets.md", "Inventory"))
QUESTIONS = [row[1].strip("`") for row in table(section("assets.md", "Questions"))]
KEYS = {
    "assets.dim_assets_versions": "asset_sk",
    "assets.dim_asset_types": "asset_type_sk",
    "assets.dim_users": "user_sk",
}


@pytest.fixture(scope="module")
def bank(
    platforms: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Typist]:
    """The area after all commands of the page."""
    with at_area(platforms, tmp_path_factory.mktemp("assets"), "assets") as made:
        verified = "tidemark verify assets"
        made.type_all(TYPED, verified=verified, inventory=INVENTORY, surrogates=KEYS)
        yield made


def test_each_command_does_what_was_done_before(bank: Typist):
    assert [done.code for done in bank.said] == [0] * len(TYPED)
    first, second, third = (
        done.out
        for typed, done in zip(TYPED, bank.said, strict=True)
        if typed == "tidemark run assets"
    )
    assert re.search(r"publish +transactions +681 +681 ", first)
    assert re.search(r"publish +transactions +99 +99 ", second)
    assert "assets: nothing changed" in third


def test_the_inventory_is_that_of_the_page(bank: Typist):
    shown = {row[1].strip("`"): int(row[2].replace(",", "")) for row in INVENTORY}
    assert bank.counted == shown


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_an_answer(bank: Typist, question: str):
    assert bank.dwh(question) != []


def test_the_purchase_of_the_document_is_as_it_says(bank: Typist):
    assert bank.dwh(
        "select f.transaction_type, u.user_nk, f.credits_spent from assets.fct_asset_transactions "
        "as f left join assets.dim_users as u on f.buyer_user_sk = u.user_sk "
        "where f.s3_key = 'sample-asset-123.jpg' order by f.transaction_timestamp"
    ) == [("UPLOAD", None, None), ("PURCHASE", "user456", 100)]


def test_what_is_odd_in_the_sample_ends_where_it_should(bank: Typist):
    marks = "select distinct right(event_id, 1) from assets.fct_asset_transactions order by 1"
    found = {mark for (mark,) in bank.dwh(marks) if mark.isalpha()}
    assert found == {"B", "D", "L", "R"}
    unnamed = "select count(*) from assets.dim_assets where asset_name is null"
    assert bank.dwh(unnamed) == [(2,)]
