"""An extraction of files that is killed between any two statements takes each file once."""

from __future__ import annotations

import signal
from datetime import UTC, datetime

from tests.fix_faults import killed, struck
from tests.fix_files import Drop, Dropped, csv_text

THINGS = {"source": "things/*.csv", "key": ["id"]}
DAILY = {
    "source": "daily/{date:%Y-%m-%d}.csv",
    "key": ["id"],
    "deletes": "detect",
    "max_delete_ratio": 1,
}
KEPT = "select entity, item, line, reasons from tidemark.refused order by 1, 2, 3"


def state(area: Dropped) -> list[list[tuple[object, ...]]]:
    """What MRR has of files, of their rows and of those that were refused."""
    return [
        area.files(),
        sorted(area.history()),
        sorted(area.history("id, v, _deleted_at is null", "mrr_daily")),
        area.warehouse.rows("mrr", KEPT),
    ]


def test_a_killed_extraction_of_files_leaves_nothing_or_all_of_it(dropped: Drop):
    first = {
        "things/1.csv": csv_text((1, "a")),
        "daily/2025-01-01.csv": csv_text((0, ""), (1, "a")),
    }
    area = dropped(first, entities={"things": THINGS, "daily": DAILY})
    area.run()
    area.drop("things/2.csv", csv_text((1, "b"), (2, "b", "wide"), (3, '5" disk')))
    area.drop("things/3.csv", csv_text((1, "c"), (3, "c")))
    area.drop("daily/2025-01-02.csv", csv_text((0, ""), (2, "b")))
    area.drop("daily/2025-01-03.csv", csv_text((0, ""), (1, "back")))
    before, states = state(area), []
    area.servers.close()
    for number in struck(3):
        dsns = area.warehouse.dsn
        if killed("extract", number, dsns, area.area, datetime.now(UTC)) != -signal.SIGKILL:
            break
        states.append(state(area))
    assert number > 30
    after = state(area)
    assert [path for path, *_ in area.files()] == [
        "daily/2025-01-01.csv",
        "daily/2025-01-02.csv",
        "daily/2025-01-03.csv",
        "things/1.csv",
        "things/2.csv",
        "things/3.csv",
    ]
    assert sorted(area.history()) == [
        ("1", "a"), ("1", "b"), ("1", "c"), ("3", '5" disk'), ("3", "c")
    ]  # fmt: skip
    assert states == [before] * states.count(before) + [after] * states.count(after)
    area.run()
    assert state(area) == after
    assert area.differences() == []
