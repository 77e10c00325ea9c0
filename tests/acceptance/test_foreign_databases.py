"""`migrate --sample` and `seed` where the operational database is somebody's application."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.commands import succeed, tidemark
from tests.fix_servers import HOME, Warehouse
from tests.fix_shop import SEED

SAMPLE = ("migrate", "--sample")


def there(warehouse: Warehouse) -> list[str]:
    """Return what the operational database holds."""
    query = """
        select format('%s.%s', n.nspname, c.relname) from pg_class as c
        inner join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    """
    return sorted(name for (name,) in warehouse.rows("operational", query))


def refused(words: Sequence[str], warehouse: Warehouse) -> str:
    """Return what a command said that changed nothing, in one line."""
    before = there(warehouse)
    done = tidemark(*words, env=warehouse.environment)
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1), done
    assert (there(warehouse), "password" in done.err) == (before, False)
    address = warehouse.dsn["operational"].rpartition("@")[2]
    assert f" operational: {address} as postgres" in done.err
    return done.err


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("create table orders (id int)", "(public.orders)"),
        ("create schema shop; create table shop.orders (id int)", "(shop.orders)"),
        ("create table customers (customer_id int)", "(public.customers)"),
        ("create table o (at date) partition by range (at)", "(public.o)"),
        ("create materialized view totals as select 1 as a", "(public.totals)"),
        (
            "create table a(); create table b(); create table c(); create table d()",
            "(public.a, public.b, public.c and 1 more)",
        ),
    ],
)
def test_the_sample_is_not_made_beside_an_application(empty: Warehouse, made: str, named: str):
    empty.execute("operational", made)
    said = refused(SAMPLE, empty)
    assert f"holds tables that are not the sample's {named}, so it is somebody's" in said
    assert empty.rows("mrr", "select to_regclass('tidemark.migration')") == [(None,)]


def test_a_source_without_a_sample_does_not_keep_that_of_another_away(
    empty: Warehouse, tmp_path: Path
):
    shutil.copytree(HOME / "sql", tmp_path / "sql")
    (tmp_path / "sql" / "stock").mkdir()
    text = "area: stock\nsource: {name: depot}\nentities: {}\n"
    (tmp_path / "sql" / "stock" / "area.yml").write_text(text, "utf-8")
    depot = {"TIDEMARK_SOURCE_DEPOT_DSN": empty.dsn["mrr"]}
    empty.execute("mrr", "create table pallets (id int)")

    done = succeed(
        *SAMPLE, "--json", env={**empty.environment, **depot, "TIDEMARK_HOME": str(tmp_path)}
    )

    made = {server: bool(one["files"]) for server, one in done.json.items()}
    assert made == {"operational": True, "depot": False, "mrr": True, "stg": True, "dwh": True}


def test_the_warehouse_of_an_application_is_migrated_without_the_sample(empty: Warehouse):
    empty.execute("operational", "create table orders (id int)")
    succeed("migrate", env=empty.environment)
    assert there(empty) == ["public.orders"]


def test_the_sample_is_made_beside_views_and_extensions(empty: Warehouse):
    # The wheel has no extension with a table, so an extension gets one.
    empty.execute(
        "operational",
        "create view v as select 1 as a; create table spatial_ref_sys (id int);"
        "alter extension plpgsql add table spatial_ref_sys",
    )
    succeed(*SAMPLE, env=empty.environment)
    succeed(*SEED, "--once", env=empty.environment)


def test_a_sample_that_was_made_is_brought_up_to_date_beside_new_tables(empty: Warehouse):
    succeed(*SAMPLE, env=empty.environment)
    empty.execute("operational", "create table orders (id int)")
    assert "operational  up to date" in succeed(*SAMPLE, env=empty.environment).out


@pytest.mark.parametrize("words", [SEED, (*SEED, "--once"), ("seed", "--day")])
def test_tables_that_the_sample_did_not_make_are_not_filled(empty: Warehouse, words: Sequence[str]):
    empty.execute("operational", "create table customers (customer_id int, name text)")
    said = refused(words, empty)
    assert "`tidemark migrate --sample` has not made the tables of retail there" in said
    assert empty.rows("operational", "select count(*) from customers") == [(0,)]


@pytest.mark.parametrize("words", [SEED, (*SEED, "--once"), ("seed", "--day")])
@pytest.mark.parametrize("table", ["orders", "customers"])
def test_a_sample_beside_an_application_is_not_filled(
    warehouse: Warehouse, words: Sequence[str], table: str
):
    warehouse.execute("operational", f"create schema shop; create table shop.{table} (id int)")
    assert f"not the sample's (shop.{table})" in refused(words, warehouse)
    assert warehouse.rows("operational", "select count(*) from public.customers") == [(0,)]


def test_the_sample_is_filled_where_it_was_made(warehouse: Warehouse):
    warehouse.execute(
        "operational",
        "create schema shop; create view shop.customers as select 1 as id; "
        "alter database tidemark_test set search_path = shop, public",
    )
    succeed(*SEED, env=warehouse.environment)


def test_a_filled_sample_beside_an_application_starts_again_and_again(seeded: Warehouse):
    seeded.execute("operational", "create table orders (id int)")
    for words in (SAMPLE, (*SEED, "--once")):
        succeed(*words, env=seeded.environment)


MORE = """
create schema shop;
create table if not exists shop."Stock Levels" (id int);
create unlogged table Carts as select 1 as id;
"""


def test_a_table_that_a_file_of_the_project_makes_is_the_samples(empty: Warehouse, tmp_path: Path):
    shutil.copytree(HOME / "sql", tmp_path / "sql")
    (tmp_path / "sql" / "retail" / "operational" / "02_more.sql").write_text(MORE, "utf-8")
    env = {**empty.environment, "TIDEMARK_HOME": str(tmp_path)}
    for words in (SAMPLE, SEED):
        succeed(*words, env=env)
    empty.execute("operational", "create table levels (id int)")
    assert "(public.levels)" in tidemark("seed", "--day", env=env).err
