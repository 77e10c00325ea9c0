"""A browser at the Airflow of the containers, and what it is to find there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from tests.fix_compose import MASTER, Stack
from tests.fix_servers import HOME

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator, Page

CHROMIUM = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WIDTH, HEIGHT = 1280, 720
PATIENCE = 60_000  # milliseconds


@pytest.fixture(scope="class")
def page(stack: Stack) -> Iterator[Page]:
    """The page of the master's DAG, opened by a person who has signed in."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{stack.url}/dags/{MASTER}")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", "admin")
        page.press("input[name=password]", "Enter")
        page.get_by_test_id("nav-home-link").wait_for()
        yield page
        browser.close()


def row_of(page: Page, task: str) -> Locator:
    """Find the row of a task on the page of a run."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=task, exact=True))


def expect_states(page: Page, of_run: str, of_tasks: Mapping[str, str]) -> None:
    """Expect that the page of a run shows these states, and no other tasks."""
    from playwright.sync_api import expect

    expect(page.get_by_test_id("header-card").get_by_test_id("state-badge")).to_have_text(of_run)
    expect(page.get_by_test_id("table-cell-state")).to_have_count(len(of_tasks))
    for task, state in of_tasks.items():
        expect(row_of(page, task).get_by_test_id("table-cell-state")).to_have_text(state)


def clear(page: Page, task: str) -> None:
    """Clear a task, as a person does on the page of a run."""
    row_of(page, task).get_by_role("button", name="Clear Task Instance").click()
    page.get_by_role("button", name="Confirm").click()


def picture(page: Page, run_id: str, name: str, height: int = HEIGHT) -> None:
    """Renew a picture of the documents, of the upper part of a page, if somebody asks for it."""
    if os.environ.get("TIDEMARK_SCREENSHOT"):
        page.locator(f"[data-testid^='grid-{run_id}-']").first.wait_for()
        area: FloatRect = {"x": 0, "y": 0, "width": WIDTH, "height": height}
        page.screenshot(path=HOME / "docs" / "images" / name, clip=area)
