"""The commands of docs/logs.md are run, and the page has every key that a line may have."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from tests.commands import Done, run
from tests.fix_retail import Retail
from tests.fix_servers import HOME
from tidemark.logs import writing

PAGE = (HOME / "docs" / "logs.md").read_text("utf-8")
CHANGING = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d+\.\d\d s")
LISTS = (HOME / "tidemark").rglob("*.py")


def typed(command: str, retail: Retail, home: Path) -> Done:
    """Run a command of the page in the shell."""
    path = f"{HOME / '.venv' / 'bin'}:{os.environ['PATH']}"
    environment = {**retail.environment, "TIDEMARK_HOME": str(home), "PATH": path}
    return run(["sh", "-c", command], environment, home)


def test_the_commands_of_the_page_print_what_it_says(retail: Retail, tmp_path: Path) -> None:
    home = tmp_path / "project"
    home.mkdir()
    (home / "sql").symlink_to(retail.home / "sql")
    blocks = re.findall(r"^\$ (.*)\n((?:(?!\$ |```).*\n)*)", PAGE, re.MULTILINE)
    assert len(blocks) == 5
    for command, printed in blocks:
        done = typed(command, retail, home)
        said = done.err if done.code else done.out
        assert done.code == (3 if "xml" in command else 0), done
        if printed:
            assert CHANGING.sub("", said) == CHANGING.sub("", printed)


def test_every_key_of_a_line_is_documented() -> None:
    calls = (
        re.findall(r"logs\.fields\((.*?)\)(?:,|\n)", file.read_text("utf-8"), re.DOTALL)
        for file in LISTS
    )
    keys = set(re.findall(r"\b(\w+)=", " ".join(text for found in calls for text in found)))
    [table] = re.findall(r"^\| key \| what \|\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    named = {key for row in table.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert {"entity", "seconds", "check", "held_back_by"} <= keys
    assert keys <= named
    assert {"time", "level", "logger", "message", "error", "exit_code"} <= named


def test_every_variable_and_value_is_documented_and_in_the_example() -> None:
    example = (HOME / ".env.example").read_text("utf-8")
    for name in (writing.FORM, writing.LEVEL, writing.FILE):
        [row] = re.findall(rf"^\| `{name}` \|.*", PAGE, re.MULTILINE)
        assert f"# {name}=" in example
        if name == writing.LEVEL:
            assert re.findall(r"`([a-z]+)`", row.split("|")[2]) == [*writing.LEVELS]
    assert json.dumps(example).count("TIDEMARK_LOG_FILE=logs/tidemark.log") == 1
