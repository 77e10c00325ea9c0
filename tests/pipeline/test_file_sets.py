"""Files that are a whole table each: what one lacks is gone."""

from __future__ import annotations

import pytest

from tests.fix_files import Drop, Dropped, csv_text
from tidemark.batch import pipeline
from tidemark.errors import DeleteGuardError
from tidemark.model import Overrides

DAILY = {
    "source": "things/{date:%Y-%m-%d}.csv",
    "key": ["id"],
    "deletes": "detect",
    "max_delete_ratio": 0.5,
}
PARTS = {
    **DAILY,
    "source": {"files": "parts/{date:%Y-%m-%d}/*.csv", "ready_when": "_SUCCESS"},
}
DAYS = {
    "things/2025-01-01.csv": csv_text((1, "a"), (2, "b"), (3, "c")),
    "things/2025-01-02.csv": csv_text((1, "a"), (3, "c2")),
    "things/2025-01-03.csv": csv_text((1, "a"), (2, "back"), (4, "d")),
}
HISTORY = [
    ("1", "a", False),
    ("2", "b", False),
    ("3", "c", False),
    ("3", "c2", False),
    ("2", "b", True),
    ("2", "back", False),
    ("4", "d", False),
    ("3", "c2", True),
]


def history(area: Dropped) -> list[tuple[object, ...]]:
    return sorted(area.history("id, v, _deleted_at is not null"))


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("batches", [(1, 1, 1), (3,), (1, 2), (2, 1)])
def test_sets_give_the_history_of_a_batch_each(dropped: Drop, batches: tuple[int, ...]):
    area = dropped({"things/2024-12-31.csv": csv_text()}, entities={"things": DAILY})
    days = iter(DAYS.items())
    for count in batches:
        for _ in range(count):
            area.drop(*next(days))
        area.run()
    assert history(area) == sorted(HISTORY)
    assert area.mrr() == [("1", "a"), ("2", "back"), ("4", "d")]
    assert area.run().changed == 0


def test_a_set_that_lacks_too_much_is_refused_until_a_person_accepts_it(dropped: Drop):
    area = dropped(dict(list(DAYS.items())[:1]), entities={"things": DAILY})
    area.run()
    area.drop("things/2025-01-02.csv", csv_text((1, "a")))
    with pytest.raises(DeleteGuardError, match="things: 2 of 3 rows are gone"):
        area.run()
    assert len(area.mrr()) == 3
    assert area.files("path") == [("things/2025-01-01.csv",)]
    pipeline.run(area.servers, area.area, overrides=Overrides(accept_deletes=True))
    assert area.mrr() == [("1", "a")]


def test_an_older_set_and_one_with_a_refused_row_delete_nothing(dropped: Drop):
    area = dropped(dict(list(DAYS.items())[2:]), entities={"things": DAILY})
    area.run()
    area.drop("things/2025-01-02.csv", csv_text((1, "old"), (9, "late")))
    late = area.run()
    assert area.mrr() == [("1", "old"), ("2", "back"), ("4", "d"), ("9", "late")]
    assert [remark for hop in late.hops for remark in hop.entities["things"].remarks] == [
        "things: things/2025-01-02.csv deletes nothing: it is late, or not all of it was taken",
        "things: things/2025-01-02.csv came late, behind things/2025-01-03.csv",
    ]
    area.drop("things/2025-01-04.csv", csv_text((1, "new"), (2, "x", "too wide")))
    area.run()
    assert area.mrr() == [("1", "new"), ("2", "back"), ("4", "d"), ("9", "late")]


def test_the_files_of_a_date_wait_for_their_marker_and_are_one_set(dropped: Drop):
    before = {"parts/2024-12-31/a.csv": csv_text(), "parts/2024-12-31/_SUCCESS": ""}
    area = dropped(before, entities={"things": PARTS})
    area.run()
    area.drop("parts/2025-01-01/a.csv", csv_text((1, "a")))
    area.drop("parts/2025-01-01/b.csv", csv_text((2, "b")))
    assert area.run().changed == 0
    area.drop("parts/2025-01-01/_SUCCESS", "")
    area.run()
    assert area.mrr() == [("1", "a"), ("2", "b")]
    area.drop("parts/2025-01-01/b.csv", csv_text((3, "instead of 2")))
    area.run()
    assert area.mrr("id, v, _file") == [
        ("1", "a", "parts/2025-01-01/a.csv"),
        ("3", "instead of 2", "parts/2025-01-01/b.csv"),
    ]


def test_files_of_a_set_that_is_taken_again_are_not_late(dropped: Drop):
    files = {f"parts/2025-01-01/{n}.csv": csv_text((n, "a")) for n in range(3)}
    area = dropped({**files, "parts/2025-01-01/_SUCCESS": ""}, entities={"things": PARTS})
    area.run()
    (area.drops / "parts/2025-01-01/2.csv").unlink()
    area.drop("parts/2025-01-01/1.csv", csv_text((1, "changed")))
    (remarks,) = (hop.entities["things"].remarks for hop in area.run().hops[:1])
    assert (remarks, area.mrr()) == ((), [("0", "a"), ("1", "changed")])


def test_a_new_key_is_no_reason_to_delete_others(dropped: Drop):
    area = dropped(DAYS, entities={"things": DAILY})
    area.run()
    (area.drops / "things/2025-01-03.csv").unlink()
    area.drop("things/2025-01-04.csv", csv_text((1, "a"), (9, "new"), (4, "refused", "wide")))
    area.run()
    assert area.mrr("id") == [("1",), ("2",), ("4",), ("9",)]


def test_a_refresh_takes_the_last_set_alone(dropped: Drop):
    area = dropped(DAYS, entities={"things": DAILY})
    area.run()
    before = history(area)
    area.warehouse.execute("mrr", "delete from mrr_things where id = '4'")
    pipeline.run(area.servers, area.area, overrides=Overrides(refresh=frozenset({"things"})))
    assert history(area) == before
