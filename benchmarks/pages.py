"""Time pages of the console beside psql with the statements that they send."""

from __future__ import annotations

import argparse
import http.client
import re
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from benchmarks.rig import Rig, Size, psql, rig, show
from tidemark.api import serving
from tidemark.console import app
from tidemark.console.console import Console
from tidemark.declare.project import find_project
from tidemark.install import console_login
from tidemark.model import LAYERS, ServerName
from tidemark.postgres.db import Session

PAGES = {
    "overview": "/",
    "area": "/areas/retail",
    "entity": "/areas/retail/entities/customers",
    "key": "/areas/retail/entities/customers/keys?key=10",
    "key as known after batch 1": "/areas/retail/entities/customers/keys?key=10&batch=1",
    "fact": "/areas/retail/entities/sales/facts?key=10",
    "batch": "/batches/1",
    "batches": "/areas/retail/batches",
    "rejects": "/rejects?area=retail",
    "checks": "/checks?area=retail",
}
BATCHES = """
insert into etl_batches (batch_id, area, status, started_at, ended_at)
select nextval('etl_batch_id_seq'), 'retail', 'SUCCESS', at, at + interval '9 s'
from (select now() - interval '6 hours' * n as at from generate_series({0}, 1, -1) as n) as b;
insert into etl_logs (process_name, area, entity, hop, batch_id, start_time, end_time, status,
rows_processed, rows_inserted, rows_updated, rows_deleted)
select 'hop', 'retail', e.entity, h.hop, b.batch_id, b.started_at, b.ended_at, 'SUCCESS', 9, 9, 0, 0
from etl_batches as b
cross join (values ('extract'), ('stage'), ('publish')) as h (hop)
cross join (values (null), ('customers'), ('products'), ('sales')) as e (entity)
where b.batch_id > 2;
analyze etl_batches; analyze etl_logs
"""
TIMES = 15


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(prog="benchmarks/console", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000, help="customers")
    parser.add_argument("--batches", type=int, default=5_000, help="batches in the logs")
    given = parser.parse_args()
    with rig(Size(given.keys, 1_000, 100_000)) as made:
        for day in range(2):
            if day:
                made.play_day(day, Size(2_000, 1_000, 2_000))
            made.run_batch()
        psql(made.dsns["dwh"], "-c", BATCHES.format(given.batches))
        made.vacuum()
        show(f"| {given.keys:,} keys, {given.batches:,} batches | ms | psql | ratio (goal: ≤ 3) |")
        show("|---|---:|---:|---:|")
        for name, path in PAGES.items():
            # New sessions for each page: a statement that comes again is sent by its name alone.
            with _served(made) as (get, sent):
                show(_line(made, name, path, get, sent), flush=True)


_Sent = list[tuple[ServerName, bytes]]


def _line(made: Rig, name: str, path: str, get: Callable[[str], int], sent: _Sent) -> str:
    sent.clear()
    if (status := get(path)) != 200:
        raise SystemExit(f"{path}: status {status}.")
    messages = list(sent)
    page = median(_timed(partial(get, path)) for _ in range(TIMES))
    floor = _psql(made, messages)
    return f"| {name} | {page * 1000:.0f} | {floor * 1000:.0f} | {page / floor:.1f} |"


def _psql(made: Rig, messages: Sequence[tuple[ServerName, bytes]]) -> float:
    """Return the median of the seconds that psql takes with the same, a process for each server."""
    scripts: defaultdict[ServerName, bytes] = defaultdict(bytes)
    for server, message in messages:
        scripts[server] += message.rstrip(b"; \n") + b";\n"
    seconds = 0.0
    with tempfile.TemporaryDirectory(prefix="tidemark-pages-") as folder:
        for server, script in scripts.items():
            path = Path(folder) / f"{server}.sql"
            path.write_bytes(script)
            run = partial(psql, made.dsns[server], "-f", str(path))
            seconds += median(_timed(run) for _ in range(TIMES))
    return seconds


def _timed(do: Callable[[], Any]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


@contextmanager
def _served(made: Rig) -> Iterator[tuple[Callable[[str], int], _Sent]]:
    """Serve a console; yields what gets a page, and the statements that were sent."""
    sent: _Sent = []
    composed = Session._message

    def noting(session: Session, *last: Any) -> bytes:
        message = composed(session, *last)
        sent.append((session.server, message))
        return message

    own: dict[ServerName, str] = {
        layer: console_login.let_in(made.dsns[layer], layer) for layer in LAYERS
    }
    Session._message = noting  # type: ignore[method-assign, assignment]
    with Console(find_project().areas, own) as console:
        server = serving.server(app.build(console, ["127.0.0.1"]), "127.0.0.1", 0)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            (port,) = {one.getsockname()[1] for each in server.servers for one in each.sockets}
            yield _browser(port, made.dsns["dwh"]), sent
        finally:
            server.should_exit = True
            thread.join(60)
            Session._message = composed  # type: ignore[method-assign]


def _browser(port: int, dsn: str) -> Callable[[str], int]:
    """Log in as the superuser, who sees all; returns what gets a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, body: str | None = None) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        for line in answer.headers.get_all("set-cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            cookies[name] = value
        return answer.status, answer.read().decode()

    url = urlsplit(dsn)
    _, page = ask("GET", "/login")
    (token,) = re.findall(r'name="form" value="([^"]+)"', page)
    person = {"name": url.username, "password": url.password, "form": token}
    status, _ = ask("POST", "/login", urlencode(person, quote_via=quote))
    assert status == 303, "the superuser is let in"
    return lambda path: ask("GET", path)[0]


if __name__ == "__main__":
    main()
