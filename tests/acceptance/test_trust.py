"""Commands that prove what the layers hold, and mend it: verify, rebuild."""

import pytest

from tests.commands import succeed, tidemark
from tests.docs.test_pages import NAMES, _json_keys, _keys
from tests.fix_servers import Warehouse

EDITED = "update stg_dim_products set product_group = 'Toys' where product_id = 7"


@pytest.fixture
def loaded(seeded: Warehouse) -> Warehouse:
    """A warehouse after its first batch."""
    succeed("run", env=seeded.environment)
    return seeded


def test_equal_layers_end_with_0(loaded: Warehouse):
    said = succeed("verify", env=loaded.environment).out.splitlines()
    assert len([line for line in said if " = " in line]) == 11
    assert said[-1] == "equal"


def test_a_difference_is_named_and_ends_with_1(loaded: Warehouse):
    loaded.execute("stg", EDITED)

    done = tidemark("verify", env=loaded.environment)

    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[-3:] == [
        "products 7 differs in stg + rejects: product_group",
        "products 7 differs in dwh: product_group",
        "different",
    ]


def test_a_repair_moves_what_differed_and_ends_with_0(loaded: Warehouse):
    loaded.execute("stg", EDITED)

    said = succeed("verify", "--repair", env=loaded.environment).out

    assert "Batch 2 of retail" in said
    assert said.splitlines()[-1] == "equal"
    assert succeed("verify", "--repair", env=loaded.environment).out.count("Batch") == 0


def test_the_json_of_a_verification_has_the_keys_that_are_documented(loaded: Warehouse):
    loaded.execute("stg", EDITED)
    loaded.execute("dwh", "update dwh_dim_customers set is_current = false where customer_id = 3")

    done = tidemark("verify", "--json", env=loaded.environment)

    assert done.code == 1
    # No key of the shop is one that cleansing changes.
    assert {*_keys(done.json), "mrr_key"} - NAMES == _json_keys()["verify"]


def test_a_rebuild_says_what_it_changed(loaded: Warehouse):
    loaded.execute("stg", EDITED)
    words = ["rebuild", "--entity", "products", "--json"]
    right = {"added": 0, "changed": 0, "removed": 0}
    expected = [
        {"layer": "stg", "table": "stg_dim_products", **right, "changed": 1},
        {"layer": "dwh", "table": "dwh_dim_products", **right},
        {"layer": "dwh", "table": "dwh_fact_sales", **right},
        {"layer": "dwh", "table": "agg_sales_daily", **right},
        {"layer": "dwh", "table": "agg_sales_monthly", **right},
    ]

    assert succeed(*words, "--dry-run", env=loaded.environment).json == expected
    assert succeed(*words, env=loaded.environment).json == expected
    assert set(_keys(expected)) == _json_keys()["rebuild"]
    assert succeed("rebuild", "--from", "stg", env=loaded.environment).out.count(" 0") == 24


def test_a_layer_that_nothing_is_rebuilt_from_is_told(loaded: Warehouse):
    done = tidemark("rebuild", "--from", "mrr", env=loaded.environment)
    assert (done.code, done.out) == (3, "")
    assert "Known: dwh, stg." in done.err
