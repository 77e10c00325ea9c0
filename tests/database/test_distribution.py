"""`distribute`: what it refuses before it asks for Citus, and what it does there."""

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from tests import fix_citus
from tests.queries import execute, rows, value

WHERE = """
    select case partmethod when 'h' then 'distributed' else repmodel::text end
    from pg_dist_partition where logicalrelid = 'found'::regclass
"""
"""How Citus lists a table: `t` is on every node, and `s` on the coordinator alone."""


def test_a_constraint_without_the_column_is_named(dwh: Connection) -> None:
    with pytest.raises(psycopg2.errors.InvalidTableDefinition) as caught:
        execute(dwh, "select tidemark.distribute('dwh_dim_customers', 'customer_id')")
    assert caught.value.diag.message_primary == (
        "public.dwh_dim_customers_pkey is unique without column customer_id, by which "
        "dwh_dim_customers is distributed: each worker would know its own rows alone. Add the "
        "column to it."
    )


def test_a_fact_with_a_foreign_key_is_refused(dwh: Connection) -> None:
    execute(
        dwh,
        "alter table dwh_fact_sales add constraint of_a_product foreign key (product_key) "
        "references dwh_dim_products deferrable",
    )
    with pytest.raises(psycopg2.errors.InvalidTableDefinition) as caught:
        execute(dwh, "select tidemark.distribute('dwh_fact_sales', 'original_sale_id')")
    assert caught.value.diag.message_primary == (
        "dwh_fact_sales has the foreign key of_a_product, which workers check at once and not at "
        "the end of a batch. Drop it in a new file of sql/: `tidemark verify` finds facts that "
        "point at nothing."
    )


@pytest.mark.parametrize("column", ["original_sale_id", None])
def test_a_database_without_the_extension_is_told_so(dwh: Connection, column: str | None) -> None:
    with pytest.raises(psycopg2.errors.FeatureNotSupported) as caught:
        execute(dwh, "select tidemark.distribute('dwh_fact_sales', %s)", [column])
    assert caught.value.diag.message_primary == (
        "dwh_fact_sales can't be distributed: this database has no extension citus. Run `create "
        "extension citus;` on the coordinator and on its workers."
    )


@pytest.mark.skipif(not fix_citus.COORDINATOR, reason="needs a Citus")
@pytest.mark.parametrize(("column", "lies"), [(None, "t"), ("id", "distributed")])
def test_a_table_is_moved_once(dwh: Connection, column: str | None, lies: str) -> None:
    execute(dwh, "create table found (id bigint primary key); insert into found values (1), (2)")
    move = "select tidemark.distribute('found', %s)"
    assert [value(dwh, move, [column]) for _ in range(2)] == [True, False]
    assert value(dwh, WHERE) == lies
    assert rows(dwh, "select id from found order by 1") == [(1,), (2,)]


@pytest.mark.skipif(not fix_citus.COORDINATOR, reason="needs a Citus")
def test_a_table_is_moved_that_citus_knows_for_what_it_points_at(dwh: Connection) -> None:
    execute(dwh, "create table found (id bigint primary key references dwh_dim_products)")
    assert value(dwh, WHERE) == "s"
    assert value(dwh, "select tidemark.distribute('found')")
    assert value(dwh, WHERE) == "t"
