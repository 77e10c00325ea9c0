"""docs/console.md: from "this number is wrong" to the row that the source sent, click by click."""

from __future__ import annotations

import pytest

from tests.fix_console import Look, Served
from tests.fix_retail import Retail


@pytest.fixture
def moved(retail: Retail) -> list[int]:
    """A customer who had moved before a sale, as the source tells only after it; two batches."""
    retail.add("sales", 52, customer_id=1)
    first = retail.run().batch_id
    retail.warehouse.execute(
        "operational",
        "alter table customers disable trigger user; "
        "update customers set city = 'Oslo', updated_at = '2025-01-03Z' where customer_id = 1; "
        "alter table customers enable trigger user",
    )
    retail.change("customers", 1, city="Oslo")
    return [first, retail.run().batch_id]


def test_from_a_number_that_is_wrong_to_its_source_row(
    moved: list[int], console: Served, look: Look
):
    first, second = moved
    page = look(console)
    page.get_by_role("link", name="retail").first.click()
    page.get_by_role("link", name="sales").first.click()
    page.get_by_role("link", name="find a fact").click()
    page.get_by_label("sale_id").fill("52")
    page.get_by_role("button", name="Find").first.click()
    assert "It was in force when the fact happened" in page.inner_text("main")
    addresses = [page.url]
    page.get_by_role("link", name="customers 1").click()
    page.wait_for_url("**/customers/keys?key=1&at=*")
    assert "known since batch" in page.get_by_role("status").inner_text()
    addresses.append(page.url)
    page.get_by_label("as known after").select_option(str(first))
    page.wait_for_url(f"**batch={first}")
    assert page.locator("table.versions tbody tr").count() == 1
    mrr = page.get_by_role("table", name="Row versions of mrr_dim_customers")
    mrr.get_by_role("link", name=str(second), exact=True).first.click()
    page.wait_for_url(f"**/batches/{second}")
    assert "tidemark" in page.inner_text("main")
    page.go_back()
    page.go_back()
    assert page.url == addresses[0]
