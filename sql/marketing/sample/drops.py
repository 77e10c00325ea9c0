"""The files on disk: each day one of all customers, and one of the events of the day."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

Customer = dict[str, str]
Event = dict[str, Any]

COLUMNS = ("customer_id", "first_name", "last_name", "email", "region", "signup_date")


@dataclass(frozen=True, slots=True)
class Drop:
    """What is handed over of one day."""

    date: date
    customers: Sequence[Customer]
    """All of them, as they were when the day began."""
    events: Sequence[Event]


def dates(folder: Path) -> list[date]:
    """Return the days of which there are files, in order."""
    found = folder.glob("customers/*.csv")
    return sorted({date.fromisoformat(path.stem) for path in found})


def write(
    folder: Path, made: Sequence[Drop], progress: Callable[[str, int, int], None]
) -> dict[str, int]:
    """Write the files of some days, and return how many rows they have.

    A file gets its name when all of them are whole: no reader sees half of one.
    """
    written: dict[Path, Path] = {}
    for done, drop in enumerate(made, 1):
        customers, events = paths(folder, drop.date)
        for path in (customers, events):
            path.parent.mkdir(parents=True, exist_ok=True)
            written[path] = path.with_suffix(".writing")
        with written[customers].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(drop.customers)
        lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in drop.events)
        written[events].write_text(f"[\n{lines}\n]\n", "utf-8")
        progress("days", done, len(made))
    for path, hidden in written.items():
        hidden.replace(path)
    return {
        "customers": sum(len(drop.customers) for drop in made),
        "events": sum(len(drop.events) for drop in made),
    }


def read(folder: Path, on: date) -> Drop:
    """Return the files of one day."""
    customers, events = paths(folder, on)
    with customers.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Drop(on, rows, json.loads(events.read_text("utf-8")))


def paths(folder: Path, on: date) -> tuple[Path, Path]:
    """Return where the customers and the events of a day are."""
    return folder / f"customers/{on}.csv", folder / f"clickstream/{on}/events.json"
