"""What tidemark_etl puts into a layer never runs with the rights of the superuser who migrates."""

import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fix_servers import HOME, Warehouse, connect
from tests.queries import execute
from tidemark.declare.project import Project
from tidemark.errors import MigrationError
from tidemark.install import psql
from tidemark.install.migrate import migrate
from tidemark.install.servers import engine
from tidemark.observe import doctor
from tidemark.postgres.sessions import Servers

PLANTED = """
create function public.planted() returns text language plpgsql as $$
begin
    begin
        alter role tidemark_etl superuser;
    exception when others then null;
    end;
    begin
        perform set_config('role', 'none', false);
        alter role tidemark_etl superuser;
    exception when others then null;
    end;
    begin
        set session authorization default;
        alter role tidemark_etl superuser;
    exception when others then null;
    end;
    return 'x';
end $$;
create function public.planted(text) returns text immutable language plpgsql
as 'begin return public.planted(); end';
create function public.planted_trigger() returns trigger language plpgsql
as 'begin perform public.planted(); return new; end';
create view landing.seen as select 'x'::text as x;
"""
TRIGGER = "trigger later after insert or update on {} deferrable initially deferred"
FOR_EACH = "for each row execute function"
AGAIN = """
create table public.again (n int);
create function public.again() returns trigger language plpgsql as $$
begin
    perform public.planted();
    set constraints all deferred;
    if (select count(*) < 9 from public.again) then insert into public.again values (1); end if;
    return null;
end $$;
"""
HIDDEN = "alter table tidemark.migration rename to hidden; "
HELD = "declare held cursor with hold for select public.planted()"
LIES = """
create function public.lies() returns trigger language plpgsql as $f$
declare v_name text;
begin
    for v_name in select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = pg_my_temp_schema() loop
        execute 'create or replace function ' || replace(v_name, '(', '(p_statements ')
        || ' returns void language plpgsql as $$begin perform public.planted(); end$$';
    end loop;
    perform set_config('search_path', 'public, pg_catalog', false);
    return new;
end $f$;
create trigger lies before insert on tidemark.migration for each row execute function public.lies();
"""

MEMBERS = {
    "a view": HIDDEN
    + "create view tidemark.migration as select path, checksum from tidemark.hidden "
    "where public.planted() = 'x'",
    "a materialized view": HIDDEN
    + "create materialized view tidemark.migration as select * from tidemark.hidden",
    "a trigger": "create trigger now before insert or update on tidemark.migration "
    f"{FOR_EACH} public.planted_trigger()",
    "a deferred trigger": f"create constraint {TRIGGER.format('tidemark.migration')} "
    f"{FOR_EACH} public.planted_trigger()",
    "a trigger that defers itself": f"{AGAIN} create constraint {TRIGGER.format('public.again')} "
    f"{FOR_EACH} public.again(); create constraint {TRIGGER.format('tidemark.migration')} "
    f"{FOR_EACH} public.again()",
    "a cursor": "create function public.held() returns trigger language plpgsql as "
    f"$$begin execute '{HELD}'; return new; exception when others then return new; end$$; "
    f"create trigger held before insert on tidemark.migration {FOR_EACH} public.held()",
    "a function in place of the one that confines": LIES,
    "a rule": "create rule r as on insert to tidemark.migration do also select public.planted()",
    "a default": "alter table tidemark.migration add more text default public.planted()",
    "an index": "create index on tidemark.migration (public.planted(path))",
    "a policy": "alter table tidemark.migration enable row level security, force row level "
    "security; create policy p on tidemark.migration using (public.planted() = 'x')",
    "functions that fit better": "create function public.quote_ident(name) returns text "
    "language sql as 'select public.planted()'; create function public.format(text, name) "
    "returns text language sql as 'select public.planted()'",
    "operators": "create function public.join(name, text) returns text language sql as "
    "'select public.planted()'; create operator public.|| "
    "(leftarg = name, rightarg = text, function = public.join); create operator public.<> "
    "(leftarg = name, rightarg = text, function = public.join)",
    "a view that a file reads": "create or replace view landing.seen as "
    "select public.planted() as x",
}
REFUSED = {
    "a view": "tidemark.migration is a view of tidemark_etl",
    "a materialized view": "tidemark.migration is a materialized view of tidemark_etl",
    "a trigger that defers itself": "a deferred trigger waits for the commit",
    "a rule": "tidemark.migration does not take what was applied",
    "a policy": "query would be affected by row-level security policy",
}
WARNING = "the login is a superuser, and what tidemark_etl may put there runs with its rights"
IS_SUPERUSER = "select rolsuper from pg_roles where rolname = 'tidemark_etl'"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with a file that is still to be applied, and reads a view of STG."""
    shutil.copytree(HOME / "sql", tmp_path / "sql")
    (tmp_path / "sql/retail/stg/90_trees.sql").write_text(
        "create table trees as select x from landing.seen", "utf-8"
    )
    return Project(tmp_path)


@pytest.fixture
def planter(warehouse: Warehouse) -> Iterator[str]:
    """tidemark_etl, as one that logs in at STG by itself."""
    warehouse.execute("stg", "alter role tidemark_etl login password 'secret'")
    url = urlsplit(warehouse.dsn["stg"])
    yield url._replace(netloc=f"tidemark_etl:secret@127.0.0.1:{url.port}").geturl()
    warehouse.execute("stg", "alter role tidemark_etl nologin nosuperuser password null")


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("member", [*REFUSED, "all the others"])
def test_what_is_planted_gets_no_rights(
    member: str, warehouse: Warehouse, planter: str, project: Project
):
    with closing(connect(planter)) as session:
        execute(session, PLANTED)
        for name, planted in MEMBERS.items():
            if member == name or (member not in MEMBERS and name not in REFUSED):
                execute(session, planted)
    said = []
    with Servers(warehouse.dsn) as servers:
        before = doctor.examine(project, servers)
        for _ in ("a file is pending", "none is"):
            try:
                said.append(str(migrate(project, servers, only=["stg"])["stg"].mended))
            except MigrationError as error:
                said.append(str(error))
        doctor.examine(project, servers)

    assert warehouse.rows("stg", IS_SUPERUSER) == [(False,)]
    refusal = REFUSED.get(member, r"^\[\]$")
    assert [said for each in said if not re.search(refusal, each)] == []
    assert WARNING in [each.what for each in before]


@pytest.fixture
def shopkeeper(warehouse: Warehouse) -> Iterator[str]:
    """Who owns the tables of the source, and has put a function and an index there."""
    warehouse.execute(
        "operational",
        "create role shopkeeper; grant create on schema public to shopkeeper; "
        "create function public.planted(text) returns text immutable language sql as 'select $1'; "
        "create index on customers ((public.planted('x') || name)); "
        "create function public.evil() returns void language plpgsql as "
        "'begin alter role shopkeeper superuser; end'; "
        "create or replace function public.planted(text) returns text immutable language plpgsql "
        "as 'begin perform public.evil(); return $1; end'; "
        "alter function public.planted owner to shopkeeper; "
        "alter table customers owner to shopkeeper",
    )
    yield "shopkeeper"
    warehouse.execute(
        "operational",
        "alter role shopkeeper nosuperuser; "
        "drop owned by shopkeeper cascade; drop function public.evil; drop role shopkeeper",
    )


def test_doctor_reads_nobodys_table_as_a_superuser(
    warehouse: Warehouse, shopkeeper: str, project: Project
):
    with Servers(warehouse.dsn) as servers:
        found = [each.what for each in doctor.examine(project, servers)]
    query = f"select rolsuper from pg_roles where rolname = '{shopkeeper}'"
    assert warehouse.rows("operational", query) == [(False,)]
    assert (
        "retail.customers: the login is a superuser, and what shopkeeper may put into "
        "public.customers runs with its rights. It is not read here"
    ) in found


def test_a_sample_is_not_made_beside_what_another_has_made(
    warehouse: Warehouse, shopkeeper: str, project: Project
):
    (project.sql / "retail/operational/90_trees.sql").write_text("create table trees ()", "utf-8")
    with Servers(warehouse.dsn) as servers, pytest.raises(MigrationError) as raised:
        migrate(project, servers, only=["operational"])
    assert f"such as public.customers of {shopkeeper}, and" in str(raised.value)


def test_doctor_says_that_everybody_may_create_what_the_pipeline_calls(
    warehouse: Warehouse, project: Project
):
    def remedies() -> list[str]:
        return [f.remedy for f in doctor.examine(project, servers) if "everybody" in f.what]

    warehouse.execute("stg", "grant create on schema public to public")
    with Servers(warehouse.dsn) as servers:
        (remedy,) = remedies()
        warehouse.execute("stg", remedy)
        assert remedies() == []


def test_psql_calls_nothing_that_others_have_made(warehouse: Warehouse):
    warehouse.execute(
        "dwh",
        "set role tidemark_etl; create function public.quote_ident(name) returns text "
        "language plpgsql as 'begin raise exception using message = current_user; end'",
    )
    made = psql.program(warehouse.dsn["dwh"], "dwh", as_admin=False, environ={})
    assert made.environment["PGOPTIONS"] == "-c role=tidemark_analyst"


def test_an_engine_calls_nothing_that_others_have_made(warehouse: Warehouse):
    """Who owns the database, and is no superuser, may say what its sessions find first."""
    warehouse.execute(
        "operational",
        "create schema planted; create function planted.set_config(text, text, boolean) "
        "returns text language plpgsql as 'begin raise exception using message = $1; end'; "
        "alter database tidemark_test set search_path = planted, pg_catalog, public",
    )
    made = engine(warehouse.dsn["operational"], "operational")
    with closing(made.raw_connection()) as opened:
        assert opened.dbapi_connection is not None
    made.dispose()
