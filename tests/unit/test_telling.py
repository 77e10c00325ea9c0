"""What commands that run for long write to stderr."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemark import logs
from tidemark.cli import telling


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody asks for a log; what a command began ends."""
    for name in ("TIDEMARK_LOG", "TIDEMARK_LOG_LEVEL", "TIDEMARK_LOG_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield
    telling.end()


def test_who_runs_for_long_tells_warnings_and_others_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    telling.begin(tmp_path)
    log = logs.named("tidemark.some")
    log.warning("before")
    with telling.speaking():
        log.info("nothing")
        log.warning("%s is away", "mrr")
    log.warning("after")
    said = capsys.readouterr().err.splitlines()
    assert [re.sub(r"^\S+Z ", "", line) for line in said] == ["WARNING tidemark.some: mrr is away"]


def test_for_whom_a_run_waits_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    telling.begin(tmp_path)
    with telling.speaking():
        logs.named(logs.WAITS).warning("waits for 7")
    assert capsys.readouterr().err == "waits for 7\n"


@pytest.mark.parametrize("name", ["TIDEMARK_LOG", "TIDEMARK_LOG_FILE"])
def test_a_log_that_is_asked_for_is_the_only_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "log"
    monkeypatch.setenv(name, "json" if name == "TIDEMARK_LOG" else str(file))
    telling.begin(tmp_path)
    with telling.speaking():
        logs.named("tidemark.some").warning("mrr is away")
    written = file.read_text("utf-8") if file.exists() else ""
    said = capsys.readouterr().err
    assert [text.count("mrr is away") for text in (said, written)] in ([1, 0], [0, 1])
    assert bool(written) == (name == "TIDEMARK_LOG_FILE")
