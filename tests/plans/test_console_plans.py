"""The console's pages read no more where logs and rejects are longer."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from tests.explaining import Explaining
from tests.queries import execute
from tidemark.console import alerts, batch, batches, checks, refusals
from tidemark.postgres import compose, db
from tidemark.postgres.db import Composable

LOGS = """
insert into etl_batches (batch_id, area, status, ended_at, error_message)
select n, 'a' || n % 3, case when n % 500 < 3 then 'FAILED' else 'SUCCESS' end,
    now() + interval '1 day', 'no'
from generate_series(1, 15000) as n;
insert into etl_logs (process_name, area, entity, hop, batch_id, start_time, end_time, status)
select
    'p', 'a' || n % 3, nullif(e.entity, ''), h.hop, n,
    timestamptz '2025-01-01Z' + n * interval '1 minute',
    timestamptz '2025-01-01Z' + n * interval '1 minute', 'SUCCESS'
from generate_series(1, 15000) as n
cross join unnest(array['extract', 'stage', 'publish']) as h (hop)
cross join unnest(array['', 'sales']) as e (entity);
insert into dq_check_logs
(area, check_name, severity, status, bound, message, batch_id, duration, layer)
select 'a' || n % 3, c.name, 'warn', 'PASSED', '0', '', n, 0, 'dwh'
from generate_series(1, 15000) as n cross join unnest(array['a', 'b', 'c']) as c (name);
insert into tidemark.alert
(area, event, subject, severity, what, look, began_at, ended_at)
select 'a' || n % 3, 'check', 's' || n, 'warn', '', '', now(), case when n > 2 then now() end
from generate_series(1, 15000) as n;
insert into tidemark.alert_message (alert_id, phase, channel)
select a.alert_id, 'begin', 'c' from tidemark.alert as a;
analyze etl_batches, etl_logs, dq_check_logs, tidemark.alert, tidemark.alert_message
"""
OF_BATCH = {"batch_id": 9000, "usual": 30, "most": 3000, "area": "a0"}
OF_LIST = {"area": "a0", "before": 9000, "limit": 51, "status": "FAILED"}
LATE = 1 << 40
"""Before this are all ids that a sequence has drawn."""
OF_CHECK = {"area": "a0", "check": "b", "before": LATE, "limit": 51}
OF_ALERTS = {"areas": ["a0", "a1", "a2"], "before": LATE, "limit": 51, "most": 500}
AT_MOST = {
    (batch, "batch", 35): OF_BATCH,
    (batch, "runs", 6): OF_BATCH,
    (batch, "checks", 3): OF_BATCH,
    (batches, "page", 51 * 3): OF_LIST,
    (batches, "page_of_status", 51 * 3): OF_LIST,
    (checks, "history", 51): OF_CHECK,
    (checks, "history_with_samples", 51): OF_CHECK,
    (alerts, "open", 4): OF_ALERTS,
    (alerts, "past", 51 * 2): OF_ALERTS,
}
"""Module, statement, and the rows that it may read -> what it is asked with."""


@pytest.mark.parametrize("page_cost", [4.0, 1.1])
def test_pages_of_the_journal_read_what_they_show(dwh: Connection, page_cost: float):
    execute(dwh, LOGS)
    execute(dwh, "set local random_page_cost = %s", [page_cost])
    for (module, name, most), which in AT_MOST.items():
        explaining = Explaining(dwh, "dwh")
        assert explaining.rows(compose.statement(module.__name__, name), which), name
        tables = {table: rows for table, rows in explaining.read.items() if "_" in table}
        assert sum(tables.values()) <= most, (name, explaining.read)


REJECTS = """
insert into stg_rejects
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at, resolved_at)
select
    'a' || n % 3, 'sales', jsonb_build_object('id', n), '{}', array['r' || n % 7], n,
    now() - n * interval '1 hour', now(), case when n % 2 = 0 then now() end
from generate_series(1, 30000) as n;
analyze stg_rejects
"""
WHICH: dict[str, Any] = {
    "areas": ["a0"],
    "area": "a0",
    "entity": "",
    "reason": "",
    "before": 0,
    "limit": 51,
    "zone": "UTC",
    "days": 30,
    "most": 200,
    "longest": 2000,
}


@pytest.mark.parametrize("page_cost", [4.0, 1.1])
def test_pages_of_rejects_read_what_they_show(stg: Connection, page_cost: float):
    execute(stg, REJECTS)
    execute(stg, "set local random_page_cost = %s", [page_cost])
    read = {}
    for name in ("days", "reasons_of_days", "rows"):
        explaining = Explaining(stg, "stg")
        query = db.raw("select s.* from (") + statement(name) + db.raw(") as s")
        assert explaining.rows(query, WHICH), name
        read[name] = explaining.read["stg_rejects"]
    assert read["days"] <= 250, read
    assert read["reasons_of_days"] <= 250, read
    assert read["rows"] <= 2 * 51, read
    [*_, (last, *_)] = Explaining(stg, "stg").rows(statement("rows"), WHICH)
    explaining = Explaining(stg, "stg")
    assert explaining.rows(statement("rows"), {**WHICH, "before": last})
    assert explaining.read["stg_rejects"] <= 2 * 51 + 2


def statement(name: str) -> Composable:
    """Return a statement of the page about rejects."""
    return compose.statement(refusals.__name__, name)


def test_a_page_of_what_mrr_refuses_reads_what_it_shows(mrr: Connection):
    refuse = """
        insert into tidemark.refused
        (area, entity, item, row_text, reasons, batch_id, refused_at, ended_by, ended_at)
        select
            'a' || n % 3, 'sales', '', '', array['no'], 1, now(), case when n % 2 = 0 then 2 end,
            case when n % 2 = 0 then now() end
        from generate_series(1, 30000) as n;
        analyze tidemark.refused
    """
    execute(mrr, refuse)
    explaining = Explaining(mrr, "mrr")
    explaining.rows(statement("refused"), {**WHICH, "before": LATE})
    assert explaining.read["refused"] == 51
