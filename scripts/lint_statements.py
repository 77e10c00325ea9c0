#!/usr/bin/env python3
"""Lint the statements of files beside modules, one by one: such a file as a whole is no SQL.

    python scripts/lint_statements.py tidemark/postgres/locks.sql

Those with placeholders are linted as they are composed, in tests/snapshots, and fragments as parts
of them.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

from tidemark.postgres import compose

NAME = re.compile(r"^-- name: \w+\n", re.MULTILINE)
ABOUT_THE_NEXT = re.compile(r"\n\s*(?:--[^\n]*\s*)*\Z")
WHOLE = re.compile(r"\s*(?:create|delete|do|insert|lock|select|set|update|with)\b")
PARAMETER = re.compile(r"%\((\w+)\)s")
LEFT_OUT = [
    "references.keywords",
    "structure.column_order",
    # Programs read columns by place.
    *("AL03", "AM03", "AM06"),
    # It takes `exists (select from t)` and `t (a, b)` for functions, and indents what is behind.
    *("LT01", "LT02", "LT06"),
    # "char" is a type of its own, and char another one.
    "RF06",
    # The order of a catalog's names in a join, and subqueries there.
    *("RF03", "ST05", "ST09", "ST11"),
]
"""Rules that these statements don't follow."""


def main(paths: list[str]) -> str | None:
    """Return what is wrong; None if nothing is."""
    linter = Linter(FluffConfig.from_root(overrides={"exclude_rules": ", ".join(LEFT_OUT)}))
    return "\n".join(line for path in paths for line in violations(linter, path)) or None


def violations(linter: Linter, path: str) -> Iterator[str]:
    """Lint one file: path, line, and what is wrong there."""
    text = Path(path).read_text("utf-8")
    names = [*NAME.finditer(text)]
    for name, end in zip(names, [*(each.start() for each in names[1:]), len(text)], strict=True):
        statement = ABOUT_THE_NEXT.sub("\n", text[name.end() : end])
        if not WHOLE.match(statement) or compose.placeholders(statement):
            continue
        sent = statement.replace("{{", "{").replace("}}", "}").replace("%%", "%")
        for one in linter.lint_string(PARAMETER.sub(r":\1", sent), fname=path).get_violations():
            line = text.count("\n", 0, name.end()) + one.line_no
            yield f"{path}:{line}: {one.rule_code()} {one.desc()}"


if __name__ == "__main__":
    gc.disable()  # as lint_sql.py does
    sys.exit(main(sys.argv[1:]))
