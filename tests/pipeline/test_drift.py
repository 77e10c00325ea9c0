"""Columns of the source that are new, gone, renamed or of another type."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.fix_retail import Retail
from tidemark.declare.project import Project
from tidemark.errors import ContractError
from tidemark.install import migrate
from tidemark.layers.drift import ColumnDrift
from tidemark.model import Overrides
from tidemark.observe import plan
from tidemark.postgres import sqltypes

HISTORY = """
    select 'current', customer_id, vip from mrr_dim_customers
    union all select 'replaced', customer_id, vip from mrr_dim_customers_history order by 1, 2
"""
TYPES = """
    select c.relname, format_type(a.atttypid, a.atttypmod)
    from pg_attribute as a inner join pg_class as c on a.attrelid = c.oid
    where a.attname = %s and c.relname ~ '^mrr_' and c.relnamespace = 'public'::regnamespace
    and c.relkind = 'r' order by 1
"""
ADDED = (
    "column 'vip' (boolean) is new in public.customers, and added to public.mrr_dim_customers: "
    "`tidemark migrate` brings it on"
)
REMEDY = "into a new file of sql/retail/mrr/ and run `tidemark migrate`"


@pytest.fixture
def shop(retail: Retail) -> Retail:
    """A shop whose warehouse is up to date."""
    retail.run()
    return retail


def alter(retail: Retail, statement: str) -> None:
    retail.warehouse.execute("operational", statement)


def write(retail: Retail, path: str, text: str) -> None:
    """Write a file into the area, whose folders are links to those of the checkout."""
    folder = retail.home / "sql" / "retail" / path.partition("/")[0]
    if folder.is_symlink():
        checkout = folder.resolve()
        folder.unlink()
        shutil.copytree(checkout, folder)
    (folder.parent / path).write_text(text, "utf-8")


def planned(retail: Retail) -> list[ColumnDrift]:
    return plan.make(retail.servers, retail.area).drift


def mirrored(retail: Retail, column: str) -> list[tuple[str, str]]:
    """Return table and type of a column in MRR's mirrors."""
    return retail.warehouse.rows("mrr", TYPES, [column])


def test_a_new_column_is_added_to_the_mirror_and_its_history(shop: Retail):
    alter(shop, "alter table customers add column vip boolean")
    shop.change("customers", 1, vip=True)

    shop.run()
    shop.change("customers", 1, vip=False)
    result = shop.run()

    assert shop.warehouse.rows("mrr", HISTORY) == [
        ("current", 1, False),
        ("current", 2, None),
        ("current", 3, None),
        ("replaced", 1, None),
        ("replaced", 1, True),
    ]
    assert [hop.entities["customers"].processed for hop in result.hops] == [1, 1, 1]


def test_what_a_run_did_about_drift_is_what_the_plan_said_and_is_logged(shop: Retail):
    alter(shop, "alter table customers add column vip boolean")
    assert planned(shop) == [
        ColumnDrift("customers", "vip", "boolean", None, "add", ADDED, wanted="boolean")
    ]
    assert mirrored(shop, "vip") == []

    shop.run()

    logs = "select additional_info ->> 'drift' from etl_logs where additional_info ? 'drift'"
    assert shop.warehouse.rows("dwh", logs) == [(ADDED,)]
    assert planned(shop) == []


def test_a_refresh_fills_a_column_that_was_added(shop: Retail):
    alter(shop, "alter table customers add column vip boolean default true")
    shop.run()

    result = shop.run(overrides=Overrides(frozenset({"customers"})))

    assert [row[2] for row in shop.warehouse.rows("mrr", HISTORY)[:3]] == [True, True, True]
    assert [hop.entities["customers"].updated for hop in result.hops] == [3, 0, 0]


def test_a_column_of_a_type_that_only_the_source_knows_is_added_as_text(shop: Retail):
    alter(shop, "create type mood as enum ('good', 'bad')")
    alter(shop, "alter table customers add column moods mood[]")
    shop.change("customers", 1, moods="{good,bad}")

    shop.run()
    shop.run()

    rows = shop.warehouse.rows("mrr", "select moods from mrr_dim_customers where customer_id = 1")
    assert rows == [("{good,bad}",)]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("kind", "value"), [("regclass", "customers"), ("regrole[]", "{postgres}")]
)
def test_a_number_of_the_source_s_catalog_is_mirrored_as_what_it_names(
    shop: Retail, kind: str, value: str
):
    """Its number is that of something else elsewhere."""
    shop.warehouse.execute("operational", f"alter table customers add column what {kind}")
    shop.change("customers", 1, what=value)
    shop.run()
    found = "select what from mrr_dim_customers where customer_id = 1"
    assert shop.warehouse.rows("mrr", found) == [(value,)]
    for table in ("mrr_dim_customers", "mrr_dim_customers_history"):
        shop.warehouse.execute("mrr", f"alter table {table} alter what type {kind} using null")
    said = f"column 'what' is {re.escape(kind)} in public.customers .* type text"
    with pytest.raises(ContractError, match=said) as raised:
        shop.run()
    error = raised.value
    assert (error.server, error.table, error.column) == ("mrr", "public.mrr_dim_customers", "what")


def test_a_new_column_can_be_ignored(shop: Retail):
    ignoring = shop.entity("customers", on_new_column="ignore")
    alter(shop, "alter table customers add column vip boolean")
    shop.change("customers", 1, city="Oslo")

    result = shop.run(**ignoring)

    assert mirrored(shop, "vip") == []
    assert result.hops[2].entities["customers"].processed == 1
    shop.area = shop.area.model_copy(update=ignoring)
    assert [difference.action for difference in planned(shop)] == ["ignore"]


def test_nothing_is_altered_when_another_column_stops_the_run(shop: Retail):
    alter(shop, "alter table customers add column vip boolean")
    alter(shop, "alter table sales drop column discount")

    with pytest.raises(ContractError):
        shop.run()

    assert mirrored(shop, "vip") == []
    assert [d.action for d in planned(shop)] == ["add", "stop"]


REFUSED = [
    (
        "alter table sales drop column discount",
        "operational and mrr: column 'discount' (numeric(5,4)) of public.mrr_fact_sales is gone "
        'from public.sales. Put `alter table if exists "mrr_fact_sales" drop column "discount"; '
        f'alter table if exists "mrr_fact_sales_history" drop column "discount";` {REMEDY}, '
        "or bring it back there.",
    ),
    (
        "alter table customers rename phone to telephone",
        "operational and mrr: column 'phone' (text) of public.mrr_dim_customers is gone from "
        "public.customers, where 'telephone' (text) is new: it was renamed, it seems. Put `alter "
        'table if exists "mrr_dim_customers" rename column "phone" to "telephone"; alter table '
        f'if exists "mrr_dim_customers_history" rename column "phone" to "telephone";` {REMEDY}.',
    ),
    (
        "alter table sales alter quantity type bigint",
        "operational and mrr: column 'quantity' is bigint in public.sales and integer in "
        'public.mrr_fact_sales. Put `alter table if exists "mrr_fact_sales" alter column '
        '"quantity" type bigint; alter table if exists "mrr_fact_sales_history" alter column '
        '"quantity" type bigint;` '
        f"{REMEDY}.",
    ),
]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(("statement", "said"), REFUSED, ids=["dropped", "renamed", "retyped"])
def test_the_statements_of_a_refusal_let_the_mirror_follow(shop: Retail, statement: str, said: str):
    alter(shop, statement)
    before = shop.contents()
    with pytest.raises(ContractError) as raised:
        shop.run()
    assert (str(raised.value), shop.contents()) == (said, before)
    assert plan.make(shop.servers, shop.area).stops == [said]

    shop.warehouse.execute("mrr", said.split("`")[1])

    assert planned(shop) == []


def test_a_new_column_can_stop_the_run(shop: Retail):
    alter(shop, "alter table customers add column vip boolean, add column iban text")
    with pytest.raises(ContractError) as raised:
        shop.run(**shop.entity("customers", on_new_column="fail"))
    assert str(raised.value) == "\n".join(
        f"operational and mrr: column '{column}' ({kind}) is new in public.customers, and "
        "entities.customers of sql/retail/area.yml says `on_new_column: fail`. Put `alter table "
        f'if exists "mrr_dim_customers" add column "{column}" {kind}; alter table if exists '
        f'"mrr_dim_customers_history" add column "{column}" {kind};` {REMEDY}, or set `add` or '
        "`ignore`."
        for column, kind in (("vip", "boolean"), ("iban", "text"))
    )


def test_a_new_column_with_a_name_of_ours_stops_the_run(shop: Retail):
    alter(shop, "alter table customers add column _batch_id text")
    with pytest.raises(ContractError, match="Tidemark keeps this name for a column of its own"):
        shop.run()


def test_two_columns_that_are_gone_were_not_both_renamed(shop: Retail):
    alter(shop, "alter table customers drop phone, drop email, add column contact text")

    assert [(d.column, d.action) for d in planned(shop)] == [
        ("contact", "add"),
        ("email", "stop"),
        ("phone", "stop"),
    ]


KINDS = [
    "text", "character varying", "character varying(20)", "character varying(40)",
    "character(20)", "numeric", "numeric(12,2)", "numeric(14,2)", "numeric(14,4)", "integer",
    "bigint", "bit varying(4)", "bit varying(8)", "bit varying", "timestamp(3) with time zone",
    "timestamp with time zone", "timestamp without time zone",
]  # fmt: skip


def test_a_type_that_grew_is_followed_without_a_rewrite(shop: Retail):
    """The pairs of types that PostgreSQL changes without rewriting the table."""
    followed = [(old, new) for old in KINDS for new in KINDS if sqltypes.widens(old, new)]
    filenode = "select pg_relation_filenode('trees')"
    for old, new in followed:
        shop.warehouse.execute("mrr", f"create table trees (height {old})")
        before = shop.warehouse.rows("mrr", filenode)
        shop.warehouse.execute("mrr", f"alter table trees alter height type {new}")
        assert (old, new, shop.warehouse.rows("mrr", filenode)) == (old, new, before)
        shop.warehouse.execute("mrr", "drop table trees")
    assert followed == [
        ("character varying(20)", "text"),
        ("character varying(20)", "character varying"),
        ("character varying(20)", "character varying(40)"),
        ("character varying(40)", "text"),
        ("character varying(40)", "character varying"),
        ("numeric(12,2)", "numeric(14,2)"),
        ("bit varying(4)", "bit varying(8)"),
        ("bit varying(4)", "bit varying"),
        ("bit varying(8)", "bit varying"),
    ]


def test_a_mirror_follows_a_type_that_grew(shop: Retail):
    alter(shop, "alter table sales alter discount type numeric(7,4)")
    shop.change("sales", 1, discount="0.5")

    shop.run()

    assert mirrored(shop, "discount") == [
        ("mrr_fact_sales", "numeric(7,4)"),
        ("mrr_fact_sales_history", "numeric(7,4)"),
    ]
    query = "select discount from dwh_fact_sales where original_sale_id = 1"
    assert [str(value) for (value,) in shop.warehouse.rows("dwh", query)] == ["0.5000"]


def test_a_value_that_is_too_wide_for_stg_waits_in_mrr_until_stg_has_grown(shop: Retail):
    alter(shop, "alter table sales alter discount type numeric(7,4)")
    shop.change("sales", 1, discount="12.5")
    with pytest.raises(ContractError) as raised:
        shop.run()
    assert str(raised.value) == (
        "mrr and stg: a value is too wide for its landing table: column 'discount' is numeric(5,4) "
        "in landing.sales and numeric(7,4) in public.mrr_fact_sales. `tidemark "
        "migrate` brings it in step."
    )
    migrate.migrate(Project(shop.home), shop.servers)

    shop.run()

    assert shop.rejects() == [("sales", {"sale_id": 1}, ["discount is not between 0 and 1"], False)]


COLOURED = "select product_id, colour, valid_from from dwh_dim_products where product_key > 0"
CARRIED = {
    "stg/90_colour.sql": """
        alter table landing.products add column colour text;
        alter table stg_dim_products add column colour text;
        alter table stg_dim_products_history add column colour text;
    """,
    "dwh/90_colour.sql": "alter table dwh_dim_products add column colour text",
}


@pytest.fixture
def coloured(shop: Retail) -> Retail:
    """A shop in which the first product changed twice before the products were given colours."""
    shop.change("products", 1, unit_price=11)
    shop.run()
    shop.change("products", 1, name="Lantern")
    shop.run()
    alter(shop, "alter table products add column colour text default 'red'")
    for path, text in CARRIED.items():
        write(shop, path, text)
    view = shop.home / "sql" / "retail" / "stg" / "views" / "clean_products.sql"
    text = view.read_text("utf-8").replace("    l.active,", "    l.active, l.colour,")
    view.write_text(text.replace("    p.created_at,", "    p.created_at, p.colour,"), "utf-8")
    declared = shop.home / "sql" / "retail" / "area.yml"
    text = declared.read_text("utf-8").replace(
        "[product_group, unit_price]", "[unit_price, colour]"
    )
    declared.write_text(text, "utf-8")
    return shop


def carry(retail: Retail) -> None:
    """Bring the colour from MRR into the DWH, where it makes versions."""
    retail.run()  # MRR has the column before STG does
    migrate.migrate(Project(retail.home), retail.servers)
    retail.area = Project(retail.home).area("retail")


def colours(retail: Retail) -> list[tuple[int, str | None]]:
    """Return product and colour of each version, in order."""
    found = retail.warehouse.rows("dwh", f"{COLOURED} order by product_id, valid_from")
    return [(product, colour) for product, colour, _ in found]


def test_a_column_that_is_added_to_a_dimension_makes_no_version(coloured: Retail):
    carry(coloured)

    coloured.run()

    assert colours(coloured) == [(1, None), (1, None), (2, None)]


@pytest.mark.further
def test_a_refresh_fills_the_versions_from_before_a_column_was_added(coloured: Retail):
    carry(coloured)

    coloured.run(overrides=Overrides(frozenset({"products"})))

    assert colours(coloured) == [(1, "red"), (1, "red"), (2, "red")]


def test_rows_that_the_source_touched_to_fill_a_new_column_make_no_version(coloured: Retail):
    carry(coloured)
    alter(coloured, "update products set colour = 'blue'")
    coloured.run()
    filled = colours(coloured)
    coloured.change("products", 2, colour="red")

    coloured.run()

    assert filled == [(1, "blue"), (1, "blue"), (2, "blue")]
    assert colours(coloured) == [(1, "blue"), (1, "blue"), (2, "blue"), (2, "red")]


def test_a_product_that_had_no_colour_and_then_one_has_two_versions(coloured: Retail):
    alter(
        coloured,
        "alter table products alter colour drop default; update products set colour = null",
    )
    carry(coloured)
    coloured.change("products", 2, name="Table")
    coloured.run()
    coloured.change("products", 2, colour="red")

    coloured.run()

    assert colours(coloured) == [(1, None), (1, None), (2, None), (2, "red")]
