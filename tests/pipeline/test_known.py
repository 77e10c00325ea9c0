"""What was known after batch n is what the DWH said after batch n, to the last column."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fix_areas import Dimension, Made, Make
from tests.fix_assets import KEY, Bank
from tidemark.errors import UsageError
from tidemark.observe import known

COLUMNS = {"id": "integer", "a": "text", "b": "text", "c": "text", "updated_at": "timestamptz"}
DETECTING = {"deletes": "detect", "compare_keys_every": "0s", "max_delete_ratio": 1}
KEYS = (1, 2, 3)


def things(**more: Any) -> Dimension:
    settings = {**DETECTING, **more.pop("settings", {})}
    return Dimension(COLUMNS, ("id",), type1=("c",), settings=settings, **more)


STORIES: Mapping[str, Dimension] = {
    "changes": things(),
    "changes that take effect when the source says": things(effective="at"),
    "seen": things(effective="seen"),
}


def with_time(one: Dimension) -> Dimension:
    if one.effective != "at":
        return one
    return Dimension(
        {**one.columns, "at": "timestamptz"}, one.key, one.type1, effective="at", settings=DETECTING
    )


def play(made: Made, one: Dimension, drawn: random.Random) -> None:
    """Change some keys in the source: late, early, back and forth, away and back again."""
    for key in KEYS:
        if drawn.random() < 0.3:
            continue
        at = f"now() + interval '1 hour' * {drawn.randint(-50, 30)}"
        stamps = f"updated_at = now(){f', at = {at}' if one.effective == 'at' else ''}"
        is_there = made.warehouse.rows("operational", f"select from things where id = {key}")
        if is_there and drawn.random() < 0.2:
            made.delete(one, "id = %s", [key])
        elif is_there:
            column, value = drawn.choice("abc"), drawn.choice("xyz")
            made.change(one, f"{column} = %s, {stamps}", [value], f"id = {key}")
        else:
            row = f"{key}, 'x', 'x', 'x', now(){f', {at}' if one.effective == 'at' else ''}"
            made.warehouse.execute("operational", f"insert into things values ({row})")


def said(made: Made, columns: str, key: int) -> list[tuple[Any, ...]]:
    query = (
        f"select {columns} from dim_things where id = {key} and not is_inferred order by valid_from"
    )
    return made.warehouse.rows("dwh", query)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("story", STORIES)
def test_what_was_known_after_each_batch_is_what_the_dwh_said(made: Make, story: str, seed: int):
    one, drawn = with_time(STORIES[story]), random.Random(seed)
    area = made(one)
    entity = area.area.entities["things"]
    after: dict[int, dict[int, list[tuple[Any, ...]]]] = {}
    for _ in range(8):
        play(area, one, drawn)
        batch = area.run().batch_id
        columns = known.read(area.servers, area.area, entity, ["1"]).columns
        after[batch] = {key: said(area, ", ".join(columns), key) for key in KEYS}
    for batch, of_keys in after.items():
        for key, versions in of_keys.items():
            found = known.read(area.servers, area.area, entity, [str(key)], after=batch)
            assert found.versions == versions, (batch, key)
    touched = {t.batch_id for key in KEYS for t in found.touches}
    assert touched <= {*after}


def test_what_events_have_told_is_known_by_the_batch_that_brought_them(bank: Bank):
    area, servers = bank.area, bank.servers
    entity = area.entities["asset_versions"]
    after: dict[int, list[tuple[Any, ...]]] = {}
    for time in ("12:00:00", "10:00:00", "11:00:00"):
        bank.upload(time, asset_name=f"Sample of {time}")
        batch = bank.run().batch_id
        columns = ", ".join(known.read(servers, area, entity, [KEY]).columns)
        query = f"select {columns} from assets.dim_assets_versions where s3_key = '{KEY}' "
        after[batch] = bank.rows("dwh", f"{query} order by valid_from")
    for batch, versions in after.items():
        found = known.read(servers, area, entity, [KEY], after=batch)
        assert found.versions == versions
    assert len(found.versions) == 3
    assert [touch.batch_id for touch in found.touches] == [*after]


@pytest.mark.parametrize("key", [["x"], ["1", "2"], []])
def test_what_is_no_key_is_a_usage_error(made: Make, key: list[str]):
    area = made(things())
    with pytest.raises(UsageError, match="things"):
        known.read(area.servers, area.area, area.area.entities["things"], key)
