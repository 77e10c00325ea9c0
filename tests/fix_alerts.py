"""Channels that really receive, hang or refuse, and an area whose batches tell them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tests.fix_retail import PATIENCE, wait_until
from tidemark.batch import notify
from tidemark.model import Channels

THINGS = Dimension(
    {"id": "integer", "v": "text", "updated_at": "timestamptz"},
    ("id",),
    settings={
        "deletes": "detect",
        "checks": [{"not_null": "v", "name": "named", "severity": "fail", "on": "stg"}],
    },
    cleansed={"v": "case when v <> 'bad' then v end"},
    refused="case when v = 'bad' then array['it is bad'] else '{}' end",
)
EVENTS = Fact(
    {"no": "integer", "id": "integer", "at": "timestamptz"},
    ("no",),
    "at",
    {"thing_key": {"entity": "things", "by": ["id"]}},
)


@dataclass
class Receiver:
    """An HTTP server that takes messages as JSON, and answers with a status."""

    port: int
    messages: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    answers: threading.Event = field(default_factory=threading.Event)
    """While it is cleared, what was taken is not answered."""

    def __post_init__(self) -> None:
        self.answers.set()

    @property
    def url(self) -> str:
        return f"json://someone:secret@127.0.0.1:{self.port}/"

    @property
    def titles(self) -> list[str]:
        """The first lines of what was taken, in order."""
        return [one["title"].removeprefix("Tidemark: ") for one in self.messages]

    def wait_for(self, *titles: str) -> None:
        """Wait until as many messages have come, and compare their first lines."""
        wait_until(lambda: len(self.messages) >= len(titles))
        assert self.titles == list(titles)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver for the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if taker.status == 200:
                taker.messages.append(json.loads(body))
            taker.answers.wait(PATIENCE)
            self.send_response(taker.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        taker = Receiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield taker
        finally:
            taker.answers.set()
            server.shutdown()
            thread.join(PATIENCE)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def hanging() -> Iterator[str]:
    """The URL of a channel that takes a connection, and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"json://127.0.0.1:{server.getsockname()[1]}/?cto=1&rto=1"


Tell = Callable[..., Made]


@pytest.fixture
def telling(made: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tell]:
    """Make an area that has published one thing, and whose alerts go to these URLs."""

    def make(*urls: str) -> Made:
        shop = made(THINGS, EVENTS)
        shop.put(THINGS, (1, "a", "2025-01-01"))
        shop.put(EVENTS, (1, 1, "2025-01-02"))
        shop.run()
        for name, value in shop.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TIDEMARK_ALERT_URLS", " ".join(urls))
        shop.servers.channels = Channels(shop.home, urls)
        return shop

    yield make
    sent()


def sent() -> None:
    """Wait until no process sends messages."""
    for process in notify._sending:
        process.wait(PATIENCE)
