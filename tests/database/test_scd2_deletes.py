"""Deletes and returns of the member Ada, whatever the clocks of the source say."""

from tests.fix_dimension import ADA, APR, FEB, JAN, MAR, MAY, Members, ada
from tests.oracles.scd2 import BEGINNING, END, TICK


def test_a_delete_closes_the_version_and_leaves_a_gap(members: Members) -> None:
    members.land([ada(1, JAN)])

    members.land([ada(2, JAN, deleted_at=FEB)])

    assert members.history() == [("Rome", BEGINNING, FEB, "deleted")]


def test_a_key_that_returns_has_a_new_version_although_nothing_else_changed(
    members: Members,
) -> None:
    members.land([ada(1, JAN)])
    members.land([ada(2, JAN, deleted_at=FEB)])

    members.land([ada(3, MAR)])

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "deleted"),
        ("Rome", MAR, END, "current"),
    ]


def test_a_key_that_returns_with_an_older_change_returns_at_the_delete(members: Members) -> None:
    members.land([ada(1, JAN)])
    members.land([ada(2, JAN, deleted_at=MAR)])

    members.land([ada(3, FEB, "Oslo")])

    assert members.history() == [
        ("Rome", BEGINNING, MAR, "deleted"),
        ("Oslo", MAR, END, "current"),
    ]


def test_a_delete_comes_after_what_earlier_batches_showed(members: Members) -> None:
    members.land([ada(1, MAR)])

    members.land([ada(2, JAN, deleted_at=FEB)])

    assert members.history() == [("Rome", BEGINNING, MAR + TICK, "deleted")]


def test_a_delete_comes_after_the_change_that_it_lands_with(members: Members) -> None:
    members.land([ada(1, JAN)])

    members.land([ada(2, MAR, deleted_at=FEB)])

    assert members.history() == [("Rome", BEGINNING, MAR + TICK, "deleted")]


def test_deletes_that_land_together_come_after_each_other(members: Members) -> None:
    members.land(
        [
            ada(1, APR),
            ada(2, JAN, deleted_at=FEB),
            ada(3, JAN, "Oslo"),
            ada(4, JAN, deleted_at=FEB),
        ]
    )

    assert members.history() == [
        ("Rome", BEGINNING, APR + TICK, "deleted"),
        ("Oslo", APR + TICK, APR + 2 * TICK, "deleted"),
    ]


def test_a_key_that_was_never_seen_can_not_be_deleted(members: Members) -> None:
    members.land([ada(1, JAN, deleted_at=MAR), ada(2, FEB)])

    assert members.history() == [("Rome", BEGINNING, END, "current")]
    assert members.versions()[ADA][0].changed_at == FEB


def test_a_second_delete_does_not_move_the_first_but_overwrites_type_1(members: Members) -> None:
    members.land([ada(1, JAN), ada(2, JAN, deleted_at=FEB)])

    members.land([ada(3, JAN, name="forgotten", deleted_at=APR)])

    assert members.history() == [("Rome", BEGINNING, FEB, "deleted")]
    assert members.versions()[ADA][0].type1 == ("forgotten",)


def test_a_key_returns_not_before_the_first_of_two_deletes(members: Members) -> None:
    members.land(
        [
            ada(1, JAN),
            ada(2, JAN, deleted_at=MAR),
            ada(3, JAN, deleted_at=APR),
            ada(4, FEB),
        ]
    )

    assert members.history() == [
        ("Rome", BEGINNING, MAR, "deleted"),
        ("Rome", MAR, END, "current"),
    ]


def test_a_replayed_delete_writes_nothing(members: Members) -> None:
    delete = [ada(3, JAN, deleted_at=MAR)]
    members.land([ada(1, JAN), ada(2, MAY, "Oslo")])
    members.land(delete)
    stored = members.stored()

    members.land(delete)

    assert members.stored() == stored


def test_what_was_seen_before_the_delete_is_replayed_without_a_return(members: Members) -> None:
    batch = [ada(1, JAN), ada(2, FEB, "Oslo")]
    members.land(batch)
    members.land([ada(3, FEB, deleted_at=MAR)])

    members.land(batch)

    assert members.history() == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Oslo", FEB, MAR, "deleted"),
    ]
