"""What a run leaves in etl_logs, and the two views that operators watch."""

from decimal import Decimal

import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows, value

RUNS = """
insert into etl_logs (process_name, start_time, end_time, status, rows_processed, error_message)
select
    name, timestamptz '2025-01-01Z' + start, timestamptz '2025-01-01Z' + start + took,
    status, processed, case when status = 'FAILED' then 'it broke' end
from (values
    ('load', interval '0 h', interval '1 s', 'SUCCESS', 100),
    ('load', '1 h', '2 s', 'WARNING', 500),
    ('load', '2 h', '6 s', 'FAILED', null),
    ('load', '3 h', null, 'RUNNING', null),
    ('report', '4 h', '1 s', 'SUCCESS', null)
) as v (name, start, took, status, processed)
"""


def test_a_run_is_logged_from_start_to_end(dwh: Connection) -> None:
    log_id = value(
        dwh,
        "select fn_log_etl_start('stage', 'retail', 'sales', 'stage', 7, '{\"a\": 1, \"b\": 2}')",
    )
    execute(
        dwh,
        "select fn_log_etl_end(%s, 'WARNING', 10, 4, 3, 2, '1 reject', '{\"b\": 3}')",
        [log_id],
    )

    assert rows(
        dwh,
        """
        select process_name, area, entity, hop, batch_id, status, rows_processed, rows_inserted,
            rows_updated, rows_deleted, error_message, additional_info
        from etl_logs where log_id = %s
        """,
        [log_id],
    ) == [
        ("stage", "retail", "sales", "stage", 7, "WARNING", 10, 4, 3, 2, "1 reject")
        + ({"a": 1, "b": 3},)
    ]


def test_a_run_that_says_nothing_more_ends_as_a_success(dwh: Connection) -> None:
    log_id = value(dwh, "select fn_log_etl_start('stage')")

    execute(dwh, "select fn_log_etl_end(%s)", [log_id])

    assert rows(
        dwh,
        "select status, rows_processed, additional_info from etl_logs where log_id = %s",
        [log_id],
    ) == [("SUCCESS", None, None)]


def test_a_duration_is_true_although_time_stands_still_in_a_transaction(dwh: Connection) -> None:
    log_id = value(dwh, "select fn_log_etl_start('stage')")

    execute(dwh, "select pg_sleep(0.02)")
    execute(dwh, "select fn_log_etl_end(%s)", [log_id])

    assert value(dwh, "select duration_seconds >= 0.02 from etl_logs where log_id = %s", [log_id])


def test_a_run_ends_once(dwh: Connection) -> None:
    log_id = value(dwh, "select fn_log_etl_start('stage')")
    execute(dwh, "select fn_log_etl_end(%s)", [log_id])

    with pytest.raises(errors.NoDataFound, match=f"run {log_id} is unknown or has ended"):
        execute(dwh, "select fn_log_etl_end(%s)", [log_id])


@pytest.mark.parametrize("log_id", [-1, None])
def test_a_run_that_never_started_cannot_end(dwh: Connection, log_id: int | None) -> None:
    with pytest.raises(errors.NoDataFound, match="is unknown or has ended"):
        execute(dwh, "select fn_log_etl_end(%s)", [log_id])


@pytest.mark.parametrize("status", ["RUNNING", "DONE", None])
def test_a_run_ends_only_with_a_status_of_an_end(dwh: Connection, status: str | None) -> None:
    log_id = value(dwh, "select fn_log_etl_start('stage')")

    with pytest.raises(errors.InvalidParameterValue, match=f"does not end run {log_id}"):
        execute(dwh, "select fn_log_etl_end(%s, %s)", [log_id, status])


def test_a_failure_needs_a_message(dwh: Connection) -> None:
    log_id = value(dwh, "select fn_log_etl_start('stage')")

    with pytest.raises(errors.CheckViolation, match="etl_logs_failure_has_a_message"):
        execute(dwh, "select fn_log_etl_end(%s, 'FAILED')", [log_id])


def test_the_last_hundred_runs_are_shown_newest_first(dwh: Connection) -> None:
    execute(dwh, RUNS)
    execute(
        dwh,
        """
        insert into etl_logs (process_name, start_time)
        select n::text, timestamptz '2025-01-02Z' + make_interval(mins => n)
        from generate_series(1, 98) as n
        """,
    )

    assert rows(dwh, "select process_name, status from vw_recent_etl_runs") == [
        *((str(n), "RUNNING") for n in range(98, 0, -1)),
        ("report", "SUCCESS"),
        ("load", "RUNNING"),
    ]


def test_the_summary_of_a_process_counts_what_has_ended(dwh: Connection) -> None:
    execute(dwh, "set local timezone = 'UTC'")
    execute(dwh, RUNS)

    assert rows(
        dwh,
        """
        select process_name, runs, running, failures, success_percent, avg_seconds, p95_seconds,
            max_seconds, rows_per_second, last_run::text, last_status
        from vw_etl_performance_summary order by process_name
        """,
    ) == [
        ("load", 4, 1, 1, Decimal("66.7"), 3, Decimal("5.6"), 6, 200)
        + ("2025-01-01 03:00:00+00", "RUNNING"),
        ("report", 1, 0, 0, 100, 1, 1, 1, None, "2025-01-01 04:00:00+00", "SUCCESS"),
    ]


def test_calls_of_procedures_do_not_push_batches_out_of_sight(dwh: Connection) -> None:
    execute(
        dwh,
        """
        insert into etl_logs (process_name, area, status, start_time, end_time)
        select 'load', 'retail', 'SUCCESS', timestamptz '2025-01-01Z', timestamptz '2025-01-01Z'
        union all
        select 'report', null, 'SUCCESS', timestamptz '2025-01-02Z', timestamptz '2025-01-02Z'
        from generate_series(1, 300)
        """,
    )

    shown = rows(dwh, "select process_name, count(*) from vw_recent_etl_runs group by 1 order by 1")

    assert shown == [("load", 1), ("report", 100)]
