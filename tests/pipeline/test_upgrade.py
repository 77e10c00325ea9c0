"""A warehouse that an older Tidemark filled is migrated with its data, and goes on."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run, succeed
from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import HOME, SERVERS, Warehouse
from tidemark.model import ServerName
from tidemark.postgres.sessions import Servers

RELEASED = {
    "918fb59c226193e9334ae989cce97301d7b9f6d7": "before deletes were detected",
    "4272d1c49a92615011b8a5a72088e7dc8f6bcdd0": "before positions, and an order of versions",
}
"""Commits whose warehouses go on -> what they are the last one of."""

SCHEMA = """
    select format('%s.%s %s %s', n.nspname, c.relname, a.attname, format_type(atttypid, atttypmod))
    from pg_attribute as a join pg_class as c on c.oid = attrelid
    join pg_namespace as n on n.oid = relnamespace
    where n.nspname in ('public', 'tidemark', 'landing', 'partitions') and attnum > 0
    and relname !~ '[.]' -- a work table
    union all select indexdef from pg_indexes where schemaname !~ '^pg_'
    union all select format('%s %s', conrelid::regclass, pg_get_constraintdef(oid))
    from pg_constraint where conrelid <> 0
    union all select viewname || definition from pg_views where schemaname in ('public', 'landing')
    union all select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all select oid::regclass || array_to_string(reloptions, ' ') from pg_class
    where reloptions is not null and relnamespace = 'public'::regnamespace
    union all select oid::regprocedure || prosrc from pg_proc
    where pronamespace in ('public'::regnamespace, 'tidemark'::regnamespace)
    order by 1
"""


@pytest.fixture(scope="module", params=RELEASED, ids=lambda commit: commit[:7])
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and the SQL of an older commit; its windows have no margin."""
    command = ["git", "archive", request.param, "tidemark", "sql"]
    archive = subprocess.run(command, cwd=HOME, capture_output=True, timeout=PATIENCE, check=False)
    if archive.returncode:
        said = archive.stderr.decode()
        pytest.skip(f"no commit {request.param[:7]} here (a shallow clone?): {said}")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    with (folder / "sql" / "retail" / "area.yml").open("a") as declared:
        declared.write("\nmargin: 0s\n")
    return folder


@pytest.fixture
def upgraded(retail: Retail, empty: Warehouse) -> Iterator[Retail]:
    """Empty layers on the same source, for the older commit to fill."""
    dsn = {**empty.dsn, "operational": retail.warehouse.dsn["operational"]}
    warehouse = Warehouse(dsn)
    with Servers(dsn) as servers:
        yield Retail(warehouse, servers, retail.area, retail.home)
    warehouse.close()


def contents(retail: Retail) -> dict[str, list[Any]]:
    """Return what the layers hold, and of deleted rows that they are, not since when."""
    found: dict[str, list[Any]] = retail.contents()
    for table in [name for name in found if name.startswith(("mrr_", "stg_"))]:
        read = [json.loads(row) for (row,) in found[table]]
        rows = [{**row, "_deleted_at": row["_deleted_at"] is not None} for row in read]
        found[table] = sorted(rows, key=json.dumps)
    return found


def schema(retail: Retail, layer: ServerName) -> list[tuple[str]]:
    # The older commits had one area: what others have is made from nothing.
    others = ("assets", "commerce", "events", "marketing")
    rows = retail.warehouse.rows(layer, SCHEMA)
    found = [one for one in rows if not any(area in one[0] for area in others)]
    # No view reads a landing table of MRR: it is made as it has to be when rows land there.
    return [one for one in found if layer != "mrr" or not one[0].startswith("landing.")]


@pytest.mark.further(one_in=2)
def test_what_an_older_tidemark_filled_is_as_if_it_had_always_been_this_one(
    older: Path, upgraded: Retail, retail: Retail
):
    env = {**upgraded.environment, "TIDEMARK_HOME": str(older), "PYTHONPATH": str(older)}

    def both() -> None:
        done = run([sys.executable, "-m", "tidemark", "run"], env, cwd=older)
        assert done.code == 0, done
        retail.run()

    migrated = run([sys.executable, "-m", "tidemark", "migrate"], env, cwd=older)
    assert migrated.code == 0, migrated
    retail.add("sales", 6)  # one of five may go
    both()
    retail.change("customers", 1, city="Oslo")
    retail.change("sales", 2, quantity=-1)
    retail.add("customers", 9, name="")  # rejected, so that its sale has an inferred member
    retail.add("sales", 5, customer_id=9)
    retail.delete("sales", "sale_id = 4")
    both()
    retail.change("sales", 2, quantity=2)
    retail.change("customers", 1, city="Rome")
    retail.change("customers", 9, name="Flo")

    succeed("migrate", env=upgraded.environment)
    upgraded.run()
    retail.run()

    assert contents(upgraded) == contents(retail)
    assert [key for key, _ in upgraded.sales()] == [1, 2, 3, 5, 6]
    for layer in SERVERS:
        assert schema(upgraded, layer) == schema(retail, layer)
    assert upgraded.run().changed == 0
