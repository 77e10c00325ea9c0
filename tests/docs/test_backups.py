"""The commands about servers of one's own in "Backup and restore" bring a layer back."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.commands import Done, run
from tests.docs.test_pages import section
from tests.fix_retail import Retail, wait_until
from tests.fix_servers import SETTINGS, Warehouse, administer, database, memory
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import embedded, migrate
from tidemark.install.embedded import site, user
from tidemark.model import ServerName
from tidemark.postgres.sessions import Servers
from tidemark.trust import verify

TEXT = section("operations.md", "Backup and restore").partition("### Servers of your own")[2]
DUMP, RESTORE, BASE, SET_BACK = [
    block.partition("\n```")[0] for block in TEXT.split("```bash\n")[1:]
]
ARCHIVING = TEXT.partition("`postgresql.conf` of the layer:\n\n```\n")[2].partition("```")[0]
assert ARCHIVING, "the page has the settings of an archive"
WITH_WAL = {"wal_level": "replica", "max_wal_senders": "5"}
ARCHIVED = "select last_archived_wal >= %s from pg_stat_archiver"


def services(folder: Path, dsns: Mapping[ServerName, str]) -> dict[str, str]:
    """Write a service file; return the variables with which PostgreSQL's programs find it."""
    lines = []
    for layer, dsn in dsns.items():
        url = urlsplit(dsn)
        lines += [f"[{layer}]", f"host={url.hostname}", f"port={url.port}", f"user={url.username}"]
        lines += [f"password={unquote(url.password or '')}", f"dbname={url.path[1:]}"]
    file = folder / "services"
    file.write_text("\n".join(lines), "utf-8")
    file.chmod(0o644)
    return {"PGSERVICEFILE": str(file)}


def typed(block: str, env: Mapping[str, str], folder: Path) -> Done:
    programs = f"{site.installed()}:{Path(sys.executable).parent}"
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    return run(["bash", "-euc", block], {**env, **path}, folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of which the servers' user may reach what it is to write."""
    made = Path(tempfile.mkdtemp(prefix="tidemark-fresh-", dir=memory()))
    made.chmod(0o711)
    for name in ("archive", "backup"):
        (made / name).mkdir()
        (made / name).chmod(0o777)
    yield made
    embedded.stop(made)
    shutil.rmtree(made)


@pytest.fixture
def fresh(folder: Path, retail: Retail) -> Iterator[Warehouse]:
    """The retail layers, but for a DWH on a new server, which archives its WAL."""
    archiving = [line.split(" = ", 1) for line in ARCHIVING.splitlines()]
    settings = {
        key: value.strip("'").replace("/archive", f"{folder}/archive") for key, value in archiving
    }
    dsns = embedded.start(folder, ["dwh"], settings={**SETTINGS, **WITH_WAL, **settings})
    made = Warehouse({**retail.warehouse.dsn, **dsns})
    yield made
    made.close()


def test_a_layer_is_restored_to_a_new_server(retail: Retail, fresh: Warehouse, tmp_path: Path):
    retail.run()
    dumped = typed(DUMP, services(tmp_path, retail.warehouse.dsn), tmp_path)
    assert dumped.code == 0, dumped
    administer(database(fresh.dsn["dwh"], "postgres"), "drop database dwh")
    retail.change("customers", 1, city="Lyon")
    env = {**services(tmp_path, fresh.dsn), **fresh.environment, "TIDEMARK_HOME": str(retail.home)}
    done = typed(RESTORE, env, tmp_path)
    assert done.code == 0, done
    assert "dwh          up to date\n" in done.out
    assert "mended" not in done.out
    cities = "select city from dwh_dim_customers where customer_id = 1 order by valid_from"
    assert fresh.rows("dwh", cities) == [("Paris",), ("Lyon",)]


def test_a_server_is_set_back_to_a_point_in_time(retail: Retail, fresh: Warehouse, folder: Path):
    project, place = Project(retail.home), site.find(folder)
    begin = f"export PATH={place.programs}:$PATH PGSERVICEFILE={folder}/services\n"
    services(folder, fresh.dsn)
    ((hba,),) = fresh.rows("dwh", "show hba_file")
    with Path(hba).open("a") as rules:
        rules.write("host replication all 127.0.0.1/32 scram-sha-256\n")
    fresh.execute("dwh", "select pg_reload_conf()")
    with Servers(fresh.dsn) as servers:
        migrate.migrate(project, servers, only=["dwh"])
        pipeline.run(servers, retail.area)
        user.must_run(place.user, "bash", "-euc", begin + here(BASE, folder))
        ((wanted,),) = fresh.rows("dwh", "select clock_timestamp()::text")
        retail.change("customers", 1, city="Lyon")
        pipeline.run(servers, retail.area)
    ((last,),) = fresh.rows("dwh", "select pg_walfile_name(pg_switch_wal())")
    wait_until(lambda: fresh.rows("dwh", ARCHIVED, [last]) == [(True,)])
    fresh.close()
    embedded.stop(folder)
    block = here(SET_BACK, folder).replace("2025-06-01 12:00:00+00", wanted)
    user.must_run(place.user, "bash", "-euc", begin + block)
    try:
        wait_until(lambda: fresh.rows("dwh", "select pg_is_in_recovery()") == [(False,)])
        assert fresh.rows("dwh", "select batch_id from etl_batches") == [(1,)]
        with Servers(fresh.dsn) as servers:
            assert pipeline.run(servers, retail.area).batch_id > 2
            assert verify.run(servers, retail.area).is_equal
    finally:
        fresh.close()
        restored = folder / "backup" / "restored"
        user.must_run(
            place.user, place.programs / "pg_ctl", "stop", "-w", "-m", "fast", "-D", restored
        )


def here(block: str, folder: Path) -> str:
    """Let a block use folders of the test's own."""
    return block.replace("/backup", f"{folder}/backup").replace("/archive", f"{folder}/archive")
