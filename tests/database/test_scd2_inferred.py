"""Inferred members: a fact names a key before anything else is known of it."""

from tests.fix_dimension import ADA, FEB, JAN, Members, ada
from tests.oracles.scd2 import BEGINNING, END
from tests.queries import rows


def test_an_inferred_member_is_in_force_for_all_time(members: Members) -> None:
    members.infer(ADA)

    assert members.history() == [(None, BEGINNING, END, "inferred")]


def test_a_key_is_inferred_once(members: Members) -> None:
    members.infer(ADA)
    stored = members.stored()

    members.infer(ADA)

    assert members.stored() == stored


def test_a_key_that_has_a_version_is_not_inferred(members: Members) -> None:
    members.land([ada(1, JAN)])
    stored = members.stored()

    members.infer(ADA)

    assert members.stored() == stored


def test_half_a_natural_key_makes_no_member(shop_members: Members) -> None:
    shop_members.infer(("a", None))

    assert rows(shop_members.connection, "select member_key from dwh_dim_members") == [(0,)]


def test_the_first_real_row_fills_the_inferred_member_and_keeps_its_key(members: Members) -> None:
    members.infer(ADA)
    (inferred,) = members.surrogates()[ADA].values()

    members.land([ada(1, JAN), ada(2, FEB, "Oslo")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, END, "current"),
    ]
    assert members.surrogates()[ADA][JAN] == inferred


def test_a_filled_member_stays_in_force_from_the_beginning(members: Members) -> None:
    members.becomes(first_version="change")
    members.infer(ADA)
    members.land([ada(1, JAN)])

    members.land([ada(2, FEB, "Oslo")])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, END, "current"),
    ]


def test_a_filled_member_that_is_no_longer_the_first_version_begins_at_its_change(
    members: Members,
) -> None:
    members.becomes(first_version="change")
    members.infer(ADA)
    members.land([ada(1, FEB)])

    members.land([ada(2, JAN, "Oslo")])

    assert members.history() == [
        ("Oslo", BEGINNING, FEB, "replaced"),
        ("Rome", FEB, END, "current"),
    ]


def test_a_delete_of_an_inferred_member_leaves_it_inferred(members: Members) -> None:
    members.infer(ADA)

    members.land([ada(1, JAN, deleted_at=FEB)])

    assert members.history() == [(None, BEGINNING, END, "inferred")]
