"""What holds for the package as a whole."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tidemark

PACKAGE = Path(tidemark.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
STATEMENTS = sorted((PACKAGE / "statements").glob("*.sql"))
AREA = re.compile(r"retail|customers?|products?|sales?", re.IGNORECASE)


def literals(module: Path) -> Iterator[str]:
    """Yield the names and the texts of a module, without its docstrings."""
    nodes = list(ast.walk(ast.parse(module.read_text("utf-8"))))
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and node not in docstrings:
            yield str(node.value)
        yield from (str(getattr(node, name, "")) for name in ("id", "attr", "arg", "name"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_code_knows_an_area(module: Path):
    """The help of a command may give an example (`such as customers`)."""
    found = [text for text in literals(module) if AREA.search(text)]
    assert [text for text in found if "such as" not in text] == []


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_no_statement_knows_an_area(path: Path):
    assert AREA.findall(path.read_text("utf-8")) == []
