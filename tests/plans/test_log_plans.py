"""What is asked every minute, or by each batch, reads no more where the logs are longer."""

from itertools import product

import pytest
from psycopg2.extensions import connection as Connection

from tests.explaining import Explaining
from tests.queries import execute
from tidemark.batch import problems
from tidemark.observe import metrics, monitor, status
from tidemark.postgres import compose, db

ALERTS = ("failed", "without_success", "said_last", "held_back")
STATEMENTS = {
    problems.__name__: ALERTS,
    monitor.__name__: ("last_ended", "broken"),
}
TABLES = ("etl_batches", "etl_logs", "dq_check_logs")
LOGS = """
insert into etl_batches (batch_id, area, status, ended_at)
select n, 'retail', 'SUCCESS', clock_timestamp() + interval '1 day'
from generate_series(1, 9000) as n;
insert into etl_logs (process_name, area, entity, hop, batch_id, start_time, end_time, status)
select
    'retail', 'retail', nullif(e.entity, ''), h.hop, n,
    timestamptz '2025-01-01Z' + n * interval '1 minute' + h.nth * interval '1 second',
    timestamptz '2025-01-01Z' + n * interval '1 minute' + h.nth * interval '9 seconds', 'SUCCESS'
from generate_series(1, 9000) as n
cross join unnest(array['extract', 'stage', 'publish']) with ordinality as h (hop, nth)
cross join unnest(array['', 'sales']) as e (entity);
insert into dq_check_logs
(area, check_name, severity, status, bound, message, batch_id, duration, layer)
select 'retail', c.name, 'warn', 'PASSED', '0', '', n, 0, 'dwh'
from generate_series(1, 9000) as n cross join unnest(array['a', 'b', 'c']) as c (name);
analyze etl_batches, etl_logs, dq_check_logs
"""


@pytest.mark.parametrize("page_cost", [4.0, 1.1])
def test_metrics_read_the_end_of_each_index(dwh: Connection, page_cost: float):
    execute(dwh, LOGS)
    execute(dwh, "set local random_page_cost = %s", [page_cost])
    explaining = Explaining(dwh, "dwh")
    statement = compose.statement(metrics.__name__, "of_dwh")
    query = db.raw("select s.name, s.value from (") + statement + db.raw(") as s")
    which = {"areas": ["retail", "new"], "checks": ["retail.a", "retail.b", "retail.c"]}
    found: dict[str, float] = dict(explaining.rows(query, which))
    assert (found["batch_id"], found["hop_success"], found["checks"] >= 0) == (9000, 1, True)
    read = {name: explaining.read[name] for name in TABLES}
    assert all(0 < rows < 50 for rows in read.values()), read


@pytest.mark.parametrize("page_cost", [4.0, 1.1])
def test_the_last_batches_of_areas_are_read_from_the_end(dwh: Connection, page_cost: float):
    execute(dwh, LOGS)
    execute(dwh, "set local random_page_cost = %s", [page_cost])
    explaining = Explaining(dwh, "dwh")
    which = {"areas": ["retail", "new"], "limit": 30}
    found = explaining.rows(compose.statement(status.__name__, "batches"), which)
    assert [batch_id for _, batch_id, *_ in found] == [*range(9000, 8970, -1)]
    assert explaining.read["etl_batches"] == 30
    assert explaining.read["etl_logs"] == 60


def test_alerts_read_the_end_of_each_index(dwh: Connection):
    execute(dwh, LOGS)
    for page_cost, name, area in product((4.0, 1.1), ALERTS, ("retail", "new")):
        execute(dwh, "set local random_page_cost = %s", [page_cost])
        explaining = Explaining(dwh, "dwh")
        statement = compose.statement(problems.__name__, name)
        explaining.rows(statement, {"areas": [area], "area": area})
        read = {name: explaining.read.get(name, 0) for name in TABLES}
        assert all(rows < 50 for rows in read.values()), (page_cost, name, area, read)
