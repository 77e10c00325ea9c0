"""What a command does before it begins, counted in steps that no machine's speed changes."""

import sys

import pytest
from typer.main import get_command

from tests.commands import run
from tidemark import cli

BEGIN = "import atexit, gc, sys, tidemark.cli as cli; sys.argv[1:] = ['plan', 'retail']"


def started(before: str, then: str) -> str:
    """Begin `tidemark plan`, up to its first server; returns what the process says in the end."""
    program = f"{BEGIN}\n{before}\natexit.register(lambda: print({then}))\ncli.main()"
    done = run([sys.executable, "-c", program], {"TIDEMARK_DWH_DSN": "alone"})
    assert (done.code, done.err.count("\n")) == (3, 1), done
    return done.out.strip()


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ([], None),
        (["rum"], None),
        (["run"], ["run"]),
        (["keys"], ["keys"]),
        (["alert", "--help"], ["alert"]),
    ],
)
def test_only_the_command_that_is_called_is_made(words: list[str], known: list[str] | None):
    every = list(get_command(cli.app).commands)  # type: ignore[attr-defined]
    made = get_command(cli.with_one_command(words[:1]))
    assert list(made.commands) == (known or every)  # type: ignore[attr-defined]


def test_the_garbage_of_imports_is_hardly_looked_for():
    count = "sum(each['collections'] for each in gc.get_stats())"
    assert int(started(f"before = {count}", f"{count} - before")) <= 3, "without a care it is 50"


def test_a_model_within_another_one_is_not_built_for_itself():
    entity = "from tidemark.declare.entity import Entity"
    assert started(entity, "Entity.__pydantic_complete__") == "False"
