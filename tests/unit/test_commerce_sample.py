"""The drops of the commerce area: the inventory of the first, and what a day changes."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sql.commerce.sample import drops, seed
from sql.commerce.sample.drops import Row
from tidemark.errors import ConfigError

Play = Callable[..., dict[str, int]]
INVENTORY = {
    "customers": 500, "products": 100, "orders": 1000, "order_lines": 3064, "payments": 1000
}  # fmt: skip


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return lambda **options: seed(tmp_path, progress=lambda label, done, total: None, **options)


def known(folder: Path) -> dict[str, dict[str, Row]]:
    """Return the last row of each key, by kind."""
    return {kind: drops.read(folder, kind) for kind in drops.COLUMNS}


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in files}


def do_not_add_up(folder: Path) -> set[str]:
    """Return the orders whose total is not that of their lines, or not what was paid of them."""
    found, sums = known(folder), defaultdict[str, Decimal](Decimal)
    for line in found["order_lines"].values():
        amount = int(line["quantity"]) * Decimal(line["unit_price"])
        if not line["order_line_id"].endswith("X"):
            sums[line["order_id"]] += amount - Decimal(line["discount_amount"])
    paid = {one["order_id"]: one["payment_amount"] for one in found["payments"].values()}
    return {
        key
        for key, order in found["orders"].items()
        if not Decimal(order["total_amount"]) == sums[key] == Decimal(paid[key])
    }


def test_the_first_drop_has_the_inventory(tmp_path: Path, play: Play):
    assert play() == INVENTORY
    found = known(tmp_path)
    assert {kind: len(rows) for kind, rows in found.items()} == INVENTORY
    failed = {
        one["order_id"] for one in found["payments"].values() if one["payment_status"] == "FAILED"
    }
    sold = [
        one
        for key, one in found["orders"].items()
        if one["status"] != "CANCELLED" and key not in failed
    ]
    days = sorted({date.fromisoformat(one["order_date"]) for one in sold})
    assert (days[0], days[-1], len(days)) == (date(2025, 10, 7), date(2025, 12, 5), 60)
    assert len({one["customer_id"] for one in sold}) == 432
    assert 0 < len(failed) < len(found["orders"]) - len(sold)


@pytest.mark.parametrize("random_seed", [1, 2, 3])
def test_orders_add_up_but_for_those_that_are_marked(tmp_path: Path, play: Play, random_seed: int):
    play(random_seed=random_seed)
    play(random_seed=random_seed, day=True)
    wrong = do_not_add_up(tmp_path)
    assert wrong == {key for key in known(tmp_path)["orders"] if key.endswith("X")}
    assert len(wrong) == 6


def test_each_row_names_rows_that_are_there(tmp_path: Path, play: Play):
    for day in (False, True, True, True):
        play(day=day)
    found = known(tmp_path)
    for kind, column, named in (
        ("orders", "customer_id", "customers"),
        ("order_lines", "order_id", "orders"),
        ("order_lines", "product_id", "products"),
        ("payments", "order_id", "orders"),
    ):
        assert {row[column] for row in found[kind].values()} <= found[named].keys()
    assert max(one["payment_date"] for one in found["payments"].values()) <= "2025-12-09"


def test_a_day_is_a_drop_of_its_own_with_new_and_changed_rows(tmp_path: Path, play: Play):
    play()
    before, files = known(tmp_path), content(tmp_path)
    counts = play(day=True)
    after, added = known(tmp_path), content(tmp_path).keys() - files.keys()
    assert added == {f"{kind}/2025-12-07/{kind}.csv" for kind in INVENTORY}
    assert files.items() <= content(tmp_path).items()
    for kind, count in counts.items():
        new = after[kind].keys() - before[kind].keys()
        changed = [key for key, row in before[kind].items() if after[kind][key] != row]
        assert new
        assert len(new) + len(changed) <= count
        assert changed or kind == "order_lines"


def test_the_same_random_seed_gives_the_same_drops(tmp_path: Path):
    def made(folder: str, random_seed: int) -> dict[str, str]:
        for day in (False, True):
            seed(
                tmp_path / folder,
                random_seed=random_seed,
                day=day,
                progress=lambda label, done, total: None,
            )
        return content(tmp_path / folder)

    first = made("a", 5)
    assert made("b", 5) == first
    assert [path for path, text in made("c", 6).items() if text == first[path]] == []


def test_nobody_sees_half_a_file(tmp_path: Path, play: Play):
    def interrupt(label: str, _done: int, _total: int) -> None:
        if label == "order_lines":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seed(tmp_path, progress=interrupt)
    assert [path for path in content(tmp_path) if path.endswith(".csv")] == []
    assert play() == INVENTORY


def test_a_second_first_drop_is_refused(play: Play):
    play()
    with pytest.raises(ConfigError, match=r"there is a drop already \(2025-12-06\), .* --day`"):
        play()


def test_the_day_after_nothing_has_the_first_drop(play: Play):
    assert play(day=True) == INVENTORY
