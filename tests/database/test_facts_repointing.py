"""History that changes behind facts: they follow it, and the others stay as they are."""

from datetime import datetime

from tests.fix_dimension import ADA, APR, FEB, JAN, MAR, MAY, Key, ada
from tests.fix_visits import Visit, Visits
from tests.oracles.scd2 import BEGINNING

BEA: Key = (2,)
EVERY_MONTH = [Visit(n, at, ADA) for n, at in enumerate([JAN, FEB, MAR, APR, MAY], start=1)]


def months(visits: Visits) -> list[datetime]:
    """Read the versions that the visits of January to May point at, by when they began."""
    return [begun for _, (_, begun) in sorted(visits.pointing_at("host").items())]


def test_facts_of_the_interval_of_a_late_change_point_at_it(visits: Visits) -> None:
    visits.publish(1, EVERY_MONTH, [ada(1, JAN), ada(2, APR, "Bern")])
    assert months(visits) == [JAN, JAN, JAN, APR, APR]

    repointed, _ = visits.publish(2, [], [ada(3, FEB, "Oslo")])

    assert months(visits) == [JAN, FEB, FEB, APR, APR]
    assert repointed == 2


def test_facts_after_a_split_point_at_its_second_half(visits: Visits) -> None:
    visits.publish(1, EVERY_MONTH, [ada(1, JAN), ada(2, APR)])
    assert months(visits) == [JAN] * 5

    repointed, _ = visits.publish(2, [], [ada(3, MAR, "Oslo")])

    assert months(visits) == [JAN, JAN, MAR, APR, APR]
    assert repointed == 3


def test_facts_follow_a_version_that_turns_out_to_have_begun_earlier(visits: Visits) -> None:
    visits.publish(1, EVERY_MONTH, [ada(1, JAN), ada(2, APR, "Oslo")])

    visits.publish(2, [], [ada(3, MAR, "Oslo")])

    assert months(visits) == [JAN, JAN, MAR, MAR, MAR]


def test_facts_before_the_first_version_follow_an_earlier_first_one(visits: Visits) -> None:
    visits.members.becomes(first_version="change")
    visits.publish(1, EVERY_MONTH, [ada(1, APR)])
    assert months(visits) == [APR] * 5

    repointed, _ = visits.publish(2, [], [ada(2, FEB, "Oslo")])

    assert months(visits) == [FEB, FEB, FEB, APR, APR]
    assert repointed == 3


def test_facts_of_a_superseded_version_point_at_the_neighbour_that_it_joined(
    visits: Visits,
) -> None:
    visits.publish(1, EVERY_MONTH, [ada(1, JAN), ada(2, MAR, "Oslo")])

    repointed, _ = visits.publish(2, [], [ada(3, MAR)])

    assert months(visits) == [JAN] * 5
    assert repointed == 3


def test_facts_since_a_return_point_at_it_and_those_in_the_gap_stay(visits: Visits) -> None:
    visits.publish(1, EVERY_MONTH, [ada(1, JAN)])

    assert visits.publish(2, [], [ada(2, JAN, deleted_at=FEB)])[0] == 0
    assert visits.publish(3, [], [ada(3, APR)])[0] == 2

    assert months(visits) == [JAN, JAN, JAN, APR, APR]


def test_facts_in_a_gap_point_at_the_version_that_was_deleted_last(visits: Visits) -> None:
    visits.publish(1, EVERY_MONTH, [ada(1, JAN)])

    visits.publish(2, [], [ada(2, FEB, "Oslo"), ada(3, FEB, "Oslo", deleted_at=MAR)])

    assert months(visits) == [JAN, FEB, FEB, FEB, FEB]


def test_facts_of_an_inferred_member_spread_over_the_versions_that_fill_it(
    visits: Visits,
) -> None:
    visits.publish(1, EVERY_MONTH)
    assert months(visits) == [BEGINNING] * 5

    visits.publish(2, [], [ada(1, FEB), ada(2, APR, "Oslo")])

    assert months(visits) == [FEB, FEB, FEB, APR, APR]


def test_each_role_follows_the_history_of_its_own_member(visits: Visits) -> None:
    bea = (BEA, ada(1, JAN)[1])
    visits.publish(1, [Visit(1, MAR, ADA, BEA), Visit(2, MAR, BEA, ADA)], [ada(1, JAN), bea])

    repointed, _ = visits.publish(2, [], [ada(2, FEB, "Oslo")])

    assert visits.pointing_at("host") == {1: (ADA, FEB), 2: (BEA, JAN)}
    assert visits.pointing_at("guest") == {1: (BEA, JAN), 2: (ADA, FEB)}
    assert repointed == 2


def test_facts_that_land_with_the_late_change_point_at_it(visits: Visits) -> None:
    visits.publish(1, [Visit(1, MAR, ADA)], [ada(1, JAN)])

    visits.publish(2, [Visit(2, MAR, ADA)], [ada(2, FEB, "Oslo")])

    assert visits.pointing_at("host") == {1: (ADA, FEB), 2: (ADA, FEB)}


def test_a_change_of_type_1_alone_moves_no_fact(visits: Visits) -> None:
    visits.publish(1, EVERY_MONTH, [ada(1, JAN)])

    assert visits.publish(2, [], [ada(2, FEB, name="Ada L.")])[0] == 0
