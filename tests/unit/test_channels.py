"""The URLs of TIDEMARK_ALERT_URLS, and what is kept beside a project."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tidemark.batch.outbox import Outbox
from tidemark.declare import channels
from tidemark.errors import ConfigError

MAIL = "mailto://127.0.0.1:2525?from=a@example.com&to=b@example.com,c@example.com&mode=insecure"
HOOK = "json://user:secret@127.0.0.1:9/hook"


@pytest.mark.parametrize("between", [" ", "\n", ",", ", ", " \t\n"])
def test_urls_may_be_apart_by_blanks_commas_and_lines(tmp_path: Path, between: str):
    found = channels.configured(tmp_path, f" {MAIL}{between}{HOOK}\n")
    assert found is not None
    assert found.urls == (MAIL, HOOK)


@pytest.mark.parametrize("text", ["", " ", "\n,"])
def test_without_a_url_nobody_is_told(tmp_path: Path, text: str):
    assert channels.configured(tmp_path, text) is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_found_good_is_noted_and_what_is_new_is_examined(tmp_path: Path):
    channels.configured(tmp_path, HOOK)
    stamp = tmp_path / ".tidemark" / "alert-urls.checked"
    assert stat.S_IMODE(stamp.stat().st_mode) == 0o600
    assert "secret" not in stamp.read_text("ascii")
    with pytest.raises(ConfigError, match="its URL 2, of kind 'nonsense'"):
        channels.configured(tmp_path, f"{HOOK} nonsense://x")
    stamp.write_bytes(b"\xff")
    assert channels.configured(tmp_path, HOOK) is not None


def test_where_the_project_has_no_room_the_state_is_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home, beside = tmp_path / "home", tmp_path / "beside"
    home.mkdir()
    beside.mkdir()
    (home / ".tidemark").touch()
    monkeypatch.setattr("tempfile.tempdir", str(beside))
    folder = channels.state_folder(home)
    assert folder.parent == beside
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()
    folder.symlink_to("/etc/nowhere")
    with pytest.raises(OSError, match="exists"):
        channels.state_folder(home)


def test_that_the_dwh_is_away_is_told_each_channel_once_and_then_that_it_is_back(tmp_path: Path):
    outbox = Outbox(tmp_path)
    outbox.back()
    assert list(outbox.due(["a"])) == []
    outbox.away("dwh: gone")
    outbox.away("dwh: still gone")
    assert [(away.what, phase, to) for away, phase, to in outbox.due(["a", "b"])] == [
        ("dwh: gone", "begin", "a"), ("dwh: gone", "begin", "b")
    ]  # fmt: skip
    outbox.tell("begin", "a", is_taken=True)
    outbox.tell("begin", "b", is_taken=False)
    assert list(outbox.due(["a", "b"])) == []
    outbox.back()
    assert [(phase, to) for _, phase, to in outbox.due(["a", "b"])] == [("end", "a")]
    outbox.tell("end", "a", is_taken=True)
    outbox.forget(["a", "b"])
    assert (tmp_path / "alerts.json").exists()
    outbox.forget(["a"])
    assert not (tmp_path / "alerts.json").exists()


def test_a_dwh_that_goes_away_again_is_told_to_those_who_know_that_it_was_back(tmp_path: Path):
    outbox = Outbox(tmp_path)
    outbox.away("dwh: gone")
    outbox.tell("begin", "a", is_taken=True)
    outbox.tell("begin", "b", is_taken=True)
    outbox.back()
    outbox.tell("end", "a", is_taken=True)
    outbox.away("dwh: gone again")
    assert [(phase, to) for _, phase, to in outbox.due(["a", "b"])] == [("begin", "a")]
    outbox.back()
    assert ("end", "b") in [(phase, to) for _, phase, to in outbox.due(["a", "b"])]


def test_a_state_that_can_not_be_read_begins_anew(tmp_path: Path):
    (tmp_path / "alerts.json").write_text("{", "utf-8")
    outbox = Outbox(tmp_path)
    assert list(outbox.due(["a"])) == []
    outbox.away("dwh: gone")
    assert json.loads((tmp_path / "alerts.json").read_text("utf-8"))["what"] == "dwh: gone"
