"""Every case that a dimension has to get right, one by one, for the member Ada."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.fix_dimension import ADA, APR, FEB, JAN, MAR, MAY, Members, ada
from tests.oracles.scd2 import BEGINNING, END
from tests.queries import execute, rows
from tidemark.errors import StatementError
from tidemark.results import Counts
from tidemark.star import audits


def test_a_new_key_is_in_force_from_the_beginning_of_time(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])

    assert members.history() == [("Rome", BEGINNING, END, "current")]


def test_with_first_version_change_a_new_key_is_in_force_from_its_change(members: Members) -> None:
    members.becomes(first_version="change")

    members.land([ada(1, JAN, "Rome")])

    assert members.history() == [("Rome", JAN, END, "current")]


def test_a_change_before_the_beginning_of_time_is_in_force_from_the_change(
    members: Members,
) -> None:
    long_ago = datetime(1815, 12, 10, tzinfo=UTC)

    members.land([ada(1, long_ago, "London"), ada(2, JAN, "Rome")])

    assert members.history() == [
        ("London", long_ago, JAN, "replaced"),
        ("Rome", JAN, END, "current"),
    ]


def test_a_changed_key_has_a_version_that_begins_where_the_one_before_ends(
    members: Members,
) -> None:
    members.land([ada(1, JAN, "Rome")])

    counts = members.land([ada(2, FEB, "Oslo")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, END, "current"),
    ]
    assert counts == Counts(inserted=1, updated=1, closed=1)


def test_an_unchanged_key_keeps_its_version(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])

    counts = members.land([ada(2, FEB, "Rome")])

    assert members.history() == [("Rome", BEGINNING, END, "current")]
    assert counts == Counts()


def test_a_reverted_key_has_a_version_of_its_own_again(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    members.land([ada(2, FEB, "Oslo")])

    members.land([ada(3, MAR, "Rome")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, MAR, "replaced"),
        ("Rome", MAR, END, "current"),
    ]


def test_several_changes_that_land_together_all_become_versions(members: Members) -> None:
    counts = members.land(
        [ada(3, MAR, "Bern"), ada(1, JAN, "Rome"), ada(4, APR, "Bern"), ada(2, FEB, "Oslo")]
    )

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, MAR, "replaced"),
        ("Bern", MAR, END, "current"),
    ]
    assert counts == Counts(inserted=3)


def test_a_change_that_comes_late_is_put_where_it_belongs(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    members.land([ada(2, MAR, "Bern")])

    members.land([ada(3, FEB, "Oslo")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, MAR, "replaced"),
        ("Bern", MAR, END, "current"),
    ]


def test_a_change_before_all_that_is_known_becomes_the_first_version(members: Members) -> None:
    members.land([ada(1, FEB, "Rome")])

    members.land([ada(2, JAN, "Oslo")])

    assert members.history() == [
        ("Oslo", BEGINNING, FEB, "replaced"),
        ("Rome", FEB, END, "current"),
    ]


def test_a_late_change_ends_where_the_key_was_seen_unchanged(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    members.land([ada(2, MAR, "Rome")])

    members.land([ada(3, FEB, "Oslo")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, MAR, "replaced"),
        ("Rome", MAR, END, "current"),
    ]


def test_of_two_changes_at_one_instant_the_later_batch_counts(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    members.land([ada(2, FEB, "Oslo")])
    before = members.surrogates()

    members.land([ada(3, FEB, "Bern")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Bern", FEB, END, "current"),
    ]
    assert members.surrogates() == before


def test_a_version_that_became_equal_to_its_neighbour_is_superseded(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    members.land([ada(2, MAR, "Oslo")])
    members.land([ada(3, FEB, "Bern")])
    keys = members.surrogates()[ADA]

    counts = members.land([ada(4, FEB, "Oslo")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, END, "current"),
    ]
    assert members.surrogates()[ADA] == {JAN: keys[JAN], FEB: keys[FEB]}
    assert counts == Counts(updated=1, deleted=1)


def test_null_is_a_value_that_a_key_can_change_to_and_back_from(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    members.land([ada(2, FEB, None)])
    members.land([ada(3, MAR, None)])
    members.land([ada(4, APR, "")])

    members.land([ada(5, MAY, "Rome")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        (None, FEB, APR, "replaced"),
        ("", APR, MAY, "replaced"),
        ("Rome", MAY, END, "current"),
    ]


def test_attributes_are_compared_one_by_one_and_not_as_a_joined_text(members: Members) -> None:
    members.land([ada(1, JAN, "x|y", "z")])

    members.land([ada(2, FEB, "x", "y|z")])

    assert members.history() == [
        ("x|y", BEGINNING, FEB, "replaced"),
        ("x", FEB, END, "current"),
    ]


def test_a_change_closes_the_open_version_and_a_late_one_closes_none(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])

    assert members.land([ada(2, MAR, "Oslo")]) == Counts(inserted=1, updated=1, closed=1)
    assert members.land([ada(3, FEB, "Bern")]) == Counts(inserted=1, updated=1)


def test_a_type_1_attribute_is_overwritten_in_every_version(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    members.land([ada(2, FEB, "Oslo", name="Ada L.")])

    members.land([ada(3, MAR, "Oslo", name="Countess")])

    assert rows(members.connection, "select city, name from dwh_dim_members order by 1") == [
        ("Oslo", "Countess"),
        ("Rome", "Countess"),
        (None, None),
    ]


def test_a_late_change_does_not_bring_an_old_type_1_attribute_back(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    members.land([ada(2, MAR, "Rome", name="Ada L.")])

    members.land([ada(3, FEB, "Oslo", name="Ada of old")])

    assert [version.type1 for version in members.versions()[ADA]] == [("Ada L.",)] * 3


def test_without_type_2_attributes_a_key_has_one_version(members: Members) -> None:
    members.becomes(type2=(), type1=("city", "tier", "name"))
    members.land([ada(1, JAN, "Rome")])

    members.land([ada(2, FEB, "Oslo")])

    assert members.history() == [("Oslo", BEGINNING, END, "current")]


def test_without_type_1_attributes_a_version_keeps_what_its_first_sight_said(
    members: Members,
) -> None:
    members.becomes(type1=(), untracked=("name",))
    members.land([ada(1, JAN, "Rome", name="Ada")])

    members.land([ada(2, FEB, "Rome", name="Ada L."), ada(3, MAR, "Oslo", name="Countess")])

    assert [version.type1 for version in members.versions()[ADA]] == [("Ada",), ("Countess",)]


def test_keys_of_two_columns_are_told_apart_by_both(shop_members: Members) -> None:
    one, other = (("a", 1), ada(1, JAN, "Rome")[1]), (("b", 1), ada(1, JAN, "Oslo")[1])
    shop_members.land([one, other])

    shop_members.land([(("a", 1), ada(2, FEB, "Bern")[1])])

    assert {key: [v.type2[0] for v in of] for key, of in shop_members.versions().items()} == {
        ("a", 1): ["Rome", "Bern"],
        ("b", 1): ["Oslo"],
    }


def test_a_replayed_batch_writes_nothing(members: Members) -> None:
    batch = [ada(1, JAN, "Rome"), ada(2, MAR, "Oslo"), ada(3, FEB, "Rome")]
    members.land(batch)
    stored = members.stored()

    assert members.land(batch) == Counts()
    assert members.stored() == stored


@pytest.mark.parametrize("deleted_at", [None, FEB])
def test_a_change_without_a_time_is_refused(members: Members, deleted_at: datetime | None) -> None:
    members.land([ada(1, JAN), ada(2, JAN, deleted_at=deleted_at)])
    without_time = ada(3, None, "Oslo")  # type: ignore[arg-type]

    with pytest.raises(StatementError, match="null, where dwh_dim_members takes none, in column"):
        members.land([without_time])


def test_a_dimension_that_somebody_broke_by_hand_is_not_published(members: Members) -> None:
    members.land([ada(1, JAN, "Rome")])
    execute(
        members.connection,
        """
        insert into dwh_dim_members
        (member_id, valid_from, valid_to, is_current, is_inferred, changed_at, _batch_id)
        values (1, %s, %s, false, true, %s, 1)
        """,
        [JAN, FEB, JAN],
    )

    members.land([ada(2, FEB, "Oslo")])
    [result] = audits.of_landed(members.session, [members.dimension])
    assert (result.is_open, result.value) == (True, Decimal(1))
    assert result.message.startswith("dwh_dim_members: 1 rows: versions overlap")
    assert result.sample == [{"member_id": "1"}]
