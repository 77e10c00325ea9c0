"""pgbouncer before a server: a session is had through it or is refused, before anything is done."""

from contextlib import ExitStack, closing
from typing import Literal

import psycopg2
import pytest

from tests.commands import process, succeed, tidemark
from tests.fix_pooler import pooled
from tests.fix_servers import SERVERS, Warehouse, connect
from tests.queries import rows
from tidemark.errors import ConnectError
from tidemark.model import ServerName
from tidemark.postgres import connections, pooling

Mode = Literal["transaction", "statement"]
MODES: tuple[Mode, ...] = ("transaction", "statement")
REFUSED = (
    "as postgres: a pooler there lends a server process for a transaction or a statement (two open "
    "connections have one pg_backend_pid(), "
)
LEFT = """
    select count(*) from pg_locks join pg_stat_activity using (pid)
    where application_name ~ 'tidemark' and locktype in ('advisory', 'tuple', 'transactionid')
"""


def through(warehouse: Warehouse, layer: ServerName, dsn: str) -> dict[str, str]:
    """Return the environment in which a layer is reached by another way."""
    return {**warehouse.environment, f"TIDEMARK_{layer.upper()}_DSN": dsn}


@pytest.mark.parametrize("mode", MODES)
def test_a_run_is_refused_before_it_does_anything(warehouse: Warehouse, mode: Mode):
    for layer in SERVERS:
        with pooled(warehouse.dsn[layer], mode) as url:
            done = tidemark("run", env=through(warehouse, layer, url))
            assert (done.code, done.out) == (4, "")
            assert done.err.startswith(f"error: {layer}: ")
            assert REFUSED in done.err
            assert done.err.endswith(
                "Set `pool_mode = session` for this database there, or let "
                f"TIDEMARK_{layer.upper()}_DSN name the server's own port.\n"
            )
            with closing(connect(url)) as pool:
                asked = "select current_user, current_setting('search_path')"
                assert rows(pool, asked) == [("postgres", '"$user", public')], "nothing leaked"
            assert warehouse.rows(layer, LEFT) == [(0,)]
    assert warehouse.rows("mrr", "select count(*) from mrr_dim_customers") == [(0,)]
    succeed("run", env=warehouse.environment)


def test_every_command_refuses(warehouse: Warehouse):
    with pooled(warehouse.dsn["dwh"], "transaction") as url:
        env = through(warehouse, "dwh", url)
        for command in ("run --hop publish", "migrate", "verify", "rebuild --dry-run", "status"):
            done = tidemark(*command.split(), env=env)
            assert (done.code, REFUSED in done.err) == (4, True), (command, done)
        done = process("psql", "dwh", "--admin", env=env)
        assert (done.code, REFUSED in done.err) == (4, True), done


def test_doctor_says_it_with_what_mends_it(warehouse: Warehouse):
    with pooled(warehouse.dsn["dwh"], "transaction") as url:
        done = tidemark("doctor", "--json", env=through(warehouse, "dwh", url))
    problems = [f for f in done.json if f["severity"] == "problem"]
    assert [(f["layer"], REFUSED in f["what"]) for f in problems] == [("dwh", True)]
    assert "`pool_mode = session`" in problems[0]["what"]


def test_a_pool_of_sessions_serves_every_layer(seeded: Warehouse):
    with ExitStack() as stack:
        env = dict(seeded.environment)
        for layer, dsn in seeded.dsn.items():
            way = stack.enter_context(pooled(dsn, "session"))
            env[f"TIDEMARK_{layer.upper()}_DSN"] = way
        assert succeed("run", env=env).out.startswith("Batch 1 of retail, ")
        succeed("seed", "retail", "--day", env=env)
        assert succeed("run", env=env).out.startswith("Batch 2 of retail, ")
        for command in ("verify", "doctor"):
            succeed(command, env=env)
        analyst = process("psql", "dwh", env=env)
        assert (analyst.code, "a pooler is in front" in analyst.err) == (3, True)
        admin = process("psql", "dwh", "--admin", "-XAtc", "select current_user", env=env)
        assert admin.out == "postgres\n"


@pytest.mark.parametrize("in_turn", [0, 1])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_order_of_lending_hides_a_pool(servers: dict[ServerName, str], size: int, in_turn: int):
    settings = {"default_pool_size": size, "server_round_robin": in_turn}
    with pooled(servers["stg"], "transaction", **settings) as url, ExitStack() as stack:
        others = [stack.enter_context(closing(psycopg2.connect(url))) for _ in range(size)]
        for other in others:  # As many processes as the pool may have.
            rows(other, "select 1")
        for other in others:
            other.commit()
        with pytest.raises(ConnectError, match="a pooler there lends a server process for a tran"):
            connections.opened(url, "stg", "test")


def test_a_pool_without_a_second_connection_is_no_wait_without_an_end(
    servers: dict[ServerName, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pooling, "PATIENCE", 0.5)
    settings = {"default_pool_size": 1, "query_wait_timeout": 0}
    with pooled(servers["stg"], "session", **settings) as url:
        with pytest.raises(ConnectError) as raised:
            connections.opened(url, "stg", "test")
        assert "lends no further connection, and a run needs up to 12" in str(raised.value)


def test_a_pool_that_is_too_small_for_a_run_ends_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pooling, "PATIENCE", 0.5)
    settings = {"default_pool_size": 2, "query_wait_timeout": 0}
    with pooled(warehouse.dsn["dwh"], "session", **settings) as url:
        done = tidemark("run", env=through(warehouse, "dwh", url))
    assert (done.code, done.out, "Raise its pool_size, or " in done.err) == (4, "", True), done
    succeed("run", env=warehouse.environment)


def test_what_a_pool_takes_from_nobody_is_told(servers: dict[ServerName, str]):
    with pooled(servers["stg"], "session") as url, pytest.raises(ConnectError) as raised:
        connections.opened(f"{url}?options=-c%20work_mem%3D7MB", "stg", "test")
    assert str(raised.value).endswith(
        "the pooler refuses what the DSN sets: FATAL: unsupported startup parameter: options. Take "
        "`options` out of TIDEMARK_STG_DSN, or let it name the server's own port."
    )


def test_a_server_without_a_pooler_costs_one_question(servers: dict[ServerName, str]):
    with closing(connections.opened(servers["stg"], "stg", "test")) as connection:
        assert not pooling.is_between(connection)
    with closing(connections.opened(servers["stg"], "stg", "test")) as connection:
        assert connection.info.transaction_status == 0
        assert not connection.autocommit
