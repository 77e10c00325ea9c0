"""Composed statements as a reviewer reads them: names as they are, values told apart by kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from psycopg2 import sql

from tidemark.postgres import compose, db

PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
VERBS = "alter analyze begin copy create delete drop insert lock select set truncate update with"
WHOLE = re.compile(rf"({'|'.join(VERBS.split())})\b")
"""How a statement begins that is no part of another one."""
PARAMETER = re.compile(r"%\((\w+)\)s")
LISTED = re.compile(r'^(?P<indent> +)[\w."]+(, [\w."]+)+,?$', re.MULTILINE)
Seen = dict[tuple[str, str], set[str]]
"""Module and name of a statement -> what it was composed to."""


@contextmanager
def watched() -> Iterator[Seen]:
    """Note what each statement is composed to while the block runs."""
    seen: Seen = {}
    statement = compose.statement

    def noting(
        module: str, name: str, /, *common: compose.Parts, **parts: compose.Part
    ) -> sql.Composed:
        composed = statement(module, name, *common, **parts)
        seen.setdefault((module, name), set()).add(spelled(composed))
        return composed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "statement", noting)
        yield seen


def spelled(composed: sql.Composable) -> str:
    """Spell a statement without a server."""
    match composed:
        case sql.Composed():
            return "".join(map(spelled, composed))
        case sql.Identifier():
            return ".".join(map(_name, composed.strings))
        case sql.Literal():
            return _value(composed.wrapped)
        case db.Bound():
            return spelled(composed.statement)
        case _:
            assert isinstance(composed, sql.SQL)
            return composed.string


def _name(name: str) -> str:
    return name if PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _value(value: object) -> str:
    match value:
        case None | bool():
            return str(value).lower().replace("none", "null")
        case int() | float():
            return str(value)
        case datetime():
            return "timestamptz '2025-01-01Z'"
        case list():
            return f"array[{', '.join(map(_value, value))}]"
        case _:
            return "'" + str(value).replace("'", "''") + "'"


def readable(text: str) -> str:
    """Break lines that are lists, and let parameters look like psql's."""
    text = PARAMETER.sub(r":\1", text).replace("%%", "%")
    return LISTED.sub(lambda line: line[0].replace(", ", f",\n{line['indent']}"), text)


def files(seen: Seen) -> dict[str, str]:
    """Return a text for each file of statements: those that can be run, each one time.

    Fragments are in them. Of several entities' statements the one of customers is shown.
    """
    texts: dict[str, list[str]] = {}
    for (file, name), found in sorted(seen.items()):
        text = min(found, key=lambda one: ("customers" not in one, one))
        if WHOLE.match(text):
            texts.setdefault(file.rpartition(".")[2], []).append(f"-- {name}\n{readable(text)};\n")
    return {file: "\n".join(found) for file, found in texts.items()}
