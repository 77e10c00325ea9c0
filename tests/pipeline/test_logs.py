"""What commands and tasks write into the log, and that they print what they always did."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Done, process, succeed, tidemark
from tests.fix_retail import Retail
from tidemark import tasks
from tidemark.declare.project import Project

CLOSED = "alter table stg_dim_customers add constraint closed check (city <> 'Oslo') not valid"


@pytest.fixture
def log(retail: Retail, tmp_path: Path) -> Path:
    """The file that `environment` names."""
    return tmp_path / "logs" / "tidemark.log"


@pytest.fixture
def environment(retail: Retail, log: Path) -> dict[str, str]:
    log.parent.mkdir()
    return {**retail.environment, "TIDEMARK_LOG": "json", "TIDEMARK_LOG_FILE": str(log)}


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def told(log: Path) -> list[tuple[Any, ...]]:
    """Return batch, hop and the beginning of the message of each line that is not of an entity."""
    return [
        (line.get("batch_id"), line.get("hop"), line["message"].partition(": ")[2].split(" ")[0])
        for line in lines(log)
        if "entity" not in line
    ]


def test_a_batch_is_told_from_its_begin_to_its_end(environment: dict[str, str], log: Path):
    done = succeed("run", "retail", env=environment)
    assert done.out.startswith("Batch 1 of retail, ")
    assert told(log) == [
        (1, None, "begins"),
        *((1, hop, what) for hop in ("extract", "stage", "publish") for what in ("begins", "9")),
        (1, None, "ended,"),
    ]
    assert {line["area"] for line in lines(log)} == {"retail"}
    [sales] = [
        one for one in lines(log) if (one.get("entity"), one.get("hop")) == ("sales", "stage")
    ]
    assert (sales["processed"], sales["inserted"], sales["rejected"]) == (4, 4, 0)
    assert sales["seconds"] > 0


def test_of_an_idle_batch_entities_are_told_at_debug(environment: dict[str, str], log: Path):
    succeed("run", "retail", env=environment)
    log.unlink()
    succeed("run", "retail", env=environment)
    assert [line for line in lines(log) if "entity" in line] == []
    succeed("run", "retail", env={**environment, "TIDEMARK_LOG_LEVEL": "debug"})
    assert {line["entity"] for line in lines(log) if "entity" in line} == {
        "customers",
        "products",
        "sales",
    }


def fail(retail: Retail, environment: dict[str, str]) -> Done:
    """Let a batch fail in its second hop, because of a row."""
    retail.change("customers", 1, city="Oslo", email="secret@example.com")
    retail.warehouse.execute("stg", CLOSED)
    return tidemark("run", "retail", env=environment)


def test_an_error_is_told_with_its_class_and_code_and_no_value(
    retail: Retail, environment: dict[str, str], log: Path
):
    done = fail(retail, environment)
    [failed, ended] = [line for line in lines(log) if line["level"] == "ERROR"]
    assert (failed["error"], failed["exit_code"]) == ("RefusedRowError", 9)
    assert (failed["batch_id"], failed["hop"]) == (1, "stage")
    assert failed["message"].endswith(done.err.removeprefix("error: ").strip())
    assert ended["message"] == "the command ends with exit code 9"
    assert "batch_id" not in ended
    password = retail.environment["TIDEMARK_DWH_DSN"].split(":")[2].split("@")[0]
    written = log.read_text("utf-8")
    assert [word for word in ("Oslo", "secret@", password) if word in written] == []


def test_an_error_outside_of_a_hop_is_told_once(
    retail: Retail, environment: dict[str, str], log: Path
):
    done = tidemark("run", "retial", env=environment)
    assert (done.code, done.err.startswith("error: area 'retial'")) == (3, True)
    [line] = lines(log)
    assert (line["error"], line["exit_code"]) == ("UnknownNameError", 3)
    assert line["message"] == done.err.removeprefix("error: ").strip()


def test_without_a_file_each_line_of_stderr_is_of_the_log(retail: Retail):
    done = fail(retail, {**retail.environment, "TIDEMARK_LOG": "json"})
    said = [json.loads(line) for line in done.err.splitlines()]
    assert (done.code, done.out, said[0]["message"]) == (9, "", "batch 1 of retail: begins")
    assert [line["level"] for line in said].count("ERROR") == 2
    quiet = {**retail.environment, "TIDEMARK_LOG": "text", "TIDEMARK_LOG_LEVEL": "error"}
    [failed, ended] = tidemark("run", "retail", env=quiet).err.splitlines()
    assert "ERROR   tidemark.batch.telling area=retail batch_id=2 hop=stage: batch 2 of " in failed
    assert ended.endswith("error=RefusedRowError exit_code=9")


def test_without_a_setting_nothing_is_told_twice(retail: Retail):
    done = fail(retail, retail.environment)
    assert (done.code, done.out, done.err.count("\n")) == (9, "", 1)
    assert done.err.startswith("error: customers: stg refused a row: ")


def test_a_wrong_setting_ends_a_command_before_it_does_anything(retail: Retail):
    done = tidemark("run", "retail", env={**retail.environment, "TIDEMARK_LOG": "xml"})
    said = "error: environment: TIDEMARK_LOG is 'xml', and may be text or json.\n"
    assert (done.code, done.out, done.err) == (3, "", said)
    assert retail.warehouse.rows("dwh", "select batch_id from etl_batches") == []
    assert process("run", "--help", env={"TIDEMARK_LOG": "xml"}).code == 0


def test_what_env_says_is_overridden_by_the_environment(retail: Retail, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "sql").symlink_to(retail.home / "sql")
    (home / ".env").write_text("TIDEMARK_LOG_FILE=logs/tidemark.log\nTIDEMARK_LOG=json\n", "utf-8")
    environment = {**retail.warehouse.environment, "TIDEMARK_HOME": str(home)}
    succeed("run", "retail", env=environment)
    log = home / "logs" / "tidemark.log"
    assert told(log)[-1] == (1, None, "ended,")
    log.unlink()
    succeed("run", "retail", env={**environment, "TIDEMARK_LOG": "text"})
    assert " INFO    tidemark.batch.telling area=retail batch_id=2: " in log.read_text("utf-8")


def test_a_task_writes_the_file_and_leaves_the_orchestrator_s_handlers_alone(
    retail: Retail,
    environment: dict[str, str],
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = [*logging.getLogger().handlers]
    tasks.run_hop(Project(retail.home), "retail", "extract")
    assert [*logging.getLogger().handlers] == before
    assert [line["message"] for line in lines(log)] == caplog.messages
    assert told(log) == [(1, None, "begins"), (1, "extract", "begins"), (1, "extract", "9")]
    retail.warehouse.execute("stg", "drop table stg_dim_customers cascade")
    with pytest.raises(Exception, match="stg_dim_customers"):
        tasks.run_hop(Project(retail.home), "retail", "stage", batch_id=1)
    [error] = [line for line in lines(log) if line["level"] == "ERROR"]
    assert (error["batch_id"], error["hop"]) == (1, "stage")


def test_a_migration_tells_what_it_has_applied(empty: Any, tmp_path: Path):
    log = tmp_path / "tidemark.log"
    env = {**empty.environment, "TIDEMARK_LOG": "json", "TIDEMARK_LOG_FILE": str(log)}
    tidemark("migrate", "--sample", env=env)
    applied = [line["message"] for line in lines(log) if line.get("server") == "dwh"]
    assert applied[0] == "dwh: sql/platform/common/00_roles.sql applied"
    assert "dwh: sql/platform/dwh/02_etl_logs.sql applied" in applied


def test_a_rebuild_belongs_to_no_batch(retail: Retail, environment: dict[str, str], log: Path):
    succeed("run", "retail", env=environment)
    log.unlink()
    succeed("rebuild", "retail", env=environment)
    assert told(log) == [(None, "rebuild", "begins"), (None, "rebuild", "ended")]
