"""Changes that are seen before they take effect, and then cancelled or moved."""

from datetime import datetime, timedelta

from tests.fix_dimension import ADA, APR, FEB, JAN, MAR, MAY, Members, Seen, ada
from tests.fix_visits import Visit, Visits
from tests.oracles.scd2 import BEGINNING, END, TICK
from tests.queries import rows

DAY = timedelta(days=1)
ROME = ada(1, JAN, clock=JAN + DAY)
OSLO = ada(2, MAY, "Oslo", clock=FEB)
CONFIRMED = "select confirmed_at from tidemark.dwh_dim_members_confirmed order by 1"


def shown(members: Members, *seen: Seen) -> list[tuple[str | None, datetime, datetime, str]]:
    """Show Ada batch by batch, and say what becomes of her."""
    for one in seen:
        members.land([one])
    return members.history()


def test_plans_in_a_row_leave_the_last_one(members: Members) -> None:
    bern, rome = ada(3, APR, "Bern", clock=FEB + DAY), ada(4, MAY, "Nice", clock=FEB + 2 * DAY)

    assert shown(members, ROME, OSLO, bern, rome) == [
        ("Rome", BEGINNING, MAY, "replaced"),
        ("Nice", MAY, END, "current"),
    ]


def test_a_plan_that_is_cancelled_and_made_again_is_there(members: Members) -> None:
    again = ada(4, MAY, "Oslo", clock=MAR + DAY)

    assert shown(members, ROME, OSLO, ada(3, JAN, clock=MAR), again) == [
        ("Rome", BEGINNING, MAY, "replaced"),
        ("Oslo", MAY, END, "current"),
    ]


def test_a_plan_that_changed_nothing_is_withdrawn_as_well(members: Members) -> None:
    """Else it would be known that Ada is back in Rome in May."""
    stays, bern = ada(2, MAY, clock=FEB), ada(3, FEB, "Bern", clock=MAR)

    assert shown(members, ROME, stays, bern) == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Bern", FEB, END, "current"),
    ]
    assert rows(members.connection, CONFIRMED) == []


def test_what_comes_late_between_versions_withdraws_none_of_them(members: Members) -> None:
    late = ada(3, FEB, "Bern", clock=MAY)

    assert shown(members, ROME, ada(2, MAR, "Oslo", clock=APR), late) == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Bern", FEB, MAR, "replaced"),
        ("Oslo", MAR, END, "current"),
    ]


def test_a_first_version_that_was_a_plan_gives_way(members: Members) -> None:
    members.becomes(first_version="change")

    assert shown(members, OSLO, ada(3, MAR, clock=MAR + DAY)) == [("Rome", MAR, END, "current")]


def test_a_plan_fills_an_inferred_member_and_what_replaces_it_reaches_as_far_back(
    members: Members,
) -> None:
    members.becomes(first_version="change")
    members.infer(ADA)

    assert shown(members, OSLO, ada(3, MAR, clock=MAR + DAY)) == [
        ("Rome", BEGINNING, END, "current")
    ]


def test_a_key_that_was_a_plan_alone_is_deleted_after_its_beginning(members: Members) -> None:
    gone = ada(3, MAY, "Oslo", deleted_at=MAR, clock=MAR)

    assert shown(members, OSLO, gone) == [("Oslo", BEGINNING, MAY + TICK, "deleted")]
    assert shown(members, ada(4, APR, "Bern", clock=APR)) == [("Bern", BEGINNING, END, "current")]


def test_the_delete_of_a_plan_after_a_delete_repeats_that_one(members: Members) -> None:
    gone = ada(2, JAN, deleted_at=FEB, clock=FEB)
    plan = ada(3, MAY, "Oslo", clock=MAR)
    again = ada(4, MAY, "Oslo", deleted_at=APR, clock=APR)

    assert shown(members, ROME, gone, plan, again) == [("Rome", BEGINNING, FEB, "deleted")]


def test_type_1_is_that_of_who_withdrew_the_plan(members: Members) -> None:
    plan = ada(2, MAY, "Oslo", name="Ada King", clock=FEB)
    earlier = ada(3, JAN - DAY, name="Ada Byron", clock=MAR)

    shown(members, ROME, plan, earlier)

    names = "select distinct name from dwh_dim_members where member_id = 1"
    assert rows(members.connection, names) == [("Ada Byron",)]


def test_a_visit_of_a_withdrawn_version_moves_into_a_gap_that_a_delete_left(
    visits: Visits,
) -> None:
    visits.publish(1, seen=[ROME])
    visits.publish(2, seen=[ada(2, JAN, deleted_at=FEB, clock=FEB)])
    visits.publish(3, [Visit(1, MAY + DAY, ADA)], seen=[ada(3, MAY, "Oslo", clock=MAR)])

    visits.publish(4, seen=[ada(4, MAY, "Oslo", deleted_at=APR, clock=APR)])

    assert visits.pointing_at("host") == {1: (ADA, JAN)}


def test_where_the_watermark_is_the_time_of_a_change_nothing_is_a_plan(members: Members) -> None:
    members.becomes(lands="changes")

    assert shown(members, ROME, OSLO, ada(3, FEB, "Bern", clock=FEB + DAY)) == [
        ("Rome", BEGINNING, FEB, "replaced"),
        ("Bern", FEB, MAY, "replaced"),
        ("Oslo", MAY, END, "current"),
    ]
