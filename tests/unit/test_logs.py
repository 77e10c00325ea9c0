"""How lines of the log read, who is told of a wrong setting, and how processes share a file."""

import json
import logging
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fix_retail import PATIENCE
from tidemark import logs
from tidemark.errors import ConfigError, ConnectError, TidemarkError, UsageError
from tidemark.logs import files, formats, writing
from tidemark.postgres import retries

log = logs.named("tidemark.tests")


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What reaches the handlers of the root logger, from the lowest level on."""
    with caplog.at_level("DEBUG", logger="tidemark"):
        yield caplog


def work(record: logging.LogRecord) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in ("area", "batch_id", "hop"))


def test_a_line_of_json_is_an_object(told: pytest.LogCaptureFixture):
    with logs.within("retail", 7), logs.within("retail", 7, "stage"):
        log.error("two\nlines", extra=logs.fields(entity="sales", seconds=0.5, check=None))
    told.records[0].created = 1767225600.0625
    assert json.loads(formats.Json().format(told.records[0])) == {
        "time": "2026-01-01T00:00:00.062Z",
        "level": "ERROR",
        "logger": "tidemark.tests",
        "message": "two\nlines",
        "area": "retail",
        "batch_id": 7,
        "hop": "stage",
        "entity": "sales",
        "seconds": 0.5,
    }


def test_a_line_of_text_is_one_line(told: pytest.LogCaptureFixture):
    with logs.within("retail", 7, "stage"):
        log.error("two\nlines", extra=logs.fields(**logs.of_error(UsageError("no"))))
    log.info("nothing runs")
    for record in told.records:
        record.created = 1767225600.0
    assert [formats.Text().format(record) for record in told.records] == [
        "2026-01-01T00:00:00.000Z ERROR   tidemark.tests area=retail batch_id=7 hop=stage: "
        "two lines error=UsageError exit_code=2",
        "2026-01-01T00:00:00.000Z INFO    tidemark.tests: nothing runs",
    ]


def test_a_thread_knows_what_its_process_works_on(told: pytest.LogCaptureFixture):
    def elsewhere() -> None:
        thread = threading.Thread(target=lambda: log.info("streams"))
        thread.start()
        thread.join(PATIENCE)

    with logs.within("retail", 7), logs.within("retail", 7, "stage"):
        elsewhere()
    elsewhere()
    assert [work(record) for record in told.records] == [("retail", 7, "stage"), (None, None, None)]


def test_what_a_thread_can_t_know_is_not_guessed(told: pytest.LogCaptureFixture):
    begun, done = threading.Event(), threading.Event()

    def works() -> None:
        with logs.within("billing", 8):
            begun.set()
            assert done.wait(PATIENCE)
            log.info("its own")

    working = threading.Thread(target=works)
    idle = threading.Thread(target=lambda: log.info("of neither"))
    with logs.within("retail", 7):
        working.start()
        assert begun.wait(PATIENCE)
        idle.start()
        idle.join(PATIENCE)
        done.set()
        working.join(PATIENCE)
    assert [work(record) for record in told.records] == [(None, None, None), ("billing", 8, None)]


def test_the_message_of_a_foreign_error_is_left_out():
    assert logs.said(ValueError("a value of a row")) == "ValueError"
    assert logs.said(KeyboardInterrupt()) == "interrupted"
    assert logs.said(UsageError("what is wrong")) == "what is wrong"


def test_another_attempt_is_logged(told: pytest.LogCaptureFixture):
    failures: list[TidemarkError] = [ConnectError("dwh: gone.", is_transient=True)]

    def work() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert retries.until_done(work) == "done"
    [line] = [json.loads(formats.Json().format(record)) for record in told.records]
    assert line["message"].startswith("dwh: gone. Tried again in 0.")
    assert (line["error"], line["attempt"], line["level"]) == ("ConnectError", 1, "WARNING")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TIDEMARK_LOG", "xml", "TIDEMARK_LOG is 'xml', and may be text or json."),
        (
            "TIDEMARK_LOG_LEVEL",
            "verbose",
            "TIDEMARK_LOG_LEVEL is 'verbose', and may be debug, info, warning or error.",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str, said: str):
    with pytest.raises(ConfigError) as raised:
        writing.wanted({name: value}, Path("/home"))
    assert str(raised.value) == f"environment: {said}"


def test_what_is_not_set_has_a_default():
    home = Path("/shop")
    assert writing.wanted({"TIDEMARK_LOG": "", "TIDEMARK_HOME": "/shop"}, home) is None
    file = writing.wanted({"TIDEMARK_LOG_FILE": "logs/t.log"}, home)
    assert file == writing.Wanted("text", "info", home / "logs" / "t.log")
    assert writing.wanted({"TIDEMARK_LOG": "JSON"}, home) == writing.Wanted("json", "info", None)


def test_a_file_that_can_t_be_written_is_told(tmp_path: Path):
    path = tmp_path / "no" / "such" / "folder.log"
    with (
        pytest.raises(ConfigError, match=rf"TIDEMARK_LOG_FILE: {path} can't be written: No such"),
        writing.written(writing.Wanted("text", "info", path)),
    ):
        pytest.fail("it was opened")


def test_a_file_is_written_once_and_the_logger_is_left_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    logger, path = logging.getLogger("tidemark"), tmp_path / "logs" / "tidemark.log"
    before = (logger.level, [*logger.handlers])
    asked = writing.Wanted("json", "info", path)
    with writing.written(asked), writing.written(asked):
        log.debug("nobody asked for it")
        log.info("once")
    assert (logger.level, logger.handlers) == before
    assert [json.loads(line)["message"] for line in path.read_text("utf-8").splitlines()] == [
        "once"
    ]
    assert [record.message for record in caplog.records] == ["once"]


def test_blocks_of_two_threads_end_in_any_order(capsys: pytest.CaptureFixture[str]):
    logger = logging.getLogger("tidemark")
    before = (logger.level, [*logger.handlers])
    first, second = ExitStack(), ExitStack()
    for stack, level in ((first, "info"), (second, "warning")):
        stack.enter_context(writing.written(writing.Wanted("text", level, None), stream=sys.stderr))
    log.info("of the first")
    first.close()
    log.info("of nobody")
    assert logger.level == logging.WARNING
    second.close()
    assert (logger.level, logger.handlers) == before
    assert re.findall(r": (of .*)$", capsys.readouterr().err, re.MULTILINE) == ["of the first"]


def test_a_full_disk_stops_nothing_and_is_told_once(capsys: pytest.CaptureFixture[str]):
    with writing.written(writing.Wanted("text", "info", Path("/dev/full"))):
        log.info("one")
        log.info("two")
    said = "warning: /dev/full: can't be written: No space left on device.\n"
    assert capsys.readouterr().err == said


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("tidemark", logging.INFO, "", 0, message, None, None)


def test_a_file_that_another_program_has_renamed_is_made_again(tmp_path: Path):
    handler = files.RotatedFile(tmp_path / "t.log")
    handler.emit(record("before"))
    (tmp_path / "t.log").rename(tmp_path / "moved")
    handler.emit(record("after"))
    handler.close()
    assert (tmp_path / "moved").read_text("utf-8") == "before\n"
    assert (tmp_path / "t.log").read_text("utf-8") == "after\n"


def test_a_full_file_is_renamed_and_the_oldest_go(tmp_path: Path):
    handler = files.RotatedFile(tmp_path / "t.log", most_bytes=8)
    for number in range(10):
        handler.emit(record(f"line {number}"))
    handler.close()
    kept = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    older = {f"t.log.{n}": f"line {9 - n}\n" for n in range(1, files.KEPT + 1)}
    assert kept == {"t.log": "line 9\n", **older}


WRITER = """
    import logging, sys
    from pathlib import Path
    from tidemark.logs import files
    handler = files.RotatedFile(Path(sys.argv[1]), most_bytes=15_000)
    sys.stdin.readline()
    for number in range(600):
        text = f"{sys.argv[2]} {number:04} {'-' * (number % 50)}"
        handler.emit(logging.LogRecord("", logging.INFO, "", 0, text, None, None))
"""


def test_two_processes_that_rotate_one_file_lose_no_line_and_mix_none(tmp_path: Path):
    path = tmp_path / "t.log"
    program = [sys.executable, "-c", textwrap.dedent(WRITER), str(path)]
    writers = [
        subprocess.Popen([*program, name], stdin=subprocess.PIPE, text=True) for name in "ab"
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=PATIENCE)
    assert [writer.returncode for writer in writers] == [0, 0]
    found = sorted(
        line for each in tmp_path.iterdir() for line in each.read_text("utf-8").splitlines()
    )
    assert found == [f"{w} {n:04} {'-' * (n % 50)}" for w in "ab" for n in range(600)]
    sizes = [each.stat().st_size for each in tmp_path.iterdir()]
    assert (len(sizes) >= 3, max(sizes) < 16_000) == (True, True), sizes


def test_a_file_that_another_process_has_just_renamed_is_not_renamed_again(tmp_path: Path):
    late, first = (files.RotatedFile(tmp_path / "t.log", most_bytes=9) for _ in "ab")
    first.emit(record("line 1"))
    first.emit(record("line 2"))
    late._rotate()
    late.emit(record("!"))
    for handler in (late, first):
        handler.close()
    kept = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert kept == {"t.log": "line 2\n!\n", "t.log.1": "line 1\n"}


FORKED = """
    import fcntl, logging, os, sys
    from pathlib import Path
    from tidemark.logs import files
    handler = files.RotatedFile(Path(sys.argv[1]), most_bytes=8)
    fcntl.flock(handler._file, fcntl.LOCK_EX)
    if child := os.fork():
        sys.exit(os.waitpid(child, 0)[1])
    for text in ("line 1", "line 2"):
        handler.emit(logging.LogRecord("", logging.INFO, "", 0, text, None, None))
"""


def test_a_process_that_was_forked_does_not_share_the_lock(tmp_path: Path):
    program = [sys.executable, "-c", textwrap.dedent(FORKED), str(tmp_path / "t.log")]
    subprocess.run(program, check=True, timeout=PATIENCE)
    assert [path.name for path in tmp_path.iterdir()] == ["t.log"]
    assert (tmp_path / "t.log").read_text("utf-8") == "line 1\nline 2\n"
