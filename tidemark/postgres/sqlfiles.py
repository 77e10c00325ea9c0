"""The one place where a `.sql` file is read and taken apart.

Statements that a module composes lie beside it, in a file of its name, each behind a line
`-- name: <statement>`. `{placeholders}` are filled by `compose`, never here.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_OWN_COLUMN = re.compile(r"\b_\w+")
_TOKEN = re.compile(
    r"""(?P<left_out>--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |'(?:[^']|'')*' | "(?:[^"]|"")*" | [^-/$'";]+ | .""",
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


@cache
def own_columns(*modules: str) -> frozenset[str]:
    """Return the names that statements give to columns of their own: all that begin with _."""
    texts = (text for module in modules for text in statements(module).values())
    return frozenset(name for text in texts for name in _OWN_COLUMN.findall(text))


def split(text: str) -> Iterator[str]:
    """Yield the statements of a file, without comments and what is dollar-quoted."""
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
