"""The statements of a run of the retail area, compared with the files in tests/snapshots/.

After a change that is meant, then read the diff:
`TIDEMARK_REWRITE_GOLDEN=1 scripts/test tests/pipeline/test_snapshots.py`.
"""

import os

from tests import composed
from tests.fix_retail import Retail
from tests.fix_servers import HOME
from tidemark.model import Overrides
from tidemark.observe import plan
from tidemark.trust import rebuild, verify

SNAPSHOTS = HOME / "tests" / "snapshots"


def test_the_composed_statements_are_those_that_were_reviewed(retail: Retail):
    with composed.watched() as seen:
        retail.run()
        retail.change("customers", 1, city="Oslo")
        retail.change("sales", 2, quantity=7)
        retail.delete("customers", "customer_id = 3")
        plan.make(retail.servers, retail.area)
        retail.run(overrides=Overrides(accept_deletes=True))
        verify.run(retail.servers, retail.area)
        rebuild.run(retail.servers, retail.area)
    files = composed.files(seen)
    if os.environ.get("TIDEMARK_REWRITE_GOLDEN"):
        for file, text in files.items():
            (SNAPSHOTS / f"{file}.sql").write_text(text, "utf-8")

    assert files == {path.stem: path.read_text("utf-8") for path in SNAPSHOTS.glob("*.sql")}
