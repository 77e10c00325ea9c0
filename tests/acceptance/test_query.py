"""`tidemark query`: SQL that can only read, and what a person sees of its rows."""

import csv
import subprocess
import sys

import pytest

from tests.acceptance.test_logins import logged_in
from tests.commands import Done, process, run, tidemark
from tests.fix_retail import PATIENCE
from tests.fix_servers import Warehouse

VALUES = """
    select 1234567 as n, null as nothing, '' as empty, 1.50::numeric as amount, true as is_so,
    '2025-01-01 12:00Z'::timestamptz as at, array['a b', null] as list, ':heart: [red]' as text
"""
TYPES = {
    "null": None,
    "true": True,
    "9007199254740993": 9007199254740993,
    "12345678901234567890.10::numeric": "12345678901234567890.10",
    "'NaN'::numeric": "NaN",
    "0.1::float8": 0.1,
    "'-infinity'::float8": "-Infinity",
    """'{"a": [1.0, null]}'::jsonb""": {"a": [1.0, None]},
    "'2025-01-01 12:00Z'::timestamptz": "2025-01-01T12:00:00+00:00",
    "'infinity'::timestamptz": "infinity",
    "'0044-03-15 BC'::date": "0044-03-15 BC",
    "array[[1, null], [3, 4]]": [[1, None], [3, 4]],
    "array['a,b', null, 'null', '\"']": ["a,b", None, "null", '"'],
    "array[1.10, 2]": ["1.10", "2"],
    "'[0:1]={1,2}'::int[]": "[0:1]={1,2}",
    "'\\x00ff'::bytea": "\\x00ff",
    "int4range(1, 5)": "[1,5)",
    "interval '1 day'": "1 day",
    "row(1, 'a b', null)": '(1,"a b",)',
    "e'a\\nb\\\\\"'": 'a\nb\\"',
}
WHO = "select current_user, current_setting('transaction_read_only')"
READERS = {
    "mrr": "tidemark_reader",
    "stg": "tidemark_reader",
    "dwh": "tidemark_analyst",
    "operational": "pg_read_all_data",
}


def ask(shop: Warehouse, *words: str) -> Done:
    return tidemark("query", *words, env=shop.environment)


def test_a_table_shows_values_as_postgresql_writes_them(shop: Warehouse):
    done = ask(shop, "dwh", VALUES)
    assert (done.code, done.err) == (0, "")
    title, _, head, _, row = done.out.splitlines()
    assert (title, head.split()) == (
        "dwh: 1 row",
        "n nothing empty amount is_so at list text".split(),
    )
    cells = [cell for cell in row.split("  ") if cell.strip()]
    shown = ["1234567", "·", "1.50", "t", "2025-01-01 12:00:00+00", '{"a b",NULL}', ":heart: [red]"]
    assert [cell.strip() for cell in cells] == shown


def test_a_value_does_nothing_to_the_terminal(shop: Warehouse):
    sql = "select e'a\\x1b[31m\\tb\\rc' || chr(8238) || chr(155) as x, e'1\\n2' as lines"
    *_, first, second = ask(shop, "dwh", sql).out.splitlines()
    assert (first, second.strip()) == (" a\\x1b[31m\\tb\\rc\\u202e\\x9b  1", "2")


def test_no_rows_are_told_with_their_columns(shop: Warehouse):
    assert ask(shop, "stg", "select 1 as a, 2 as b where false").out == "stg: no rows of a, b\n"


def test_csv_is_what_the_standard_says(shop: Warehouse):
    done = ask(shop, "dwh", "select 'a\"b,c' as x, e'1\\n2' as \"y z\", null as n", "--csv")
    assert done == Done(0, 'x,y z,n\r\n"a""b,c","1\n2",\r\n', "")
    assert ask(shop, "dwh", "select 1 as x where false", "--csv").out == "x\r\n"


@pytest.mark.parametrize("value", TYPES, ids=lambda value: value)
def test_json_keeps_what_a_value_says(shop: Warehouse, value: str):
    done = ask(shop, "dwh", f"select {value} as v", "--json")
    assert (done.json, done.err) == ([{"v": TYPES[value]}], "")


def test_json_keeps_every_digit(shop: Warehouse):
    digits = "1.2345678901234567890123"
    out = ask(shop, "dwh", f"""select '{{"n": {digits}}}'::jsonb as v""", "--json").out
    assert out == f'[\n  {{"v": {{"n": {digits}}}}}\n]\n'
    assert ask(shop, "dwh", "select 1 as v where false", "--json").out == "[]\n"


def test_a_json_object_has_each_name_once(shop: Warehouse):
    done = ask(shop, "dwh", "select 1 as n, 2 as n", "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: query: 2 columns are called 'n', and a JSON object has one")


def test_of_many_rows_as_many_are_shown_as_are_wanted(shop: Warehouse):
    """A server that had to make all of them first would not be done in time."""
    many = ("dwh", "select generate_series(1, 1000000000000)", "--timeout", "20")
    shown = ask(shop, *many).out
    assert shown.endswith(
        "Only the first 100 rows are shown; there are more. `--limit` says how many.\n"
    )
    assert len(shown.splitlines()) == 4 + 100 + 2
    for option, lines in (("--csv", 1 + 700), ("--json", 2 + 700)):
        done = ask(shop, *many, option, "--limit", "700")
        assert (done.code, len(done.out.splitlines())) == (0, lines)
        assert done.err == "note: only the first 700 rows; there are more.\n"


@pytest.mark.parametrize("option", [[], ["--csv"], ["--json"]], ids=["table", "csv", "json"])
@pytest.mark.parametrize("rows", [1, 500, 501, 1000])
def test_a_limit_that_is_just_met_hides_nothing(shop: Warehouse, option: list[str], rows: int):
    sql = f"select generate_series(1, {rows}) as n"
    done = ask(shop, "dwh", sql, "--limit", f"{rows}", *option)
    assert (done.code, done.err, "more" in done.out) == (0, "", False)
    assert str(rows) in done.out.splitlines()[-1 if option != ["--json"] else -2]


def test_what_nobody_reads_any_more_ends_quietly(shop: Warehouse):
    many = "select generate_series(1, 1000000000000) as n"
    words = [sys.executable, "-m", "tidemark", "query", "dwh", many, "--csv"]
    piped = f"{' '.join(map(repr, words))} | head -n 2"
    assert run(["bash", "-c", piped], shop.environment) == Done(
        0, "n\r\n1\r\n".replace("\r", ""), ""
    )


def test_sql_may_come_from_stdin(shop: Warehouse):
    def piped(text: bytes) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            [sys.executable, "-m", "tidemark", "query", "dwh", "-", "--csv"],
            input=text,
            env=shop.environment,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    assert piped("-- mine;\nselect 'é%s' as x;\n".encode()) == (0, "x\r\né%s\r\n".encode(), b"")
    code, _, error = piped(b"select '\xff'")
    assert (code, error) == (2, b"error: query: what stdin brings is no UTF-8 text. Convert it.\n")


@pytest.mark.parametrize("layer", READERS)
def test_each_layer_is_read_by_a_role_that_can_do_nothing_else(shop: Warehouse, layer: str):
    found = ask(shop, layer, WHO, "--csv").out.splitlines()[1]
    assert found == f"{READERS[layer]},on"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["dw", "select 1"], 3, "layer or source 'dw': there is none of this name. Did you mean"),
        (["dwh", " "], 2, "query: the SQL is empty. Give one statement."),
        (["dwh", "select 1", "--csv", "--json"], 2, "query: --csv and --json exclude each other."),
        (["dwh", "select 'a\0'"], 2, "query: the SQL has a NUL character"),
        (["dwh", "select"], 2, "query: the statement yields no columns. Name one."),
        (
            ["dwh", "select\n  customer_kee from dwh_dim_customers"],
            9,
            'dwh: column "customer_kee" does not exist (line 2, column 3: customer_kee from dw…). '
            'Perhaps you meant to reference the column "dwh_dim_customers.customer_key".\n',
        ),
        (
            ["dwh", "selec 1"],
            9,
            'dwh: syntax error at or near "selec" (line 1, column 1: selec 1).\n',
        ),
        (["dwh", "select 1 +"], 9, "dwh: syntax error at end of input (line 1, column 11).\n"),
        (["dwh", "table nix"], 9, 'dwh: relation "nix" does not exist (line 1, column 7: nix).\n'),
        (
            ["dwh", "select 1 + 'a'::text"],
            9,
            "dwh: operator does not exist: integer + text (line 1",
        ),
        (["dwh", "select segment::int from dwh_dim_customers"], 9, "dwh: invalid input syntax for"),
        (["dwh", "select 1/0"], 9, "dwh: division by zero.\n"),
        (
            ["dwh", "select pg_sleep(9)", "--timeout", "1"],
            9,
            "dwh: it took longer than 1 s, and was",
        ),
        (["operational", "select pg_sleep(9)", "--timeout", "1"], 9, "operational: it took longer"),
        (["dwh", "select 1", "--timeout", "0"], 2, "tidemark query: invalid value for '--timeout'"),
    ],
)
def test_an_error_says_what_is_wrong_and_where(
    shop: Warehouse, words: list[str], code: int, error: str
):
    done = ask(shop, *words)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert done.err.startswith(f"error: {error}")


def test_the_time_is_that_of_all_pages_together(shop: Warehouse):
    """Each page takes half a second, which the server would never find too long."""
    slow = "select n, pg_sleep(0.001), set_config('statement_timeout', '0', true) as s from "
    done = ask(shop, "dwh", f"{slow} generate_series(1, 100000) as n", "--csv", "--timeout", "2")
    assert (done.code, done.err.partition(" s, ")[0]) == (9, "error: dwh: it took longer than 2")
    assert 500 < len(list(csv.reader(done.out.splitlines()))) < 3000


def test_what_an_analyst_may_not_read_is_refused(shop: Warehouse):
    done = ask(shop, "dwh", "select * from tidemark.applied_batch")
    assert (done.code, "permission denied for table applied_batch" in done.err) == (9, True)


def test_explain_and_show_are_rows_too(shop: Warehouse):
    assert ask(shop, "dwh", "show timezone", "--json").json == [{"TimeZone": "UTC"}]
    assert "QUERY PLAN" in ask(shop, "dwh", "explain select 1", "--csv").out


def test_a_login_that_is_no_member_is_told_the_grant(warehouse: Warehouse):
    warehouse.execute("mrr", "create role guest login password 'secret'")
    try:
        done = process("query", "mrr", "select 1", env=logged_in(warehouse, "guest", "mrr"))
    finally:
        warehouse.execute("mrr", "drop role guest")
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith(
        "the login is no member of tidemark_reader. Run `grant tidemark_reader to guest` there.\n"
    )
