"""The area of assets in a project of its own, and the events of its applications."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.fix_files import of_the_house
from tests.fix_posted import Posting
from tidemark.layers.inbox import Outcome
from tidemark.model import ServerName

STAR = (
    """
    select asset_type_name from assets.dim_asset_types
    where asset_type_sk <> 0 order by asset_type_name
    """,
    "select user_nk from assets.dim_users where user_sk <> 0 order by user_nk",
    """
    select s3_key, asset_name, asset_type_name, graph_role, upload_timestamp, owner_user_nk,
        valid_from, valid_to
    from assets.dim_assets_versions where asset_sk <> 0 order by s3_key, valid_from
    """,
    """
    select a.s3_key, a.asset_name, t.asset_type_name, a.graph_role, a.upload_timestamp, u.user_nk
    from assets.dim_assets as a
    left join assets.dim_asset_types as t using (asset_type_sk)
    left join assets.dim_users as u on a.current_owner_user_sk = u.user_sk
    order by a.s3_key
    """,
    """
    select f.event_id, f.transaction_type, f.transaction_timestamp, f.s3_key, u.user_nk,
        f.credits_spent, v.asset_name, v.owner_user_nk
    from assets.fct_asset_transactions as f
    inner join assets.dim_assets_versions as v using (asset_sk)
    left join assets.dim_users as u on f.buyer_user_sk = u.user_sk
    order by f.event_id
    """,
)
"""What analysts see, without keys and batches: types, users, versions, assets, transactions."""

KEY = "sample-asset-123.jpg"


def at(time: str) -> str:
    """Return a time of 2023-10-15, or a whole one, as events write it."""
    return time if "T" in time else f"2023-10-15T{time}Z"


class Bank(Posting):
    """The area, migrated. A test posts events, and runs."""

    def upload(self, time: str, event_id: str | None = None, **said: Any) -> Outcome:
        told = {"s3_key": KEY, "asset_name": "Sample", "asset_type_name": "generic", **said}
        return self.post("asset_uploaded", event_id, upload_timestamp=at(time), **told)

    def purchase(self, time: str, user: str, spent: Any = 100, **said: Any) -> Outcome:
        told = {"s3_key": KEY, "user_nk": user, "credits_spent": spent, **said}
        return self.post("asset_purchased", transaction_timestamp=at(time), **told)

    def transfer(self, time: str, user: str, **said: Any) -> Outcome:
        told = {"s3_key": KEY, "user_nk": user, **said}
        return self.post("asset_transferred", transaction_timestamp=at(time), **told)

    def dwh(self, query: str) -> list[tuple[Any, ...]]:
        return self.rows("dwh", query)

    def star(self) -> list[list[tuple[Any, ...]]]:
        """What analysts see."""
        return [self.dwh(query) for query in STAR]

    def owners(self, s3_key: str = KEY) -> list[tuple[Any, ...]]:
        """The chain of owners of an asset, with their first days or hours."""
        return self.dwh(
            "select owner_user_nk, to_char(valid_from at time zone 'UTC', 'HH24:MI') "
            f"from assets.fn_owners('{s3_key}')"
        )


Banks = Callable[[str], Bank]


@pytest.fixture
def banks(platforms: dict[ServerName, str], tmp_path: Path) -> Iterator[Banks]:
    """Make the area in a project and in databases of the name that is given."""
    with ExitStack() as stack:

        def make(name: str) -> Bank:
            made = stack.enter_context(of_the_house(platforms, tmp_path / name, "assets"))
            return Bank(*made, count(1))

        yield make


@pytest.fixture
def bank(banks: Banks) -> Bank:
    """The area, migrated; nothing is posted yet."""
    return banks("bank")
