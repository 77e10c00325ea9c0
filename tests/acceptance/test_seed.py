"""`tidemark seed`, as a script calls it."""

from tests.commands import succeed
from tests.fix_servers import Warehouse
from tests.fix_shop import SEED


def test_a_seed_that_is_wanted_once_happens_once(warehouse: Warehouse):
    first, second = (succeed(*SEED, "--once", env=warehouse.environment).out for _ in range(2))
    assert first.split()[:2] == ["customers", "200"]
    assert second == "nothing to do: the tables hold rows\n"
    assert warehouse.rows("operational", "select count(*) from customers") == [(200,)]
