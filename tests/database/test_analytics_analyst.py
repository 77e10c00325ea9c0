"""The role tidemark_analyst: reads the star schema and the logs, calls the routines, no more."""

import pytest
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows, value

READABLE = """
select c.relname from pg_class as c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
order by c.relname
"""
CALLS = [
    "select fn_avg_quantity_per_customer(1)",
    "select fn_customer_lifetime_value(1)",
    "select fn_customer_recency(1)",
    "select fn_top_customers()",
    "select fn_product_sales_velocity(7)",
    "select fn_product_group_performance('Home')",
    "select fn_month_over_month_growth(2025, 2)",
    "select fn_dim_customers_as_of('2025-01-01Z')",
    "select fn_dim_products_as_of('2025-01-01Z')",
    "call sp_aggregate_sales_report('2025-01-01', '2025-01-31')",
    "call sp_refresh_customer_metrics()",
    "select assets.fn_asset('a.jpg')",
    "select assets.fn_credits_by_user_and_day()",
    "select assets.fn_owner_at('a.jpg')",
    "select assets.fn_owners('a.jpg')",
    "select assets.fn_transactions_by_type_and_role()",
    "select commerce.fn_churn_risk('2025-01-01', '2025-01-31')",
    "select commerce.fn_customers_at_risk()",
    "select commerce.fn_daily_sales()",
    "select commerce.fn_order_as_it_was('ORD1')",
    "select commerce.fn_top_products()",
    "select events.fn_customer_summary()",
    "select marketing.fn_engagement_by_region()",
    "select marketing.fn_funnel()",
    "select marketing.fn_sessions()",
]
FORBIDDEN = [
    "insert into temp_sales_report default values",
    "update customer_metrics set segment = 'gold'",
    "delete from dwh_fact_sales",
    "truncate dwh_dim_customers",
    "insert into etl_logs (process_name) values ('mine')",
    "update high_water_mark set last_updated = now()",
    "create table mine (n integer)",
    "create table partitions.mine (n integer)",
    "create function mine() returns void language sql as ''",
    "drop view vw_sales",
    "create index on dwh_fact_sales (status)",
    "select nextval('etl_batch_id_seq')",
    "select fn_log_etl_start('mine')",
    "select fn_log_etl_end(1)",
    "select tidemark.add_years_to_dim_date(array[2025], '{}')",
    "select count(*) from tidemark.applied_batch",
    "create table landing.mine (n integer)",
    "select count(*) from partitions.dwh_fact_sales_2025_01",
    "set role tidemark_etl",
    "select lo_creat(-1)",
    "select lo_create(0)",
    "select lo_from_bytea(0, 'mine')",
    "select pg_advisory_lock(1)",
    "select pg_advisory_xact_lock_shared(1, 1)",
    "select pg_try_advisory_lock(1)",
    "select from tidemark.lock for share",
]


@pytest.fixture
def analyst(star: Connection) -> Connection:
    """The warehouse of tests/fix_star.py in the hands of an analyst."""
    execute(star, "set session authorization tidemark_analyst")
    return star


def test_an_analyst_reads_every_table_and_view(analyst: Connection) -> None:
    relations = [name for (name,) in rows(analyst, READABLE)]

    for relation in relations:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(relation))
        assert value(analyst, query.as_string(analyst)) >= 0
    assert {"dwh_fact_sales", "vw_sales", "etl_logs", "high_water_mark"} <= set(relations)


@pytest.mark.parametrize("call", CALLS)
def test_an_analyst_calls(analyst: Connection, call: str) -> None:
    execute(analyst, call)

    assert rows(analyst, "select error_message from etl_logs where status = 'FAILED'") == []


def test_the_calls_of_these_tests_are_all_that_an_analyst_may_make(dwh: Connection) -> None:
    names = {call.split("(")[0].split()[1].rpartition(".")[2] for call in CALLS}

    assert names == {
        name
        for (name,) in rows(
            dwh,
            """
            select p.proname from pg_proc as p
            where
                p.pronamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
                and has_schema_privilege('tidemark_analyst', p.pronamespace, 'usage')
                and has_function_privilege('tidemark_analyst', p.oid, 'execute')
            """,
        )
    }


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_an_analyst_may_not(analyst: Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        execute(analyst, statement)
