"""`tidemark seed`, as a script calls it."""

from pathlib import Path

import pytest

from tests.commands import succeed, tidemark
from tests.fix_servers import Warehouse
from tests.fix_shop import SEED

DROPS = "TIDEMARK_SOURCE_DROPS_URL"


def test_a_seed_that_is_wanted_once_happens_once(warehouse: Warehouse):
    first, second = (succeed(*SEED, "--once", env=warehouse.environment).out for _ in range(2))
    assert first.split()[:2] == ["customers", "200"]
    assert second == "nothing to do: the tables hold rows\n"
    assert warehouse.rows("operational", "select count(*) from customers") == [(200,)]


@pytest.mark.parametrize("url", ["{}", "file://{}"])
def test_files_are_dropped_into_the_folder_of_their_source(tmp_path: Path, url: str):
    env = {DROPS: url.format(tmp_path / "new" / "drops")}
    first, second = (tidemark("seed", "commerce", "--once", env=env).out for _ in range(2))
    assert first.split()[:2] == ["customers", "500"]
    assert second == "nothing to do: there are drops\n"
    dropped = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert dropped == {".csv"}


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("s3://shop/drops", "the files of drops are at s3://shop/drops, and the sample is dropped"),
        ("{}/file", "{}/file/customers/2025-12-06 can't be written: Not a directory. Let this"),
    ],
)
def test_what_is_no_folder_to_write_to_is_refused(tmp_path: Path, url: str, error: str):
    (tmp_path / "file").touch()
    done = tidemark("seed", "commerce", env={DROPS: url.format(tmp_path)})
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"error: seed: {error.format(tmp_path)}")


def test_events_are_posted_into_the_inbox_of_their_area(warehouse: Warehouse):
    seeds: list[list[str]] = [[], ["--once"], ["--day"]]
    first, once, day = (
        succeed("seed", "assets", *words, env=warehouse.environment).out for words in seeds
    )
    assert first.split() == ["events", "723", "events", "repeated", "35"]
    assert once == "nothing to do: there are events\n"
    assert day.split()[:2] == ["events", "105"]
    assert warehouse.rows("mrr", "select count(*) from tidemark.inbox") == [(788,)]


def test_a_second_history_of_events_is_refused(warehouse: Warehouse):
    succeed("seed", "assets", env=warehouse.environment)
    done = tidemark("seed", "assets", env=warehouse.environment)
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith("Add the next day with `tidemark seed assets --day`.\n")
