"""Every exit code, its message, and that nothing else is printed."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.commands import Done, process, succeed, tidemark
from tests.fix_servers import HOME, Warehouse
from tidemark.batch.journal import locked
from tidemark.declare.project import Project
from tidemark.postgres.sessions import Servers

PASSWORD = "opensesame"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the checkout's areas, to be spoilt."""
    shutil.copytree(HOME / "sql", tmp_path / "sql")
    return tmp_path


def edit(home: Path, path: str, old: str, new: str) -> None:
    text = (home / path).read_text("utf-8")
    assert old in text
    (home / path).write_text(text.replace(old, new, 1), "utf-8")


def pointed(warehouse: Warehouse, layer: str, **parts: str) -> dict[str, str]:
    """Return the environment with another user, password or port in the DSN of one layer."""
    name = f"TIDEMARK_{layer.upper()}_DSN"
    url = urlsplit(warehouse.environment[name])
    new = {"user": url.username, "password": url.password, "port": url.port, **parts}
    place = "{user}:{password}@127.0.0.1:{port}".format(**new)
    return {**warehouse.environment, name: url._replace(netloc=place).geturl()}


def said(done: Done, code: int) -> str:
    """Return the one line that a failed command prints."""
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1), done
    return done.err.removeprefix("error: ").rstrip("\n")


def test_3_some_dsns_are_set_and_some_are_not(warehouse: Warehouse):
    env = {k: v for k, v in warehouse.environment.items() if "MRR" not in k and "STG" not in k}
    assert said(tidemark("run", env=env), 3) == (
        "environment: TIDEMARK_MRR_DSN, TIDEMARK_STG_DSN not set, but TIDEMARK_DWH_DSN is. "
        "Set all three, or none to use embedded servers."
    )


def test_3_there_is_no_project(tmp_path: Path):
    assert said(tidemark("status", env={"TIDEMARK_HOME": str(tmp_path)}), 3) == (
        f"{tmp_path}: no folder here or above has sql/<area>/area.yml. "
        "Change into a Tidemark project, or set TIDEMARK_HOME."
    )


def test_3_an_area_is_misspelt(warehouse: Warehouse):
    assert said(tidemark("run", "retial", env=warehouse.environment), 3) == (
        "area 'retial': there is none of this name. Did you mean 'retail'? Known: assets, "
        "commerce, events, marketing, retail."
    )


def test_3_a_key_of_area_yml_is_misspelt(warehouse: Warehouse, home: Path):
    edit(home, "sql/retail/area.yml", "watermark:", "watermrk:")
    env = {**warehouse.environment, "TIDEMARK_HOME": str(home)}
    assert said(tidemark("run", env=env), 3) == (
        "sql/retail/area.yml: entities.customers.watermrk: unknown key. Did you mean 'watermark'?"
    )


def test_4_a_server_is_away(warehouse: Warehouse):
    env = pointed(warehouse, "mrr", port="1", password=PASSWORD)
    message = said(process("run", env=env), 4)
    assert message.startswith("mrr: 127.0.0.1:1/tidemark_test as postgres can't be reached: ")
    assert message.endswith(" Start the server, or correct TIDEMARK_MRR_DSN.")
    assert ("sesame" in message, "Traceback" in message) == (False, False)


def test_4_a_login_is_refused(warehouse: Warehouse):
    env = pointed(warehouse, "dwh", password=PASSWORD)
    message = said(process("status", env=env), 4)
    port = urlsplit(warehouse.dsn["dwh"]).port
    assert message == (
        f"dwh: 127.0.0.1:{port}/tidemark_test as postgres: the login is refused. "
        "Put the right user and password into TIDEMARK_DWH_DSN."
    )


@pytest.mark.parametrize("command", ["run", "plan", "status", "rejects", "history customers 1"])
def test_5_or_9_nothing_was_migrated(empty: Warehouse, command: str):
    done = tidemark(*command.split(), env=empty.environment)
    assert done.code in (5, 9)
    assert "`tidemark migrate`" in said(done, done.code)


def test_5_a_file_was_changed_after_it_had_been_applied(warehouse: Warehouse, home: Path):
    edit(home, "sql/retail/mrr/01_create_schema.sql", "create table", "create  table")
    env = {**warehouse.environment, "TIDEMARK_HOME": str(home)}
    message = said(tidemark("migrate", env=env), 5)
    assert message.startswith(
        "mrr: sql/retail/mrr/01_create_schema.sql was changed after it had been applied (checksum "
    )


def test_5_a_source_has_lost_a_column(seeded: Warehouse):
    seeded.execute("operational", "alter table customers rename phone to telephone")
    message = said(tidemark("run", env=seeded.environment), 5)
    assert message.startswith(
        "operational and mrr: column 'phone' (text) of public.mrr_dim_customers is gone from "
        "public.customers, where 'telephone' (text) is new: it was renamed, it seems. "
    )
    assert seeded.rows("mrr", "select count(*) from mrr_dim_customers") == [(0,)]


def test_6_a_prepared_transaction_is_open(seeded: Warehouse):
    seeded.execute("operational", "begin; select txid_current(); prepare transaction 'forgotten'")
    try:
        message = said(tidemark("run", env=seeded.environment), 6)
    finally:
        seeded.execute("operational", "rollback prepared 'forgotten'")
    assert message.startswith("retail.customers: no safe upper bound is known: 1 prepared")


def test_7_another_process_works_on_the_area(warehouse: Warehouse):
    area = Project(HOME).area()
    with (
        Servers(warehouse.dsn) as servers,
        locked(servers, area, "another process"),
    ):
        message = said(tidemark("run", env=warehouse.environment), 7)
    assert message.startswith("retail: another process works on this area: pid ")
    assert message.endswith(" Wait for it to end, or end it; nothing was done.")


def test_8_a_gate_refuses_the_batch(seeded: Warehouse, home: Path):
    edit(home, "sql/retail/area.yml", "net_amount is distinct from", "net_amount <> -1 or 0 =")
    env = {**seeded.environment, "TIDEMARK_HOME": str(home)}
    message = said(tidemark("run", env=env), 8)
    assert "net_amount_follows_from_its_parts" in message
    assert seeded.rows("dwh", "select count(*) from dwh_fact_sales") == [(0,)]


def test_9_postgresql_refuses_a_statement(seeded: Warehouse):
    seeded.execute("mrr", "alter table mrr_fact_sales add constraint few check (sale_id < 10)")
    message = said(tidemark("run", env=seeded.environment), 9)
    assert "few" in message
    batches = succeed("status", "--json", env=seeded.environment).json["batches"]
    assert [(b["status"], b["error_message"]) for b in batches] == [
        ("FAILED", f"extract: {message}")
    ]


def test_10_an_area_is_not_well(seeded: Warehouse):
    seeded.execute("mrr", "alter table mrr_fact_sales add constraint few check (sale_id < 10)")
    tidemark("run", env=seeded.environment)
    message = said(tidemark("monitor", "retail", env=seeded.environment), 10)
    assert message.startswith("retail: Batch 1 failed: extract: sales: mrr refused a row: ")
