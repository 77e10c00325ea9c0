"""What etl_logs and etl_batches say of a batch."""

from datetime import datetime
from typing import Any

import pytest

from tests.fix_retail import Retail
from tidemark.errors import ConnectError

COUNTS = """
    select hop, entity, rows_processed, rows_inserted, rows_updated, rows_deleted,
        additional_info ->> 'rejected'
    from etl_logs where batch_id = %s order by log_id
"""


def counts(retail: Retail, batch_id: int) -> list[tuple[Any, ...]]:
    return retail.warehouse.rows("dwh", COUNTS, [batch_id])


def now(retail: Retail) -> datetime:
    [(instant,)] = retail.warehouse.rows("dwh", "select clock_timestamp()")
    assert isinstance(instant, datetime)
    return instant


def test_a_batch_has_one_log_row_per_hop_and_one_per_entity_that_moved(retail: Retail):
    batch = retail.run()
    assert counts(retail, batch.batch_id) == [
        ("extract", None, 9, 9, 0, 0, None),
        ("extract", "customers", 3, 3, 0, 0, None),
        ("extract", "products", 2, 2, 0, 0, None),
        ("extract", "sales", 4, 4, 0, 0, None),
        ("stage", None, 9, 9, 0, 0, None),
        ("stage", "customers", 3, 3, 0, 0, None),
        ("stage", "products", 2, 2, 0, 0, None),
        ("stage", "sales", 4, 4, 0, 0, None),
        ("publish", None, 9, 9, 0, 0, None),
        ("publish", "customers", 3, 3, 0, 0, None),
        ("publish", "products", 2, 2, 0, 0, None),
        ("publish", "sales", 4, 4, 0, 0, None),
    ]


def test_the_counts_tell_changed_rows_from_new_and_refused_ones(retail: Retail):
    retail.run()
    retail.change("customers", 1, city="Lyon")
    retail.change("customers", 2, name="Bea P. Potter")
    retail.change("products", 1, name=" ")
    retail.change("sales", 1, quantity=7)
    retail.add("sales", 5, customer_id=1)
    retail.add("sales", 6, quantity=0)
    batch = retail.run()
    assert counts(retail, batch.batch_id) == [
        ("extract", None, 6, 2, 4, 0, None),
        ("extract", "customers", 2, 0, 2, 0, None),
        ("extract", "products", 1, 0, 1, 0, None),
        ("extract", "sales", 3, 2, 1, 0, None),
        ("stage", None, 6, 1, 3, 0, "2"),
        ("stage", "customers", 2, 0, 2, 0, None),
        ("stage", "products", 1, 0, 0, 0, "1"),
        ("stage", "sales", 3, 1, 1, 0, "1"),
        ("publish", None, 4, 2, 3, 0, None),
        ("publish", "customers", 2, 1, 2, 0, None),
        ("publish", "sales", 2, 1, 1, 0, None),
    ]


def test_an_unchanged_source_is_logged_with_zeros(retail: Retail):
    retail.run()
    batch = retail.run()
    assert counts(retail, batch.batch_id) == [
        (hop, None, 0, 0, 0, 0, None) for hop in ("extract", "stage", "publish")
    ]


def test_durations_are_true(retail: Retail):
    """`now()` would stand still, and tell that everything took no time."""
    before = now(retail)
    retail.run()
    after = now(retail)
    query = """
        select hop, min(start_time), max(end_time), min(duration_seconds) > 0,
            bool_and(duration_seconds = round(extract(epoch from end_time - start_time), 3))
        from etl_logs group by hop order by 2
    """
    hops = retail.warehouse.rows("dwh", query)
    instants = [before, *[instant for hop in hops for instant in hop[1:3]], after]
    assert [hop[0] for hop in hops] == ["extract", "stage", "publish"]
    assert instants == sorted(instants)
    assert [hop[3:] for hop in hops] == [(True, True)] * 3


def test_a_log_row_says_which_window_was_read(retail: Retail):
    retail.run()
    query = """
        select first.additional_info ->> 'low', second.additional_info ->> 'low'
            = first.additional_info ->> 'high'
        from etl_logs as first inner join etl_logs as second using (entity, hop)
        where first.batch_id = 1 and second.batch_id = 2 and hop = 'extract'
    """
    retail.change("customers", 1, city="Lyon")
    retail.run()
    assert retail.warehouse.rows("dwh", query) == [(None, True)]


def test_a_failed_hop_is_logged_although_its_transaction_rolled_back(retail: Retail):
    with retail.without("stg"), pytest.raises(ConnectError) as raised:
        retail.run()
    query = "select hop, entity, status, error_message from etl_logs order by log_id"
    assert retail.warehouse.rows("dwh", query) == [
        *(("extract", entity, "SUCCESS", None) for entity in (None, *retail.area.entities)),
        ("stage", None, "FAILED", str(raised.value)),
    ]


def test_a_batch_says_when_it_was_and_how_it_ended(retail: Retail):
    retail.run()
    with retail.without("stg"), pytest.raises(ConnectError) as raised:
        retail.run()
    query = """
        select batch_id, area, status, ended_at > started_at, error_message
        from etl_batches order by 1
    """
    assert retail.warehouse.rows("dwh", query) == [
        (1, "retail", "SUCCESS", True, None),
        (2, "retail", "FAILED", True, f"stage: {raised.value}"),
    ]
