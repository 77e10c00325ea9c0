"""`tidemark query` alone: a menu, through a terminal of 80 columns without colour."""

import pytest

from tests.commands import Done, process
from tests.fix_retail import wait_until
from tests.fix_servers import Warehouse
from tests.terminal import ESCAPE, Terminal, terminal
from tidemark.cli.menu import _FILTER as FILTER
from tidemark.cli.menu import _PAGE as PAGE

CHOICE = "Number or name; b back, q quit: "
MOST_VERSIONS = """
    select customer_id from dwh_dim_customers where customer_key <> 0
    group by customer_id order by count(*) desc, customer_id limit 1
"""


def at_customers(shown: Terminal) -> None:
    shown.answer(CHOICE, "dwh")
    shown.answer(CHOICE, "dwh_dim_customers")


def test_a_person_goes_from_a_layer_to_the_history_of_a_key(shop: Warehouse):
    ((key,),) = shop.rows("dwh", MOST_VERSIONS)
    with terminal("query", env=shop.environment) as shown:
        layers = shown.answer(CHOICE, "dwh")
        tables = shown.answer(CHOICE, "dwh_dim_customers")
        shown.answer(FILTER, f"customer_id={key}")
        rows = shown.answer(PAGE, f"h {key}")
        history = shown.answer(PAGE, "q")
        assert shown.ended() == (0, "q\n")
    assert [line.split()[1] for line in layers.splitlines()[5:9]] == [
        "operational",
        *("mrr", "stg", "dwh"),
    ]
    assert ["vw_sales", "view", "·"] in [line.split()[1:] for line in tables.splitlines()]
    assert "dwh_dim_customers: rows 1 to " in rows  # As many as there is room for.
    assert f"dwh_dim_customers, key {key}" in history
    assert ESCAPE not in shown.shown
    assert max(map(len, shown.shown.splitlines())) <= 80


def test_pages_go_on_and_back_and_cover_every_row_once(shop: Warehouse):
    with terminal("query", "dwh", env=shop.environment, lines=40) as shown:
        shown.answer(CHOICE, "dwh_dim_products")
        shown.answer(FILTER, "product_key > 0")
        first = shown.answer(PAGE, "p")
        assert "This is the first page." in shown.answer(PAGE, "")
        seen = [first]
        while "there are more" in seen[-1]:
            seen.append(shown.answer(PAGE, "n"))
        assert "There are no more rows." in shown.until(PAGE)
    numbers = [word for page in seen for word in page.split("rows ")[1].split(",")[0].split(" to ")]
    ((count,),) = shop.rows("dwh", "select count(*) from dwh_dim_products where product_key > 0")
    assert (numbers[0], numbers[-1]) == ("1", f"{count}")
    assert [int(n) + 1 for n in numbers[1:-1:2]] == [int(n) for n in numbers[2::2]]


def test_a_page_of_a_wide_table_is_as_wide_as_the_terminal(shop: Warehouse):
    with terminal("query", "stg", env=shop.environment) as shown:
        shown.answer(CHOICE, "stg_fact_sales")
        shown.answer(FILTER, "")
        page = shown.answer(PAGE, "n")
        following = shown.until(PAGE)
    until = int(page.split(" to ")[1].split(",")[0])
    assert f"rows {until + 1} to " in following
    assert max(len(line) for line in page.splitlines() if not line.startswith(FILTER[:6])) <= 80


WRONG = [
    ("nix=1", 'error: dwh: column "nix" does not exist (line 1, column 1: nix=1).'),
    ("customer_id=Ada", "error: dwh: invalid input syntax for type bigint"),
    ("true) ; drop table dwh_dim_customers --", "syntax error at or near"),
    ("true); (select 1", 'missing FROM-clause entry for table "t"'),
    ("pg_sleep(9) is null", "it took longer than 1 s, and was stopped."),
    ("city=null", "dwh_dim_customers: rows 1 to "),
    ("city = 'It''s' or true", "there are more"),
    ("city=O'Hara", "unterminated quoted string"),
    ("false", "dwh_dim_customers: no rows"),
]
"""Filters of dwh_dim_customers, and what is said of each."""


def test_a_filter_may_be_wrong(shop: Warehouse):
    with terminal("query", "--timeout", "1", env=shop.environment) as shown:
        at_customers(shown)
        for condition, said in WRONG:
            shown.answer(FILTER, condition)
            shown.until(said)
            shown.type("f")
        shown.until(FILTER)
        shown.type("q")
        assert shown.ended()[0] == 0


def test_each_question_goes_back_and_leaves(shop: Warehouse):
    with terminal("query", env=shop.environment) as shown:
        at_customers(shown)
        shown.answer(FILTER, "")
        shown.answer(PAGE, "b")
        shown.answer(FILTER, "b")
        shown.answer(CHOICE, "b")
        assert "operational" in shown.answer(CHOICE, "nix")
        assert "'nix': there is none of this name." in shown.answer(CHOICE, "²")
        assert "'²': there is none of this name." in shown.answer(CHOICE, "b")
        assert shown.ended() == (0, "b\n")


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(("key", "code"), [("\x04", 0), ("\x03", 130)], ids=["Ctrl-D", "Ctrl-C"])
@pytest.mark.parametrize("place", ["layer", "filter", "page", "key"])
def test_a_key_leaves_anywhere(shop: Warehouse, key: str, code: int, place: str):
    steps = {
        "layer": [(CHOICE, "")],
        "filter": [(CHOICE, "dwh"), (CHOICE, "dwh_dim_customers"), (FILTER, "")],
        "page": [(CHOICE, "mrr"), (CHOICE, "mrr_dim_products"), (FILTER, "true"), (PAGE, "")],
        "key": [(CHOICE, "stg"), (CHOICE, "stg_dim_products"), (FILTER, "true"), (PAGE, "h")],
    }[place]
    with terminal("query", env=shop.environment) as shown:
        for prompt, line in steps[:-1] if place != "key" else steps:
            shown.answer(prompt, line)
        shown.until("Key (product_id): " if place == "key" else steps[-1][0])
        shown.press(key)
        ended, rest = shown.ended()
    assert (ended, rest.strip("^CD\b\n ")) == (code, "")


def test_a_slow_question_is_cancelled_by_ctrl_c(shop: Warehouse):
    with terminal("query", env=shop.environment) as shown:
        at_customers(shown)
        shown.answer(FILTER, "pg_sleep(100) is null")
        asleep = "select from pg_stat_activity where wait_event = 'PgSleep'"
        wait_until(lambda: shop.rows("dwh", asleep) != [])
        shown.press("\x03")
        assert shown.ended()[0] == 130


@pytest.mark.parametrize(
    ("layer", "key", "said"),
    [
        ("dwh", "999999", "dwh_dim_products, key 999999: no version has it."),
        ("dwh", "Ada", "error: products: 'Ada' is no value of the key (product_id bigint)"),
        ("dwh", "1 2", "error: products: the key has 1 columns (product_id), and 2 values"),
        ("mrr", "1", "dwh_dim_products, key 1"),
        ("stg", "'1", "error: history: \"'1\" can't be read"),
        ("operational", "1", "dwh_dim_products, key 1"),
    ],
)
def test_a_key_may_have_no_history(shop: Warehouse, layer: str, key: str, said: str):
    with terminal("query", layer, env=shop.environment) as shown:
        table = {"dwh": "dwh_dim_products", "operational": "products"}.get(layer)
        shown.answer(CHOICE, table or f"{layer}_dim_products")
        shown.answer(FILTER, "")
        shown.answer(PAGE, f"h {key}")
        assert said in shown.answer(PAGE, "q")
        assert shown.ended()[0] == 0


def test_what_is_no_dimension_has_no_history(shop: Warehouse):
    with terminal("query", "dwh", env=shop.environment) as shown:
        shown.answer(CHOICE, "vw_sales")
        shown.answer(FILTER, "")
        shown.answer(PAGE, "h 1")
        assert "vw_sales: only a dimension has a history." in shown.answer(PAGE, "x")
        assert "'x' is none of these." in shown.until(PAGE)


@pytest.mark.parametrize(("words", "layer"), [([], "dwh"), (["stg"], "stg")])
def test_without_a_terminal_it_says_what_to_type(shop: Warehouse, words: list[str], layer: str):
    said = f'Type a layer and SQL: `tidemark query {layer} "select …"`.'
    error = f"error: query: the menu needs a terminal. {said}\n"
    assert process("query", *words, env=shop.environment) == Done(2, "", error)
