"""What a newcomer reads first: the help, and the errors about wrong arguments."""

import re

import pytest
from typer.main import get_command

from tests.commands import Done, process, tidemark
from tidemark import errors
from tidemark.cli import app

COMMANDS = (
    "init up down dsn psql doctor migrate plan run status history rejects work serve console "
    "consume query monitor check alert metrics verify rebuild reset seed demo keys"
).split()


def squeezed(done: Done) -> str:
    assert (done.code, done.err) == (0, ""), done
    return re.sub(r"[\s│]+", " ", done.out)


def test_these_are_the_commands():
    assert list(get_command(app).commands) == COMMANDS  # type: ignore[attr-defined]


def test_the_help_names_every_command_and_every_exit_code():
    said = squeezed(process("--help"))
    assert [command for command in COMMANDS if f" {command} " not in said] == []
    codes = {int(code) for code in re.findall(r"(\d+) \w", said.partition("Exit codes: ")[2])}
    ours = [vars(errors)[name] for name in dir(errors) if name.endswith("Error")]
    assert codes == {error.exit_code for error in ours} | {0, 130, 143}


def test_without_words_the_help_is_shown():
    assert tidemark(env={}) == tidemark("--help", env={})


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example(command: str):
    said = squeezed(tidemark(command, "--help", env={}))
    assert re.search(rf"Example: .*tidemark {command}\b", said), said


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["runn"], "tidemark: no such command 'runn'. Did you mean 'run'? See `tidemark --help`."),
        (["history", "customers"], "tidemark history: missing argument 'key'. See `tidemark"),
        (["rejects", "--limit", "0"], "tidemark rejects: invalid value for '--limit': "),
        (["seed", "--custom", "3"], "tidemark seed: no such option: --custom (Possible options: "),
    ],
    ids=["command", "argument", "value", "option of the sample"],
)
def test_wrong_words_are_told_in_a_line(words: list[str], error: str):
    done = tidemark(*words, env={})
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {error}")


def test_an_unknown_hop_is_told_with_the_nearest():
    done = tidemark("run", "--hop", "extrakt", env={})
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        "error: hop 'extrakt': there is none of this name. Did you mean 'extract'? "
        "Known: extract, publish, stage.\n"
    )
