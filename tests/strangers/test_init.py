"""The command `init`: what it writes and prints, and what it refuses."""

from __future__ import annotations

import re

import pytest

from tests.commands import Done, succeed, tidemark
from tests.fix_servers import HOME
from tests.fix_strangers import STRANGERS, Meet, Stranger
from tidemark.declare import project
from tidemark.model import LAYERS, dsn_variable

SHOP = """
create table customers (
    customer_id bigint primary key, name text not null, city text, password text,
    updated_at timestamptz not null default '2025-01-01Z'
);
create table orders (
    order_id bigint primary key, customer_id bigint not null references customers,
    ordered_at timestamptz not null, total numeric(9, 2),
    updated_at timestamptz not null default '2025-01-01Z'
);
create table returns (
    return_id bigint primary key, customer_id bigint references customers,
    returned_at timestamptz not null, updated_at timestamptz not null default '2025-01-01Z'
);
create table notes (note text);
insert into customers values (1, 'Ada', 'Ulm', 'x');
insert into orders values (1, 1, '2025-01-01Z', 5);
insert into returns values (1, 1, '2025-01-02Z');
"""


def env(shop: Stranger) -> dict[str, str]:
    layers = {dsn_variable(layer): shop.warehouse.dsn[layer] for layer in LAYERS}
    return {**layers, "TIDEMARK_HOME": str(shop.home)}


def init(shop: Stranger, *words: str) -> Done:
    return tidemark("init", shop.url, "--area", shop.area, *words, env=env(shop))


@pytest.fixture
def shop(meet: Meet) -> Stranger:
    return meet(SHOP, "shop")


def test_one_command_leads_from_a_url_to_history_and_one_more_adds_a_table(shop: Stranger):
    said = succeed(
        "init", shop.url, "--area", "shop", "--exclude", "returns", "--run", env=env(shop)
    ).out
    assert "shop: 1 dimensions and 1 facts, in sql/shop/dwh/01_star.sql, sql/shop/area.yml" in said
    assert re.search(r"^Batch 1 of shop", said, re.MULTILINE)
    joined = (
        "select total::int, city from shop.fact_orders join shop.dim_customers using (customer_key)"
    )
    assert shop.rows("dwh", joined) == [(5, "Ulm")]
    path = shop.home / "sql" / "shop" / "area.yml"
    path.write_text(path.read_text("utf-8") + "\n# Mine.\nchecks: []\n", "utf-8")
    succeed("init", shop.url, "--add", "returns", "--run", env=env(shop))
    assert shop.rows("dwh", "select return_id, customer_key from shop.fact_returns") == [(1, 1)]
    assert path.read_text("utf-8").endswith("\n\n# Mine.\nchecks: []\n")
    assert shop.differences() == []


def test_the_next_steps_are_printed_and_the_url_is_in_no_file(shop: Stranger):
    said = init(shop).out
    steps = said.partition("Go on with\n\n")[2].splitlines()
    assert [line.split("=")[0] for line in steps] == [
        "  export TIDEMARK_SOURCE_SHOP_DSN",
        "  tidemark migrate",
        "  tidemark run shop",
    ]
    assert "public.notes: it has no primary key" in said
    assert 'create index concurrently on "public"."orders" ("updated_at");' in said
    texts = [path.read_text("utf-8") for path in shop.home.rglob("*") if path.is_file()]
    assert len(texts) == 2
    assert [word for word in (shop.url, "127.0.0.1", "strange") if word in "".join(texts)] == []


def test_an_area_that_is_there_is_not_written_again(shop: Stranger):
    init(shop)
    again = init(shop)
    assert (again.code, again.out) == (3, "")
    assert "sql/shop/area.yml is there already" in again.err
    twice = init(shop, "--add", "orders")
    assert "shop has orders already" in twice.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--include", "ordres"), "Did you mean 'orders'"),
        (("--schema", "publc"), "Did you mean 'public'"),
        (("--include", "notes"), "public.notes: it has no primary key"),
        (("--add", "orders", "--include", "orders"), "--add names one table"),
    ],
)
def test_what_is_misspelt_or_of_no_use_writes_nothing(
    shop: Stranger, words: tuple[str, ...], said: str
):
    refused = init(shop, *words)
    assert said in refused.err
    assert refused.code in (2, 3)
    assert [*shop.home.rglob("*")] == []


def test_a_login_that_may_read_little_hears_what_to_grant(shop: Stranger):
    shop.source("create role little login password 'little'; grant select on customers to little")
    try:
        said = tidemark("init", re.sub("//.*@", "//little:little@", shop.url), env=env(shop)).out
    finally:
        shop.source("drop owned by little; drop role little")
    lacking = said.partition("What the source lacks\n\n")[2].partition("\n\n")[0]
    assert lacking.split("\n  ") == [
        '  grant pg_read_all_stats to "little";',
        'grant select on "public"."notes" to "little";',
        'grant select on "public"."orders" to "little";',
        'grant select on "public"."returns" to "little";',
        'create index concurrently on "public"."customers" ("updated_at");',
    ]


MANY = "\n".join(
    f"create table t{n} (id int primary key, a_id int references t{n % 10}, name text, "
    "amount numeric, at timestamptz, updated_at timestamptz not null);"
    for n in range(300)
)


def test_hundreds_of_tables_are_an_area_at_once(meet: Meet):
    many = meet(MANY, "many")
    written = many.init()
    assert written.dimensions + written.facts == 300
    assert len(many.project.area("many").entities) == 300


FIVE = ("customer", "film", "payment", "rental", "staff")


def test_five_tables_that_pass_through_take_sixty_lines_at_most(meet: Meet):
    films = meet((STRANGERS / "films.sql").read_text("utf-8"), "films")
    written = films.init(include=FIVE)
    texts = [(films.home / path).read_text("utf-8") for path in written.files]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    assert len([line for line in lines if line and not line.startswith(("#", "--"))]) <= 60


def test_a_project_without_a_platform_uses_the_one_beside_the_package(shop: Stranger):
    found = project.Project(shop.home)

    assert found.platform == HOME / "sql" / "platform"
