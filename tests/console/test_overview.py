"""The first page renews itself: calmly, and through the absence of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.fix_console import Look, Served
from tests.fix_retail import Retail

if TYPE_CHECKING:
    from playwright.sync_api import Page

UPDATES = 20
SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => shifts.push(...list.getEntries().map(
        (entry) => `${entry.value}: ${entry.sources.map((one) => one.node?.outerHTML)}`
    ))).observe({ type: "layout-shift" });
"""


def renewed(page: Page) -> None:
    """Let the time pass after which a page renews itself, and wait until it has tried."""
    with page.expect_event("requestfinished"):
        page.clock.run_for(10_000)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def show_whole(page: Page) -> None:
    """Let all of a page be seen, so that a shift of its end is one."""
    page.set_viewport_size({"width": 800, "height": 1200})
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.evaluate("shifts.length = 0")


@pytest.fixture
def watched(console: Served, retail: Retail, look: Look) -> Page:
    """The first page of a shop with a batch, small enough to be scrolled; clocks stand still."""
    retail.run()
    page = look(console, "/login", viewport={"width": 400, "height": 600})
    page.clock.install()
    page.goto("/")
    page.evaluate(SHIFTS)
    return page


def test_twenty_updates_move_nothing(watched: Page, retail: Retail):
    page = watched
    page.locator("#b1").focus()
    page.evaluate("scrollTo(0, 150)")
    for nth in range(UPDATES):
        if nth % 4 == 0:
            retail.add("customers", 100 + nth, country="Nowhere" if nth % 8 else "France")
            retail.run()
        renewed(page)
    expect(page.locator("svg.strip a")).to_have_count(1 + UPDATES // 4)
    assert "2 open" in page.locator("#area-retail").inner_text()
    assert page.evaluate("document.activeElement.id") == "b1"
    assert page.evaluate("scrollY") == 150
    assert page.evaluate("shifts") == []


def test_a_shift_would_be_noticed(watched: Page):
    watched.evaluate("document.querySelector('h1').textContent = 'a '.repeat(500)")
    watched.wait_for_function("shifts.length")


def test_what_is_open_and_selected_stays(watched: Page, retail: Retail):
    page = watched
    page.locator("summary").click()
    region = page.locator("details .scroll").first
    region.evaluate("(node) => { node.scrollLeft = 40; getSelection().selectAllChildren(node) }")
    chosen = page.evaluate("getSelection().toString()")
    retail.run()
    renewed(page)
    expect(page.locator("#row-2")).to_be_visible()
    assert page.locator("details").evaluate("(node) => node.open")
    assert region.evaluate("(node) => node.scrollLeft") == 40
    assert chosen
    assert page.evaluate("getSelection().toString()").endswith(chosen[-40:])


def test_a_batch_that_leaves_the_strip_takes_no_other_with_it(watched: Page, retail: Retail):
    page = watched
    many = """
        insert into etl_batches (batch_id, area, status)
        select n, 'retail', 'RUNNING' from generate_series(2, 30) as n
    """
    retail.warehouse.execute("dwh", many)
    renewed(page)
    page.locator("#b2").focus(timeout=5_000)
    page.evaluate("window.nodes = [...document.querySelectorAll('svg.strip a')]")
    more = "insert into etl_batches (batch_id, area, status) values (31, 'retail', 'RUNNING')"
    retail.warehouse.execute("dwh", more)
    renewed(page)
    expect(page.locator("#b31")).to_be_visible()
    names = page.locator("svg.strip a").evaluate_all("(all) => all.map((one) => one.id)")
    assert names == [f"b{n}" for n in range(2, 32)]
    assert page.evaluate("document.activeElement.id") == "b2"
    assert page.evaluate("nodes.slice(1).every((one) => one.isConnected)")


def test_the_dwh_that_is_away_is_a_banner_until_it_is_back(watched: Page, console: Served):
    page, banner = watched, watched.locator("#away")
    show_whole(page)
    before = page.locator("#area-retail").inner_text()
    with console.without("dwh"):
        renewed(page)
        expect(banner).to_have_text("A server is away. This is the last state that was known.")
        assert page.locator("#area-retail").inner_text() == before
    renewed(page)
    expect(banner).to_be_hidden()
    with console.without("stg"):
        renewed(page)
        expect(banner).to_have_text("STG is away: what it would say is not known.")
    renewed(page)
    expect(banner).to_be_hidden()
    assert page.evaluate("shifts") == []


def test_a_page_that_was_not_shown_comes_back_by_itself(watched: Page, console: Served):
    page = watched
    with console.without("dwh"):
        page.goto("/areas/retail/batches")
        expect(page.get_by_role("alert")).to_have_text(
            "A server is away. This page comes back with it."
        )
    with page.expect_event("requestfinished"):
        page.clock.run_for(10_000)
    expect(page.get_by_role("heading")).to_have_text("Batches of retail")
    assert page.title() == "Batches of retail · Tidemark"
    page.clock.run_for(60_000)
    assert page.url.endswith("/areas/retail/batches")


def test_the_console_that_is_away_is_a_banner_until_it_is_back(watched: Page):
    page, banner = watched, watched.locator("#away")
    show_whole(page)
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.clock.run_for(10_000)
    expect(banner).to_contain_text("A server is away.")
    page.context.set_offline(False)
    renewed(page)
    expect(banner).to_be_hidden()
    assert page.evaluate("shifts") == []


def test_who_is_logged_out_is_asked_again(watched: Page, console: Served):
    console.console.logins._logins.clear()
    watched.clock.run_for(10_000)
    watched.wait_for_url("**/login?to=%2F")
