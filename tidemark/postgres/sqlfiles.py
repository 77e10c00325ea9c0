"""The one place where a `.sql` file is read and taken apart.

Statements that a module composes lie beside it, in a file of its name, each behind a line
`-- name: <statement>`. `{placeholders}` are filled by `compose`, never here.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Literal

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_RESERVED = re.compile(r"^-- reserved in: ([\w, ]+)$", re.MULTILINE)
_OWN_COLUMN = re.compile(r"\b_\w+")
_TOKEN = re.compile(
    r"""(?P<left_out>--[^\n]*|/\*(?:/\*.*?\*/|(?!/\*).)*?\*/|\$(?P<tag>(?!\d)\w*)\$.*?\$(?P=tag)\$)
    |(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'
    |'(?:[^']|'')*' | "(?:[^"]|"")*" | [()] | [^-/$'";()eE]+ | .""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)


@cache
def statements(module: str) -> dict[str, str]:
    """Read the statements of a module, as its `__name__` says: name -> text, without comments.

    A statement may become part of another one, where a comment at its end would hide what follows.
    """
    package, _, name = module.rpartition(".")
    text = (resources.files(package) / f"{name}.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    return {
        name: _COMMENT.sub("", body).strip()
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


def statement(module: str, name: str) -> str:
    """Return one statement's text; KeyError when the module has none of this name."""
    return statements(module)[name]


Use = Literal["payload", "key", "staged", "dimension", "fact"]
"""Where a user's column meets those of statements: in any mirror's payload, in its key, in STG's
payload, in a dimension, in a fact table."""


def reserved(use: Use) -> frozenset[str]:
    """Return the names that no column of a user may have in some use.

    A file of statements says so itself: one that begins with `-- reserved in: key, fact` has
    columns of its own, whose names begin with _, beside keys and beside columns of facts. So no
    room has to know which rooms above it need a name.
    """
    return frozenset(_reserved()[use])


@cache
def _reserved() -> Mapping[str, set[str]]:
    names: dict[str, set[str]] = defaultdict(set)
    rooms = [room for room in resources.files("tidemark").iterdir() if room.is_dir()]
    for file in (file for room in rooms for file in room.iterdir() if file.name.endswith(".sql")):
        text = file.read_text("utf-8")
        if found := _RESERVED.match(text):
            for use in found[1].split(", "):
                names[use].update(_OWN_COLUMN.findall(_COMMENT.sub("", text)))
    return names


def alone(text: str) -> str | None:
    """Return the one statement of a text, as it is, without the semicolon behind it.

    None: there is none, or there are several, or its parentheses do not match, so that in
    parentheses it would be another one.
    """
    found, depth, end = False, 0, len(text)
    for token in _TOKEN.finditer(text):
        if token["tag"] is None and (token["left_out"] or token[0].isspace()):
            continue
        if end < len(text):
            return None
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth < 0:
            return None
        found, end = found or token[0] != ";", token.start() if token[0] == ";" else end
    return text[:end] if found and depth == 0 else None


@cache
def split(text: str) -> tuple[str, ...]:
    """Return the statements of a file, without comments and what is dollar-quoted."""
    return tuple(_split(text))


def _split(text: str) -> Iterator[str]:
    statement = ""
    for token in _TOKEN.finditer(text):
        if token["left_out"]:
            statement += " "
        elif token[0] == ";":
            yield statement.strip()
            statement = ""
        else:
            statement += token[0]
    if statement.strip():
        yield statement.strip()
