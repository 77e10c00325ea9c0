"""The commands on an area whose source is files."""

from __future__ import annotations

from tests.commands import Done, tidemark
from tests.fix_files import Drop, Dropped, csv_text


def command(area: Dropped, words: str) -> Done:
    done = tidemark(*words.split(), env=area.environment)
    assert done.code == 0, done
    return done


def test_files_are_planned_taken_shown_and_forgotten(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "a"), (2, "b", "wide"))})
    assert "things/1.csv" in command(area, "plan").out
    assert command(area, "plan --json").json["entities"][0]["items"] == ["things/1.csv"]
    assert "things: 1 files like things/*.csv" in command(area, "doctor").out
    command(area, "run")
    (files,) = command(area, "status --json").json["files"]
    assert (files["taken"], files["set_aside"], files["last"]) == (1, 0, "things/1.csv")
    assert files["lag_seconds"] > 0
    rejects = command(area, "rejects").out
    assert "things/1.csv" in rejects
    assert "3 fields, where 2 are expected" in rejects
    area.drop("things/1.csv", csv_text((1, "a"), (2, "b")))
    assert "things" in command(area, "rejects --retry things/1.csv").out
    assert area.mrr() == [("1", "a"), ("2", "b")]
    assert command(area, "rejects --json").json == []
    command(area, "verify")
    command(area, "reset made --yes made")
    assert area.files() == []
    command(area, "migrate")
    command(area, "run")
    assert area.mrr() == [("1", "a"), ("2", "b")]


def test_a_folder_that_is_not_there_is_named_with_what_to_do(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "a"))})
    elsewhere = area.home / "elsewhere"
    env = {**area.environment, "TIDEMARK_SOURCE_FILES_URL": elsewhere.as_uri()}
    done = tidemark("run", env=env)
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        f"error: files: there is no folder {elsewhere}. Make it, or correct `source.url` in "
        "area.yml or TIDEMARK_SOURCE_FILES_URL.\n"
    )
    elsewhere.mkdir()
    assert tidemark("run", env=env).code == 0
    # One of the project is there once somebody drops a file.
    (area.drops / "things/1.csv").unlink()
    (area.drops / "things").rmdir()
    area.drops.rmdir()
    assert "nothing changed" in command(area, "run").out
    misspelt = tidemark("run", env={**area.environment, "TIDEMARK_SOURCE_FILS_URL": "/tmp"})
    assert (misspelt.code, "Did you mean TIDEMARK_SOURCE_FILES_URL?" in misspelt.err) == (3, True)
