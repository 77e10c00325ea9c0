"""Drops on disk: a folder for each kind of row and date, with CSV files in it."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

Row = dict[str, str]
Rows = Mapping[str, Sequence[Row]]
"""Kind of row -> the rows, in the order in which they are written."""

COLUMNS = {
    "customers": (
        "customer_id", "first_name", "last_name", "email", "phone", "city", "state", "country",
        "segment",
    ),
    "products": (
        "product_id", "product_name", "category", "sub_category", "brand", "unit_price", "status",
    ),
    "orders": ("order_id", "customer_id", "order_date", "channel", "total_amount", "status"),
    "order_lines": (
        "order_line_id", "order_id", "product_id", "quantity", "unit_price", "discount_amount",
    ),
    "payments": (
        "payment_id", "order_id", "payment_date", "payment_method", "payment_status",
        "payment_amount",
    ),
}  # fmt: skip
"""Kind of row -> the header of its files. The first column is the key."""


@dataclass(frozen=True, slots=True)
class Drop:
    """What is handed over on one date."""

    date: date
    rows: Rows


def dates(folder: Path) -> list[date]:
    """Return the dates of the drops that are there, in order."""
    found = folder.glob("*/*/*.csv")
    return sorted({date.fromisoformat(path.parent.name) for path in found})


def write(folder: Path, drop: Drop, progress: Callable[[str, int, int], None]) -> dict[str, int]:
    """Write the files of a drop, and return how many rows each has.

    A file gets its name when all of them are whole: no reader sees half of one.
    """
    written: dict[Path, Path] = {}
    for kind, rows in drop.rows.items():
        path = folder / kind / drop.date.isoformat() / f"{kind}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        written[path] = path.with_suffix(".writing")
        with written[path].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS[kind], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        progress(kind, len(rows), len(rows))
    for path, hidden in written.items():
        hidden.replace(path)
    return {kind: len(rows) for kind, rows in drop.rows.items()}


def read(folder: Path, kind: str) -> dict[str, Row]:
    """Return the last row of each key over all drops, in the order of the keys' first rows."""
    found: dict[str, Row] = {}
    for path in sorted(folder.glob(f"{kind}/*/*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found |= {row[COLUMNS[kind][0]]: row for row in csv.DictReader(file)}
    return found
