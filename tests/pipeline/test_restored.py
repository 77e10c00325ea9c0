"""A layer that lost roles, owners or grants, as a restored one has, is given them by `migrate`."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import HOME, SETTINGS, Warehouse, administer, database, memory
from tests.schema.test_grants import HERE, LISTING
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.errors import MigrationError
from tidemark.install import embedded
from tidemark.install.embedded import site
from tidemark.install.migrate import migrate
from tidemark.model import LAYERS, ServerName
from tidemark.observe import doctor
from tidemark.postgres.sessions import Servers
from tidemark.trust import verify

LAYERS_OF_OURS: tuple[ServerName, ...] = LAYERS
OTHERS = """
create role somebody;
create table public.of_others (n int);
alter table public.of_others owner to somebody;
create function public.fn_of_others() returns int language sql as 'select 1';
"""
OWNERS = """
    select c.oid::regclass::text, c.relowner::regrole::text from pg_class as c
    where c.relname in ('of_others', 'dwh_fact_sales')
    union all select p.oid::regprocedure::text, p.proowner::regrole::text from pg_proc as p
    where p.proname in ('fn_of_others', 'fn_top_customers')
    order by 1
"""
DAMAGES = [
    "alter schema landing owner to postgres",
    "alter table dwh_fact_sales owner to postgres",
    "alter table partitions.dwh_fact_sales_2025_01 owner to postgres",
    "alter sequence etl_batch_id_seq owner to postgres",
    "alter view vw_sales owner to postgres",
    "alter routine fn_top_customers owner to postgres",
    "alter routine tidemark.drop_indexes(text) owner to postgres",
    "alter table tidemark.migration owner to postgres",
    "revoke select on all tables in schema public from tidemark_analyst",
    "revoke execute on routine fn_top_customers from tidemark_analyst",
    "grant execute on routine fn_top_customers to public",
    "revoke create on schema public from tidemark_etl",
    "revoke usage on schema public from public, tidemark_analyst",
    "revoke temporary on database {} from tidemark_etl",
    "alter default privileges for role tidemark_etl in schema public "
    "revoke select on tables from tidemark_analyst",
    "alter default privileges for role tidemark_etl grant execute on routines to public",
]


BESIDE = ("assets", "commerce", "events", "marketing")
"""Areas beside retail."""


@pytest.fixture
def home(home: Path) -> Path:
    """Every area of the warehouse: what a restored layer has lost is to be theirs."""
    for area in BESIDE:
        shutil.copytree(HOME / "sql" / area, home / "sql" / area)
    return home


@pytest.fixture(scope="module")
def fresh() -> Iterator[dict[ServerName, str]]:
    """Servers on which nobody has made a role yet: layer -> libpq URL (superuser)."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-fresh-", dir=memory()))
    folder.chmod(0o711)
    try:
        yield embedded.start(folder, LAYERS_OF_OURS, settings=SETTINGS)
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)


@pytest.fixture
def restored(retail: Retail, fresh: dict[ServerName, str]) -> Iterator[Warehouse]:
    """The source, and empty databases on servers without roles."""
    for dsn in fresh.values():
        administer(dsn, "create database restored")
    dsns = {layer: database(dsn, "restored") for layer, dsn in fresh.items()}
    made = Warehouse({**dsns, "operational": retail.warehouse.dsn["operational"]})
    yield made
    made.close()
    for dsn in fresh.values():
        administer(dsn, "drop database restored with (force)")
        for role in ("tidemark_etl", "tidemark_analyst", "tidemark_reader", "deployer"):
            administer(dsn, f"drop role if exists {role}")


def dump_and_restore(source: str, target: str, *options: str) -> None:
    """Do what the guide says; what pg_restore says of roles that are missing is no matter."""
    programs = site.installed()
    dump = [str(programs / "pg_dump"), "--format=custom", f"--dbname={source}"]
    dumped = subprocess.run(dump, capture_output=True, check=True, timeout=PATIENCE).stdout
    restore = [str(programs / "pg_restore"), *options, f"--dbname={target}"]
    subprocess.run(restore, input=dumped, capture_output=True, check=False, timeout=PATIENCE)


def problems(retail: Retail, servers: Servers) -> list[str]:
    found = doctor.examine(Project(retail.home), servers)
    return [f"{f.layer}: {f.what} -> {f.remedy}" for f in found if f.severity == "problem"]


def grants(warehouse: Warehouse, layer: ServerName) -> list[str]:
    return without_landing(sorted(line for (line,) in warehouse.rows(layer, LISTING)))


def golden(layer: ServerName) -> list[str]:
    return without_landing((HERE / "grants" / f"{layer}.txt").read_text("utf-8").splitlines())


def without_landing(lines: list[str]) -> list[str]:
    """Leave out the tables of landing schemas: a run makes more of them than a migration."""
    return [line for line in lines if not line.startswith("table landing")]


def for_looking(line: str) -> bool:
    """Whether only people need it who look: a login that may not grant it leaves it unsaid."""
    own = r"later (schemas|tables) of tidemark_etl: tidemark_etl "
    return bool(re.search(rf"tidemark_reader|tidemark_console|^{own}", line))


@pytest.mark.further(but=["--no-owner --role=deployer"])
@pytest.mark.parametrize("options", ["", "--no-owner --no-acl", "--no-owner --role=deployer"])
def test_a_layer_that_is_restored_to_a_fresh_server_goes_on(
    retail: Retail, restored: Warehouse, options: str
):
    retail.run()
    project = Project(retail.home)
    for layer in LAYERS_OF_OURS:
        if "deployer" in options:
            restored.execute(
                layer, "create role deployer; grant create on schema public to deployer"
            )
            restored.execute(layer, "grant create on database restored to deployer")
        dump_and_restore(retail.warehouse.dsn[layer], restored.dsn[layer], *options.split())
    with Servers(restored.dsn) as servers:
        assert {said.partition(":")[0] for said in problems(retail, servers)} == {*LAYERS_OF_OURS}
        mended = migrate(project, servers, only=LAYERS_OF_OURS)
        assert all(done.mended for done in mended.values())
        assert problems(retail, servers) == []
        again = migrate(project, servers, only=LAYERS_OF_OURS)
        assert [(done.files, done.mended) for done in again.values()] == [([], [])] * 3
        retail.change("customers", 1, city="Lyon")
        assert pipeline.run(servers, retail.area).batch_id == 2
        assert verify.run(servers, retail.area).is_equal
    if "deployer" not in options:
        for layer in LAYERS_OF_OURS:
            assert grants(restored, layer) == golden(layer)


def test_what_was_lost_is_laid_again_and_nothing_else_is_touched(retail: Retail):
    retail.run()
    dwh = retail.warehouse
    before = grants(dwh, "dwh")
    dwh.execute("dwh", OTHERS)
    try:
        owners = dwh.rows("dwh", OWNERS)
        for damage in DAMAGES:
            dwh.execute("dwh", damage.format("tidemark_test"))
        done = migrate(Project(retail.home), retail.servers, only=["dwh"])["dwh"]
        assert len(done.mended) > len(DAMAGES)
        assert (dwh.rows("dwh", OWNERS), problems(retail, retail.servers)) == (owners, [])
        dwh.execute("dwh", "drop table of_others; drop function fn_of_others")
        dwh.execute("dwh", "grant usage on schema public to public")
        assert grants(dwh, "dwh") == before
    finally:
        dwh.execute("dwh", "drop owned by somebody; drop role somebody")


@pytest.mark.further
def test_what_doctor_prints_mends_what_was_lost(retail: Retail):
    retail.run()
    for damage in DAMAGES[5:]:
        retail.warehouse.execute("dwh", damage.format("tidemark_test"))
        examined = doctor.examine(Project(retail.home), retail.servers)
        found = [each for each in examined if each.severity == "problem"]
        assert {each.layer for each in found} == {"dwh"}, damage
        for each in found:
            if each.remedy == "tidemark migrate":
                migrate(Project(retail.home), retail.servers, only=["dwh"])
            else:
                retail.warehouse.execute("dwh", each.remedy)
        assert problems(retail, retail.servers) == [], damage


ONLY_A_SUPERUSER = {
    "schema public: tidemark_analyst may usage",  # As everybody may.
    "schema public: tidemark_monitor may usage",
    "role pg_use_reserved_connections: has member tidemark_etl",  # A superuser's to give.
    "role tidemark_analyst: has member tidemark_etl",  # Its maker's; `query` says if it is missing.
}


@pytest.fixture
def deployer(restored: Warehouse) -> dict[ServerName, str]:
    """A login that may make roles, and nothing else in the DWH."""
    restored.execute("dwh", "create role deployer createrole login password 'secret'")
    url = urlsplit(restored.dsn["dwh"])
    mine = url._replace(netloc=f"deployer:secret@127.0.0.1:{url.port}").geturl()
    return {**restored.dsn, "dwh": mine}


def told(project: Project, servers: Servers) -> tuple[str, str]:
    """Let a migration be refused; return what it says, and what somebody else has to run."""
    with pytest.raises(MigrationError) as raised:
        migrate(project, servers, only=["dwh"])
    said, _, statements = str(raised.value).partition(" run `tidemark migrate`, or: ")
    return said, statements


def test_a_login_that_may_not_is_told_what_its_superior_has_to_run(
    retail: Retail, restored: Warehouse, deployer: dict[ServerName, str]
):
    for area in BESIDE:  # Doctor prints four statements of a kind.
        shutil.rmtree(retail.home / "sql" / area)
    project = Project(retail.home)
    with Servers(deployer) as servers:
        said, statements = told(project, servers)
        remedies = [f.remedy for f in doctor.examine(project, servers) if f.layer == "dwh"]
        assert statements, said
        restored.execute("dwh", statements)
        migrate(project, servers, only=["dwh"])
        assert [each for each in problems(retail, servers) if each.startswith("dwh")] == []
    assert said.startswith(
        "dwh: the role tidemark_analyst does not exist, and 9 more, and Tidemark's"
    )
    assert said.endswith("Let postgres, the database's owner, or a superuser")
    assert "create schema tidemark authorization tidemark_etl;" in statements
    assert " ".join(each for each in remedies if each and each in statements) == statements
    of_retail = {one for one in golden("dwh") if not any(area in one for area in BESIDE)}
    lacking = of_retail ^ {*grants(restored, "dwh")}
    assert {line for line in lacking if not for_looking(line)} == ONLY_A_SUPERUSER


def test_what_its_superior_has_to_run_is_enough_for_areas_with_schemas_of_their_own(
    retail: Retail, restored: Warehouse, deployer: dict[ServerName, str]
):
    project = Project(retail.home)
    with Servers(deployer) as servers:
        _, statements = told(project, servers)
        for area in BESIDE:
            assert f"create schema {area} authorization tidemark_etl;" in statements
        restored.execute("dwh", statements)
        migrate(project, servers, only=["dwh"])
    lacking = {*golden("dwh")} ^ {*grants(restored, "dwh")}
    assert {line for line in lacking if not for_looking(line)} == ONLY_A_SUPERUSER


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    "damage",
    [
        "drop view vw_recent_etl_runs cascade",
        "drop function fn_log_etl_end, fn_top_customers",
        "drop routine tidemark.drop_indexes",
    ],
)
def test_a_layer_without_some_views_or_routines_is_given_them(retail: Retail, damage: str):
    """As a dump that was restored in part may be."""
    retail.run()
    retail.warehouse.execute("dwh", damage)
    assert [each.rpartition(" -> ")[2] for each in problems(retail, retail.servers)] == [
        "tidemark migrate"
    ]
    project = Project(retail.home)
    assert migrate(project, retail.servers)["dwh"].files
    assert (problems(retail, retail.servers), retail.run().batch_id) == ([], 2)
    assert migrate(project, retail.servers)["dwh"].files == []


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        ("drop table tidemark.lock", "tidemark.lock is not there, and sql/platform/common/05_"),
        ("drop table etl_logs cascade", "public.etl_logs is not there, and sql/platform/dwh/02_"),
        ("drop schema tidemark cascade", "01_batches.sql can't be applied"),
    ],
)
def test_a_layer_without_what_was_made_once_is_refused(retail: Retail, damage: str, lost: str):
    """`migrate` makes no empty table in its place, and does not say that all is well."""
    retail.warehouse.execute("dwh", damage)
    with pytest.raises(MigrationError, match="estore the layer from a backup") as raised:
        migrate(Project(retail.home), retail.servers)
    assert lost in str(raised.value)
    assert problems(retail, retail.servers) != []


def test_what_a_new_file_drops_need_not_be_there(retail: Retail, tmp_path: Path):
    """As the message says: a table that somebody has dropped by hand is not needed any more."""
    home = tmp_path / "later"
    shutil.copytree(HOME / "sql", home / "sql")
    retail.warehouse.execute("dwh", "drop table temp_sales_report")
    with pytest.raises(MigrationError, match=r"drop it in a new file of sql/"):
        migrate(Project(home), retail.servers, only=["dwh"])

    dropped = "drop table if exists temp_sales_report;"
    (home / "sql" / "retail" / "dwh" / "09_no_report.sql").write_text(dropped)

    assert migrate(Project(home), retail.servers, only=["dwh"])["dwh"].files != []
    assert migrate(Project(home), retail.servers, only=["dwh"])["dwh"].files == []
