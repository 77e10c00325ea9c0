"""The console's pages about batches, over HTTP."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.fix_console import Served, cells
from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import HOME
from tidemark.errors import ConnectError

MANY = """
insert into etl_batches (batch_id, area, status, started_at, ended_at, error_message)
select
    n, a.area, case when n %% 50 = 0 then 'FAILED' else 'SUCCESS' end,
    timestamptz '2025-01-01Z' + n * interval '1 hour',
    timestamptz '2025-01-01Z' + n * interval '1 hour' + n * interval '1 second', 'no. Do: `it`.'
from generate_series(1, 120) as n, unnest(array[%s]) as a (area)
"""


def commands(console: Served, batch_id: int) -> list[str]:
    """Return the commands that a batch's page shows to copy."""
    page = console.get(f"/batches/{batch_id}", "mona").text
    return [html.unescape(one) for one in re.findall(r'<pre id="command-\d+">(.*?)</pre>', page)]


def test_a_batch_says_what_each_hop_moved(console: Served, retail: Retail):
    retail.run()
    retail.change("customers", 1, city="Rome", country="Italy")
    batch_id = retail.run().batch_id
    page = console.get(f"/batches/{batch_id}", "mona")
    moved = [(row[0], row[1], row[2], *row[5:10]) for row in cells(page, "The hops of batch 2")]
    one = ("✓ SUCCESS", "1")
    assert moved == [
        ("extract", "", *one, "0", "1", "0", "0"),
        ("extract", "customers", *one, "0", "1", "0", "0"),
        ("stage", "", *one, "0", "1", "0", "0"),
        ("stage", "customers", *one, "0", "1", "0", "0"),
        ("publish", "", *one, "1", "1", "0", "0"),
        ("publish", "customers", *one, "1", "1", "0", "0"),
    ]
    assert re.search(r'aria-label="publish: SUCCESS, \d\.\d\d s"', page.text)
    assert 'href="/batches/1" rel="prev"' in page.text
    assert 'href="/batches/2" rel="next"' in console.get("/batches/1").text


def test_a_batch_is_compared_with_the_median_of_those_before_it(console: Served, retail: Retail):
    retail.warehouse.execute("dwh", MANY, ["retail"])
    page = console.get("/batches/44", "mona").text
    assert "The median of the 30 before it is 28 s: this one took 16 s more." in page
    assert "The batch before it took 1.00 s: this one took 1.00 s more." in (
        console.get("/batches/2", "mona").text
    )
    assert "There is no successful batch before it" in console.get("/batches/1", "mona").text


def test_a_batch_that_failed_shows_commands_that_pass(console: Served, retail: Retail):
    with retail.without("stg"), pytest.raises(ConnectError):
        retail.run()
    page = console.get("/batches/1", "mona")
    assert "✕" in page.text
    assert "stg: " in re.findall(r'<pre class="bad">(.*?)</pre>', page.text, re.DOTALL)[0]
    shown = commands(console, 1)
    assert {"tidemark doctor", "tidemark run retail", "tidemark status retail"} <= {*shown}
    done = typed(retail, "tidemark run retail")
    assert done.returncode == 0, done.stderr
    assert "✓" in console.get("/batches/2", "mona").text


def typed(retail: Retail, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a person types it."""
    words = shlex.split(command)
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=HOME,
        env={**os.environ, **retail.environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_killed_hop_says_what_to_do(console: Served, retail: Retail):
    with retail.holding("stg", "lock table stg_dim_customers"):
        process = retail.start()
        retail.wait_for_lock("stg")
        retail.kill(process)
    page = console.get("/batches/1", "mona").text
    assert "RUNNING" in page
    assert "if the process of this one was killed" in page
    command = next(one for one in commands(console, 1) if one.startswith("tidemark run"))
    assert typed(retail, command).returncode == 0
    page = console.get("/batches/1", "mona").text
    assert "Not finished when the next batch began: killed, or its last hop not run." in page
    assert console.get("/batches/2", "mona").text.count("✕") == 0


def test_attempts_of_a_hop_are_told(console: Served, retail: Retail):
    retail.run()
    tried = """
        update etl_logs set additional_info =
            '{"retries": [{"at": "2025-01-01T00:00:00Z", "error": "stg: <b>away</b>"}]}'
        where hop = 'stage' and entity is null
    """
    retail.warehouse.execute("dwh", tried)
    page = console.get("/batches/1?zone=Asia/Tokyo", "mona")
    assert cells(page, "Attempts that failed, and were made again") == [
        ["stage", "2025-01-01 09:00:00 +0900", "stg: <b>away</b>"]
    ]


def test_batches_are_listed_fifty_a_page(console: Served, retail: Retail):
    retail.warehouse.execute("dwh", MANY, ["retail"])
    path, seen = "/areas/retail/batches?zone=Asia/Tokyo", []
    while path:
        page = console.get(path, "mona")
        seen.append([int(row[0]) for row in cells(page, "Batches of retail, the newest first")])
        older = re.search(r'<a href="([^"]*)">Older ones</a>', page.text)
        path = html.unescape(older[1]) if older else ""
        assert not path or "zone=Asia%2FTokyo" in path
    assert seen == [[*range(120, 70, -1)], [*range(70, 20, -1)], [*range(20, 0, -1)]]


def test_batches_of_one_status_are_listed(console: Served, retail: Retail):
    retail.warehouse.execute("dwh", MANY, ["retail"])
    page = console.get("/areas/retail/batches?status=FAILED&before=100", "mona")
    assert [row[:2] for row in cells(page, "Batches of retail, the newest first")] == [
        ["50", "✕ FAILED"]
    ]
    assert '<input type="hidden" name="before" value="100">' in page.text


BAD = {
    "/batches/7": 404,
    "/batches/1": 404,  # of an area that the console has not
    "/batches/x": 400,
    "/batches/99999999999999999999": 400,
    "/areas/nothing/batches": 404,
    "/areas/retail/batches?status=LATE": 400,
    "/areas/retail/batches?before=-1": 400,
    "/areas/retail/batches?before=1&before=2": 400,
    "/alerts?zone=Mars": 400,
}


@pytest.mark.parametrize("path", BAD)
def test_what_is_not_there_is_refused(console: Served, retail: Retail, path: str):
    other = "insert into etl_batches (batch_id, area, status) values (1, 'other', 'RUNNING')"
    retail.warehouse.execute("dwh", other)
    assert console.get(path, "mona").status_code == BAD[path]
