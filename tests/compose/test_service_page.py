"""The page that describes the service, in a browser without the internet."""

from __future__ import annotations

from playwright.sync_api import Request, expect, sync_playwright

from tests.fix_browser import CHROMIUM
from tests.fix_service import Serving


def test_a_browser_shows_the_routes_and_posts_an_example(served_area: Serving):
    asked: list[str] = []
    key = served_area.client.headers["authorization"].partition(" ")[2]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(60_000)

        def note(request: Request) -> None:
            asked.append(request.url)

        page.on("request", note)
        page.goto(f"{served_area.url}/docs")
        expect(page.locator(".opblock")).to_have_count(7, timeout=60_000)
        page.locator("button.authorize").first.click()
        page.locator(".modal-ux input").fill(key)
        page.locator(".modal-ux button.authorize").click()
        page.locator(".modal-ux button.btn-done").click()
        block = page.locator("#operations-made-post_made_sale_made")
        block.locator(".opblock-summary").click()
        block.locator("button.try-out__btn").click()
        block.locator("button.execute").click()
        status = block.locator(".live-responses-table td.response-col_status:not(.col_header)")
        expect(status).to_contain_text("202", timeout=60_000)
        browser.close()
    assert {url.startswith((served_area.url, "data:")) for url in asked} == {True}
    assert [payload["item"] for _, payload in served_area.inbox] == ["ball"]
