"""Commands that write: migrate, seed, run; and plan, which must not."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.commands import process, succeed, tidemark
from tests.fix_retail import PATIENCE, wait_until
from tests.fix_servers import SERVERS, Warehouse
from tests.fix_shop import SEED
from tests.queries import execute

Fingerprint = dict[tuple[str, str], str]

TABLES = """
    select n.nspname, c.relname
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where c.relkind in ('r', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""


def fingerprint(warehouse: Warehouse) -> Fingerprint:
    """Return (layer, table or sequence) -> a checksum of all its rows."""
    return {
        (layer, f"{schema}.{name}"): warehouse.rows(
            layer,
            f"select md5(string_agg(row(t.*)::text, '' order by row(t.*)::text)) "
            f'from "{schema}"."{name}" as t',
        )[0][0]
        for layer in SERVERS
        for schema, name in warehouse.rows(layer, TABLES)
    }


def changed(before: Fingerprint, after: Fingerprint) -> list[tuple[str, str]]:
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def test_a_seed_counts_what_it_made(warehouse: Warehouse):
    said = succeed(*SEED, env=warehouse.environment).out.split()
    assert said == ["customers", "200", "products", "20", "sales", "1,000"]


def test_a_first_migration_counts_its_files_and_a_second_one_has_none(empty: Warehouse):
    applied = succeed("migrate", "--sample", "--json", env=empty.environment).json
    assert list(applied) == list(SERVERS)
    assert applied["mrr"]["files"][0] == "platform/common/00_roles.sql"
    again = process("migrate", "--sample", env=empty.environment)
    assert (again.code, again.err) == (0, "")
    assert [line.split() for line in again.out.splitlines()] == [
        [layer, "up", "to", "date"] for layer in SERVERS
    ]


def test_a_migration_makes_nothing_in_an_application_unasked(empty: Warehouse):
    applied = succeed("migrate", "--json", env=empty.environment).json
    assert list(applied) == ["mrr", "stg", "dwh"]
    made = "select count(*) from pg_class where oid >= 16384"
    assert empty.rows("operational", made) == [(0,)]


def test_a_plan_writes_nothing(seeded: Warehouse):
    before = fingerprint(seeded)
    plan = succeed("plan", "--json", env=seeded.environment).json
    shown = succeed("plan", env=seeded.environment).out
    assert changed(before, fingerprint(seeded)) == []
    assert {e["entity"]: (e["low"], e["rows"]) for e in plan["entities"]} == {
        "customers": (None, 200),
        "products": (None, 20),
        "sales": (None, 1000),
    }
    assert shown.split("\n")[0] == "Next batch of retail"


def test_a_plan_shows_drift_and_what_would_stop_the_run(seeded: Warehouse):
    seeded.execute("operational", "alter table customers add column vip boolean")
    seeded.execute("operational", "alter table sales drop column discount")
    before = fingerprint(seeded)
    shown = succeed("plan", env=seeded.environment).out
    assert changed(before, fingerprint(seeded)) == []
    refused = tidemark("run", env=seeded.environment)
    _, _, head, _, *rows, _, stop, _ = shown.partition("Drift")[2].split("\n")
    assert [line.split() for line in (head, *rows)] == [
        "entity column in the source in MRR a run would".split(),
        ["customers", "vip", "boolean", "·", "add"],
        ["sales", "discount", "·", "numeric(5,4)", "stop"],
    ]
    assert f"error: {stop.removeprefix('A run would stop: ')}\n" == refused.err


def test_a_run_says_which_column_it_added(seeded: Warehouse):
    seeded.execute("operational", "alter table customers add column vip boolean")
    said = succeed("run", env=seeded.environment).out.strip().split("\n")[-1]
    assert said == (
        "retail: column 'vip' (boolean) is new in public.customers, and added to "
        "public.mrr_dim_customers: `tidemark migrate` brings it on"
    )


def test_a_plan_counts_the_batches_that_a_layer_lacks(seeded: Warehouse):
    succeed("run", "--hop", "extract", env=seeded.environment)
    plan = succeed("plan", "--json", env=seeded.environment).json
    assert (plan["to_stage"], plan["to_publish"]) == (1, 0)
    shown = succeed("plan", env=seeded.environment).out.split("\n")[-2]
    assert shown == "Batches still to stage: 1, to publish: 0."


def test_a_run_moves_a_batch_and_a_second_run_finds_nothing(seeded: Warehouse):
    first, second = (process("run", "retail", env=seeded.environment) for _ in range(2))
    assert (first.code, first.err, second.code, second.err) == (0, "", 0, "")
    title, _, head, _, *rows = first.out.strip().split("\n")
    assert title.startswith("Batch 1 of retail, ")
    assert head.split() == "hop entity rows inserted updated deleted rejected seconds".split()
    assert [row.split()[:2] for row in rows] == [
        [hop, entity]
        for hop in ("extract", "stage", "publish")
        for entity in ("customers", "products", "sales")
    ]
    assert second.out.startswith("retail: nothing changed (batch 2, ")


def test_the_hops_of_a_batch_can_be_run_one_by_one(seeded: Warehouse):
    for hop in ("extract", "stage", "publish"):
        ((result),) = succeed("run", "--hop", hop, "--json", env=seeded.environment).json
        assert (result["hop"], result["entities"]["products"]["processed"] > 0) == (hop, True)
    assert seeded.rows("dwh", "select count(*) > 900 from dwh_fact_sales") == [(True,)]


def test_a_run_says_who_holds_its_window_back(seeded: Warehouse):
    with closing(seeded.connect("operational")) as other:
        execute(other, "set application_name = 'till 7'; begin; select txid_current()")
        time.sleep(1.1)  # longer than the margin
        said = succeed("run", env=seeded.environment).out.strip().split("\n")[-1]
        pid = other.info.backend_pid
        assert said.startswith(
            "retail: rows that were written since an open transaction began wait for a later "
            f"batch: pid {pid} (postgres, till 7), open for "
        )
        held = succeed("plan", "--json", env=seeded.environment).json["entities"][0]["held_by"]
        assert held.startswith(f"pid {pid} (postgres, till 7), open for ")


def test_a_business_day_is_one_batch(seeded: Warehouse):
    succeed("run", env=seeded.environment)
    succeed("seed", "retail", "--day", env=seeded.environment)
    results = succeed("run", "--json", env=seeded.environment).json
    assert [result["hop"] for result in results] == ["extract", "stage", "publish"]
    assert 0 < results[2]["entities"]["sales"]["processed"] < 200
    assert tidemark("run", env=seeded.environment).out.startswith("retail: nothing changed")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_an_interrupted_run_is_logged_and_says_nothing(
    seeded: Warehouse, number: signal.Signals, code: int
):
    with closing(seeded.connect("mrr")) as other:
        execute(other, "begin; lock table tidemark.applied_batch in share mode")
        running = subprocess.Popen(
            [sys.executable, "-m", "tidemark", "run"],
            env={**os.environ, **seeded.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A suite that was started in the background ignores Ctrl-C, and so would the run.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        waiting = "select count(*) from pg_locks where not granted"
        wait_until(lambda: seeded.rows("mrr", waiting) == [(1,)])
        running.send_signal(number)
        said, _ = running.communicate(timeout=PATIENCE)
    assert (running.returncode, said) == (code, b"")
    held = "select count(*) from pg_locks where relation = 'tidemark.lock'::regclass"
    assert seeded.rows("dwh", held) == [(0,)]
    batches = succeed("status", "--json", env=seeded.environment).json["batches"]
    assert [(b["status"], b["error_message"]) for b in batches] == [
        ("FAILED", "extract: interrupted")
    ]
