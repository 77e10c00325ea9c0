"""The page of a key in a browser: two times, the address of what is shown, keys and a click."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fix_areas import Made
from tests.fix_console import Look, Served, judged
from tests.pipeline.test_console_keys import FACTS, KEYS, console_of_keys, run, said, told

__all__ = ["console_of_keys", "told"]

ROWS = """() => {
    const table = document.querySelector("table.versions");
    if (!table) return [];
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const wanted = ["valid from", "valid to", "a", "b", "c"].map((name) => names.indexOf(name));
    return [...table.tBodies[0].rows].map((row) =>
        wanted.map((n) => row.cells[n].textContent.replace("◂", "").trim()));
}"""


def test_the_slider_shows_what_was_known_and_the_address_keeps_it(
    told: Made, console_of_keys: Served, look: Look
):
    after = {batch: said(told, 1) for batch in run(told)}
    page = look(console_of_keys, f"{KEYS}?key=1")
    slider = page.get_by_role("slider")
    assert page.evaluate(ROWS) == said(told, 1)
    for place, (batch, versions) in enumerate(after.items()):
        slider.fill(str(place))
        page.wait_for_url(f"**batch={batch}")
        page.wait_for_function(
            f"document.querySelectorAll('table.versions tbody tr').length == {len(versions)}"
        )
        assert page.evaluate(ROWS) == versions
    kept = page.url
    page.reload()
    assert page.evaluate(ROWS) == versions
    assert look(console_of_keys, kept.removeprefix(console_of_keys.url)).evaluate(ROWS) == versions
    assert look.complaints == []


def test_a_click_beside_the_bars_moves_the_cursor(told: Made, console_of_keys: Served, look: Look):
    assert len([*run(told)]) == 4
    page = look(console_of_keys, f"{KEYS}?key=1&zone=Europe/Berlin")
    box = page.locator("svg.lanes").bounding_box()
    assert box
    page.mouse.click(box["x"] + 160, box["y"] + box["height"] - 10)
    page.wait_for_selector("svg.lanes .cursor", state="attached")
    assert "In force at" in page.get_by_role("status").inner_text()
    given = parse_qs(urlsplit(page.url).query)
    assert (given["key"], given["zone"], [*given]) == (
        ["1"],
        ["Europe/Berlin"],
        ["key", "zone", "at"],
    )


def test_arrow_keys_walk_from_bar_to_bar_and_from_lane_to_lane(
    told: Made, console_of_keys: Served, look: Look
):
    assert len([*run(told)]) == 4
    page = look(console_of_keys, f"{KEYS}?key=1")
    at = "document.activeElement.closest('g.lane').querySelector('text').textContent"
    bar = "document.activeElement.querySelector('title').textContent"
    page.locator("svg.lanes a").first.focus()
    seen = [page.evaluate(bar)]
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate(bar))
    assert [text.removeprefix("versions: ").partition(",")[0] for text in seen] == [
        "batch 1", "late", "batch 2", "batch 4", "batch 4",
    ]  # fmt: skip
    page.keyboard.press("ArrowDown")
    assert page.evaluate(at) == "STG saw"


def test_from_a_fact_to_its_source_row_and_its_batch(
    told: Made, console_of_keys: Served, look: Look
):
    first, *_ = run(told)
    page = look(console_of_keys, f"{FACTS}?key=1")
    page.get_by_role("link", name="things 1").click()
    page.wait_for_url("**/keys?key=1&at=*")
    page.locator("svg.lanes a").first.click()
    assert page.url.endswith("#v1")
    row = page.get_by_role("table", name="Row versions of mrr_things").get_by_role("row").last
    assert row.get_by_role("link").first.get_attribute("href") == f"/batches/{first}"
    page.go_back()
    page.go_back()
    assert page.url.endswith(f"{FACTS}?key=1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_the_pages_are_accessible(
    told: Made, console_of_keys: Served, look: Look, width: int, scheme: str
):
    _, second, *_ = run(told)
    size = {"width": width, "height": 800}
    page = look(console_of_keys, KEYS, viewport=size, color_scheme=scheme)
    for path in (KEYS, f"{KEYS}?key=1&at=2025-02-15&batch={second}", f"{FACTS}?key=1"):
        page.goto(path)
        assert judged(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert look.complaints == []


HOSTILE = [
    "<script>alert(1)</script>",
    "\u202eright to left",
    "😀" * 50,
    "x" * 1_000_000,
    "{{ 7*7 }}",
]


def test_hostile_values_are_text(told: Made, console_of_keys: Served, look: Look):
    for value in HOSTILE:
        told.warehouse.execute("operational", "delete from things")
        row = "insert into things values (1, %s, %s, 'c', '2025-01-10Z', now())"
        told.warehouse.execute("operational", row, [value, value])
        told.run()
        page = look(console_of_keys, f"{KEYS}?key=1")
        last = page.evaluate(ROWS)[-1]
        assert last[2].removeprefix("\u2068").startswith(value[:100])  # where it is cut
        assert page.evaluate("document.documentElement.scrollWidth") == 1280
    assert look.complaints == []


def test_without_javascript_all_is_there(told: Made, console_of_keys: Served, look: Look):
    after = {batch: said(told, 1) for batch in run(told)}
    page = look(console_of_keys, f"{KEYS}?key=1", java_script_enabled=False)
    _, second, *_ = after
    page.get_by_label("as known after").select_option(str(second))
    page.get_by_role("button", name="Show").first.click()
    assert f"batch={second}" in page.url
    assert page.locator("table.versions tbody tr").count() == len(after[second])
    assert not page.get_by_role("slider").is_visible()
