"""How names and lists are spelled in YAML and in SQL."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator

from tidemark.postgres.db import quoted

WIDTH = 100
_PLAIN = re.compile(r"[^\W\d][\w./]*")
_SQL = re.compile(r"[a-z_][a-z0-9_]*")
_NO_NAMES = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def scalar(name: str) -> str:
    """Spell a name in YAML."""
    is_plain = _PLAIN.fullmatch(name) and name.lower() not in _NO_NAMES
    if is_plain:
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def wrapped(items: Iterable[str], indent: str) -> Iterator[str]:
    """Yield lines with items, and commas between them."""
    line = indent
    for item in items:
        if line.strip():
            line += ","
            if len(line) + len(item) + 1 > WIDTH:
                yield line
                line = indent
            else:
                line += " "
        line += item
    yield line


def identifier(name: str, keywords: Collection[str]) -> str:
    """Spell a name in SQL, with quotes where it needs them."""
    return name if _SQL.fullmatch(name) and name not in keywords else quoted(name)


def literal(value: str) -> str:
    """Spell a text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def comment(text: str, mark: str) -> str:
    """Return a text as comment lines."""
    return textwrap.fill(text, WIDTH, initial_indent=mark, subsequent_indent=mark)
