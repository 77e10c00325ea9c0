"""What staging refuses by itself, whatever the cleansing view says."""

from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows
from tidemark import db

CLEANED = """
create temp table cleaned as
select key, '{}'::text[] as reject_reasons
from unnest(array[1, 3, 2, 3, null, 2, 3, null]) as given (key)
"""


def test_every_row_of_a_key_that_occurs_twice_is_refused(stg: Connection) -> None:
    execute(stg, CLEANED)
    parts = {"cleaned": db.name("cleaned"), "key": db.names(["key"])}
    execute(stg, db.compose("stage", "refuse_duplicates", **parts).as_string(stg))

    query = (
        "select key, cardinality(reject_reasons), count(*) from cleaned group by 1, 2 order by 1"
    )
    assert rows(stg, query) == [(1, 0, 1), (2, 1, 2), (3, 1, 3), (None, 0, 2)]
