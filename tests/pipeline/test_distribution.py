"""`distribution: citus` where there is no Citus, and readers who are held for a commit."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fix_retail import PATIENCE, Retail, wait_until
from tests.queries import execute, rows
from tidemark.batch import pipeline, publish
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.errors import MigrationError
from tidemark.install.migrate import migrate
from tidemark.model import Finding
from tidemark.observe import workers
from tidemark.postgres.sessions import Servers
from tidemark.star import distribution, schema
from tidemark.trust import rebuild

FACTS = ("public", "dwh_fact_sales")


def test_a_dwh_without_the_extension_is_refused_and_stays_as_it_was(retail: Retail):
    path = retail.home / "sql" / "retail" / "area.yml"
    path.write_text(path.read_text("utf-8") + "distribution: citus\n", "utf-8")
    with pytest.raises(MigrationError) as caught:
        migrate(Project(retail.home), retail.servers)

    assert str(caught.value) == (
        "dwh: sql/retail/area.yml says `distribution: citus`, and the database has no extension "
        "citus. Run `create extension citus;` on the coordinator and its workers (docs/scale.md), "
        "or take the key out."
    )


def test_readers_wait_for_the_end_of_a_transaction_that_holds_them(retail: Retail):
    reader = retail.open_session("dwh")
    with retail.servers.session("dwh", "test") as dwh, dwh.transaction():
        distribution.hold_readers(dwh, [FACTS, FACTS])
        execute(reader, "set lock_timeout = '100ms'")
        with pytest.raises(Exception, match="lock timeout"):
            execute(reader, "select from dwh_fact_sales")
        reader.rollback()

    assert rows(reader, "select from dwh_fact_sales limit 0") == []


def test_a_reader_who_takes_long_lets_others_through(retail: Retail):
    reader = retail.open_session("dwh")
    execute(reader, "select from dwh_fact_sales")

    def hold(servers: Servers, _: Area) -> None:
        with servers.session("dwh", "test") as dwh, dwh.transaction():
            distribution.hold_readers(dwh, [FACTS])

    holding = retail.beside(hold)
    retail.wait_for_lock("dwh")
    # Somebody else queues up behind, and is served while the first one still reads.
    assert retail.warehouse.rows("dwh", "select count(*) from dwh_fact_sales") == [(0,)]
    assert not holding.done()
    reader.rollback()
    assert holding.result(PATIENCE) is None


@pytest.mark.parametrize("work", [pipeline.run, rebuild.run], ids=["publish", "rebuild"])
def test_what_writes_facts_ends_by_holding_their_readers(retail: Retail, work: Callable[..., Any]):
    retail.run()
    retail.change("sales", 1, quantity=70)
    reader = retail.open_session("dwh")
    execute(reader, "select from dwh_fact_sales limit 1")

    retail.area = retail.area.model_copy(update={"distribution": "citus"})
    writing = retail.beside(work)
    wait_until(lambda: writing.done() or retail.waits_for_lock("dwh"))
    assert not writing.done()
    reader.rollback()
    writing.result(PATIENCE)


def test_readers_are_not_held_where_facts_lie_on_one_server(retail: Retail):
    plain = retail.area.model_copy(update={"distribution": "none"})
    with retail.servers.session("stg", "test") as stg, retail.servers.session("dwh", "test") as dwh:
        star = schema.read(stg, dwh, plain)
        with dwh.transaction():
            publish.hold_readers(dwh, plain, star)
            mine = "pid = pg_backend_pid() and mode = 'AccessExclusiveLock'"
            assert dwh.rows(f"select from pg_locks where {mine}") == []


def test_doctor_names_an_extension_that_is_not_there(retail: Retail):
    area = retail.area.model_copy(update={"distribution": "citus"})
    with retail.servers.session("dwh", "test") as dwh:
        assert list(workers.examine(dwh, [area])) == [
            Finding(
                "dwh",
                "problem",
                "an area is distributed, without the extension citus",
                "create extension citus; -- on the coordinator and on each worker (docs/scale.md)",
            )
        ]
