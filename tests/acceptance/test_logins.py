"""Logins: the pipeline works as tidemark_etl, and all other logins are told what they lack."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from tests.commands import process, succeed, tidemark
from tests.fix_servers import SERVERS, Warehouse, database
from tidemark.model import LAYERS, ServerName
from tidemark.observe import doctor

Environment = Mapping[str, str]


@pytest.fixture
def guest(warehouse: Warehouse) -> Iterator[str]:
    """A login with no rights on any server."""
    for layer in SERVERS:
        warehouse.execute(layer, "create role guest login password 'secret'")
    yield "guest"
    for layer in SERVERS:
        warehouse.execute(layer, "drop owned by guest; drop role guest")


@pytest.fixture
def writer(warehouse: Warehouse) -> Iterator[str]:
    """The role tidemark_etl, as one that logs in. Roles belong to the server, so it is undone."""
    for layer in SERVERS:
        warehouse.execute(layer, "alter role tidemark_etl login password 'secret'")
    yield "tidemark_etl"
    for layer in SERVERS:
        warehouse.execute(layer, "alter role tidemark_etl nologin password null")


@pytest.fixture
def analyst(warehouse: Warehouse) -> Iterator[str]:
    """An analyst who logs in at the DWH."""
    warehouse.execute("dwh", "create role ann login password 'secret' in role tidemark_analyst")
    yield "ann"
    warehouse.execute("dwh", "drop role ann")


def logged_in(warehouse: Warehouse, user: str, *layers: ServerName) -> dict[str, str]:
    """Return the environment in which `user` logs in at `layers`, at all without any."""
    env = warehouse.environment
    for layer in layers or SERVERS:
        name = f"TIDEMARK_{layer.upper()}_DSN"
        url = urlsplit(env[name])
        env[name] = url._replace(netloc=f"{user}:secret@127.0.0.1:{url.port}").geturl()
    return env


def logged_in_at(dsn: str, user: str) -> Connection | None:
    """Open a connection; None if this user has none left."""
    try:
        return psycopg2.connect(dsn, user=user, password="secret")
    except psycopg2.OperationalError as error:
        if "remaining connection slots are reserved" in str(error):
            return None
        raise


def findings(env: Environment, severity: str) -> list[tuple[str, str, str]]:
    done = tidemark("doctor", "--json", env=env)
    assert done.code == (1 if any(f["severity"] == "problem" for f in done.json) else 0)
    return [(f["layer"], f["what"], f["remedy"]) for f in done.json if f["severity"] == severity]


def test_the_pipeline_runs_as_tidemark_etl(seeded: Warehouse, writer: str):
    env = logged_in(seeded, writer)
    assert [findings(env, severity) for severity in ("problem", "warning")] == [[], []]
    moved = process("run", env=env)
    assert (moved.code, moved.err, moved.out.split(",")[0]) == (0, "", "Batch 1 of retail")
    assert seeded.rows("dwh", "select count(*) > 900 from dwh_fact_sales") == [(True,)]
    owners = "select distinct tableowner from pg_tables where schemaname = 'partitions'"
    assert seeded.rows("dwh", owners) == [("tidemark_etl",)]
    for command in ("status", "plan", "rejects", "history customers 1"):
        succeed(*command.split(), env=env)


def test_analysts_who_took_every_connection_do_not_stop_a_run(
    seeded: Warehouse, writer: str, analyst: str
):
    with ExitStack() as taken:
        while (one := logged_in_at(seeded.dsn["dwh"], analyst)) is not None:
            taken.enter_context(closing(one))
        assert process("run", env=logged_in(seeded, writer)).code == 0


def test_a_policy_that_hides_rows_of_the_source_stops_the_run(seeded: Warehouse, writer: str):
    seeded.execute("operational", "alter table products enable row level security")

    done = process("run", env=logged_in(seeded, writer))

    assert (done.code, done.out) == (9, "")
    assert 'query would be affected by row-level security policy for table "products"' in done.err


def test_an_analyst_can_not_run_the_pipeline(seeded: Warehouse, analyst: str):
    env = logged_in(seeded, analyst, "dwh")
    done = process("run", env=env)
    assert (done.code, done.out, done.err) == (
        9,
        "",
        'error: dwh: permission denied to set role "tidemark_etl". '
        "`tidemark doctor` prints the grant that is missing.\n",
    )
    assert seeded.rows("dwh", "select count(*) from etl_batches") == [(0,)]


def test_doctor_finds_nothing_to_mend(shop: Warehouse):
    done = process("doctor", env=shop.environment)
    assert (done.code, done.err) == (0, "")
    assert {line.split()[1] for line in done.out.splitlines()} == {"ok"}
    sources = {"campaign", "drops", "inbox", "raw_events"}
    assert {line.split()[0] for line in done.out.splitlines()} == {*SERVERS, *sources}


def test_doctor_prints_the_grants_that_a_login_lacks(warehouse: Warehouse, guest: str):
    member = "the login is no member of tidemark_etl, as which the pipeline works"
    hidden = (
        "retail.customers: no safe upper bound is known: the login may not see other sessions' "
        "transactions. Run `grant pg_read_all_stats to <the login>` on the source, or set "
        "`settle: 15m` (lossy) in sql/retail/area.yml."
    )
    found = findings(logged_in(warehouse, guest), "problem")
    assert found == [
        ("operational", hidden, "grant pg_read_all_stats to guest;"),
        *(
            (
                "operational",
                f"retail.{name}: the login may not read public.{name}",
                f'grant select on "public"."{name}" to guest;',
            )
            for name in ("customers", "products", "sales")
        ),
        *((layer, member, "grant tidemark_etl to guest;") for layer in LAYERS),
    ]


def test_the_grants_that_doctor_prints_are_enough(seeded: Warehouse, guest: str):
    env = logged_in(seeded, guest)
    for layer, _, remedy in findings(env, "problem"):
        seeded.execute(layer, remedy)
    assert findings(env, "problem") == []
    assert process("run", env=env).code == 0


def test_doctor_prints_the_index_that_a_watermark_lacks(warehouse: Warehouse):
    ((index,),) = warehouse.rows(
        "operational",
        "select indexrelid::regclass::text from pg_index "
        "where indrelid = 'sales'::regclass and pg_get_indexdef(indexrelid) ~ 'updated_at'",
    )
    warehouse.execute("operational", f"drop index {index}")
    what = "retail.sales: no index begins with updated_at, so each batch reads the whole table"
    remedy = 'create index concurrently on "public"."sales" ("updated_at");'
    assert findings(warehouse.environment, "warning") == [("operational", what, remedy)]
    warehouse.execute("operational", remedy)
    assert findings(warehouse.environment, "warning") == []


def test_doctor_prints_an_index_that_a_partitioned_table_can_have(warehouse: Warehouse):
    warehouse.execute(
        "operational",
        "drop table sales; create table sales (sale_id bigint, updated_at timestamptz) "
        "partition by range (updated_at)",
    )
    [(_, _, remedy)] = findings(warehouse.environment, "warning")
    warehouse.execute("operational", remedy)
    assert findings(warehouse.environment, "warning") == []


def test_doctor_prints_what_ends_a_prepared_transaction(warehouse: Warehouse):
    prepare = "begin; select txid_current(); prepare transaction 'it''s'"
    warehouse.execute("operational", prepare)
    try:
        env = warehouse.environment
        ((_, problem, mended),) = findings(env, "problem")
        ((_, warned, remedy),) = findings(env, "warning")
    finally:
        warehouse.execute("operational", "rollback prepared 'it''s'")
    assert ("1 prepared transactions are open" in problem, mended) == (
        True,
        "rollback prepared 'it''s';",
    )
    assert warned.startswith('the prepared transaction "it\'s" of postgres is open for ')
    assert remedy == "rollback prepared 'it''s'; -- or: commit prepared 'it''s';"


def test_doctor_shows_the_space_that_it_can_see(
    warehouse: Warehouse, guest: str, monkeypatch: pytest.MonkeyPatch
):
    env = warehouse.environment
    seen = [what for _, what, _ in findings(env, "ok") if " free" in what]
    hidden = [what for _, what, _ in findings(logged_in(warehouse, guest), "ok") if "free" in what]
    monkeypatch.setattr(doctor, "_LEAST_SPACE", 1 << 60)
    scarce = findings(env, "warning")
    shown = r"the database has \d+ MB, and its disk [\d,.]+ [MG]B free"
    assert [bool(re.fullmatch(shown, what)) for what in seen] == [True] * 4
    assert {what.partition("; ")[2] for what in hidden} == {
        "what is free on its disk can't be seen from here"
    }
    assert [bool(re.match(f"{shown}: a refresh", what)) for _, what, _ in scarce] == [True] * 4
    assert {remedy.partition(" of /")[0] for _, _, remedy in scarce} == {"Enlarge the disk"}


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("UTF8", "its locale changes the case of ASCII letters alone, and cleansing that of all"),
        (
            "LATIN1",
            "its encoding is LATIN1: a row with a character beyond it stops the batch",
        ),
    ],
)
def test_doctor_warns_of_letters_that_stg_can_not_change_or_hold(
    warehouse: Warehouse, encoding: str, said: str
):
    made = f"encoding '{encoding}' locale_provider libc locale 'C'"
    warehouse.execute("stg", f"create database letters template template0 {made}")
    dsn = database(warehouse.dsn["stg"], "letters")
    try:
        env = {**warehouse.environment, "TIDEMARK_STG_DSN": dsn}
        ((layer, what, remedy),) = findings(env, "warning")
        warehouse.execute("stg", remedy)
        mended = {**env, "TIDEMARK_STG_DSN": database(dsn, "letters_new")}
        assert (layer, what, findings(mended, "warning")) == ("stg", said, [])
    finally:
        for name in ("letters", "letters_new"):
            warehouse.execute("stg", f"drop database if exists {name} with (force)")


def test_doctor_prints_the_grant_on_a_schema(warehouse: Warehouse, guest: str):
    warehouse.execute("operational", "revoke usage on schema public from public")
    env = logged_in(warehouse, guest, "operational")
    remedies = [remedy for _, _, remedy in findings(env, "problem")]
    for remedy in remedies:
        warehouse.execute("operational", remedy)
    assert remedies[1].startswith('grant usage on schema "public" to guest; grant select on ')
    assert findings(env, "problem") == []


def test_doctor_says_what_is_not_migrated(empty: Warehouse):
    done = process("doctor", env=empty.environment)
    assert (done.code, done.err) == (1, "")
    problems: dict[str, Any] = {}
    for layer, what, remedy in findings(empty.environment, "problem"):
        problems.setdefault(layer, (what.partition(" files")[2], remedy))
    applied = " of sql/ are not applied, the first is platform/"
    missing: dict[str, Any] = dict.fromkeys(
        LAYERS, (f"{applied}common/00_roles.sql", "tidemark migrate")
    )
    assert problems == missing | {
        "operational": ("", "Create it, or correct `source` in sql/retail/area.yml."),
    }


def test_doctor_goes_on_when_a_server_is_away(warehouse: Warehouse):
    url = warehouse.environment["TIDEMARK_STG_DSN"]
    env = {**warehouse.environment, "TIDEMARK_STG_DSN": url.replace(f":{urlsplit(url).port}", ":1")}
    ((layer, what, _),) = findings(env, "problem")
    assert (layer, what.split(" can't")[0]) == ("stg", "stg: 127.0.0.1:1/tidemark_test as postgres")
