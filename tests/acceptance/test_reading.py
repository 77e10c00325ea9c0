"""Commands that only read: history, status, rejects, plan, dsn."""

from contextlib import closing
from datetime import datetime
from typing import Any

import pytest

from tests.commands import succeed, tidemark
from tests.fix_servers import Warehouse, connect
from tests.queries import value

MOST_VERSIONS = """
    select customer_id::text, count(*)
    from dwh_dim_customers
    where customer_key <> 0
    group by customer_id
    order by count(*) desc, customer_id
    limit 1
"""

DIMENSIONS = ", ".join(
    [
        *("asset_types", "asset_versions", "assets.asset_types", "assets.asset_versions"),
        *("assets.dim_asset_types", "assets.dim_assets_versions", "assets.dim_users"),
        "assets.users",
        *("commerce.customers", "commerce.dim_customers", "commerce.dim_orders"),
        *("commerce.dim_products", "commerce.orders", "commerce.products", "customers"),
        *("dwh_dim_customers", "dwh_dim_products", "events.customers", "events.dim_customers"),
        "marketing.customers",
        *("marketing.dim_customer", "orders", "products"),
        *("retail.customers", "retail.products", "users"),
    ]
)
"""All the names that a dimension answers to."""


@pytest.fixture(scope="module")
def customer(shop: Warehouse) -> str:
    """The customer with the most versions."""
    ((key, versions),) = shop.rows("dwh", MOST_VERSIONS)
    assert versions > 1
    return str(key)


def versions(shop: Warehouse, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = succeed("history", *words, "--json", env=shop.environment).json
    return found


def test_a_history_has_neither_gaps_nor_overlaps(shop: Warehouse, customer: str):
    found = versions(shop, "customers", customer)
    ends = [datetime.fromisoformat(version["valid_to"]) for version in found]
    starts = [datetime.fromisoformat(version["valid_from"]) for version in found]
    assert starts[1:] == ends[:-1]
    assert (starts[0].year, ends[-1].year) == (1900, 9999)
    assert [version["is_current"] for version in found] == [False] * (len(found) - 1) + [True]


def test_a_history_counts_the_facts_of_each_version(shop: Warehouse, customer: str):
    query = "select customer_key, count(*) from dwh_fact_sales group by customer_key"
    sales = dict(shop.rows("dwh", query))
    found = versions(shop, "customers", customer)
    assert {v["customer_key"]: v["sales"] for v in found} == {
        v["customer_key"]: sales.get(v["customer_key"], 0) for v in found
    }
    assert sum(v["sales"] for v in found) > 0


def test_a_dimension_answers_to_the_name_of_its_entity_and_of_its_table(
    shop: Warehouse, customer: str
):
    assert versions(shop, "customers", customer) == versions(shop, "dwh_dim_customers", customer)


def test_a_history_ends_with_its_address_in_the_console(shop: Warehouse, customer: str):
    there = {**shop.environment, "TIDEMARK_CONSOLE_URL": "https://console.example.com/"}
    words = ("history", "customers", customer)
    shown = succeed(*words, env=there).out
    address = "https://console.example.com/areas/retail/entities/customers/keys"
    assert shown == f"{succeed(*words, env=shop.environment).out}\n{address}?key={customer}\n"
    as_json = succeed(*words, "--json", env=there).out
    assert as_json == succeed(*words, "--json", env=shop.environment).out


def test_a_history_is_a_table_of_what_tells_the_versions_apart(shop: Warehouse, customer: str):
    title, _, head, *_ = succeed("history", "customers", customer, env=shop.environment).out.split(
        "\n"
    )
    assert title == f"dwh_dim_customers, key {customer}"
    assert head.split() == ("customer_key segment city country valid_from valid_to sales".split())


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["customers", "999999"], 2, "dwh_dim_customers: no version has the key 999999."),
        (
            ["customers", "1", "2"],
            2,
            "customers: the key has 1 columns (customer_id), and 2 values were given. "
            "Give one for each.",
        ),
        (
            ["customers", "Ada"],
            2,
            "customers: 'Ada' is no value of the key (customer_id bigint): "
            "invalid input syntax for type bigint. Give the natural key.",
        ),
        (
            ["custmers", "1"],
            3,
            "dimension 'custmers': there is none of this name. Did you mean 'customers'? "
            f"Known: {DIMENSIONS}.",
        ),
        (
            ["sales", "1"],
            3,
            "dimension 'sales': there is none of this name. Did you mean 'users'? "
            f"Known: {DIMENSIONS}.",
        ),
    ],
    ids=["unknown key", "too many values", "wrong type", "misspelt", "a fact"],
)
def test_a_history_that_there_is_not(shop: Warehouse, words: list[str], code: int, error: str):
    done = tidemark("history", *words, env=shop.environment)
    assert (done.code, done.out, done.err) == (code, "", f"error: {error}\n")


def test_status_says_how_fresh_each_table_is(shop: Warehouse):
    marks = succeed("status", "--json", env=shop.environment).json["marks"]
    query = "select table_name, high_water_mark, batch_id from high_water_mark order by 1"
    assert [
        (m["table"], datetime.fromisoformat(m["high_water_mark"]), m["batch_id"]) for m in marks
    ] == shop.rows("dwh", query)
    assert len(marks) == 3


def test_status_shows_the_last_batches_the_newest_first(shop: Warehouse):
    batches = succeed("status", "--json", env=shop.environment).json["batches"]
    assert [(b["batch_id"], b["status"], b["error_message"]) for b in batches] == [
        (2, "SUCCESS", None),
        (1, "SUCCESS", None),
    ]
    assert batches[1]["rows_extracted"] == 200 + 20 + 1000


def test_status_is_three_tables(shop: Warehouse):
    said = succeed("status", env=shop.environment).out.split("\n")
    titles = ["Freshness of retail", "Last batches", "Open rejects"]
    assert [line for line in said if line in titles] == titles


def test_rejects_show_the_open_ones_with_every_reason(shop: Warehouse):
    found = succeed("rejects", "--limit", "1000", "--json", env=shop.environment).json
    query = "select reject_id, reasons from stg_rejects where resolved_at is null"
    assert {r["reject_id"]: r["reasons"] for r in found} == dict(shop.rows("stg", query))
    assert any(len(r["reasons"]) > 1 for r in found)
    assert {type(r["row_data"]) for r in found} == {dict}


def test_rejects_of_one_entity(shop: Warehouse):
    done = succeed("rejects", "--entity", "customers", "--limit", "1000", env=shop.environment)
    summary, *rejects = done.out.strip().split("\n\n")[1:]
    assert {line.split()[0] for line in summary.splitlines()[2:]} == {"customers"}
    assert {reject.split()[0] for reject in rejects} == {"customers:"}


def test_rejects_show_no_more_than_they_are_asked_for(shop: Warehouse):
    found = succeed("rejects", "--limit", "3", "--json", env=shop.environment).json
    newest = "select reject_id from stg_rejects where resolved_at is null"
    order = "order by last_seen_at desc, reject_id desc limit 3"
    assert [(r["reject_id"],) for r in found] == shop.rows("stg", f"{newest} {order}")


def test_rejects_may_include_the_resolved_ones(shop: Warehouse):
    query = "select count(*) from stg_rejects where resolved_at is not null"
    ((resolved,),) = shop.rows("stg", query)
    assert resolved > 0
    words = ["rejects", "--limit", "1000", "--json"]
    counts = [
        len(succeed(*words, *more, env=shop.environment).json) for more in ([], ["--resolved"])
    ]
    assert counts[1] - counts[0] == resolved


def test_the_dsn_of_a_layer_leads_to_its_database(shop: Warehouse):
    url = succeed("dsn", "dwh", "--password", env=shop.environment).out
    assert url == shop.dsn["dwh"] + "\n"
    with closing(connect(url.strip())) as opened:
        assert value(opened, "select current_database()") == "tidemark_shop"


def test_a_plan_without_news_counts_no_rows(shop: Warehouse):
    plan = succeed("plan", "--json", env=shop.environment).json
    assert {e["entity"]: e["rows"] for e in plan["entities"]} == {
        "customers": 0,
        "products": 0,
        "sales": 0,
    }
    assert (plan["area"], plan["to_stage"], plan["to_publish"]) == ("retail", 0, 0)


def test_an_area_may_be_named(shop: Warehouse):
    words = ("status", "--json")
    assert (
        succeed(*words, "retail", env=shop.environment).json
        == succeed(*words, env=shop.environment).json
    )
