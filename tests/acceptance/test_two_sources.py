"""Two areas, each with a source of its own: `operational`, and `ledger` of examples/two-sources."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import process, succeed, tidemark
from tests.fix_servers import HOME, TEMPLATE, Warehouse, administer, database
from tests.fix_shop import databases
from tidemark import tasks
from tidemark.declare.project import Project
from tidemark.model import HOPS, ServerName

RETAIL = HOME / "sql" / "retail"
BILLING = HOME / "examples" / "two-sources" / "billing"
LEDGER = "TIDEMARK_SOURCE_LEDGER_DSN"
AMOUNTS = """
    select a.name, a.terms, f.amount::float from fact_invoices as f
    inner join dim_accounts as a using (account_key) order by f.invoice_id
"""


@contextmanager
def project(*areas: Path) -> Iterator[Path]:
    """Make a project with these areas; its embedded servers end with the block."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-sources-"))
    folder.chmod(0o711)  # as root, embedded servers run as a user that has to get in
    (folder / "sql").mkdir()
    for area in (HOME / "sql" / "platform", *areas):
        (folder / "sql" / area.name).symlink_to(area)
    try:
        yield folder
    finally:
        process("down", cwd=folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def two(templates: dict[ServerName, str]) -> Iterator[Warehouse]:
    """Both areas after a batch; the ledger is embedded, and all else named by DSN."""
    with databases(templates, "tidemark_two", TEMPLATE) as made, project(RETAIL, BILLING) as home:
        made.home = home
        for command in ("migrate", "seed --customers 9 --products 3 --sales 20", "run retail"):
            succeed(*command.split(), env=made.environment)
        succeed("run", "billing", env=made.environment)
        yield made


def in_ledger(two: Warehouse, statement: str) -> None:
    url = succeed("dsn", "ledger", "--password", env=two.environment).out.strip()
    administer(url, statement)


def test_both_are_published_into_one_warehouse(two: Warehouse):
    assert two.rows("dwh", "select count(*) > 0 from dwh_fact_sales") == [(True,)]
    assert two.rows("dwh", AMOUNTS) == [
        ("Bakery", "14 days", 120.0),
        ("Bakery", "14 days", 80.5),
        ("Cinema", "30 days", 990.0),
    ]


def test_a_source_that_is_named_by_dsn_is_left_alone_beside_one_that_is_embedded(two: Warehouse):
    done = succeed("migrate", "--json", env=two.environment).json
    assert list(done) == ["ledger", "mrr", "stg", "dwh"]


@pytest.mark.parametrize(("area", "source"), [("retail", "operational"), ("billing", "ledger")])
def test_plan_status_and_verify_name_the_source_of_their_area(
    two: Warehouse, area: str, source: str
):
    for command in ("plan", "status", "verify"):
        said = succeed(command, area, "--json", env=two.environment).json
        assert (said["area"], said["source"]) == (area, source)
    assert f"\nThe source is {source}.\n" in succeed("plan", area, env=two.environment).out
    assert f"\nThe source is {source}.\n" in succeed("status", area, env=two.environment).out
    assert f"\n {source} = mrr " in succeed("verify", area, env=two.environment).out


def test_doctor_looks_at_both_sources_for_their_areas_alone(two: Warehouse):
    found = succeed("doctor", "--json", env=two.environment).json
    bounds = [(f["layer"], f["what"]) for f in found if "safe upper bound" in f["what"]]
    assert bounds == [
        ("ledger", "billing: a safe upper bound is known"),
        ("operational", "retail: a safe upper bound is known"),
    ]


def test_a_change_in_one_source_is_a_batch_of_its_area_alone(
    two: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    """By the tasks of an orchestrator."""
    in_ledger(two, "update accounts set terms = '7 days', updated_at = now() where account_id = 1")
    in_ledger(two, "select pg_sleep(1.1)")  # The margin of the window.
    for name, value in two.environment.items():
        monkeypatch.setenv(name, value)
    changed = {
        area: sum(tasks.run_hop(Project(two.home), area, hop)["changed"] for hop in HOPS)
        for area in ("retail", "billing")
    }
    assert (changed["retail"], changed["billing"] > 0) == (0, True)
    versions = "select terms, is_current from dim_accounts where account_id = 1 order by valid_from"
    assert two.rows("dwh", versions) == [("14 days", False), ("7 days", True)]


def test_drift_and_a_missing_table_name_the_source(two: Warehouse):
    in_ledger(two, "alter table accounts alter column terms type varchar(20)")
    refused = tidemark("run", "billing", env=two.environment).err
    in_ledger(two, "alter table accounts alter column terms type text")
    assert refused.startswith("error: ledger and mrr: column 'terms' is character varying(20)")

    in_ledger(two, "alter table invoices rename to hidden")
    [missing] = tidemark("plan", "billing", "--json", env=two.environment).json["stops"]
    found = tidemark("doctor", "--json", env=two.environment).json
    in_ledger(two, "alter table hidden rename to invoices")
    hint = "ledger is an embedded server here, since TIDEMARK_SOURCE_LEDGER_DSN is not set."
    assert missing.startswith("ledger: the table public.invoices does not exist")
    assert missing.endswith(hint)
    assert [f["remedy"].endswith(hint) for f in found if f["severity"] == "problem"] == [True]


def test_a_source_by_dsn_beside_embedded_layers(servers: dict[ServerName, str]):
    administer(servers["operational"], "create database ledger")
    with project(BILLING) as home:
        env = {LEDGER: database(servers["operational"], "ledger"), "TIDEMARK_HOME": str(home)}
        assert list(succeed("up", "--json", env=env).json) == ["ledger", "mrr", "stg", "dwh"]
        assert "ledger       " not in succeed("migrate", env=env).out
        assert "does not exist" in tidemark("run", env=env).err
        assert "ledger       2 files applied" in succeed("migrate", "--sample", env=env).out
        succeed("run", env=env)
        assert succeed("verify", env=env).out.endswith("\nequal\n")
        assert process("down", cwd=home).out == "stopped: dwh, mrr, stg\n"
    administer(servers["operational"], "drop database ledger with (force)")
