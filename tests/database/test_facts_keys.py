"""Which members a fact points at, and what is written when it lands again."""

from datetime import datetime, timedelta

import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_dimension import ADA, APR, FEB, JAN, MAR, MAY, Key, ada
from tests.fix_visits import Visit, Visits
from tests.oracles.scd2 import BEGINNING, TICK
from tests.queries import execute, rows, value
from tidemark.postgres.db import Row
from tidemark.results import Counts

BEA: Key = (2,)
A_DAY = timedelta(days=1)


def stored(visits: Visits) -> list[Row]:
    """Read every visit with its place in the file, which changes when anybody writes the row."""
    return rows(
        visits.connection,
        "select tableoid, ctid, f::text from dwh_fact_visits as f order by visit_id",
    )


@pytest.mark.parametrize(
    ("at", "begun"),
    [
        (BEGINNING, JAN),
        (FEB - TICK, JAN),
        (FEB, FEB),
        (MAR, FEB),
    ],
)
def test_a_fact_points_at_the_version_in_force_at_its_event_time(
    visits: Visits, at: datetime, begun: datetime
) -> None:
    visits.publish(1, [Visit(1, at, ADA)], [ada(1, JAN), ada(2, FEB, "Oslo")])

    assert visits.pointing_at("host") == {1: (ADA, begun)}


def test_a_late_fact_points_at_the_version_that_was_in_force(visits: Visits) -> None:
    visits.publish(1, [Visit(1, JAN, ADA)], [ada(1, JAN)])
    visits.publish(2, [Visit(2, MAR, ADA)], [ada(2, FEB, "Oslo")])

    visits.publish(3, [Visit(3, JAN + A_DAY, ADA)])

    assert visits.pointing_at("host") == {1: (ADA, JAN), 2: (ADA, FEB), 3: (ADA, JAN)}


def test_a_fact_in_the_gap_after_a_delete_points_at_the_deleted_version(visits: Visits) -> None:
    seen = [ada(1, JAN), ada(2, FEB, "Oslo"), ada(3, FEB, deleted_at=MAR), ada(4, MAY)]

    visits.publish(1, [Visit(1, MAR, ADA), Visit(2, APR, ADA), Visit(3, MAY, ADA)], seen)

    assert visits.pointing_at("host") == {1: (ADA, FEB), 2: (ADA, FEB), 3: (ADA, MAY)}


def test_a_fact_before_the_first_version_points_at_the_first(visits: Visits) -> None:
    visits.members.becomes(first_version="change")

    visits.publish(1, [Visit(1, JAN, ADA)], [ada(1, MAR, "Oslo"), ada(2, FEB)])

    assert visits.pointing_at("host") == {1: (ADA, FEB)}


def test_a_fact_without_a_natural_key_points_at_the_unknown_member(visits: Visits) -> None:
    visits.publish(1, [Visit(1, JAN)])

    assert rows(visits.connection, "select host_key, guest_key from dwh_fact_visits") == [(0, 0)]


def test_a_fact_with_half_a_natural_key_points_at_the_unknown_member(
    shop_visits: Visits,
) -> None:
    shop_visits.publish(1, [Visit(1, JAN, ("a", None), (None, 1))])

    assert rows(shop_visits.connection, "select host_key, guest_key from dwh_fact_visits") == [
        (0, 0)
    ]


def test_a_fact_that_names_an_unseen_key_points_at_an_inferred_member(visits: Visits) -> None:
    visits.publish(1, [Visit(1, JAN, ADA)])

    assert visits.pointing_at("host") == {1: (ADA, BEGINNING)}
    (inferred,) = visits.members.surrogates()[ADA].values()

    visits.publish(2, [], [ada(1, FEB)])

    assert visits.pointing_at("host") == {1: (ADA, FEB)}
    assert visits.members.surrogates()[ADA] == {FEB: inferred}


def test_two_roles_of_one_dimension_are_looked_up_on_their_own(visits: Visits) -> None:
    bea = (BEA, ada(1, MAR)[1])

    visits.publish(1, [Visit(1, FEB, ADA, BEA), Visit(2, FEB, BEA, ADA)], [ada(1, JAN), bea])

    assert visits.pointing_at("host") == {1: (ADA, JAN), 2: (BEA, MAR)}
    assert visits.pointing_at("guest") == {1: (BEA, MAR), 2: (ADA, JAN)}


def test_the_date_key_is_the_day_of_the_fact(visits: Visits) -> None:
    visits.publish(1, [Visit(1, JAN), Visit(2, datetime.fromisoformat("2024-12-31T23:59Z"))])

    assert rows(visits.connection, "select visit_id, date_key from dwh_fact_visits order by 1") == [
        (1, 20250101),
        (2, 20241231),
    ]


def test_an_amended_fact_is_overwritten(visits: Visits) -> None:
    visits.publish(1, [Visit(1, JAN, ADA, spent=5), Visit(2, JAN, ADA, spent=6)])

    _, counts = visits.publish(2, [Visit(1, JAN, BEA, spent=None), Visit(2, JAN, ADA, spent=6)])

    assert counts == Counts(updated=1)
    assert visits.pointing_at("host") == {1: (BEA, BEGINNING), 2: (ADA, BEGINNING)}
    assert rows(
        visits.connection, "select visit_id, spent, _batch_id from dwh_fact_visits order by 1"
    ) == [(1, None, 2), (2, 6, 1)]


def test_a_fact_whose_event_time_moved_is_moved_and_keeps_its_surrogate_key(
    visits: Visits,
) -> None:
    query = "select tableoid::regclass::text, visit_key, at from dwh_fact_visits"
    visits.publish(1, [Visit(1, JAN, ADA)], [ada(1, JAN), ada(2, FEB, "Oslo")])
    ((partition, visit_key, at),) = rows(visits.connection, query)
    assert (partition, at) == ("partitions.dwh_fact_visits_2025_01", JAN)

    visits.publish(2, [Visit(1, MAR, ADA)])

    moved = ("partitions.dwh_fact_visits_2025_03", visit_key, MAR)
    assert rows(visits.connection, query) == [moved]
    assert visits.pointing_at("host") == {1: (ADA, FEB)}


def test_new_facts_and_amended_ones_land_together(visits: Visits) -> None:
    visits.publish(1, [Visit(1, JAN, ADA, spent=1)])

    _, counts = visits.publish(2, [Visit(1, JAN, ADA, spent=2), Visit(2, FEB, BEA)])

    assert counts == Counts(updated=1, inserted=1)
    assert visits.pointing_at("host") == {1: (ADA, BEGINNING), 2: (BEA, BEGINNING)}


def test_a_fact_that_the_layer_below_knew_and_this_one_lacks_is_inserted(visits: Visits) -> None:
    visits.publish(1, [Visit(1, JAN)])
    visits.first_batch[2] = 1

    _, counts = visits.publish(2, [Visit(2, FEB)])

    assert counts == Counts(inserted=1)


def test_a_replayed_fact_writes_nothing(visits: Visits) -> None:
    landed = [Visit(1, JAN, ADA, BEA, 5), Visit(2, FEB, None, ADA, None)]
    visits.publish(1, landed, [ada(1, JAN)])
    before = stored(visits)

    assert visits.publish(2, landed) == (0, Counts())
    assert stored(visits) == before


def test_amended_facts_leave_the_indexes_alone(dwh: Connection) -> None:
    execute(dwh, "select tidemark.ensure_month_partitions('dwh_fact_sales', '{2025-01-01}')")
    execute(
        dwh,
        """
        insert into dwh_fact_sales (
            original_sale_id, customer_key, product_key, date_key, quantity, unit_price, discount,
            net_amount, status, transaction_date, transaction_timestamp, _batch_id
        )
        select
            n, 0, 0, 20250101, 1, 1, 0, 1, 'completed', '2025-01-01', timestamptz '2025-01-01Z', 1
        from generate_series(1, 5000) as n
        """,
    )

    execute(
        dwh,
        "update dwh_fact_sales set status = 'returned', _batch_id = 2 "
        "where original_sale_id % 100 = 0",
    )

    partition = "partitions.dwh_fact_sales_2025_01"
    assert value(dwh, f"select pg_stat_get_xact_tuples_hot_updated('{partition}'::regclass)") == 50
