"""What keeps analysts from standing in the way of the pipeline, and of each other."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_retail import Retail, wait_until
from tests.fix_servers import HOME
from tests.queries import execute, value
from tidemark.declare.project import Project
from tidemark.install.migrate import migrate
from tidemark.observe import doctor

LogIn = Callable[[], Connection]
IDLE = "idle_in_transaction_session_timeout"


@pytest.fixture
def log_in(retail: Retail) -> LogIn:
    """Open a session of the analyst ann; all that a migration lays is laid in the DWH."""
    retail.warehouse.execute(
        "dwh", "create role ann login password 'secret' in role tidemark_analyst"
    )
    retail.stack.callback(retail.warehouse.execute, "dwh", "drop role ann")
    # The suite's servers have a limit of their own, which would stay.
    retail.warehouse.execute("dwh", f"alter role postgres in database tidemark_test set {IDLE} = 0")
    migrate(Project(HOME), retail.servers, only=["dwh"])

    def opened() -> Connection:
        session = psycopg2.connect(retail.warehouse.dsn["dwh"], user="ann", password="secret")
        retail.stack.callback(session.close)
        return session

    return opened


def warnings(retail: Retail) -> dict[str, str]:
    """Return what `doctor` says of analysts, and the statement that mends it."""
    found = doctor.examine(Project(HOME), retail.servers)
    return {
        one.what: one.remedy for one in found if one.layer == "dwh" and one.severity == "warning"
    }


@pytest.mark.parametrize(
    "statement", ["create temporary table mine ()", "create temporary view mine as select"]
)
def test_an_analyst_makes_nothing_that_is_temporary(log_in: LogIn, statement: str):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        execute(log_in(), statement)


def test_an_idle_transaction_of_an_analyst_is_ended(retail: Retail, log_in: LogIn):
    assert value(log_in(), f"show {IDLE}") == "5min"
    retail.warehouse.execute("dwh", f"alter database tidemark_test set {IDLE} = '50ms'")
    ann = log_in()
    execute(ann, "begin; select count(*) from vw_sales")
    pid = ann.info.backend_pid

    alive = "select from pg_stat_activity where pid = %s"
    wait_until(lambda: retail.warehouse.rows("dwh", alive, [pid]) == [])


def test_a_limit_of_the_operators_own_stays(retail: Retail, log_in: LogIn):
    retail.warehouse.execute("dwh", f"alter database tidemark_test set {IDLE} = '7min'")
    migrate(Project(HOME), retail.servers, only=["dwh"])
    assert value(log_in(), f"show {IDLE}") == "7min"


@pytest.mark.parametrize(
    "call",
    [
        "sp_refresh_customer_metrics()",
        "sp_aggregate_sales_report('2025-01-01', '2025-01-31')",
    ],
)
def test_a_call_that_another_session_holds_up_ends_and_says_why(
    retail: Retail, log_in: LogIn, call: str
):
    one, other = log_in(), log_in()
    name = call.split("(", maxsplit=1)[0]
    limit = "select proconfig @> array['lock_timeout=10s'] from pg_proc where proname = %s"
    assert retail.warehouse.rows("dwh", limit, [name]) == [(True,)]
    retail.warehouse.execute("dwh", f"alter procedure {name} set lock_timeout = '50ms'")
    execute(one, f"begin; call {call}")

    execute(other, f"call {call}")

    said = "another session is filling it, or has not ended its transaction since"
    assert said in other.notices[-1]


def test_doctor_prints_what_keeps_analysts_in_bounds(retail: Retail, log_in: LogIn):
    """The state after a migration by a login that may not set this: it is not the owner."""
    assert warnings(retail) == {}
    for undone in (
        "grant temporary on database tidemark_test to public",
        f"alter database tidemark_test reset {IDLE}",
        "revoke pg_use_reserved_connections from tidemark_etl",
    ):
        retail.warehouse.execute("dwh", undone)

    found = warnings(retail)
    assert list(found.values()) == [
        "revoke temporary on database tidemark_test from public;",
        f"alter database tidemark_test set {IDLE} = '5min';",
        "alter role ann connection limit 20;",
    ]
    for remedy in found.values():
        retail.warehouse.execute("dwh", remedy)
    assert warnings(retail) == {}
    migrate(Project(HOME), retail.servers, only=["dwh"])
