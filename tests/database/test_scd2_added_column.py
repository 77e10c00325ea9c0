"""A column that a dimension was given after it had versions."""

from __future__ import annotations

from tests.fix_dimension import APR, FEB, JAN, MAR, Members, ada
from tests.fix_servers import HOME
from tests.queries import execute, rows

TIERS = "select tier from dwh_dim_members where member_id = 1 order by valid_from"


def tiers(members: Members) -> list[str | None]:
    """Return the tier of each of Ada's versions, in order."""
    return [tier for (tier,) in rows(members.connection, TIERS)]


def given_tiers(members: Members) -> None:
    """Let the first two batches show Ada without a tier, and the later ones with one."""
    members.land([ada(1, JAN, tier=None)])
    members.land([ada(2, FEB, "Oslo", tier=None)])
    members.becomes(added={"tier": 2}, unkept={"tier": 2})


def test_the_first_value_that_shows_is_that_of_all_versions_from_before(members: Members):
    given_tiers(members)
    keys = members.surrogates()
    members.land([ada(3, MAR, "Oslo", "gold")])
    assert tiers(members) == ["gold", "gold"]
    assert members.surrogates() == keys


def test_a_value_that_comes_after_the_first_one_begins_a_version(members: Members):
    given_tiers(members)
    members.land([ada(3, MAR, "Oslo", "gold"), ada(4, APR, "Oslo", "basic")])
    assert tiers(members) == ["gold", "gold", "basic"]


def test_a_null_that_was_seen_since_the_column_is_there_is_a_value(members: Members):
    given_tiers(members)
    members.land([ada(3, MAR, "Oslo", None)])
    members.land([ada(4, MAR, "Oslo", "gold")])
    members.land([ada(5, APR, "Oslo", "gold")])
    assert tiers(members) == [None, None, "gold"]


def test_a_default_is_a_value(members: Members):
    members.land([ada(1, JAN, tier="unknown")])
    members.becomes(added={"tier": 1})
    members.land([ada(2, FEB, tier="gold")])
    assert tiers(members) == ["unknown", "gold"]


def test_a_column_that_makes_no_history_is_filled_as_well(members: Members):
    given_tiers(members)
    members.becomes(type2=("city",), untracked=("tier",))
    members.land([ada(3, MAR, "Oslo", "gold")])
    assert tiers(members) == ["gold", "gold"]


def test_the_batch_since_which_a_column_is_there_is_remembered(members: Members):
    given_tiers(members)
    members.land([ada(3, MAR, "Oslo", "gold")])
    query = "select dimension, column_name, since_batch from tidemark.added_column"
    assert rows(members.connection, query) == [("dwh_dim_members", "tier", 2)]


KNOWN = """
    select column_name, since_batch from tidemark.added_column
    where dimension = 'dwh_dim_members' order by 1
"""


def test_an_upgrade_tells_by_its_place_what_a_dimension_was_made_with(members: Members):
    """Whatever `migrate` has put behind what was added."""
    execute(members.connection, "alter table dwh_dim_members add column later text")
    upgrade = HOME / "sql" / "platform" / "dwh" / "11_columns_of_dimensions.sql"
    execute(members.connection, upgrade.read_text("utf-8"))
    made = ["city", "member_id", "member_key", "name", "tier"]
    assert rows(members.connection, KNOWN) == [(column, 0) for column in made]
