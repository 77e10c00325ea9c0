"""docs/sql-reference.md: every routine and view is on it, and its examples print what it says.

After a change that is meant: `TIDEMARK_REWRITE_GOLDEN=1 pytest tests/docs/test_sql_reference.py`,
then read the diff.
"""

import os
import re
import subprocess

from psycopg2.extensions import connection as Connection

from tests.fix_retail import PATIENCE
from tests.fix_servers import HOME, Warehouse
from tests.fix_star import STAR
from tests.queries import rows
from tidemark.install.embedded import site

PAGE = HOME / "docs" / "sql-reference.md"
STATEMENT = re.compile(r"^=> .*\n(?:-> .*\n)*", re.MULTILINE)
EXAMPLE = re.compile(rf"({STATEMENT.pattern})((?:(?!```|=>).*\n)*)", re.MULTILINE)
BETWEEN = "--- the next example ---"


def test_every_public_routine_and_view_has_an_example(dwh: Connection) -> None:
    query = """
        select p.proname from pg_proc as p where p.pronamespace = 'public'::regnamespace
        union
        select c.relname from pg_class as c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
    """
    examples = " ".join(STATEMENT.findall(PAGE.read_text("utf-8")))

    missing = [name for (name,) in rows(dwh, query) if not re.search(rf"\b{name}\b", examples)]
    assert missing == []


def test_the_examples_print_what_the_page_says(warehouse: Warehouse) -> None:
    warehouse.execute("dwh", STAR)
    page = PAGE.read_text("utf-8")
    printed = iter(_psql(warehouse.dsn["dwh"], STATEMENT.findall(page)))

    now = EXAMPLE.sub(lambda example: example[1] + next(printed), page)
    if os.environ.get("TIDEMARK_REWRITE_GOLDEN"):
        PAGE.write_text(now, "utf-8")

    assert PAGE.read_text("utf-8").splitlines() == now.splitlines()


def _psql(dsn: str, statements: list[str]) -> list[str]:
    """Run the statements as an analyst, in one session, and return what each printed."""
    plain = [re.sub("^[=-]> ", "", each, flags=re.MULTILINE) for each in statements]
    script = f"\\echo '{BETWEEN}'\n".join(["set role tidemark_analyst;\n", *plain])
    done = subprocess.run(
        [site.installed() / "psql", "-X", "-q", "-P", "footer=off", "-d", dsn],
        input=script,
        env={**os.environ, "PGTZ": "UTC", "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    output = re.sub(r"^psql:<stdin>:\d+: ", "", done.stdout, flags=re.MULTILINE)
    _, *examples = output.split(f"{BETWEEN}\n")
    return ["".join(f"{line.rstrip()}\n" for line in e.splitlines() if line) for e in examples]
