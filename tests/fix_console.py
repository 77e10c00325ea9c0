"""The console as a test looks at it: served in a thread, with a person of each level.

`console` serves it over the retail area. `look` opens pages of it in Chromium, and
`judged` asks axe-core of them.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fix_browser import CHROMIUM
from tests.fix_retail import Retail, wait_until
from tests.fix_servers import administer, database
from tidemark.api import serving
from tidemark.console import app
from tidemark.console.console import Console
from tidemark.declare.config import Area
from tidemark.model import LAYERS, ServerName

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PASSWORD = "a secret that nobody types elsewhere"
PEOPLE = {
    "mona": "tidemark_monitor",
    "anna": "tidemark_analyst",
    "olga": "tidemark_reader",
    "stranger": "pg_monitor",
}
"""Login of the DWH -> the role that it is a member of."""
OWN = "console_of_tests"
"""The console's login."""
_ROLE = "do $$ begin create role {0} login; exception when duplicate_object then null; end $$;"


@dataclass
class Served:
    """A console that is served, and browsers that people have logged in with."""

    console: Console
    url: str
    dsns: Mapping[ServerName, str]
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    def as_(self, name: str) -> httpx.Client:
        """Return a client in which a person has logged in."""
        if name not in self.clients:
            self.clients[name] = httpx.Client(base_url=self.url, follow_redirects=True, timeout=60)
            assert self.log_in(self.clients[name], name).status_code == 200
        return self.clients[name]

    def log_in(
        self, client: httpx.Client, name: str, password: str = PASSWORD, **more: str
    ) -> httpx.Response:
        """Fill in the form, as a browser does."""
        given = {"name": name, "password": password, "form": form_token(client.get("/login"))}
        return client.post("/login", data={**given, **more})

    @contextmanager
    def without(self, layer: ServerName) -> Iterator[None]:
        """Let a layer's database take nobody for the block, and end the sessions that it has."""
        server = database(self.dsns[layer], "postgres")
        name = urlsplit(self.dsns[layer]).path[1:]
        administer(server, f'alter database "{name}" allow_connections false')
        end = "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{}'"
        administer(server, end.format(OWN))
        try:
            yield
        finally:
            administer(server, f'alter database "{name}" allow_connections true')

    def get(self, path: str, name: str = "olga") -> httpx.Response:
        """Return a page as a person sees it."""
        return self.as_(name).get(path)


def form_token(answer: httpx.Response) -> str:
    """Return what the form of a page has to send."""
    found = re.search(r'name="form" value="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


def cells(answer: httpx.Response, caption: str) -> list[list[str]]:
    """Return the rows of a table without its head."""
    return tables(answer)[caption][1:]


def text_of(markup: str) -> str:
    """Return what a person reads of a piece of a page."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).strip()


def let_in(dsns: Mapping[ServerName, str]) -> dict[ServerName, str]:
    """Make the people and the console's login; returns the DSNs with which it logs in."""
    for name, role in PEOPLE.items():
        administer(dsns["dwh"], _ROLE.format(name))
        let_in = f"alter role {name} password '{PASSWORD}' connection limit 20"
        administer(dsns["dwh"], f"{let_in}; grant {role} to {name}")
    for layer in LAYERS:
        administer(dsns[layer], _ROLE.format(OWN))
        administer(dsns[layer], f"alter role {OWN} password 'own'; grant tidemark_console to {OWN}")
    return {layer: _as(OWN, "own", dsns[layer]) for layer in LAYERS}


def _as(name: str, password: str, dsn: str) -> str:
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}").geturl()


@contextmanager
def serving_console(
    areas: Mapping[str, Area], dsns: Mapping[ServerName, str], **options: Any
) -> Iterator[Served]:
    """Serve a console over the layers in a thread."""
    with Console(areas, let_in(dsns), **options) as console:
        made = serving.server(app.build(console, ["127.0.0.1"]), "127.0.0.1", 0)
        thread = threading.Thread(target=made.run)
        thread.start()
        try:
            wait_until(lambda: made.started or not thread.is_alive())
            (port,) = {one.getsockname()[1] for server in made.servers for one in server.sockets}
            served = Served(console, f"http://127.0.0.1:{port}", dsns)
            yield served
            for client in served.clients.values():
                client.close()
        finally:
            made.should_exit = True
            thread.join(60)


@pytest.fixture
def browser(console: Served) -> Iterator[httpx.Client]:
    """Yield a browser in which nobody has logged in."""
    with httpx.Client(base_url=console.url, follow_redirects=True, timeout=60) as client:
        yield client


@pytest.fixture
def console(retail: Retail) -> Iterator[Served]:
    """Yield a console over the retail area, which has had no batch yet."""
    areas = {retail.area.area: retail.area}
    with serving_console(areas, retail.warehouse.dsn) as served:
        yield served


class _Tables(HTMLParser):
    """Reads the tables of a page: caption -> rows of texts, the head first."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._caption, self._into = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")
        if tag in {"td", "th", "caption"}:
            self._into = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.found[self._caption.strip()] = self._rows
        if tag in {"td", "th", "caption"}:
            self._into = ""

    def handle_data(self, data: str) -> None:
        if self._into == "caption":
            self._caption += data
        elif self._into:
            self._rows[-1][-1] += data


def tables(answer: httpx.Response) -> dict[str, list[list[str]]]:
    """Return the tables of a page: caption -> rows of texts, the head first."""
    reader = _Tables()
    reader.feed(answer.text)
    return {
        caption: [[" ".join(cell.split()) for cell in row] for row in rows]
        for caption, rows in reader.found.items()
    }


def table(answer: httpx.Response, caption: str) -> list[list[str]]:
    """Return the one table of a page whose caption begins so."""
    (found,) = (rows for name, rows in tables(answer).items() if name.startswith(caption))
    return found


_PROGRAM = Path("/usr/bin/chromium")
_WATCH = """
addEventListener("securitypolicyviolation", (event) =>
    complain(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""
PATIENCE = 20_000
"""Milliseconds in which a page has to show what a test waits for."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield Chromium.

    Each module starts its own, in half a second: as long as one runs, no other loop of asyncio may
    run in the same thread, which tests of other folders need.
    """
    if not _PROGRAM.exists():
        pytest.skip(f"there is no {_PROGRAM}: apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(_PROGRAM), args=CHROMIUM)
        yield browser
        browser.close()


@dataclass
class Look:
    """Opens pages of a console as a person who has logged in, each in a browser of its own."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What broke the content security policy, and errors of scripts."""

    def __call__(self, served: Served, path: str = "/", name: str = "olga", **options: Any) -> Page:
        """Open a page; `options` are those of a context of Playwright."""
        context = self.browser.new_context(base_url=served.url, **options)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.expose_binding("complain", lambda _, text: self.complaints.append(text))
        context.add_init_script(_WATCH)
        for cookie in served.as_(name).cookies.jar:
            context.add_cookies(
                [{"name": cookie.name, "value": cookie.value or "", "url": served.url}]
            )
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(path)
        return page


def judged(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page: rule, why, and where."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{wrong['id']}: {wrong['help']}: {' '.join(map(str, node['target']))}"
        for wrong in found["violations"]
        for node in wrong["nodes"]
    ]


@pytest.fixture
def look(chromium: Browser) -> Iterator[Look]:
    """Yield what opens pages. No page may break its policy, or have an error in its script."""
    look = Look(chromium)
    yield look
    for context in look.contexts:
        context.close()
    assert look.complaints == []
