"""What passes by itself is waited for within the hop; what does not, is not."""

import os
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from tests.fix_retail import PATIENCE, Retail, wait_until
from tests.fix_servers import HOME, SERVERS, SETTINGS, Warehouse
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.batch.journal import locked
from tidemark.declare.project import Project
from tidemark.errors import LockedError, StatementError
from tidemark.install import embedded
from tidemark.install.embedded import postmaster, site
from tidemark.install.migrate import migrate
from tidemark.model import HOPS, Hop, ServerName
from tidemark.postgres import retries
from tidemark.postgres.sessions import Servers

LANDING = "lock table landing.sales in share mode"
APPLYING = "lock table tidemark.applied_batch in share mode"
WAITING = "select pid from pg_locks where not granted"
SURVIVING = {**SETTINGS, "synchronous_commit": "on"}
STATUS = "select status, error_message from etl_batches order by batch_id"


def attempts(retail: Retail, batch_id: int = 1) -> dict[Hop, list[str]]:
    """Return the errors of each hop's attempts before the last."""
    query = """
        select distinct
            hop, coalesce(jsonb_path_query_array(additional_info, '$.retries[*].error'), '[]')
        from etl_logs where batch_id = %s and entity is null
    """
    return dict(retail.warehouse.rows("dwh", query, [batch_id]))


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize(
    ("hop", "layer", "lock"),
    [
        ("extract", "operational", "lock table sales"),
        ("extract", "mrr", LANDING),
        ("extract", "mrr", APPLYING),
        ("stage", "mrr", "lock table mrr_fact_sales"),
        ("stage", "stg", LANDING),
        ("stage", "stg", APPLYING),
        ("publish", "stg", "lock table stg_fact_sales"),
        ("publish", "dwh", LANDING),
        ("publish", "dwh", APPLYING),
    ],
)
def test_a_hop_whose_connection_is_dropped_is_done_again(
    retail: Retail, undisturbed: Retail, hop: Hop, layer: ServerName, lock: str
):
    retail.run()
    undisturbed.run()
    retail.change("sales", 1, quantity=7)
    source = retail.area.database
    assert source
    patient = source.limits.model_copy(update={"lock_timeout": timedelta(0)})
    patient_source = source.model_copy(update={"limits": patient})
    retail.area = retail.area.model_copy(update={"source": patient_source})
    before = HOPS.index(hop)
    batch_id = retail.begin()
    for earlier in HOPS[:before]:
        retail.hop(earlier, batch_id)
    with retail.holding(layer, lock):
        running = retail.beside(pipeline.run_hop, hop, batch_id)
        retail.wait_for_lock(layer)
        retail.warehouse.rows(layer, f"select pg_terminate_backend(pid) from ({WAITING}) as w")
    running.result(PATIENCE)
    for later in HOPS[before + 1 :]:
        retail.hop(later, batch_id)
    undisturbed.run()
    assert retail.star() == undisturbed.star()
    errors = attempts(retail, batch_id)
    [error] = errors.pop(hop)
    assert error.startswith(f"{layer}: the connection broke: ")
    assert errors == {other: [] for other in HOPS if other != hop}


def test_idle_connections_that_broke_cost_no_attempt(retail: Retail):
    """Those whose end has come are not lent again."""
    with ExitStack() as stack:
        lent = (retail.servers.session("mrr", "idle") for _ in range(2 * retries.ATTEMPTS))
        idle = [stack.enter_context(one) for one in lent]
    others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    retail.warehouse.rows("mrr", f"select pg_terminate_backend(pid) {others}")
    wait_until(lambda: all(one.has_news for one in idle))
    retail.run()
    assert attempts(retail) == {hop: [] for hop in HOPS}


def test_a_deadlock_is_lost_and_the_hop_done_again(retail: Retail, undisturbed: Retail):
    """The run waits last, so that it is the one that finds the deadlock, however late."""
    other = retail.open_session("mrr")
    execute(other, f"set deadlock_timeout = '1h'; {APPLYING}")
    with ThreadPoolExecutor(1) as pool:
        with retail.holding("mrr", "lock table mrr_fact_sales in share mode"):
            running = retail.run_beside()
            retail.wait_for_lock("mrr")
            waiting = pool.submit(execute, other, "lock table mrr_dim_customers")
            retail.wait_for_lock("mrr", 2)
        waiting.result(PATIENCE)
    other.rollback()
    running.result(PATIENCE)
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()
    assert attempts(retail)["extract"] == ["mrr: deadlock detected."]


def refusing(retail: Retail, sqlstate: str, *, times: int = 1000) -> None:
    """Let the publishing transaction fail, each time or so many times."""
    retail.warehouse.execute(
        "dwh",
        f"""
        create sequence refusal;
        create function refuse() returns trigger language plpgsql security definer as
        $$ begin
            if nextval('public.refusal') <= {times} then
                raise exception 'refused' using errcode = '{sqlstate}';
            end if;
            return new;
        end; $$;
        create trigger refuse before insert on dwh_fact_sales execute function refuse();
        """,
    )


def test_a_serialization_failure_is_done_again(retail: Retail, undisturbed: Retail):
    refusing(retail, "40001", times=1)
    retail.run()
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()
    assert attempts(retail)["publish"] == ["dwh: serialization failure, says a function."]


def test_a_real_error_is_not_tried_again(retail: Retail):
    refusing(retail, "P0001")
    with pytest.raises(StatementError, match=r"^sales: dwh refused a row: a function or trigger"):
        retail.run()
    assert attempts(retail)["publish"] == []


def test_the_last_attempt_is_the_error_of_the_batch(
    retail: Retail, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.001)
    refusing(retail, "40001")
    with pytest.raises(StatementError, match=r"^dwh: serialization failure, says a function\.$"):
        retail.run()
    assert attempts(retail)["publish"] == ["dwh: serialization failure, says a function."] * (
        retries.ATTEMPTS - 1
    )
    assert retail.warehouse.rows("dwh", STATUS) == [
        ("FAILED", "publish: dwh: serialization failure, says a function.")
    ]


def test_a_run_whose_lock_another_one_took_stops(retail: Retail):
    holder = retail.open_session("stg")
    execute(holder, LANDING)
    running = retail.run_beside()
    retail.wait_for_lock("stg")
    retail.take_the_lock_away()
    with locked(retail.servers, retail.area, "other"):
        holder.rollback()
        with pytest.raises(LockedError, match=r"which goes no further\.$") as raised:
            running.result(PATIENCE)
    assert retail.warehouse.rows("dwh", STATUS) == [("FAILED", f"publish: {raised.value}")]


@pytest.mark.parametrize("layer", ["operational", "mrr"])
def test_a_machine_that_vanished_is_noticed_in_a_minute(retail: Retail, layer: ServerName):
    with retail.servers.session(layer, "test") as session:
        found = session.rows(
            "select name, setting from pg_settings where name like 'tcp_keep%' order by 1"
        )
    assert found == [
        ("tcp_keepalives_count", "3"),
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "10"),
    ]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The folder of servers that these tests may restart."""
    with tempfile.TemporaryDirectory(prefix="tidemark-retries-") as name:
        path = Path(name)
        path.chmod(0o711)  # as root, the servers run as a user that has to get in
        try:
            embedded.start(path, SERVERS, settings=SURVIVING)
            yield path
        finally:
            embedded.stop(path)


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[Retail]:
    """A shop on those servers, after its first batch."""
    warehouse = Warehouse(embedded.start(folder, SERVERS))
    with Servers(warehouse.dsn) as servers, ExitStack() as stack:
        migrate(Project(HOME), servers)
        stack.callback(warehouse.close)
        area = Project(HOME).area("retail").model_copy(update={"margin": timedelta(0)})
        shop = Retail(warehouse, servers, area, HOME, stack)
        shop.open()
        shop.run()
        yield shop


def restart(shop: Retail, folder: Path, layer: ServerName) -> None:
    """Stop a server as a crash does, and start it again."""
    cluster = site.data_folder(folder) / layer
    server = postmaster.find(cluster)
    assert server is not None
    os.kill(server.pid, signal.SIGQUIT)
    wait_until(lambda: postmaster.find(cluster) is None)
    embedded.start(folder, SERVERS, settings=SURVIVING)
    shop.warehouse.close()


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("waiting", "lock", "restarted"),
    [
        ("operational", "lock table sales", "operational"),
        ("mrr", LANDING, "mrr"),
        ("stg", LANDING, "stg"),
        ("mrr", LANDING, "dwh"),
        ("dwh", LANDING, "dwh"),
    ],
    ids=["operational", "mrr", "stg", "dwh in another hop", "dwh"],
)
def test_a_server_that_is_restarted_is_waited_for(
    shop: Retail,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    waiting: ServerName,
    lock: str,
    restarted: ServerName,
):
    monkeypatch.setattr(retries, "ATTEMPTS", 10)  # A busy machine takes longer to start it.
    quantity = 1 + shop.sales()[0][1]
    shop.change("sales", 1, quantity=quantity)
    holder = shop.open_session(waiting)
    execute(holder, lock)
    running = shop.run_beside()
    shop.wait_for_lock(waiting)
    restart(shop, folder, restarted)
    with suppress(psycopg2.Error):  # It was the server of this session.
        holder.rollback()
    batch = running.result(PATIENCE)
    assert (shop.sales()[0], shop.holders()) == ((1, quantity), [])
    query = "select distinct status from {} where batch_id = %s"
    for table in ("etl_batches", "etl_logs"):
        assert shop.warehouse.rows("dwh", query.format(table), [batch.batch_id]) == [("SUCCESS",)]
