"""Which process may work alone, which one is waited for, and what happens to an overtaken one."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import HOME, SERVERS
from tests.queries import execute
from tidemark.batch import pipeline, sending
from tidemark.declare.project import Project
from tidemark.errors import LockedError, OvertakenError, StatementError, TidemarkError
from tidemark.install.migrate import migrate
from tidemark.layers import ledger
from tidemark.model import LAYERS, Hop, ServerName
from tidemark.postgres import (
    heartbeat,
    locks,
    settings,
    transfer,
)
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Streamed

WAREHOUSE = LAYERS
WRITING = "select from tidemark.lock where name = 'write retail' for update"
ADVISORY = """
    select pg_advisory_lock(hashtext(c), hashtext(o))
    from unnest(array['tidemark', 'tidemark.apply']) as c, unnest(array['retail', 'migrate']) as o
"""
"""What Tidemark once locked, and anybody may."""


def stranger(retail: Retail, layer: ServerName) -> Connection:
    """Log in at a layer as somebody who has no rights there, and is a member of no role."""
    name = f"stranger_of_{layer}"
    retail.warehouse.execute(layer, f"create role {name} login password 'secret'")
    retail.stack.callback(
        retail.warehouse.execute, layer, f"drop owned by {name}; drop role {name}"
    )
    session = psycopg2.connect(retail.warehouse.dsn[layer], user=name, password="secret")
    session.autocommit = True
    retail.stack.callback(session.close)
    return session


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for pinned in ("SESSION", "PRIVILEGED"):
        short = {**getattr(settings, pinned), "lock_timeout": "2s"}
        monkeypatch.setattr(settings, pinned, short)
    for pause in ("TICK", "FIRST", "EVERY"):
        monkeypatch.setattr(heartbeat, pause, 0.1)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The project with one more file for each layer."""
    shutil.copytree(HOME / "sql", tmp_path / "later" / "sql")
    for layer in WAREHOUSE:
        one_more = tmp_path / "later" / "sql" / "retail" / layer / "09_later.sql"
        one_more.write_text("create table later (one int constraint later_one check (one > 0));")
    return Project(tmp_path / "later")


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("layer", SERVERS)
def test_who_can_only_log_in_stops_neither_a_run_nor_a_migration(
    retail: Retail, project: Project, layer: ServerName
):
    session = stranger(retail, layer)
    # As it is in the DWH where no superuser has migrated it.
    allowed = f"grant execute on function pg_advisory_lock(int, int) to stranger_of_{layer}"
    retail.warehouse.execute(layer, allowed)
    execute(session, ADVISORY)
    assert retail.run_beside().result(PATIENCE).batch_id == 1
    migrated = retail.beside(lambda servers, _: migrate(project, servers, only=WAREHOUSE))
    assert "retail/dwh/09_later.sql" in migrated.result(PATIENCE)["dwh"].files


@pytest.mark.parametrize("layer", WAREHOUSE)
@pytest.mark.parametrize(
    "lock", [WRITING, "lock table tidemark.lock", "lock table tidemark.migration"]
)
def test_no_role_but_the_pipelines_may_lock(retail: Retail, layer: ServerName, lock: str):
    session = stranger(retail, layer)
    if layer == "dwh":
        retail.warehouse.execute("dwh", "grant tidemark_analyst to stranger_of_dwh")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        execute(session, f"begin; {lock}")


@pytest.mark.further(one_in=3)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("hop", "layer"), [("extract", "mrr"), ("stage", "stg"), ("publish", "dwh")]
)
def test_a_hop_says_whom_it_waits_for_and_gives_up(
    retail: Retail, caplog: pytest.LogCaptureFixture, hop: Hop, layer: ServerName
):
    retail.run()
    batch = retail.begin()
    with (
        Servers(retail.warehouse.dsn) as impatient,
        retail.holding(layer, WRITING),
        pytest.raises(LockedError, match=rf"^{layer}: waited 2s for pid \d+ \(postgres") as raised,
    ):
        pipeline.run_hop(impatient, retail.area, hop, batch)
    assert not isinstance(raised.value, OvertakenError)
    assert raised.value.holder is not None
    assert f"pid {raised.value.holder.pid} " in str(raised.value)
    first, *_ = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert first.levelno == logging.WARNING
    assert (first.area, first.batch_id, first.hop) == ("retail", batch, hop)  # type: ignore[attr-defined]
    assert re.match(rf"{layer}: waits for pid \d+ \(postgres", first.getMessage())
    assert retail.run().batch_id == batch + 1


@pytest.mark.further(one_in=3)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "lock",
    [
        WRITING,
        "lock table tidemark.migration in share mode",
        "select count(*) from landing.clean_customers",
    ],
    ids=["a hop", "a migration", "a reader of what is replaced"],
)
def test_a_migration_says_whom_it_waits_for_and_gives_up(
    retail: Retail, project: Project, caplog: pytest.LogCaptureFixture, lock: str
):
    retail.run()
    with (
        Servers(retail.warehouse.dsn) as impatient,
        retail.holding("stg", lock),
        pytest.raises(TidemarkError, match=r"^stg: .*(waited 2s for pid|lock timeout)"),
    ):
        migrate(project, impatient, only=["stg"])
    assert "stg: waits for pid" in caplog.text
    done = migrate(project, retail.servers, only=["stg"])["stg"]
    assert "retail/stg/09_later.sql" in done.files


@pytest.mark.usefixtures("impatient")
def test_a_first_migration_that_somebody_holds_up_gives_up_too(retail: Retail):
    retail.warehouse.execute("mrr", "drop schema tidemark cascade")
    execute(stranger(retail, "mrr"), ADVISORY)
    with pytest.raises(LockedError, match=r"^mrr: waited 2s for pid \d+ \(stranger_of_mrr,"):
        migrate(Project(HOME), retail.servers, only=["mrr"])


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("layer", WAREHOUSE)
def test_one_that_was_overtaken_writes_nothing_any_more(retail: Retail, layer: ServerName):
    """It has lost the area, and does not know; the other one has come and gone."""
    with Servers(retail.warehouse.dsn) as late, late.session(layer, "late") as session:
        with locks.writing(late, session, "retail", ledger.last("retail")):
            with session.transaction():
                session.run("create table landing.written ()")
            retail.run()
            overtaken = pytest.raises(OvertakenError, match=f"of {layer}, or another process")
            with overtaken, session.transaction():
                session.run("create table landing.overtaken ()")
        with session.transaction():
            found = session.one(
                "select to_regclass('landing.written') is null, to_regclass('landing.overtaken')"
            )
    assert found == (False, None)


def test_one_that_is_writing_is_waited_for(retail: Retail):
    with (
        Servers(retail.warehouse.dsn) as late,
        late.session("mrr", "late") as session,
        locks.writing(late, session, "retail", ledger.last("retail")),
        session.transaction(),
    ):
        session.run("select 1")
        running = retail.run_beside()
        retail.wait_for_lock("mrr")
    assert running.result(PATIENCE).batch_id == 1


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("hop", [transfer, sending], ids=["rows have landed", "rows will land"])
def test_a_hop_that_a_migration_overtook_begins_again(
    retail: Retail,
    undisturbed: Retail,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    hop: Any,
):
    """The migration takes away what has landed: the hop must not take that for an empty window."""
    name = "stream_all" if hop is transfer else "of_changed"
    before = getattr(hop, name)
    overtaking = "truncate landing.customers, landing.products, landing.sales;"
    (project.sql / "retail" / "stg" / "10_emptied.sql").write_text(overtaking)

    def overtaken(*args: Any, **options: Any) -> Mapping[str, Streamed]:
        found: Mapping[str, Streamed] = before(*args, **options)
        if hop is sending or options["receiver"] == "stg":
            with Servers(retail.warehouse.dsn) as others:
                migrate(project, others, only=["stg"])
        return found

    monkeypatch.setattr(hop, name, overtaken)
    retail.run()
    monkeypatch.undo()

    query = """
        select distinct jsonb_array_length(r.retries), r.retries #>> '{0, error}'
        from etl_logs cross join lateral (select additional_info -> 'retries') as r (retries)
        where hop = 'stage' and entity is null
    """
    [(times, why)] = retail.warehouse.rows("dwh", query)
    assert (times, why[:30]) == (1, "retail: a migration of stg, or")
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()


def test_a_killed_process_leaves_no_transaction_to_wait_for(retail: Retail):
    with retail.holding("stg", "lock table tidemark.applied_batch in share mode"):
        process = retail.start()
        retail.wait_for_lock("stg")
        retail.kill(process)
        running = retail.run_beside()
    assert running.result(PATIENCE).batch_id == 2
    with closing(retail.warehouse.connect("stg")) as session:
        session.autocommit = True
        execute(session, WRITING + " nowait")


def test_a_table_that_somebody_keeps_locked_is_not_waited_for_for_ever(
    retail: Retail, monkeypatch: pytest.MonkeyPatch
):
    retail.run()
    retail.add("sales", 5)
    monkeypatch.setattr(settings, "SESSION", {**settings.SESSION, "lock_timeout": "100ms"})
    locked = "lock table stg_fact_sales in access exclusive mode"
    with (
        Servers(retail.warehouse.dsn) as impatient,
        retail.holding("stg", locked),
        pytest.raises(StatementError, match=r"^stg: .*lock timeout.*pg_stat_activity") as raised,
    ):
        pipeline.run(impatient, retail.area)
    assert not raised.value.is_transient


def test_a_warehouse_of_before_is_told_to_migrate(retail: Retail):
    retail.warehouse.execute("dwh", "drop table tidemark.lock")
    with pytest.raises(StatementError, match=r"tidemark\.lock.* Run `tidemark migrate`"):
        retail.run()
