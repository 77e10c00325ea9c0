"""Two processes at once."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import SERVERS, connect, database, lay
from tests.queries import execute, value
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.errors import ConnectError, LockedError
from tidemark.install.migrate import migrate
from tidemark.model import ServerName
from tidemark.postgres import indexes, settings
from tidemark.postgres.sessions import Servers

RUNNING = "select from tidemark.lock where name = 'run retail' for update"
STAGING = "lock table tidemark.applied_batch in share mode"


def test_a_second_run_says_who_works_on_the_area_and_does_nothing(retail: Retail):
    with retail.holding("stg", STAGING):
        running = retail.run_beside()
        retail.wait_for_lock("stg")
        [(pid,)] = retail.holders()
        with pytest.raises(LockedError) as raised:
            retail.run_beside().result(timeout=PATIENCE)
        assert retail.warehouse.rows("dwh", "select batch_id from etl_batches") == [(1,)]
    running.result(PATIENCE)
    assert str(raised.value) == (
        f"retail: another process works on this area: pid {pid} (postgres, tidemark run retail "
        f"{socket.gethostname()}:{os.getpid()}). Wait for it to end, or end it; nothing was done."
    )


def test_a_hop_waits_for_who_works_on_the_area(retail: Retail):
    batch = retail.begin()
    with retail.holding("dwh", RUNNING):
        hop = retail.beside(lambda servers, area: pipeline.run_hop(servers, area, "extract", batch))
        retail.wait_for_lock("dwh")
    assert hop.result(PATIENCE).batch_id == batch


def test_a_hop_says_whom_it_has_waited_for(retail: Retail, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "PATIENCE", "100ms")
    batch = retail.begin()
    said = r"^retail: another process works on this area, still after 100ms: pid \d+ \(postgres, "
    with retail.holding("dwh", RUNNING), pytest.raises(LockedError, match=said):
        pipeline.run_hop(retail.servers, retail.area, "extract", batch)


def test_a_run_that_has_ended_leaves_the_area_free(retail: Retail):
    retail.run()
    assert retail.holders() == []
    assert retail.run().batch_id == 2


def test_a_run_that_has_failed_leaves_the_area_free(retail: Retail):
    with retail.without("stg"), pytest.raises(ConnectError):
        retail.run()
    assert retail.run().batch_id == 2


def test_a_killed_run_leaves_the_area_free(retail: Retail):
    with retail.holding("stg", STAGING):
        process = retail.start()
        retail.wait_for_lock("stg")
        with pytest.raises(LockedError, match=f":{process.pid}\\)"):
            retail.run_beside().result(timeout=PATIENCE)
        retail.kill(process)
    assert retail.run().batch_id == 2


def test_another_area_is_not_locked(retail: Retail):
    other = retail.area.model_copy(update={"area": "gardens"})
    with retail.holding("stg", STAGING):
        running = retail.run_beside()
        retail.wait_for_lock("stg")
        assert pipeline.begin(retail.servers, other) == 2
    running.result(PATIENCE)


def test_a_run_that_loses_its_lock_takes_it_again_and_goes_on(retail: Retail, undisturbed: Retail):
    with retail.holding("stg", STAGING):
        running = retail.run_beside()
        retail.wait_for_lock("stg")
        retail.take_the_lock_away()
    running.result(PATIENCE)
    assert retail.holders() == []
    assert retail.warehouse.rows("dwh", "select distinct status from etl_logs") == [("SUCCESS",)]
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("layer", ["mrr", "stg", "dwh"])
def test_a_run_waits_for_one_that_lost_its_lock_and_goes_on(
    retail: Retail, undisturbed: Retail, layer: ServerName
):
    retail.run()
    undisturbed.run()
    retail.change("customers", 1, city="Lyon")
    retail.add("sales", 5)
    with retail.holding(layer, STAGING):
        first = retail.run_beside()
        retail.wait_for_lock(layer)
        retail.take_the_lock_away()
        undisturbed.run()
        retail.change("sales", 5, transaction_timestamp="2025-04-05")
        second = retail.run_beside()
        retail.wait_for_lock(layer, 2)
    with suppress(LockedError):  # It ends first, and finds that the second one has its lock.
        first.result(PATIENCE)
    second.result(PATIENCE)
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()


def test_two_migrations_at_once_do_not_collide(retail: Retail, servers: dict[ServerName, str]):
    targets = {}
    for layer in SERVERS:
        lay(servers[layer], "create database fresh")
        retail.stack.callback(lay, servers[layer], "drop database fresh with (force)")
        targets[layer] = database(servers[layer], "fresh")
    project = Project(retail.home)
    with Servers(targets) as one, Servers(targets) as other, ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda each: migrate(project, each), (one, other)))
    files = {layer: sorted([*done[0][layer].files, *done[1][layer].files]) for layer in SERVERS}
    assert all(len(found) == len(set(found)) > 0 for found in files.values())
    with closing(connect(targets["dwh"])) as fresh:
        assert value(fresh, "select count(*) from tidemark.migration") == len(files["dwh"])


def test_a_row_that_somebody_writes_meanwhile_is_not_truncated(retail: Retail):
    somebody = retail.open_session("mrr")
    execute(
        somebody,
        """
        insert into mrr_dim_customers
        (customer_id, updated_at, _batch_id, _first_batch_id, _extracted_at)
        values (99, now(), 1, 1, now())
        """,
    )

    def fill(servers: Servers, _: Area) -> None:
        with (
            servers.session("mrr", "fill") as session,
            session.transaction(),
            indexes.built_afterwards(session, ("public", "mrr_dim_customers")),
        ):
            pass

    filled = retail.beside(fill)
    retail.wait_for_lock("mrr")
    somebody.commit()
    filled.result(PATIENCE)

    assert retail.warehouse.rows("mrr", "select customer_id from mrr_dim_customers") == [(99,)]
