"""The service for applications, at a port of its own, on a migrated area of events."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from tests.fix_posted import Post, Posting
from tests.fix_retail import wait_until
from tidemark.api import app, keys, serving
from tidemark.api.service import Service, Settings
from tidemark.model import ServerName

SALES = {
    "source": {
        "event": "sale_made",
        "path": "made/sales",
        "description": "Something was sold.",
        "fields": {
            "item": {"type": "text", "example": "ball"},
            "price": {"type": "numeric(10, 2)", "at_least": 0, "example": "12.50"},
            "sold_at": {"type": "timestamptz", "example": "2026-02-28T14:45:00Z"},
            "pieces": {"type": "integer", "required": False},
            "day": {"type": "date", "required": False},
            "is_gift": {"type": "boolean", "required": False},
            "receipt": {"type": "uuid", "required": False},
            "more": {"type": "jsonb", "required": False},
        },
    }
}
VISITS = {"source": {"event": "visit_made", "fields": {"page": {"type": "text", "example": "/"}}}}
ANSWER = """
create or replace function fn_item(item text, "at" timestamptz default null)
returns jsonb
language sql
stable
as $$
    select case
        when item = 'slow' then jsonb_build_object('slept', pg_sleep(5)::text)
        when item = 'writes' then jsonb_build_object('id', nextval('public.etl_batch_id_seq'))
        when item <> 'none'
            then jsonb_build_object('item', item, 'at', "at", 'who', current_user, 'n', 1.10)
    end
$$;
"""
ANSWERS = {
    "made/{item}": {
        "function": "fn_item",
        "description": "One item.",
        "parameters": {
            "item": {"type": "text", "example": "ball"},
            "at": {"type": "timestamptz", "required": False},
        },
    }
}
SALE = MappingProxyType({"item": "ball", "price": "12.50", "sold_at": "2026-02-28T14:45:00Z"})


USUAL = Settings()
Dsns = Mapping[ServerName, str]


class Woken:
    """A worker that only notes for which areas it was woken."""

    def __init__(self) -> None:
        self.areas: list[str] = []
        self.is_running = False

    def start(self) -> None:
        self.is_running = True

    def wake(self, *areas: str) -> None:
        self.areas += areas

    def stop(self) -> None:
        self.is_running = False


@dataclass
class Serving:
    """A service that runs, and a client with a key for all that it has."""

    posting: Posting
    service: Service
    worker: Woken
    url: str
    client: httpx.Client

    def key(self, *scopes: str, name: str = "some") -> dict[str, str]:
        """Make a key; returns the header that names it."""
        return headers(self.posting, name, *scopes)

    def post(self, event_id: str | None = None, /, **fields: Any) -> httpx.Response:
        """Post a sale, with other fields than the usual ones where they are given."""
        named = {} if event_id is None else {"Idempotency-Key": event_id}
        return self.client.post("/v1/made/sales", json={**SALE, **fields}, headers=named)

    def send(self, body: bytes, *, path: str = "/v1/made/sales", **more: str) -> httpx.Response:
        """Post these bytes."""
        named = {"Content-Type": "application/json", **more}
        return self.client.post(path, content=body, headers=named)

    def metric(self, line: str) -> float:
        """Read a metric by its name and labels."""
        text = self.client.get("/metrics").text
        found = [one for one in text.splitlines() if one.startswith(f"{line} ")]
        return float(found[0].rpartition(" ")[2]) if found else 0.0

    @property
    def inbox(self) -> list[Any]:
        """The events that are kept: id and payload."""
        query = "select event_id, payload from tidemark.inbox order by event_id"
        return self.posting.rows("mrr", query)


def headers(posting: Posting, name: str, *scopes: str) -> dict[str, str]:
    with posting.servers.session("mrr", "keys") as mrr:
        key = keys.create(mrr, name, scopes, [posting.area])
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def served(service: Service) -> Iterator[str]:
    """Serve in a thread; yields the address."""
    made = serving.server(app.build(service), "127.0.0.1", 0)
    thread = threading.Thread(target=made.run)
    with service:
        thread.start()
        try:
            wait_until(lambda: made.started or not thread.is_alive())
            (port,) = {one.getsockname()[1] for server in made.servers for one in server.sockets}
            yield f"http://127.0.0.1:{port}"
        finally:
            made.should_exit = True
            thread.join(60)


Serve = Callable[..., Serving]


@pytest.fixture
def serve(posting: Post) -> Iterator[Serve]:
    """Serve an area with sales and visits, by settings of the test's own."""
    with ExitStack() as stack:

        def begin(settings: Settings = USUAL, *, dsns: Dsns = MappingProxyType({})) -> Serving:
            made = posting(
                {"sales": SALES, "visits": VISITS},
                sql={"dwh/routines/item.sql": ANSWER},
                settings={"answers": ANSWERS},
            )
            worker = Woken()
            service = Service([made.area], {**made.servers.dsns, **dsns}, settings, worker=worker)
            url = stack.enter_context(served(service))
            named = headers(made, "all", "*", "read:*")
            client = stack.enter_context(httpx.Client(base_url=url, headers=named, timeout=60))
            return Serving(made, service, worker, url, client)

        yield begin


@pytest.fixture
def served_area(serve: Serve) -> Serving:
    """A service with the usual settings."""
    return serve()


def dumped(value: Any) -> bytes:
    return json.dumps(value, default=dict).encode()
