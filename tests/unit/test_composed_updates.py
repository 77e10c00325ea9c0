"""What updates of the star assign, read off the statements in tests/snapshots/."""

import re
from collections import defaultdict

from tests.fix_servers import HOME

KEYS = {
    "public.dwh_dim_customers": {"customer_id"},
    "public.dwh_fact_sales": {"original_sale_id"},
    "tidemark.dwh_dim_customers_confirmed": {"customer_id", "confirmed_at"},
}
"""Table of the star -> its natural key."""
UPDATE = re.compile(
    r"(?:update|insert into) (?P<table>[\w.]+)(?:(?!;).)*?"
    r"\bset (?P<assigned>.*?)(?:\bfrom\b|\bwhere\b|;)",
    re.DOTALL,
)


def assigned() -> dict[str, set[str]]:
    """Return the columns that statements assign: table -> columns."""
    found = defaultdict(set)
    for path in (HOME / "tests" / "snapshots").glob("*.sql"):
        for update in UPDATE.finditer(path.read_text("utf-8")):
            targets = " ".join(re.findall(r"(\([^()]*\)|\w+)\s*=", update["assigned"]))
            found[update["table"]].update(re.findall(r"\w+", targets))
    return found


def test_no_update_of_the_star_sets_a_natural_key():
    """A table that is distributed by its key refuses that, even if the value stays as it is."""
    found = assigned()
    keys = {table: found[table] & key for table, key in KEYS.items()}
    assert keys == {table: set() for table in KEYS}
    assert all(found[table] for table in KEYS), "an update that this test is for has gone"
