"""Time events from the call of an application to the fact in the DWH, beside what no way beats.

The floors take the same events in the same run: single INSERTs of one connection, arrays of a
thousand, and the three commits without which no event passes three servers.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg2

from benchmarks import rig
from tidemark.declare.project import Project
from tidemark.install.migrate import migrate
from tidemark.model import LAYERS, ServerName, dsn_variable
from tidemark.postgres.sessions import Servers

PORT = 18_743
CLIENTS = 16
PER_CALL = 1_000
FLOOR_SECONDS = 5.0
PER_SECOND = 100
LIKE_THE_INBOX = """
    create table floor_inbox (
        id bigint generated always as identity primary key,
        area text not null,
        event_id text not null,
        kind text not null,
        payload jsonb not null,
        received_at timestamptz not null default clock_timestamp(),
        unique (area, event_id)
    )
"""
INSERT = "insert into floor_inbox (area, event_id, kind, payload) values ('floor', %s, %s, %s)"
UNNEST = """
    insert into floor_inbox (area, event_id, kind, payload)
    select 'floor', e.id, e.kind, e.payload
    from unnest(%s::text[], %s::text[], %s::jsonb[]) as e (id, kind, payload)
"""
VISIBLE = "select count(*) from assets.fct_asset_transactions where event_id like %s"

Event = dict[str, Any]


def events(prefix: str, count: int) -> list[Event]:
    """Make events of as many assets as a tenth of their number: an upload, and purchases."""
    made = []
    for number in range(count):
        asset, step = number // 10, number % 10
        at = f"2025-03-{1 + step:02}T{asset % 24:02}:{asset % 60:02}:00Z"
        key = f"{prefix}-{asset}.jpg"
        kind, payload = "asset_purchased", {
            "s3_key": key, "user_nk": f"user{(asset * 7 + step) % 5000}",
            "credits_spent": 10 + step, "transaction_timestamp": at,
        }  # fmt: skip
        if step == 0:
            kind, payload = "asset_uploaded", {
                "s3_key": key, "asset_name": f"Asset {asset}",
                "asset_type_name": f"type {asset % 7}", "upload_timestamp": at,
            }  # fmt: skip
        made.append(
            {"area": "assets", "kind": kind, "event_id": f"{prefix}{number}", "payload": payload}
        )
    return made


class Floors:
    """What the same events take where nothing else is done."""

    def __init__(self, dsns: Mapping[ServerName, str]) -> None:
        self._connections = {layer: psycopg2.connect(dsns[layer]) for layer in LAYERS}
        for one in self._connections.values():
            one.autocommit = True
            with one.cursor() as cursor:
                cursor.execute(LIKE_THE_INBOX)

    def singles(self) -> float:
        """Return events a second of single INSERTs."""
        made = iter(events("single", 200_000))

        def insert(cursor: Any) -> int:
            one = next(made)
            cursor.execute(INSERT, [one["event_id"], one["kind"], json.dumps(one["payload"])])
            return 1

        return self._rate(insert)

    def arrays(self) -> float:
        """Return events a second of arrays of a thousand."""
        made = events("array", 600_000)
        chunks = iter([made[at : at + PER_CALL] for at in range(0, len(made), PER_CALL)])

        def insert(cursor: Any) -> int:
            chunk = next(chunks)
            columns = [
                [one["event_id"] for one in chunk],
                [one["kind"] for one in chunk],
                [json.dumps(one["payload"]) for one in chunk],
            ]
            cursor.execute(UNNEST, columns)
            return len(chunk)

        return self._rate(insert)

    def _rate(self, insert: Callable[[Any], int]) -> float:
        done, start = 0, time.perf_counter()
        with self._connections["mrr"].cursor() as cursor:
            while (spent := time.perf_counter() - start) < FLOOR_SECONDS:
                done += insert(cursor)
        return done / spent

    def commits(self, count: int = 300) -> list[float]:
        """Return the seconds of one row committed on each of three servers, sorted."""
        took = []
        for number in range(count):
            start = time.perf_counter()
            for layer, one in self._connections.items():
                with one.cursor() as cursor:
                    cursor.execute(INSERT, [f"commit{layer}{number}", "x", "{}"])
            took.append(time.perf_counter() - start)
        return sorted(took)

    def close(self) -> None:
        """Close the connections."""
        for one in self._connections.values():
            one.close()


class Client:
    """One connection to the service."""

    def __init__(self, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}

    def post(self, path: str, body: object, **headers: str) -> None:
        """Post a body; SystemExit says what else than 202 came."""
        self._connection.request("POST", path, json.dumps(body), {**self._headers, **headers})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != 202:
            raise SystemExit(f"{path}: {answer.status} {said[:300]!r}")


def one_by_one(client: Client, event: Event) -> None:
    """Post an event to the address of its kind."""
    path = {"asset_uploaded": "uploads", "asset_purchased": "purchases"}[event["kind"]]
    client.post(f"/v1/assets/{path}", event["payload"], **{"Idempotency-Key": event["event_id"]})


class Visible:
    """What the DWH shows."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg2.connect(dsn)
        self._connection.autocommit = True

    def count(self, prefix: str) -> int:
        """Count the facts of events whose ids begin so."""
        with self._connection.cursor() as cursor:
            cursor.execute(VISIBLE, [f"{prefix}%"])
            return sum(count for (count,) in cursor.fetchall())

    def wait(self, prefix: str, count: int) -> None:
        """Wait until so many events are facts."""
        end = time.monotonic() + 600
        while self.count(prefix) < count:
            if time.monotonic() > end:
                raise SystemExit(f"{prefix}: only {self.count(prefix):,} of {count:,} are visible")
            time.sleep(0.02)

    def now(self, ids: Sequence[str]) -> set[str]:
        """Return which of these events are facts."""
        query = "select event_id from assets.fct_asset_transactions where event_id = any(%s)"
        with self._connection.cursor() as cursor:
            cursor.execute(query, [list(ids)])
            return {one for (one,) in cursor.fetchall()}


def rate(
    key: str, visible: Visible, prefix: str, count: int, *, per_call: int
) -> tuple[float, float]:
    """Return events a second until all are accepted, and until all are visible."""
    made = events(prefix, count)
    calls = [made[at : at + per_call] for at in range(0, count, per_call)]
    clients = min(CLIENTS if per_call == 1 else 4, len(calls))
    start = time.perf_counter()

    def post(some: list[list[Event]]) -> None:
        client = Client(key)
        for call in some:
            if per_call == 1:
                one_by_one(client, call[0])
            else:
                client.post("/v1/events", {"events": call})

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(post, [calls[at::clients] for at in range(clients)]))
    accepted = time.perf_counter() - start
    visible.wait(prefix, count)
    return count / accepted, count / (time.perf_counter() - start)


def latencies(key: str, visible: Visible, seconds: float) -> list[float]:
    """Return the seconds from each call to the fact, at PER_SECOND calls a second, sorted."""
    made = events("paced", round(seconds * PER_SECOND))
    called: dict[str, float] = {}
    took: list[float] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set() or called:
            ids = list(called)
            seen, now = visible.now(ids), time.perf_counter()
            took.extend(now - called.pop(one) for one in seen)
            time.sleep(0.02)

    looking = threading.Thread(target=look)
    looking.start()
    clients, start = [Client(key) for _ in range(CLIENTS)], time.perf_counter()

    def post(turn: int) -> None:
        for number in range(turn, len(made), CLIENTS):
            time.sleep(max(0.0, start + number / PER_SECOND - time.perf_counter()))
            called[made[number]["event_id"]] = time.perf_counter()
            one_by_one(clients[turn], made[number])

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(post, range(CLIENTS)))
    is_over.set()
    looking.join()
    return sorted(took)


@contextmanager
def serving(dsns: Mapping[ServerName, str]) -> Iterator[str]:
    """Run the service on servers, with its worker; yields a key that may post all."""
    environment = {
        **os.environ,
        **{dsn_variable(server): dsn for server, dsn in dsns.items()},
        "TIDEMARK_HOME": str(rig.HERE.parent),
    }
    command = [sys.executable, "-m", "tidemark"]
    made = subprocess.run(
        [*command, "keys", "create", "benchmark", "--scope", "*"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    key = next(word for word in made.stdout.split() if word.startswith("tm_"))
    with subprocess.Popen(
        [*command, "serve", "--rate", "0", "--port", str(PORT)], env=environment
    ) as process:
        try:
            _wait_ready()
            yield key
        finally:
            process.terminate()


def _wait_ready() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ready", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("the service did not become ready")


def at(took: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, in milliseconds."""
    return 1000 * took[min(len(took) - 1, int(len(took) * share))]


def main() -> None:
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks/service", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="through the batch endpoint")
    parser.add_argument("--seconds", type=float, default=60, help=f"at {PER_SECOND} calls a second")
    asked = parser.parse_args()
    with rig.started() as dsns:
        with Servers(dsns) as servers:
            migrate(Project(rig.HERE.parent), servers)
        floors = Floors(dsns)
        single, array, commits = floors.singles(), floors.arrays(), floors.commits()
        floors.close()
        with serving(dsns) as key:
            visible = Visible(dsns["dwh"])
            rate(key, visible, "warm", 50, per_call=1)
            paced = latencies(key, visible, asked.seconds)
            accepted, whole = rate(key, visible, "batch", asked.events, per_call=PER_CALL)
            few, few_whole = rate(key, visible, "one", min(asked.events, 10_000), per_call=1)
    rig.show("| | accepted a second | visible a second | floor | ratio | goal |")
    rig.show("|---|---:|---:|---:|---:|---:|")
    rig.show(
        f"| `/v1/events`, {PER_CALL:,} a call | {accepted:,.0f} | {whole:,.0f} | {array:,.0f} "
        f"(`unnest`) | {whole / array:.2f} | ≥ 0.10 |"
    )
    rig.show(
        f"| one a call, {CLIENTS} clients | {few:,.0f} | {few_whole:,.0f} | {single:,.0f} (single "
        f"INSERTs) | {few_whole / single:.2f} | |"
    )
    rig.show("")
    rig.show("| call to visible, 100 events a second | p50, ms | p99, ms | goal |")
    rig.show("|---|---:|---:|---:|")
    rig.show(f"| the service | {at(paced, 0.5):,.0f} | {at(paced, 0.99):,.0f} | p99 ≤ 1,000 |")
    rig.show(f"| three bare commits | {at(commits, 0.5):.1f} | {at(commits, 0.99):.1f} | |")
    ratio = statistics.median(paced) / statistics.median(commits)
    rig.show(f"| ratio of medians | {ratio:,.0f} | | |")


if __name__ == "__main__":
    main()
