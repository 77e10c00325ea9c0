"""The console's pages about rejects, checks and alerts, over HTTP."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from tests.alerting import forget_name
from tests.fix_alerts import Tell
from tests.fix_console import Served, cells, serving_console
from tests.fix_retail import Retail
from tidemark.layers.rejects import Reject, listing

HOSTILE = "<script>alert('1')</script> 🜁 \u202e\u05ea\u05e4"
OPEN = "Rows that are refused now, by {}"
ROWS = "Rows that are refused now, the newest first"
MANY = """
insert into stg_rejects
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at)
select
    'retail', 'customers', jsonb_build_object('customer_id', n), '{"name": "Ada"}',
    array['it is bad'], 1, clock_timestamp() - n % 5 * interval '1 day', clock_timestamp()
from generate_series(1, 120) as n
"""


@pytest.fixture
def refused(console: Served, retail: Retail) -> Served:
    """The console of a shop of which one customer is refused."""
    retail.add("customers", 9, name=HOSTILE, email="nonsense", country="Nowhere")
    retail.run()
    return console


@pytest.mark.parametrize("name", ["mona", "anna"])
def test_who_is_no_owner_sees_counts_of_rejects_alone(refused: Served, name: str):
    page = refused.get("/rejects?area=retail", name)
    assert cells(page, OPEN.format("entity")) == [["retail", "customers", "1"]]
    assert "unknown" not in page.text
    assert "nonsense" not in page.text
    assert refused.get("/rejects?reason=country+is+unknown", name).status_code == 403


def test_an_owner_sees_reasons_and_rows(refused: Served):
    page = refused.get("/rejects?area=retail")
    assert cells(page, OPEN.format("reason")) == [
        ["retail", "customers", "country is unknown", "1"],
        ["retail", "customers", "email is not an address", "1"],
    ]
    [row] = cells(page, ROWS)
    assert row[:5] == [
        "customers",
        '{"customer_id": 9}',
        "cleansing",
        "country is unknown; email is not an address",
        "1",
    ]
    assert HOSTILE in row[-1]
    assert "<script>alert" not in page.text
    assert '<pre id="command-1">tidemark rejects retail</pre>' in page.text


def test_rejects_are_filtered_by_reason_and_entity(refused: Served):
    page = refused.get("/rejects?area=retail&entity=customers&reason=country+is+unknown")
    assert cells(page, OPEN.format("reason")) == [
        ["retail", "customers", "country is unknown", "1"]
    ]
    assert len(cells(page, ROWS)) == 1
    assert "tidemark rejects retail --entity customers" in page.text
    page = refused.get("/rejects?area=retail&entity=%27+or+1%3D1")
    assert "No row is refused now." in page.text
    assert (
        "tidemark rejects retail --entity &#39;&#39;&#34;&#39;&#34;&#39; or 1=1&#39;" in page.text
    )


def test_rejects_are_counted_by_the_day_of_the_zone(refused: Served, retail: Retail):
    seen = "update stg_rejects set first_seen_at = current_date - time '03:00'"
    retail.warehouse.execute("stg", f"set timezone = 'UTC'; {seen}")
    [(today,)] = retail.warehouse.rows("stg", "select (now() at time zone 'UTC')::date::text")
    table = "By day on which rows were refused first, the last days first"
    of_tokyo = cells(refused.get("/rejects?zone=Asia/Tokyo"), table)
    of_utc = cells(refused.get("/rejects"), table)
    assert {row[0] for row in of_tokyo} == {today}
    assert {row[0] for row in of_utc} != {today}
    assert [row[3:] for row in of_utc] == [
        ["country is unknown", "1", "1"],
        ["email is not an address", "1", "1"],
    ]


def test_rows_are_listed_by_key(console: Served, retail: Retail):
    retail.warehouse.execute("stg", MANY)
    with retail.servers.session("stg", "test") as stg:
        wanted = listing(stg, retail.area, entity=None, resolved=False, limit=200)
    path, seen = "/rejects?area=retail", list[str]()
    while path:
        page = console.get(path)
        seen += [row[1] for row in cells(page, ROWS)]
        older = re.search(r'<a href="([^"]*)">Older ones</a>', page.text)
        assert ('<a href="/rejects?area=retail">The newest</a>' in page.text) == ("before" in path)
        path = html.unescape(older[1]) if older else ""
    assert seen == [keyed(one) for one in sorted(wanted, key=_newest)]


def _newest(one: Reject) -> tuple[float, int]:
    return -one.first_seen_at.timestamp(), -(one.reject_id or 0)


def keyed(one: Reject) -> str:
    """Return a key as the page shows it."""
    return f'{{"customer_id": {one.key["customer_id"]}}}'


def test_what_mrr_refuses_is_shown_as_it_came(console: Served, retail: Retail):
    refuse = """
        insert into tidemark.refused
        (area, entity, item, line, row_text, reasons, batch_id, refused_at)
        values ('retail', 'sales', 'a b.csv', 7, %s, array['too few fields'], 1, now())
    """
    retail.warehouse.execute("mrr", refuse, ["x" * 1_000_000 + HOSTILE])
    page = console.get("/rejects?area=retail")
    [row] = cells(page, "Rows that could not become rows of MRR, the newest first")
    assert row[:5] == ["sales", "line 7", "MRR: a b.csv", "too few fields", "1"]
    assert row[-1].endswith("x\u2069… (1,000,033 characters)")
    assert "tidemark rejects retail --retry &#39;a b.csv&#39;" in page.text
    assert "a b.csv" not in console.get("/rejects?area=retail", "mona").text


@pytest.fixture
def troubled(telling: Tell) -> Iterator[Served]:
    """A console over an area whose check has failed; its alert stands, and told nobody."""
    made = telling()
    forget_name(made)
    with serving_console({made.area.area: made.area}, made.warehouse.dsn) as console:
        yield console


@pytest.mark.parametrize(("name", "sees"), [("mona", False), ("anna", True), ("olga", True)])
def test_the_history_of_a_check_has_keys_for_who_may_see_them(
    troubled: Served, name: str, sees: bool
):
    (area,) = troubled.console.areas
    said = cells(troubled.get("/checks", name), f"What each check of {area} said last")
    assert [row[:7] for row in said if row[0] == "named"] == [
        ["named", "things", "STG", "fail", "✕ FAILED", "1", "at most 0"]
    ]
    page = troubled.get(f"/checks?area={area}&check=named", name)
    looks = cells(page, "What named said, the last time first")
    assert [row[4] for row in looks] == ["✕ FAILED", "✓ PASSED"]
    assert [row[8:] for row in looks] == ([['{"id": "1"}'], [""]] if sees else [[], []])
    assert page.text.count('class="bar-bad"') == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [("area=none", 404), ("check=named", 400), ("area={}&check=none", 404), ("area={}", 200)],
)
def test_checks_that_are_not_there_are_refused(troubled: Served, query: str, status: int):
    (area,) = troubled.console.areas
    assert troubled.get(f"/checks?{query.format(area)}", "mona").status_code == status


@pytest.mark.parametrize("name", ["mona", "anna", "olga"])
def test_alerts_stand_until_they_have_ended(troubled: Served, name: str):
    (area,) = troubled.console.areas
    stands = "Alerts that stand, the oldest first"
    page = troubled.get(f"/alerts?area={area}", name)
    assert [row[:3] for row in cells(page, stands)] == [[area, "check named", "✕ fail"]]
    assert "None has ended." in page.text
    assert [row[6:] for row in cells(page, stands)] == [[f"tidemark check {area}", "nobody"]]


def test_alerts_that_have_ended_are_listed_by_key(console: Served, retail: Retail):
    ended = """
        insert into tidemark.alert (area, event, subject, severity, what, look, began_at, ended_at)
        select 'retail', 'check', 's' || n, 'warn', %s, 'tidemark check', now(), now()
        from generate_series(1, 70) as n
    """
    retail.warehouse.execute("dwh", ended, [HOSTILE])
    first = console.get("/alerts?area=retail", "mona")
    older = re.search(r'<a href="([^"]*)">Older ones</a>', first.text)
    assert older
    second = console.get(html.unescape(older[1]), "mona")
    table = "Alerts that have ended, the newest first"
    found = [row[1] for page in (first, second) for row in cells(page, table)]
    assert found == [f"check s{n}" for n in range(70, 0, -1)]
    assert HOSTILE in cells(first, table)[0][5]
