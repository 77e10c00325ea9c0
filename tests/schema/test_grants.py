"""Who may do what in each layer, compared with the files in grants/.

After a change that is meant: `TIDEMARK_REWRITE_GOLDEN=1 pytest tests/schema`, then read the diff.
"""

import os
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_servers import SERVERS
from tests.queries import rows
from tidemark.model import ServerName

HERE = Path(__file__).parent
LISTING = (HERE / "grants.sql").read_text("utf-8")


@pytest.mark.parametrize("layer", SERVERS)
def test_the_grants_are_those_that_were_reviewed(
    request: pytest.FixtureRequest, layer: ServerName
) -> None:
    connection: Connection = request.getfixturevalue(layer)
    golden = HERE / "grants" / f"{layer}.txt"
    granted = sorted(line for (line,) in rows(connection, LISTING))
    if os.environ.get("TIDEMARK_REWRITE_GOLDEN"):
        golden.write_text("".join(f"{line}\n" for line in granted), "utf-8")

    assert granted == golden.read_text("utf-8").splitlines()


@pytest.mark.parametrize("layer", [layer for layer in SERVERS if layer != "operational"])
def test_everything_in_a_layer_belongs_to_the_writer(
    request: pytest.FixtureRequest, layer: ServerName
) -> None:
    connection: Connection = request.getfixturevalue(layer)
    query = """
        select o.object, o.owner::regrole::text
        from (
            select c.oid::regclass::text as object, c.relowner as owner, c.relnamespace as schema
            from pg_class as c
            union all
            select p.oid::regprocedure::text, p.proowner, p.pronamespace from pg_proc as p
        ) as o
        inner join pg_namespace as n on o.schema = n.oid
        where
            n.nspname !~ '^pg_'
            and n.nspname <> 'information_schema'
            and o.owner <> 'tidemark_etl'::regrole
    """

    assert rows(connection, query) == []
