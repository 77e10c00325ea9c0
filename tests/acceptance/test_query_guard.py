"""`tidemark query` only reads, whatever the SQL is, and whatever the login may do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_logins import logged_in
from tests.commands import tidemark
from tests.fix_retail import wait_until
from tests.fix_servers import SERVERS, Warehouse

ONE = "Ask with one statement that yields rows: SELECT, VALUES, TABLE, SHOW or EXPLAIN."
READS = "`tidemark query` only reads."
NO_QUESTIONS = [
    "select 1; drop table dwh_fact_sales",
    "commit; drop table dwh_fact_sales",
    "rollback; select 1",
    "select 1); drop table dwh_fact_sales; --",
    "begin",
    "commit",
    "reset role",
    "reset all",
    "set role none",
    "set local role tidemark_etl",
    "set session authorization default",
    "set transaction read write",
    "copy (select 1) to program 'touch {file}'",
    "copy dwh_fact_sales to '{file}'",
    "copy dwh_fact_sales from '/dev/null'",
    "do 'begin delete from dwh_fact_sales; end'",
    "call sp_refresh_customer_metrics()",
    "create table mine (n int)",
    "create table mine as select 1",
    "select 1 as n into mine",
    "truncate dwh_fact_sales",
    "lock table dwh_fact_sales",
    "alter role tidemark_analyst superuser",
    "grant tidemark_etl to tidemark_analyst",
    "alter system set work_mem = '1GB'",
    "vacuum",
    "listen x",
    "notify x",
    "load 'x'",
    "prepare transaction 'x'",
    "close question",
    "move question",
    "discard all",
    "update pg_settings set setting = 'none' where name = 'role'",
]
WRITES = [
    "delete from dwh_fact_sales returning 1",
    "insert into dwh_fact_sales default values returning 1",
    "update dwh_fact_sales set quantity = 1 returning 1",
    "with gone as (delete from dwh_fact_sales returning 1) select * from gone",
    "explain analyze delete from dwh_fact_sales",
    "select 1 from dwh_fact_sales for update",
    "select nextval('etl_batch_id_seq')",
    "select setval('etl_batch_id_seq', 1)",
    "select set_config('transaction_read_only', 'off', true)",
    "select fn_log_etl_start('mine')",
    "select lo_create(0)",
    "select lo_import('/etc/passwd')",
    "select lo_export(1, '{file}')",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select pg_reload_conf()",
    "select pg_rotate_logfile()",
    "select pg_create_physical_replication_slot('mine')",
    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()",
    "select query_to_xml('delete from dwh_fact_sales', true, true, '')",
    "select query_to_xml('copy dwh_fact_sales to ''{file}''', true, true, '')",
    "select query_to_xml('select * from tidemark.applied_batch', true, true, '')",
    "table tidemark.applied_batch",
]
ESCAPES = [
    "select set_config('role', 'none', true)",
    "select set_config('role', 'none', false), pg_terminate_backend(1)",
    "select set_config('session_authorization', 'default', true)",
    "select query_to_xml('select set_config(''role'', ''none'', true)', true, true, '')",
    "select n, set_config('role', 'none', true) from generate_series(1, 2) as n",
    "select 1 where set_config('role', 'none', true) = '' and exists (table tidemark.ruleset)",
]
STATE = """
    select
        (select count(*) from dwh_fact_sales), (select last_value from etl_batch_id_seq),
        (select count(*) from pg_class where relpersistence <> 't'),
        (select count(*) from pg_proc where pronamespace::regnamespace::text !~ '^pg_temp'),
        (select string_agg(r::text, ' ' order by r::text) from pg_roles as r),
        (select count(*) from pg_largeobject_metadata), (select count(*) from etl_logs),
        (select count(*) from pg_replication_slots), (select count(*) from pg_prepared_xacts)
"""
PLAIN = ["tidemark_etl", "postgres"]


@pytest.fixture(params=PLAIN)
def env(request: pytest.FixtureRequest, shop: Warehouse) -> Iterator[dict[str, str]]:
    """The environment of a login that is a superuser, and of one that is not."""
    if request.param == "postgres":
        yield shop.environment
        return
    for layer in SERVERS:
        shop.execute(layer, "alter role tidemark_etl login password 'secret'")
    yield logged_in(shop, "tidemark_etl")
    for layer in SERVERS:
        shop.execute(layer, "alter role tidemark_etl nologin password null")


def state(shop: Warehouse, file: Path) -> list[object]:
    return [*shop.rows("dwh", STATE), file.exists()]


def refused(shop: Warehouse, env: dict[str, str], file: Path, sql: str) -> str:
    """Ask with SQL that has to be refused and to change nothing; return what is said."""
    before = state(shop, file)
    done = tidemark("query", "dwh", sql.format(file=file), env=env)
    assert (done.code, done.out, state(shop, file)) == (9, "", before), done
    return done.err


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize("sql", NO_QUESTIONS)
def test_only_one_statement_that_yields_rows_is_taken(
    shop: Warehouse, env: dict[str, str], tmp_path: Path, sql: str
):
    said = refused(shop, env, tmp_path / "made", sql)
    assert ONE in said or "syntax error" in said


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize("sql", WRITES)
def test_a_question_writes_nothing_and_reaches_no_file(
    shop: Warehouse, env: dict[str, str], tmp_path: Path, sql: str
):
    said = refused(shop, env, tmp_path / "made", sql)
    assert any(
        one in said for one in (READS, "permission denied", "not allowed", "must be set before")
    ), said


@pytest.mark.parametrize("sql", ESCAPES)
def test_a_question_does_not_get_a_superuser_back(shop: Warehouse, tmp_path: Path, sql: str):
    said = refused(shop, shop.environment, tmp_path / "made", sql)
    assert any(one in said for one in ("within security-definer function", "permission denied"))


@pytest.mark.parametrize("env", ["tidemark_etl"], indirect=True)
def test_a_login_that_gets_its_rights_back_still_only_reads(shop: Warehouse, env: dict[str, str]):
    """The role is left in a row; ts_stat, which runs the query in a text, is called after that."""
    sql = (
        "select set_config('role', 'none', true) as role, ("
        "select string_agg(word, ' ' order by word) from ts_stat('{} and 0 < ' || n)"
        ") as words from generate_series(1, 2) as n"
    )
    who = sql.format("select to_tsvector(''simple'', current_user::text) where true")
    found = tidemark("query", "dwh", who, "--json", env=env)
    assert found.json == [{"role": "none", "words": "etl tidemark"}] * 2
    for inner, said in {
        "delete from dwh_fact_sales where true": "cannot open DELETE query",
        "select to_tsvector(nextval(''etl_batch_id_seq'')::text) where true": READS,
        "select to_tsvector(pg_read_file(''/etc/passwd'')) where true": "permission denied",
    }.items():
        done = tidemark("query", "dwh", sql.format(inner), env=env)
        assert (done.code, done.out, said in done.err) == (9, "", True), done


@pytest.mark.parametrize(
    ("layer", "role"), [("mrr", "reader"), ("stg", "reader"), ("dwh", "analyst")]
)
def test_the_layers_are_read_by_the_same_roles(env: dict[str, str], layer: str, role: str):
    texts = """e'a"(,\\n\\\\' as text, null as n, '' as e, $body$x$body$ as q"""
    sql = f"select current_user as who, {texts}"
    (row,) = tidemark("query", layer, sql, "--json", env=env).json
    assert row == {"who": f"tidemark_{role}", "text": 'a"(,\n\\', "n": None, "e": "", "q": "x"}


def test_a_source_is_read_in_a_transaction_that_writes_nothing(env: dict[str, str]):
    sql = "with gone as (delete from customers returning 1) select * from gone"
    done = tidemark("query", "operational", sql, env=env)
    assert (done.code, done.out) == (9, "")
    assert tidemark("query", "operational", "table customers", "--limit", "1", env=env).code == 0


def test_a_session_leaves_nothing_behind(shop: Warehouse, env: dict[str, str]):
    assert tidemark("query", "dwh", "select pg_notify('a', 'b')", env=env).code == 0
    left = "select from pg_proc where pronamespace::regnamespace::text ~ '^pg_temp'"
    asking = "select from pg_stat_activity where application_name ~ 'tidemark query'"
    wait_until(lambda: shop.rows("dwh", f"{left} union all {asking}") == [])
