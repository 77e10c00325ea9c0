"""The marketing area: faulty files keep the last good state, and events end where they should."""

from __future__ import annotations

import pytest

from tests.commands import tidemark
from tests.fix_marketing import Click, Person, Website, Websites, click
from tests.fix_retail import wait_until
from tidemark.batch import pipeline
from tidemark.errors import GateError
from tidemark.model import Overrides

FIRST: list[Person] = [("001", "North"), ("002", "South"), ("003", "East")]
SECOND: list[Person] = [("001", "West"), ("002", "South"), ("003", "East")]
THIRD: list[Person] = [("001", "West"), ("002", "North"), ("003", "East")]
FAULTY: dict[str, list[Person]] = {
    "Null": [("001", "West"), ("", "South"), ("003", "East")],
    "Unique": [*SECOND, ("001", "West")],
}
"""The second file, in which a customer has no id, or is there twice."""
SAID = {
    "Null": "1 row without customer_id",
    "Unique": "1 row too many with the same customer_id",
}
REFUSED = ("customers", ["key is null: customer_id"])
CHECKED = """
    select check_name, status, result_value::integer, sample from marketing.dq_check_logs
    where batch_id = {} and severity = 'fail' and layer = 'mrr' and status <> 'PASSED'
    order by log_id
"""
LOG = """
    select step_name, log_level, records_loaded, error_details is not null
    from marketing.ingestion_logs where batch_id = {} order by log_id
"""


def first_day(area: Website) -> None:
    area.people("2025-01-01", *FIRST)
    area.clicks("2025-01-01", click("e1", 1), click("e2", 2))
    area.run()


def second_day(area: Website, people: list[Person]) -> None:
    at = "2025-01-02T10:00:00Z"
    area.people("2025-01-02", *people)
    area.clicks("2025-01-02", click("e3", 1, at), click("e4", 2, at))


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_file_keeps_the_last_good_state_and_says_so_everywhere(
    website: Website, fault: str
):
    first_day(website)
    before = website.star()
    second_day(website, FAULTY[fault])
    done = tidemark("run", "marketing", env=website.environment)
    assert (done.code, done.out) == (8, "")
    name = f"{fault} customer_id check"
    told = f"marketing: check '{name}' failed on mrr: customers: {SAID[fault]}; at most 0"
    assert done.err.startswith(f"error: {told}")
    assert website.star() == before
    found = website.dwh(CHECKED.format(2))
    assert {row[:3] for row in found} == {(name, "FAILED", 1)}
    assert website.rejects() == ([(*REFUSED, True)] if fault == "Null" else [])
    *loaded, failed = website.dwh(LOG.format(2))
    assert [row[0] for row in loaded] == ["load_csv", "load_json"]
    assert {row[1] for row in loaded} == {"INFO"}
    assert failed == ("load_dim_customer", "ERROR", None, True)


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize("correction", ["same file", "later file"])
@pytest.mark.parametrize("fault", FAULTY)
def test_a_corrected_file_clears_the_fault_as_if_there_had_been_none(
    websites: Websites, fault: str, correction: str
):
    faulty, sound = websites("faulty"), websites("sound")
    for area in (faulty, sound):
        first_day(area)
    second_day(faulty, FAULTY[fault])
    for _ in range(2):  # It stays held back until the file is mended.
        with pytest.raises(GateError, match=f"{fault} customer_id check"):
            faulty.run()
    second_day(sound, SECOND)
    sound.run()
    if correction == "same file":
        second_day(faulty, SECOND)
    else:
        for area in (faulty, sound):
            area.people("2025-01-03", *THIRD)
        sound.run()
    faulty.run()
    assert faulty.star() == sound.star()
    assert faulty.rejects() == ([(*REFUSED, False)] if fault == "Null" else [])
    assert faulty.dwh(CHECKED.format(4)) == []
    assert [row[1] for row in faulty.dwh(LOG.format(4))] == ["INFO"] * 4
    assert faulty.differences() == []


def test_a_person_may_publish_a_faulty_file_once(website: Website):
    first_day(website)
    second_day(website, FAULTY["Null"])
    with pytest.raises(GateError):
        website.run()
    accepted = Overrides(accept_checks=frozenset({"Null customer_id check"}), by="ada")
    pipeline.run(website.servers, website.area, overrides=accepted)
    assert website.dwh("select count(*) from marketing.fact_click_events") == [(4,)]
    who = "select distinct accepted_by from marketing.dq_check_logs where accepted_by is not null"
    assert website.dwh(who) == [("ada",)]


def test_late_and_doubled_events_and_those_of_unknown_users_find_their_places(website: Website):
    first_day(website)
    one = click("e3", "001", "2025-01-02T09:00:00Z")
    website.people("2025-01-02", *SECOND)
    website.clicks(
        "2025-01-02",
        *(one, one, click("e2", 2), click("late", 1, "2025-01-01T23:00:00Z")),
        *(click("new", 4, "2025-01-02T10:00:00Z"), click("nobody", None, "2025-01-02T11:00:00Z")),
    )
    website.run()
    regions = "select event_id, region from marketing.vw_click_events order by event_id"
    known = [("e1", "North"), ("e2", "South"), ("e3", "West"), ("late", "North")]
    assert website.dwh(regions) == [*known, ("new", None), ("nobody", None)]
    website.people("2025-01-03", *SECOND, ("004", "Central"))
    website.clicks("2025-01-03", {**one, "duration_ms": 7})
    website.run()
    assert website.dwh(regions) == [*known, ("new", "Central"), ("nobody", None)]
    corrected = "select duration_ms from marketing.fact_click_events where event_id = 'e3'"
    assert website.dwh(corrected) == [(7,)]
    assert website.rejects() == []
    assert website.differences() == []


MALFORMED: dict[str, Click] = {
    "event_type is unknown": {"event_type": "hover"},
    "event_type is missing": {"event_type": None},
    "duration_ms is negative": {"duration_ms": -1},
    "duration_ms is not a whole number": {"duration_ms": 1.5},
    "page_url is no address": {"page_url": "about:blank"},
    "user_id is not a number": {"user_id": "guest"},
    "timestamp is missing": {"timestamp": None},
    "timestamp is not a time": {"timestamp": "yesterday"},
    "timestamp is after the date of its file": {"timestamp": "2025-01-02T00:00:00Z"},
    "key is null: event_id": {"event_id": None},
}


def test_malformed_events_are_kept_with_their_reasons_until_they_come_corrected(website: Website):
    website.people("2025-01-01", *FIRST)
    bad = [click(f"e{n}") | wrong for n, wrong in enumerate(MALFORMED.values())]
    website.clicks("2025-01-01", click("good"), *bad)
    website.run()
    assert {reasons[-1] for _, reasons, _ in website.rejects()} == MALFORMED.keys()
    events = "select event_id from marketing.fact_click_events order by event_id"
    assert website.dwh(events) == [("good",)]
    assert website.differences() == []
    website.clicks("2025-01-02", *(click(f"e{n}") for n in range(len(MALFORMED))))
    website.run()
    assert len(website.dwh(events)) == 1 + len(MALFORMED)
    still_open = [reasons for _, reasons, is_open in website.rejects() if is_open]
    assert still_open == [["key is null: event_id"]], "nobody can say which event it was"


def test_an_array_that_is_broken_is_set_aside_and_the_other_files_are_taken(website: Website):
    first_day(website)
    website.drop("marketing/clickstream/2025-01-02/broken.json", '[{"event_id": "e8"}, {')
    website.clicks("2025-01-02", click("e9"))
    website.run()
    assert website.dwh("select count(*) from marketing.fact_click_events") == [(3,)]
    aside = "select path, status from tidemark.file where status <> 'taken'"
    assert website.warehouse.rows("mrr", aside) == [
        ("clickstream/2025-01-02/broken.json", "set_aside")
    ]


def test_a_file_that_stops_the_run_is_an_error_of_the_step_that_reads_it(website: Website):
    first_day(website)
    website.drop("marketing/customers/2025-01-02.csv", "customer_id,region\n001,West\n")
    done = tidemark("run", "marketing", env=website.environment)
    assert done.code == 5
    assert website.dwh(LOG.format(2)) == [("load_csv", "ERROR", None, True)]


def test_a_batch_without_news_has_four_steps_of_nothing(website: Website):
    first_day(website)
    website.run()
    steps = ["load_csv", "load_json", "load_dim_customer", "load_fact_click_events"]
    loaded = [3, 2, 3, 2]
    assert website.dwh(LOG.format(1)) == [
        (step, "INFO", rows, False) for step, rows in zip(steps, loaded, strict=True)
    ]
    assert website.dwh(LOG.format(2)) == [(step, "INFO", 0, False) for step in steps]


def test_keys_that_cleansing_changes_are_judged_in_a_few_passes(website: Website):
    count = 3000
    website.people("2025-01-01", *((f"{n:06}", "North") for n in range(count)))
    website.run()
    scanned = """
        select seq_tup_read from pg_stat_user_tables where relname = 'customers.cleaned'
    """
    website.servers.close()  # A session tells its statistics when it ends.

    def rows() -> int:
        return int(website.warehouse.rows("stg", scanned)[0][0])

    wait_until(lambda: rows() >= count)
    assert website.dwh("select count(*) from marketing.dim_customer") == [(count + 1,)]
    assert rows() < 50 * count
