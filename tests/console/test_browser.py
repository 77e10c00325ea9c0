"""The console in a browser: what all of its pages have to keep."""

from __future__ import annotations

import pytest

from tests.fix_console import Look, Served, judged
from tidemark.console.app import PAGES

ALL = [path for path, *_ in PAGES if "{" not in path]


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
def test_all_pages_are_accessible(console: Served, look: Look, width: int, scheme: str):
    size = {"width": width, "height": 800}
    page = look(console, viewport=size, color_scheme=scheme)
    for path in ALL:
        page.goto(path)
        assert judged(page) == [], path


@pytest.mark.parametrize("width", [360, 1920])
def test_no_page_scrolls_sideways(console: Served, look: Look, width: int):
    page = look(console, viewport={"width": width, "height": 800})
    for path in ALL:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
