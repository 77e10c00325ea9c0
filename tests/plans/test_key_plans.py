"""A page of one key reads that key, whatever the size of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from psycopg2.extensions import connection as Connection

from tests.explaining import Explaining
from tests.fix_servers import HOME
from tests.queries import execute, value
from tidemark.declare.project import Project
from tidemark.model import ServerName
from tidemark.observe import known, pointing, traced
from tidemark.postgres.sessions import Servers

ROWS, ENOUGH = 50_000, 20
AREA = Project(HOME).area("retail")
CUSTOMERS, SALES = AREA.entities["customers"], AREA.entities["sales"]
MIRROR = """
alter table {0} alter {1} drop not null;
alter table {0}_history alter {1} drop not null;
insert into {0} (customer_id, updated_at, _batch_id, _first_batch_id, _extracted_at)
select n, now(), 3, 1, now() from generate_series(1, %(rows)s) as n;
insert into {0}_history
(customer_id, updated_at, _batch_id, _first_batch_id, _extracted_at, _replaced_by)
select n, now(), b, 1, now(), b + 1
from generate_series(1, %(rows)s) as n cross join generate_series(1, 2) as b;
analyze {0}; analyze {0}_history
"""
FACTS = """
create table partitions.all_sales partition of dwh_fact_sales default;
insert into dwh_fact_sales
select n, n, k.customer_key, 0, 19000101, 1, 1, 0, 1, 'x', '2025-01-01', '2025-01-01Z', 1
from generate_series(1, %(rows)s) as n
inner join dwh_dim_customers as k on n = k.customer_id;
analyze dwh_fact_sales
"""
STAR = """
insert into dwh_dim_customers (customer_id, valid_from, valid_to, is_current, changed_at, _batch_id)
select n, '1900-01-01Z', '9999-12-31Z', true, now(), 1 from generate_series(1, %(rows)s) as n;
analyze dwh_dim_customers
"""


class Lent:
    """Lends the sessions of a test."""

    def __init__(self, **sessions: Explaining) -> None:
        self.sessions = sessions

    @contextmanager
    def session(self, server: ServerName, _: str) -> Iterator[Explaining]:
        yield self.sessions[server]


def read(session: Explaining) -> int:
    """Return how many rows were read of one table, the catalog's apart."""
    return max(rows for table, rows in session.read.items() if not table.startswith("pg_"))


@pytest.mark.parametrize(("layer", "name"), [("mrr", "name"), ("stg", "customer_name")])
def test_the_rows_of_a_key_are_looked_up(
    request: pytest.FixtureRequest, layer: ServerName, name: str
):
    connection: Connection = request.getfixturevalue(layer)
    execute(connection, MIRROR.format(f"{layer}_dim_customers", name), {"rows": ROWS})
    session = Explaining(connection, layer)
    found = traced.rows(session, CUSTOMERS, ["77"])
    assert found
    assert [one.batch_id for one in found.versions] == [1, 2, 3]
    assert 0 < read(session) <= ENOUGH


def test_what_was_known_of_a_key_is_looked_up(stg: Connection, dwh: Connection):
    execute(stg, MIRROR.format("stg_dim_customers", "customer_name"), {"rows": ROWS})
    sessions = {"stg": Explaining(stg, "stg"), "dwh": Explaining(dwh, "dwh")}
    servers = cast("Servers", Lent(**sessions))
    found = known.read(servers, AREA, CUSTOMERS, ["77"], after=2)
    assert [touch.batch_id for touch in found.touches] == [1, 2, 3]
    assert 0 < read(sessions["stg"]) <= ENOUGH


def test_the_facts_of_a_key_are_looked_up(dwh: Connection):
    execute(dwh, "set local session_replication_role = replica")  # dates are not there
    execute(dwh, STAR, {"rows": ROWS})
    execute(dwh, FACTS, {"rows": ROWS})
    query = "select customer_key from dwh_dim_customers where customer_id = 77"
    surrogate = value(dwh, query)
    session = Explaining(dwh, "dwh")
    (one,) = pointing.at(AREA, CUSTOMERS)
    assert [dot.key for dot in pointing.dots(session, one, [surrogate])] == [("77",)]
    assert 0 < read(session) <= ENOUGH
