"""sql/ is applied to each layer: tables once, routines and views whenever they change."""

import shutil
from pathlib import Path

import pytest

from tests.fix_servers import HOME, SERVERS, Warehouse
from tidemark.declare.project import Project
from tidemark.errors import EditedMigrationError, MigrationError
from tidemark.install.migrate import migrate, unapplied
from tidemark.model import ServerName
from tidemark.postgres.sessions import Servers

TABLES = "select count(*) from pg_class where relname = 'trees'"
NOTHING: dict[ServerName, list[str]] = {layer: [] for layer in SERVERS}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the project that the test may edit."""
    shutil.copytree(HOME / "sql", tmp_path / "sql")
    return Project(tmp_path)


def apply(project: Project, warehouse: Warehouse) -> dict[ServerName, list[str]]:
    with Servers(warehouse.dsn) as servers:
        return {layer: done.files for layer, done in migrate(project, servers).items()}


def write(project: Project, path: str, text: str) -> None:
    (project.sql / path).write_text(text, "utf-8")


def test_a_migrated_layer_is_up_to_date(warehouse: Warehouse, project: Project):
    assert apply(project, warehouse) == NOTHING


def test_a_new_file_is_applied_to_its_layer_once(warehouse: Warehouse, project: Project):
    write(project, "retail/mrr/90_trees.sql", "create table trees (tree_id int);")
    assert apply(project, warehouse) == {**NOTHING, "mrr": ["retail/mrr/90_trees.sql"]}
    assert apply(project, warehouse) == NOTHING
    assert [warehouse.rows(layer, TABLES) for layer in SERVERS] == [[(0,)], [(1,)], [(0,)], [(0,)]]


def test_what_a_migration_makes_belongs_to_the_pipeline(warehouse: Warehouse, project: Project):
    write(project, "retail/stg/90_trees.sql", "create table trees (tree_id int);")
    apply(project, warehouse)
    query = "select tableowner, schemaname from pg_tables where tablename = 'trees'"
    assert warehouse.rows("stg", query) == [("tidemark_etl", "public")]


def test_a_view_is_replaced_whenever_it_changes(warehouse: Warehouse, project: Project):
    path = "retail/dwh/views/trees.sql"
    for number in (1, 2):
        write(project, path, f"create or replace view trees as select {number} as n;")
        assert apply(project, warehouse) == {**NOTHING, "dwh": [path]}
        assert warehouse.rows("dwh", "select n from trees") == [(number,)]


def test_a_view_that_a_new_file_drops_is_made_again(warehouse: Warehouse, project: Project):
    write(
        project,
        "retail/stg/90_wider.sql",
        "drop view landing.clean_products, landing.products_trimmed; "
        "alter table landing.products alter unit_price type numeric(14, 2);",
    )
    applied = apply(project, warehouse)["stg"]
    assert (applied[0], "retail/stg/views/clean_products.sql" in applied) == (
        "retail/stg/90_wider.sql",
        True,
    )
    assert {path.partition("/stg/")[0] for path in applied} == {"retail"}
    assert warehouse.rows("stg", "select count(*) from landing.clean_products") == [(0,)]
    assert apply(project, warehouse) == NOTHING


def test_an_edited_migration_is_refused(warehouse: Warehouse, project: Project):
    path = project.sql / "retail/mrr/01_create_schema.sql"
    path.write_text(path.read_text("utf-8") + "create table trees (tree_id int);\n", "utf-8")
    write(project, "retail/mrr/90_more.sql", "create table more (n int);")
    with pytest.raises(EditedMigrationError) as raised:
        apply(project, warehouse)
    said = str(raised.value)
    start = "mrr: sql/retail/mrr/01_create_schema.sql was changed after it had been applied (check"
    assert said.startswith(start)
    assert said.endswith(
        "Restore the file, and put the change into a new one with a higher number; or, since no "
        "batch of it is here yet, run `tidemark reset retail`."
    )
    query = "select count(*) from pg_class where relname in ('trees', 'more')"
    assert warehouse.rows("mrr", query) == [(0,)]


def test_a_failing_migration_leaves_the_layer_as_it_was(warehouse: Warehouse, project: Project):
    write(project, "retail/stg/90_trees.sql", "create table trees (tree_id int);")
    write(project, "retail/stg/91_wrong.sql", "create table more (n int);\nselect 1 / 0;")
    with pytest.raises(MigrationError) as raised:
        apply(project, warehouse)
    assert str(raised.value) == (
        "stg: sql/retail/stg/91_wrong.sql can't be applied: stg: division by zero. stg is as it "
        "was. Correct the file and run `tidemark migrate` again."
    )
    assert warehouse.rows("stg", TABLES) == [(0,)]
    write(project, "retail/stg/91_wrong.sql", "create table more (n int);")
    assert apply(project, warehouse)["stg"][:2] == [
        "retail/stg/90_trees.sql",
        "retail/stg/91_wrong.sql",
    ]


def test_what_is_pending_is_listed_and_not_applied(warehouse: Warehouse, project: Project):
    write(project, "retail/mrr/90_trees.sql", "create table trees (tree_id int);")
    with Servers(warehouse.dsn) as servers, servers.session("mrr", "test") as mrr:
        assert unapplied(project, mrr) == ["retail/mrr/90_trees.sql"]
    assert warehouse.rows("mrr", TABLES) == [(0,)]


def test_a_source_that_is_not_a_sample_is_left_alone(warehouse: Warehouse, project: Project):
    """Without sql/<area>/operational nothing is written there, not even the roles."""
    shutil.rmtree(project.sql / "retail" / "operational")
    write(project, "platform/operational/90_trees.sql", "create table trees (tree_id int);")
    assert apply(project, warehouse) == NOTHING
    assert warehouse.rows("operational", TABLES) == [(0,)]


ORDERED = """
    select format('%s.%s', attrelid::regclass, attname) from pg_attribute
    where attname = '_seq' and attrelid::regclass::text ~ 'trees'
    union all
    select pg_get_constraintdef(oid) from pg_constraint
    where conrelid = to_regclass('trees_history') and contype = 'p'
    order by 1
"""


def test_what_an_older_tidemark_made_gains_the_order_of_versions(
    warehouse: Warehouse, project: Project
):
    """Whichever file made it, and however it is called."""
    write(
        project,
        "retail/stg/90_trees.sql",
        """
        create table trees ("Tree" int, n int);
        select tidemark.create_mirror('trees', array['Tree', 'n']);
        insert into trees values (1, 1, 7, 0, 7, now());
        alter table trees drop column _seq;
        alter table trees_history drop column _seq, add primary key ("Tree", n, _batch_id);
        create table landing.trees as select * from trees;
        create view landing.tall as select * from landing.trees;
        """,
    )
    apply(project, warehouse)
    assert warehouse.rows("stg", ORDERED) == [
        ('PRIMARY KEY ("Tree", n, _batch_id, _seq)',),
        ("landing.trees._seq",),
        ("trees._seq",),
        ("trees_history._seq",),
        ("trees_history_pkey._seq",),
    ]
    assert warehouse.rows("stg", "select _seq from trees") == [(0,)]
