"""Who comes into the console, what is kept of them, and what each answer says of itself."""

from __future__ import annotations

import gc
import secrets
from types import SimpleNamespace

import httpx
import pytest

from tests.fix_console import OWN, PASSWORD, Served, form_token, let_in, serving_console
from tests.fix_retail import Retail
from tests.fix_servers import administer
from tidemark.console import logins
from tidemark.console.app import HEADERS, PAGES
from tidemark.console.console import Console
from tidemark.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "level"), [("mona", "monitor"), ("anna", "analyst"), ("olga", "owner")]
)
def test_a_member_of_a_role_is_let_in_with_its_level(console: Served, name: str, level: str):
    page = console.get("/", name)
    assert page.status_code == 200
    assert f"{name}, {level}" in page.text


WRONG = {
    "a wrong password": ("olga", "wrong"),
    "no password": ("olga", ""),
    "nobody": ("nobody", PASSWORD),
    "a role that is no login": ("tidemark_reader", PASSWORD),
    "who is no member": ("stranger", PASSWORD),
    "the console's own login": (OWN, "own"),
    "a zero byte": ("ol\0ga", "a\0b"),
    "half a character": ("olga", "\ud800"),
    "another parameter": ("olga' user='postgres", PASSWORD),
}


@pytest.mark.parametrize("case", WRONG)
def test_all_others_get_one_and_the_same_answer(browser: httpx.Client, case: str):
    name, password = WRONG[case]
    typed = {
        "name": name.encode("utf-8", "replace"),
        "password": password.encode("utf-8", "replace"),
    }
    answer = browser.post("/login", data={**typed, "form": form_token(browser.get("/login"))})
    assert answer.status_code == 403
    assert "This name and password are not let in here" in answer.text
    assert browser.get("/").url.path == "/login"


@pytest.mark.parametrize("refuses_demo", [True, False])
def test_a_password_of_the_demo_lets_nobody_in_where_it_counts(retail: Retail, refuses_demo: bool):
    dsns = retail.warehouse.dsn
    with serving_console({}, dsns, refuses_demo=refuses_demo) as served:
        administer(dsns["dwh"], "alter role olga password 'demo-owner'")
        with httpx.Client(base_url=served.url, follow_redirects=True, timeout=60) as client:
            answer = served.log_in(client, "olga", "demo-owner")
        assert answer.status_code == (403 if refuses_demo else 200)
        assert ("are not let in here" in answer.text) == refuses_demo


def test_who_tries_too_often_has_to_wait(console: Served, browser: httpx.Client):
    for _ in range(5):
        console.log_in(browser, "olga", "wrong")
    assert console.log_in(browser, "olga").status_code == 403
    assert console.log_in(browser, "anna").status_code == 200


def test_a_form_of_another_site_logs_nobody_in_or_out(console: Served, browser: httpx.Client):
    given = {"name": "olga", "password": PASSWORD}
    assert browser.post("/login", data=given).status_code == 403
    assert browser.post("/login", data={**given, "form": "x"}).status_code == 403
    assert console.log_in(browser, "olga").status_code == 200
    assert browser.post("/logout", data={"form": "x"}).status_code == 403
    assert browser.get("/").url.path == "/"
    browser.post("/logout", data={"form": form_token(browser.get("/"))})
    assert browser.get("/").url.path == "/login"


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "\n"])
def test_a_login_leads_to_nowhere_else(console: Served, browser: httpx.Client, to: str):
    answer = console.log_in(browser, "olga", to=to)
    assert str(answer.url) == f"{console.url}/"


def test_a_role_that_is_taken_away_ends_the_login(
    console: Served, retail: Retail, monkeypatch: pytest.MonkeyPatch
):
    assert "olga, owner" in console.get("/").text
    administer(retail.warehouse.dsn["dwh"], "revoke tidemark_reader from olga")
    try:
        assert "olga, owner" in console.get("/").text
        monkeypatch.setattr(logins, "LOOKED_UP", 0)
        assert console.get("/").url.path == "/login"
    finally:
        administer(retail.warehouse.dsn["dwh"], "grant tidemark_reader to olga")


def test_a_page_that_refreshes_itself_does_not_keep_a_login(
    console: Served, monkeypatch: pytest.MonkeyPatch
):
    client, clock = console.as_("olga"), iter(range(0, 10**6, 60))
    monkeypatch.setattr(logins, "time", SimpleNamespace(monotonic=lambda: next(clock) + 1e6))
    monkeypatch.setattr(logins, "LOOKED_UP", 1e9)
    for headers, stays in (({}, True), ({"X-Refresh": "1"}, False)):
        console.log_in(client, "olga")
        seen = [client.get("/", headers=headers).url.path == "/" for _ in range(40)]
        assert (all(seen), seen[0]) == (stays, True)


def test_a_login_ends_when_it_is_idle(console: Served, monkeypatch: pytest.MonkeyPatch):
    console.as_("olga")
    monkeypatch.setattr(logins, "IDLE", 0)
    assert console.get("/").url.path == "/login"


def type_in(console: Served, reversed_password: str) -> int:
    """Log in, and leave nothing behind on this side."""
    with httpx.Client(base_url=console.url, timeout=60) as client:
        return console.log_in(client, "olga", reversed_password[::-1]).status_code


def holders(reversed_text: str) -> list[str]:
    """Return the types of what refers to a text, of all that is alive.

    A library's lazy object acts as another one: what it is, is asked of its type, since
    `isinstance` asks the object, which then imports what it stands for.
    """
    gc.collect()
    found = []
    for one in gc.get_objects():
        for each in gc.get_referents(one):
            kind = type(each)
            if issubclass(kind, (str, bytes, bytearray)) and len(each) >= len(reversed_text):
                text = each if issubclass(kind, str) else each.decode("latin-1")
                found += [type(one).__name__] * (reversed_text[::-1] in text)
    return found


class Lazy:
    def __getattribute__(self, name: str) -> object:
        pytest.fail(f"a lazy object was asked for {name}")


def test_nothing_keeps_the_password(console: Served, retail: Retail):
    drawn = secrets.token_hex(16)
    administer(retail.warehouse.dsn["dwh"], f"alter role olga password '{drawn[::-1]}'")
    assert type_in(console, drawn) == 303
    assert type_in(console, f"{drawn}x") == 403
    lazy = [Lazy()]
    assert holders(drawn) == []
    kept = [drawn[::-1]]
    assert holders(drawn) == ["list"], (kept, lazy)


def test_each_answer_has_the_headers(console: Served, browser: httpx.Client):
    paths = ["/login", "/", "/static/console.css", "/nowhere", "/static/nothing"]
    for answer in (browser.get(path) for path in paths):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    cookie = browser.get("/login").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_all_but_the_doors_take_nothing_but_get(browser: httpx.Client):
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for path, *_ in PAGES:
            assert browser.request(method, path).status_code == 405
        assert browser.request(method, "/static/console.css").status_code == 405


def test_another_host_name_is_refused(browser: httpx.Client):
    assert browser.get("/login", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    ("role", "wrong"), [("tidemark_etl", "a member of"), (None, "no member of")]
)
def test_a_login_of_more_or_less_is_refused(retail: Retail, role: str | None, wrong: str):
    dsns, layer = let_in(retail.warehouse.dsn), retail.warehouse.dsn["stg"]
    change = f"grant {role} to {OWN}" if role else f"revoke tidemark_console from {OWN}"
    administer(layer, change)
    try:
        with (
            pytest.raises(ConfigError, match=f"stg: the console's login {OWN} is {wrong}"),
            Console({}, dsns),
        ):
            pass
    finally:
        administer(layer, f"revoke tidemark_etl from {OWN}; grant tidemark_console to {OWN}")
