"""Composed statements of the DWH run on Citus as well: a lint, where there is none to run on."""

import re

import pytest

from tests.fix_servers import HOME
from tests.portable import ROOMS, problems

SNAPSHOTS = HOME / "tests" / "snapshots"

REFUSED = {
    "a select without columns": "select exists (select from public.dwh_dim_customers as d)",
    "a local table is changed by a fact: the whole fact would be fetched": (
        'delete from landing."sales.resolved" as r\nusing public.dwh_fact_sales as f\n'
        "where f.original_sale_id = r.original_sale_id"
    ),
    "a dimension is changed by a local table, which is not in a subquery": (
        "update public.dwh_dim_customers as d\nset (city, country) = (t.city, t.country)\n"
        'from landing."customers.timeline" as t\nwhere d.customer_key = t._key'
    ),
    "a natural key is set": (
        "update public.dwh_fact_sales as f\nset (quantity, original_sale_id) = (1, 2)"
    ),
    "a value is compared as text where Citus calls no function that is only stable": (
        "update public.dwh_fact_sales as f\nset status = r.status\n"
        'from landing."sales.resolved" as r\nwhere f.status::text is distinct from r.status::text'
    ),
    "a correlated subquery onto a local table": (
        "delete from public.dwh_fact_sales as f\nwhere not exists (\n    select 1\n"
        "    from landing.sales as l\n    where f.original_sale_id = l.sale_id\n)"
    ),
    "whether facts exist is asked without `limit 1`": (
        "select 1\nwhere exists (\n    select 1\n    from public.dwh_fact_sales\n)"
    ),
}


@pytest.mark.parametrize("room", ROOMS)
def test_no_composed_statement_of_the_dwh_needs_one_server(room: str):
    path = SNAPSHOTS / f"{room}.sql"
    found = re.split(r"^-- (\w+)\n", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
    named = zip(found[::2], found[1::2], strict=True)

    assert [(name, why) for name, text in named for why in problems(text)] == []


@pytest.mark.parametrize("why", REFUSED)
def test_the_lint_finds_what_citus_can_not_run(why: str):
    assert list(problems(REFUSED[why])) == [why]
