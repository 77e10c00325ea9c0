"""The area of assets: who owned what and when, in whatever order the events come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import counting
from tests.fix_assets import KEY, Bank
from tidemark.declare.settings import NO_RETENTION

ONE_EVENT = 60
"""Messages of a batch that has an event, of a type and a user that are known."""
"""Statements of a batch of these two, of a type and a user that are known."""

DIM_ASSETS = """
    select a.s3_key, a.asset_name, t.asset_type_name, a.upload_timestamp::text, u.user_nk
    from assets.dim_assets as a
    inner join assets.dim_asset_types as t using (asset_type_sk)
    left join assets.dim_users as u on a.current_owner_user_sk = u.user_sk
"""
TRANSACTIONS = """
    select transaction_type, s3_key, buyer_user_sk, credits_spent, transaction_timestamp::text
    from assets.fct_asset_transactions order by transaction_timestamp, event_id
"""
UPLOADED = (KEY, "Sample", "generic", "2023-10-15 14:30:00+00")
UPLOAD = ("UPLOAD", KEY, None, None, "2023-10-15 14:30:00+00")


def test_an_upload_and_a_purchase_give_the_values_of_the_document(bank: Bank):
    bank.upload("14:30:00")
    bank.run()
    assert bank.dwh(DIM_ASSETS) == [(*UPLOADED, None)]
    assert bank.dwh(TRANSACTIONS) == [UPLOAD]

    bank.purchase("14:45:00", "user456", 100)
    bank.run()
    [(user_sk,)] = bank.dwh("select user_sk from assets.dim_users where user_nk = 'user456'")
    assert bank.dwh(DIM_ASSETS) == [(*UPLOADED, "user456")]
    purchase = ("PURCHASE", KEY, user_sk, 100, "2023-10-15 14:45:00+00")
    assert bank.dwh(TRANSACTIONS) == [UPLOAD, purchase]
    assert bank.differences() == []


def test_a_transfer_has_a_buyer_and_no_credits(bank: Bank):
    bank.upload("14:30:00")
    bank.purchase("14:45:00", "user456")
    bank.transfer("15:00:00", "user789")
    bank.run()
    [*_, (kind, key, buyer, credits_spent, _)] = bank.dwh(TRANSACTIONS)
    assert (kind, key, credits_spent) == ("TRANSFER", KEY, None)
    assert bank.dwh("select user_nk from assets.dim_users where user_sk > 0 order by 1") == [
        ("user456",),
        ("user789",),
    ]
    assert bank.dwh("select current_owner_user_sk from assets.dim_assets") == [(buyer,)]


def test_a_purchase_before_its_upload_makes_an_asset_without_a_name(bank: Bank):
    bank.purchase("14:45:00", "user456")
    bank.run()
    about = "select asset_name, asset_type_sk, upload_timestamp from assets.dim_assets"
    assert bank.dwh(about) == [(None, None, None)]
    assert bank.owners() == [("user456", "14:45")]

    bank.upload("14:30:00")
    bank.run()
    assert bank.dwh(DIM_ASSETS) == [(*UPLOADED, "user456")]
    assert bank.owners() == [(None, "14:30"), ("user456", "14:45")]
    assert bank.differences() == []


def test_purchases_out_of_order_end_with_the_right_owner_at_each_instant(bank: Bank):
    bank.upload("10:00:00")
    bank.purchase("13:00:00", "third")
    bank.run()
    bank.purchase("11:00:00", "first")
    bank.transfer("12:00:00", "second")
    bank.run()
    chain = [(None, "10:00"), ("first", "11:00"), ("second", "12:00"), ("third", "13:00")]
    assert bank.owners() == chain
    at = f"select assets.fn_owner_at('{KEY}', '2023-10-15T{{}}Z')"
    times = ("09:00", "10:59", "11:00", "12:59:59", "13:00", "23:00")
    found = [bank.dwh(at.format(time))[0][0] for time in times]
    assert found == [None, None, "first", "second", "third", "third"]
    assert bank.dwh(f"select assets.fn_owner_at('{KEY}')") == [("third",)]
    assert bank.differences() == []


def test_a_second_upload_of_a_key_is_an_upload_of_the_same_asset(bank: Bank):
    bank.upload("10:00:00", graph_role="root")
    bank.purchase("11:00:00", "user456")
    bank.run()
    bank.upload("12:00:00", asset_name="Better", asset_type_name="cyoa")
    bank.run()
    now = "select asset_name, asset_type_name, graph_role, owner_user_nk, upload_timestamp::text"
    assert bank.dwh(f"{now} from assets.dim_assets_versions where is_current and asset_sk > 0") == [
        ("Better", "cyoa", None, "user456", "2023-10-15 12:00:00+00")
    ]
    assert [row[0] for row in bank.dwh(TRANSACTIONS)] == ["UPLOAD", "PURCHASE", "UPLOAD"]
    assert bank.owners() == [(None, "10:00"), ("user456", "11:00")]
    assert bank.dwh("select count(*) from assets.dim_assets") == [(1,)]
    assert bank.differences() == []


def test_a_type_and_a_user_stay_one_member_whenever_they_are_named(bank: Bank):
    bank.upload("12:00:00")
    bank.purchase("13:00:00", "user456")
    bank.run()
    members = (
        "select t.asset_type_sk, u.user_sk from assets.dim_asset_types as t "
        "cross join assets.dim_users as u where t.asset_type_sk > 0 and u.user_sk > 0"
    )
    before = bank.dwh(members)
    bank.upload("10:00:00", s3_key="older.jpg")
    bank.purchase("11:00:00", "user456", s3_key="older.jpg")
    bank.run()
    bank.upload("14:00:00", s3_key="later.jpg")
    bank.run()
    assert len(before) == 1
    assert bank.dwh(members) == before
    assert bank.differences() == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"s3_key": ""}, "s3_key is missing"),
    ({"s3_key": "ä" * 513}, "s3_key has more than 1024 bytes"),
    ({"user": " "}, "user_nk is missing"),
    ({"user": "u" * 201}, "user_nk has more than 200 characters"),
    ({"spent": -1}, "credits_spent is negative"),
    ({"spent": "NaN"}, "credits_spent is no number"),
    ({"time": "1969-12-31T23:59:59Z"}, "transaction_timestamp is before 1970"),
    ({"time": "2999-01-01T00:00:00Z"}, "transaction_timestamp is in the future"),
]


def test_what_can_be_no_transaction_is_a_reject_and_moves_nothing(bank: Bank):
    for number, (said, _) in enumerate(WRONG):
        told = {"time": "14:45:00", "user": "user456", **said, "event_id": f"e{number}"}
        bank.purchase(**told)
    bank.run()
    rejects = "select key ->> 'event_id', reasons from stg_rejects order by 1"
    expected = [(f"e{number}", [reason]) for number, (_, reason) in enumerate(WRONG)]
    assert bank.rows("stg", rejects) == expected
    assert bank.dwh("select count(*) from assets.fct_asset_transactions") == [(0,)]
    assert bank.dwh("select count(*) from assets.dim_assets") == [(0,)]


def test_a_clock_that_is_some_minutes_ahead_is_let_be(bank: Bank):
    soon = datetime.now(UTC) + timedelta(minutes=4)
    bank.purchase(soon.isoformat(), "user456")
    bank.run()
    assert bank.dwh(f"select assets.fn_owner_at('{KEY}')") == [("user456",)]


@pytest.mark.parametrize(("time", "owner"), [(None, "b"), ("12:30", "a"), ("10:30", None)])
def test_an_asset_is_shown_as_it_was_at_an_instant(bank: Bank, time: str | None, owner: str | None):
    bank.upload("10:00:00", event_id="e1")
    bank.purchase("12:00:00", "a", 7, event_id="e2")
    bank.transfer("13:00:00", "b", event_id="e3")
    bank.run()
    at = f"'2023-10-15 {time}Z'" if time else "null"
    [(found,)] = bank.dwh(f"select assets.fn_asset(s3_key => '{KEY}', at => {at})")
    assert (found["s3_key"], found["asset_name"], found["owner"]) == (KEY, "Sample", owner)
    assert (found["at"] is None) == (time is None)
    assert [span["owner"] for span in found["history"]] == [None, "a", "b"]
    assert [span["valid_to"] is None for span in found["history"]] == [False, False, True]
    told = [
        (one["event_id"], one["user_nk"], one["credits_spent"]) for one in found["transactions"]
    ]
    assert told == [("e3", "b", None), ("e2", "a", 7), ("e1", None, None)]


def test_no_asset_is_shown_that_is_not_there(bank: Bank):
    bank.upload("10:00:00")
    bank.run()
    assert bank.dwh("select assets.fn_asset('other.jpg')") == [(None,)]
    assert bank.dwh(f"select assets.fn_asset('{KEY}', '2023-10-15 09:59:59Z')") == [(None,)]


def test_a_batch_of_one_event_asks_little(bank: Bank):
    for hour in (10, 12):
        bank.upload(f"{hour}:00:00")
        bank.purchase(f"{hour + 1}:00:00", "user456")
        bank.run()
    # A worker applies the retention once an hour.
    area = bank.area.model_copy(update={"retention": NO_RETENTION})
    for post in (
        lambda: bank.upload("14:30:00", s3_key="other.jpg"),
        lambda: bank.purchase("14:45:00", "user456", s3_key="other.jpg"),
        lambda: bank.transfer("14:50:00", "user456", s3_key="other.jpg"),
    ):
        post()
        sent = counting.run(bank.servers, area)
        assert sent.total <= ONE_EVENT, counting.listed(sent.statements)
        assert sent.ddl == []
