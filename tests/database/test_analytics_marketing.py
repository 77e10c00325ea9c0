"""What analysts ask of the marketing area: sessions, funnels, engagement by region."""

import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows

STAR = """
insert into marketing.dim_customer (
    customer_key, customer_id, region, valid_from, valid_to, is_current, changed_at, _batch_id
)
select key, id, region, begins, ends, ends > '9999-01-01', begins, 1
from (values
    (11, 1, 'North', timestamptz '1900-01-01Z', timestamptz '2025-01-02Z'),
    (12, 1, 'South', '2025-01-02Z', '9999-12-31Z'),
    (21, 2, 'South', '1900-01-01Z', '9999-12-31Z')
) as v (key, id, region, begins, ends);

create table partitions.fact_click_events_2025_01 partition of marketing.fact_click_events
for values from ('2025-01-01Z') to ('2025-02-01Z');

insert into marketing.fact_click_events (
    event_id, user_id, customer_key, event_type, page_url, duration_ms, event_time,
    event_date_key, _batch_id
)
select id, customer, key, type, page, ms, at, 20250101, 1
from (values
    ('a', 1, 11, 'page_view', '/', 100, timestamptz '2025-01-01 23:00Z'),
    ('b', 1, 11, 'click', '/', 200, '2025-01-01 23:30Z'),
    ('c', 1, 12, 'add_to_cart', '/tea', 300, '2025-01-02 00:00Z'),
    ('d', 1, 12, 'page_view', '/', null, '2025-01-02 00:30:01Z'),
    ('e', 2, 21, 'click', '/', 50, '2025-01-02 09:00Z'),
    ('f', 2, 21, 'page_view', '/', 70, '2025-01-02 09:10Z'),
    ('g', null, 0, 'form_submit', '/', 10, '2025-01-02 09:20Z')
) as v (id, customer, key, type, page, ms, at);
"""
"""Customer 1 moves at midnight, in the middle of a session."""


@pytest.fixture
def clicks(dwh: Connection) -> Connection:
    """A migrated DWH that holds STAR, in a transaction that is rolled back, and not in UTC."""
    execute(dwh, "set local timezone = 'Asia/Tokyo'")
    execute(dwh, STAR)
    return dwh


SESSIONS = """
    select user_id, to_char(started_at at time zone 'UTC', 'DD HH24:MI'),
        to_char(ended_at at time zone 'UTC', 'DD HH24:MI'), events, pages, event_types
    from marketing.fn_sessions({})
"""
MIDNIGHT = (1, "01 23:00", "02 00:00", 3, 2, ["add_to_cart", "click", "page_view"])
LATER = (1, "02 00:30", "02 00:30", 1, 1, ["page_view"])
OTHER = (2, "02 09:00", "02 09:10", 2, 1, ["click", "page_view"])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("", [MIDNIGHT, LATER, OTHER]),
        ("'2025-01-01', '2025-01-01'", [MIDNIGHT]),
        ("'2025-01-02'", [LATER, OTHER]),
        ("p_end => '2024-12-31'", []),
    ],
)
def test_a_session_is_told_whole_on_the_day_on_which_it_begins(
    clicks: Connection, call: str, expected: list[tuple[object, ...]]
):
    assert rows(clicks, SESSIONS.format(call)) == expected


def test_the_pause_that_ends_a_session_is_longer_than_the_gap(clicks: Connection):
    longer = rows(clicks, SESSIONS.format("p_gap => '31 minutes'"))
    assert [row[:4] for row in longer] == [(1, "01 23:00", "02 00:30", 4), OTHER[:4]]
    assert len(rows(clicks, SESSIONS.format("p_gap => '29 minutes'"))) == 5
    with pytest.raises(errors.InvalidParameterValue, match="p_gap: 00:00:00 is no pause"):
        rows(clicks, SESSIONS.format("p_gap => '0'"))


def test_a_funnel_counts_users_who_take_the_steps_in_their_order(clicks: Connection):
    funnel = "select step, event_type, users, percent_of_first::float, percent_of_previous::float "
    assert rows(clicks, f"{funnel} from marketing.fn_funnel()") == [
        (1, "page_view", 2, 100.0, None),
        (2, "click", 1, 50.0, 50.0),
        (3, "add_to_cart", 1, 50.0, 100.0),
        (4, "form_submit", 0, 0.0, 0.0),
    ]
    one_day = "marketing.fn_funnel('2025-01-02', '2025-01-02', array['add_to_cart', 'page_view'])"
    assert rows(clicks, f"{funnel} from {one_day}") == [
        (1, "add_to_cart", 1, 100.0, None),
        (2, "page_view", 1, 100.0, 100.0),
    ]
    nobody = "marketing.fn_funnel('2026-01-01', p_steps => array['click', 'page_view'])"
    assert rows(clicks, f"{funnel} from {nobody}") == [
        (1, "click", 0, None, None),
        (2, "page_view", 0, None, None),
    ]


def test_engagement_counts_in_the_region_of_the_time(clicks: Connection):
    engagement = "select region, users, events, page_views, avg_duration_ms::float "
    assert rows(clicks, f"{engagement} from marketing.fn_engagement_by_region()") == [
        ("South", 2, 4, 2, 140.0),
        ("North", 1, 2, 1, 150.0),
        (None, 0, 1, 0, 10.0),
    ]
    day = "marketing.fn_engagement_by_region('2025-01-01', '2025-01-01')"
    assert rows(clicks, f"{engagement} from {day}") == [("North", 1, 2, 1, 150.0)]
