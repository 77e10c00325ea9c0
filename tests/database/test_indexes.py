"""A table that is filled for the first time loses its indexes, and gets the same ones back."""

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows, value

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
