"""A table that is filled for the first time: its file is new, its indexes are built afterwards."""

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows, value
from tidemark.postgres import indexes
from tidemark.postgres.db import Session

INDEXES = """
select i.indexdef, c.conname, pg_get_constraintdef(c.oid)
from pg_indexes as i
left join pg_constraint as c
    on c.conindid = format('%%I.%%I', i.schemaname, i.indexname)::regclass and c.contype <> 'f'
where i.tablename like %s
order by i.tablename, i.indexname
"""


@pytest.mark.parametrize("table", ["mrr_dim_customers", "mrr_fact_sales"])
def test_dropped_indexes_of_a_mirror_are_built_as_they_were(mrr: Connection, table: str) -> None:
    before = rows(mrr, INDEXES, [table])
    dropped = value(mrr, "select tidemark.drop_indexes(%s)", [table])

    assert rows(mrr, INDEXES, [table]) == []
    for statement in dropped:
        execute(mrr, statement)
    assert rows(mrr, INDEXES, [table]) == before


def test_dropped_indexes_of_a_partitioned_fact_are_built_on_every_partition(
    dwh: Connection,
) -> None:
    execute(dwh, "select tidemark.ensure_month_partitions('dwh_fact_sales', '{2025-01-01}')")
    before = rows(dwh, INDEXES, ["dwh_fact_sales%"])
    for statement in value(dwh, "select tidemark.drop_indexes('dwh_fact_sales')"):
        execute(dwh, statement)

    assert len(before) == 8
    assert rows(dwh, INDEXES, ["dwh_fact_sales%"]) == before


def test_an_index_that_a_foreign_key_needs_stays(mrr: Connection) -> None:
    execute(mrr, "create table note (customer_id bigint references mrr_dim_customers)")
    dropped = value(mrr, "select tidemark.drop_indexes('mrr_dim_customers')")

    assert len(dropped) == 1
    assert [name for _, name, _ in rows(mrr, INDEXES, ["mrr_dim_customers"])] == [
        "mrr_dim_customers_pkey"
    ]


CUSTOMER = """
insert into mrr_dim_customers
(customer_id, updated_at, _batch_id, _first_batch_id, _extracted_at)
values (%s, now(), 1, 1, now())
"""


def _fill(mrr: Connection) -> bool:
    """Fill the mirror with customer 7; returns whether that went to a new file, past the log."""
    file = "select pg_relation_filenode('mrr_dim_customers')"
    before = value(mrr, file)
    with indexes.built_afterwards(Session(mrr, "mrr"), ("public", "mrr_dim_customers")):
        execute(mrr, CUSTOMER, [7])
    return bool(value(mrr, file) != before)


def _customers(mrr: Connection) -> list[int]:
    return [one for (one,) in rows(mrr, "select customer_id from mrr_dim_customers order by 1")]


def test_an_empty_table_is_filled_past_the_log(mrr: Connection) -> None:
    assert _fill(mrr)
    assert _customers(mrr) == [7]


def test_a_table_that_a_foreign_key_refers_to_is_filled_through_the_log(mrr: Connection) -> None:
    execute(mrr, "create table note (customer_id bigint references mrr_dim_customers)")

    assert not _fill(mrr)
    assert _customers(mrr) == [7]


def test_a_table_that_has_a_row_keeps_it(mrr: Connection) -> None:
    execute(mrr, CUSTOMER, [6])

    assert not _fill(mrr)
    assert _customers(mrr) == [6, 7]
