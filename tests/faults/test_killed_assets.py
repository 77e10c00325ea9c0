"""Batches of assets that are killed between any two statements, and the star behind them."""

from __future__ import annotations

import pytest

from tests.fix_assets import Bank
from tests.killing import kill
from tests.oracles.assets import Told, star
from tidemark.model import HOPS

pytestmark = pytest.mark.timeout(900)

UPLOAD = {"s3_key": "k1", "asset_name": "One", "asset_type_name": "generic"}
FIRST = [
    Told("e2", "asset_purchased", {"s3_key": "k1", "user_nk": "u1", "credits_spent": 5}),
    Told("e3", "asset_uploaded", {**UPLOAD, "s3_key": "k2"}),
    Told("e4", "asset_transferred", {"s3_key": "k2", "user_nk": "u2"}),
]
SECOND = [
    Told("e1", "asset_uploaded", UPLOAD),
    Told("e5", "asset_uploaded", {**UPLOAD, "asset_type_name": "cyoa"}),
    Told("e6", "asset_purchased", {"s3_key": "k2", "user_nk": "u1", "credits_spent": 0}),
]


def post(bank: Bank, events: list[Told]) -> list[Told]:
    """Post events, each an hour after the one before by its id, and one that is refused."""
    posted = []
    for one in events:
        field = "upload_timestamp" if one.kind == "asset_uploaded" else "transaction_timestamp"
        said = {**one.said, field: f"2023-10-15T1{one.event_id[1]}:00:00Z"}
        posted.append(Told(one.event_id, one.kind, said))
        bank.post(one.kind, one.event_id, **said)
    bank.transfer("10:00:00", " ")
    return posted


def test_events_whose_batch_is_killed_are_there_once_and_whole(bank: Bank):
    posted = post(bank, FIRST)
    for hop in HOPS:
        kill(bank, hop, 2, 6)
    posted += post(bank, SECOND)
    kill(bank, "extract", 1, 6)
    kill(bank, "stage", 2, 4)
    kill(bank, "publish", 3, 4)
    assert bank.star() == star(posted)
    assert bank.rows("stg", "select count(*) from stg_rejects where resolved_at is null") == [(2,)]
    assert bank.rows("mrr", "select count(*) from tidemark.inbox where batch_id is null") == [(0,)]
    assert bank.differences() == []
