"""The area of docs/queue.md is made as the page says, and its queue is consumed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.commands import tidemark
from tests.fix_files import written
from tests.fix_queues import Fed
from tests.fix_servers import HOME, Warehouse, new_databases
from tidemark.model import ServerName

PAGE = (HOME / "docs" / "queue.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)


def block(kind: str, start: str = "") -> str:
    return str(next(text for one, text in BLOCKS if one == kind and text.startswith(start)))


def test_the_queue_of_the_page_is_consumed(
    fed: Fed,
    platforms: dict[ServerName, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "till"
    written(home / "sql/till/area.yml", block("yaml"))
    fed.client.create_queue(QueueName="till-sales")
    exec(compile(block("python"), "queue.md", "exec"), {})
    monkeypatch.chdir(tmp_path)
    with new_databases(platforms, "page") as databases:
        warehouse = Warehouse(databases)
        env = {k: v for k, v in warehouse.environment.items() if "OPERATIONAL" not in k}
        env |= {"TIDEMARK_HOME": str(home)}
        for line in block("bash").splitlines():
            done = tidemark(*shlex.split(line)[1:], env=env)
            assert done.code == 0, done
        assert "price: has to be at least 0" in done.out
        file = tmp_path / "corrected.jsonl"
        _, replay, run = (line for line in block("", "tidemark rejects").splitlines()[1:])
        shown = tidemark("rejects", "till", "--json", env=env).json
        file.write_text("".join(f"{json.dumps(one['event'])}\n" for one in shown), "utf-8")
        assert tidemark(*shlex.split(replay)[1:], env=env).err == block("", "error: ")
        file.write_text(file.read_text("utf-8").replace("-1", "1"), "utf-8")
        for line in (replay, run):
            assert tidemark(*shlex.split(line)[1:], env=env).code == 0
        found = warehouse.rows("stg", "select event_id, price::text from stg_sales order by 1")
        assert found == [("s-1", "9.50"), ("s-2", "1.00")]
        warehouse.close()


def test_the_keys_of_a_message_are_on_the_page() -> None:
    message = json.loads(block("json"))
    assert {*message} == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
