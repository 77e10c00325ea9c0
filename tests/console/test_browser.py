"""The console in a browser: what all of its pages have to keep."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.fix_console import Look, Served, judged
from tests.fix_retail import Retail

PATHS = [
    "/",
    "/areas/retail/batches",
    "/batches/1",
    "/batches/2",
    "/rejects?area=retail",
    "/checks",
    "/checks?area=retail&check=not_null",
    "/alerts",
    "/nowhere",
]
TABLES = {
    "/": 2,
    "/areas/retail/batches": 1,
    "/batches/1": 2,
    "/batches/2": 1,
    "/rejects?area=retail": 3,
    "/checks": 1,
    "/alerts": 1,
}
"""Path -> tables that it has."""
HOSTILE = "<script>complain(1)</script><img src=x onerror=complain(2)> 🜁 \u202e\u05ea\u05e4 "


HAPPENED = (
    """
    insert into dq_check_logs
    (area, check_name, severity, status, bound, message, sample, batch_id, duration, layer)
    values (
        'retail', 'not_null', 'fail', 'FAILED', '0', %(huge)s, jsonb_build_array(%(huge)s), 1, 0,
        'dwh'
    )
    """,
    """
    insert into tidemark.alert (area, event, subject, severity, what, look, began_at)
    values ('retail', 'check', %(name)s, 'fail', %(huge)s, 'tidemark check', now())
    """,
    """
    insert into etl_batches (batch_id, area, status, ended_at, error_message)
    values (2, 'retail', 'FAILED', clock_timestamp() + interval '1 hour', %(huge)s)
    """,
    """
    insert into etl_logs
    (process_name, area, entity, hop, batch_id, status, end_time, error_message, additional_info)
    values (
        'x', 'retail', %(name)s, 'stage', 2, 'FAILED', clock_timestamp(), %(huge)s,
        jsonb_build_object('held_back_by', %(huge)s::text, 'stream_seconds', 0.1)
    )
    """,
)


@pytest.fixture
def busy(console: Served, retail: Retail) -> Served:
    """The console of a shop with a failed batch, rejects, an alert and names that do harm."""
    retail.add("customers", 9, name=HOSTILE * 9, email="nonsense", country=HOSTILE)
    retail.run()
    values = {"name": HOSTILE, "huge": HOSTILE + "y" * 1_000_000}
    for statement in HAPPENED:
        retail.warehouse.execute("dwh", statement, values)
    return console


def test_what_breaks_the_policy_fails_a_test(console: Served, look: Look):
    page = look(console)
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.wait_for_function("!document.body.style.color")
    page.reload()
    assert [text.split(":")[0] for text in look.complaints] == ["style-src-attr"]
    look.complaints.clear()


def test_what_is_not_accessible_is_found(console: Served, look: Look):
    page = look(console)
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [text.split(":")[0] for text in judged(page)] == ["button-name"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_all_pages_are_accessible_and_as_wide_as_the_screen(
    busy: Served, look: Look, width: int, scheme: Any
):
    page = look(busy, viewport={"width": width, "height": 800}, color_scheme=scheme)
    found = {}
    for path in PATHS:
        page.goto(path)
        for part in page.locator("summary").all():
            part.click()
        found[path] = judged(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
    assert found == {path: [] for path in PATHS}


def test_without_scripts_all_tables_are_there(busy: Served, look: Look):
    page = look(busy, java_script_enabled=False)
    found = {}
    for path in TABLES:
        page.goto(path)
        for part in page.locator("summary").all():
            part.click()
        found[path] = page.locator("table:visible").count()
    assert found == TABLES
    assert page.locator("button[data-copy]:visible").count() == 0


def test_hostile_values_are_text(busy: Served, look: Look):
    page = look(busy)
    for path in PATHS:
        page.goto(path)
        assert page.locator("script").count() == 1, path
        assert page.locator("img").count() == 0, path
        assert page.evaluate("document.documentElement.outerHTML.length") < 200_000, path
    assert look.complaints == []


def test_a_command_is_copied(busy: Served, look: Look):
    page = look(busy, "/batches/2")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy: tidemark run retail").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "tidemark run retail"


def test_filters_and_cursors_are_in_the_address(busy: Served, look: Look):
    page = look(busy, "/rejects?zone=Asia/Tokyo")
    page.get_by_label("Area").select_option("retail")
    page.get_by_label("Entity").fill("customers")
    page.get_by_role("button", name="Show").first.click()
    assert re.search(r"\?zone=Asia%2FTokyo&area=retail&entity=customers", page.url)
    page.get_by_label("Times are shown in").fill("Europe/Berlin")
    page.get_by_role("button", name="Show").last.click()
    assert "area=retail&entity=customers" in page.url
    assert "zone=Europe%2FBerlin" in page.url
    page.wait_for_load_state()
    shown = page.locator("main").inner_text()
    other = look(busy, page.url)
    assert other.locator("main").inner_text() == shown
