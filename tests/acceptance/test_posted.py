"""The commands on an area whose source is events."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from tests.commands import Done, succeed, tidemark
from tests.fix_posted import Post, Posting
from tests.fix_queues import Fed, sale
from tests.fix_servers import HOME
from tidemark.layers import inbox
from tidemark.layers.inbox import Posted


def command(area: Posting, words: str, *, code: int = 0) -> Done:
    done = tidemark(*words.split(), env=area.environment)
    assert done.code == code, done
    return done


def test_events_are_planned_taken_shown_and_given_back(posting: Post):
    area = posting()
    area.post("things", "a", id=1, v="one")
    area.post("things", "b", id="x", v="two")
    area.post("strange", "c", id=1)
    (planned,) = command(area, "plan --json").json["entities"]
    assert (planned["rows"], planned["items"]) == (2, [])
    said = command(area, "doctor").out
    assert "events posted to made" in said
    assert "1 events of kind 'strange' wait, and no entity of made takes them" in said
    command(area, "run")
    assert area.rows("mrr", "select id, v from mrr_things") == [(1, "one")]
    rejects = command(area, "rejects").out
    assert "id: not a valid integer" in rejects
    assert "nothing changed" in command(area, "run").out
    command(area, "verify")
    command(area, "status")
    command(area, "rebuild")
    command(area, "reset made --yes made")
    command(area, "migrate")
    command(area, "run")
    assert area.rows("mrr", "select id, v from mrr_things") == [(1, "one")]


def test_events_of_an_area_that_has_gone_are_told_of(posting: Post):
    area = posting()
    with area.servers.session("mrr", "post") as mrr:
        for name in ("made", "gone"):
            inbox.post(mrr, name, [Posted("a", "things", "{}")])
    said = command(area, "doctor").out
    assert "events of 'gone' wait in the inbox, and no area of this name takes events" in said
    assert "events of 'made'" not in said


@contextmanager
def working(area: Posting) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Run `tidemark work`; yields it, and what it says on stderr."""
    with subprocess.Popen(
        [sys.executable, "-m", "tidemark", "work"],
        cwd=HOME,
        env={**os.environ, **area.environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        try:
            assert worker.stderr
            assert worker.stderr.readline() == "works on made\n"
            yield worker, worker.stderr
        finally:
            worker.kill()


def test_a_worker_takes_what_has_come_before_it_ends(posting: Post):
    area = posting()
    with working(area) as (worker, said):
        area.post("things", "a", id=1, v="one")
        area.tell()
        assert said.readline().startswith("made: batch 1: 1 events, ")
        area.post("things", "b", id=2, v="two")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert area.rows("mrr", "select id, v from mrr_things order by id") == [(1, "one"), (2, "two")]


def test_who_moves_events_needs_the_layers_and_starts_no_database_of_another_area(fed: Fed):
    fed.made.declare_shop()
    fed.send(sale("a"))
    words = ("consume", f"sqs://{fed.name}", "--until-empty", "--wait", "0")
    succeed(*words, env=fed.environment)
    succeed("rejects", "made", "--replay-all", env=fed.environment)
    with working(fed.made) as (_, said):
        fed.made.tell()
        assert said.readline().startswith("made: batch 1: 1 events, ")
    assert not (fed.made.home / ".tidemark").exists()


def test_a_worker_that_has_nothing_to_take_says_so(posting: Post):
    area = posting()
    done = command(area, "work mde", code=3)
    assert "Did you mean 'made'?" in done.err
    path = area.home / "sql" / "made" / "area.yml"
    path.write_text(
        "area: made\nentities: {things: {key: [id], watermark: updated_at, source: things}}\n"
    )
    assert command(area, "work", code=2).err == (
        "error: work: no area takes events. Declare one with `source: {kind: events}` in "
        "sql/<area>/area.yml.\n"
    )
    assert "`tidemark run made`" in command(area, "work made", code=2).err
