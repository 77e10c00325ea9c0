"""Statements and the calls that name them: each file holds those that are called, no more."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tidemark
from tidemark.postgres import compose, sqlfiles

PACKAGE = Path(tidemark.__file__).parent


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


FILES = sorted(map(module_of, PACKAGE.rglob("*.sql")))

Functions = tuple[ast.FunctionDef, ...]
"""Those that a node lies in, the innermost first."""


class Module:
    """A module, of which is asked what a call is given."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self._nodes = list(inside(ast.parse(source)))

    def statements(self) -> Iterator[tuple[str, str]]:
        """Yield file and name of each statement that a call may name."""
        for file, name, _ in self.given():
            yield file, name

    def given(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Yield file and name of each statement, and the parts that its call gives it by name."""
        for call, functions in self._calls("statement"):
            file, name = call.args[:2]
            parts = frozenset(each.arg for each in call.keywords if each.arg)
            if not is_handed_on(file, functions):
                where = f"{self.name}, line {call.lineno}"
                assert ast.unparse(file) == "__name__", f"{where}: not its own statement"
                for text in self._texts(name, functions):
                    yield self.name, text, parts

    def _texts(self, node: ast.expr, functions: Functions) -> set[str]:
        """Return the texts that an expression may be; one that can't be told is an error."""
        match node:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.IfExp(body=one, orelse=other):
                return self._texts(one, functions) | self._texts(other, functions)
            case ast.Name(id=name):
                for depth, function in enumerate(functions):
                    found = [(value, functions[depth:]) for value in assigned(name, function)]
                    found += self._passed(name, function)
                    if found:
                        return {text for value in found for text in self._texts(*value)}
        raise AssertionError(f"line {node.lineno}: which statement is {ast.unparse(node)}?")

    def _passed(self, name: str, function: ast.FunctionDef) -> Iterator[tuple[ast.expr, Functions]]:
        """Yield what calls pass as a parameter, and its default."""
        names = [each.arg for each in function.args.args]
        if name not in names:
            return
        for parameter, value in zip(names[::-1], function.args.defaults[::-1], strict=False):
            if parameter == name:
                yield value, ()
        place = names.index(name) - (names[0] == "self")
        for call, functions in self._calls(function.name):
            given = {each.arg: each.value for each in call.keywords}
            if place < len(call.args):
                yield call.args[place], functions
            elif name in given:
                yield given[name], functions

    def _calls(self, function: str) -> Iterator[tuple[ast.Call, Functions]]:
        for node, functions in self._nodes:
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", None))
                if called == function:
                    yield node, functions


def is_handed_on(module: ast.expr, functions: Functions) -> bool:
    """Whether a function composes what its caller names, as those of `compose` do."""
    names = {each.arg for function in functions for each in function.args.args}
    names |= {each.arg for function in functions for each in function.args.posonlyargs}
    return isinstance(module, ast.Name) and module.id in names


def inside(node: ast.AST, functions: Functions = ()) -> Iterator[tuple[ast.AST, Functions]]:
    """Yield what lies in a node, with the functions around it."""
    yield node, functions
    if isinstance(node, ast.FunctionDef):
        functions = (node, *functions)
    for child in ast.iter_child_nodes(node):
        yield from inside(child, functions)


def assigned(name: str, function: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield what a function assigns to a variable: by `=`, or by a loop over some values."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case ast.For(target=ast.Name(id=target), iter=ast.Tuple(elts)) if target == name:
                yield from elts
            case ast.For(target=ast.Tuple(targets), iter=ast.Tuple(elts)):
                for place, each_target in enumerate(targets):
                    if getattr(each_target, "id", None) == name:
                        yield from (each.elts[place] for each in elts)  # type: ignore[attr-defined]


@cache
def modules() -> list[Module]:
    return [Module(module_of(path), path.read_text()) for path in PACKAGE.rglob("*.py")]


@cache
def called() -> set[tuple[str, str]]:
    return {each for module in modules() for each in module.statements()}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_is_called_and_every_call_has_its_statement(file: str):
    """A call names its file and its statement; both are read off the syntax."""
    assert set(sqlfiles.statements(file)) == {name for of, name in called() if of == file}


def test_a_module_composes_only_its_own_statements():
    """What another module says in SQL is had by calling that module."""
    source = """
def f(module):
    compose.statement(module, "x")

compose.statement("tidemark.star.scd2", "merge")
"""
    with pytest.raises(AssertionError, match="facts, line 5: not its own statement"):
        list(Module("tidemark.star.facts", source).statements())


def test_every_call_names_a_file_that_there_is():
    assert sorted({file for file, _ in called()}) == FILES


@pytest.mark.parametrize("file", FILES)
def test_every_part_that_a_call_names_has_a_placeholder_in_its_statement(file: str):
    """Parts that come in a mapping are checked when the statement is composed."""
    given = {each for module in modules() for each in module.given()}
    for name, parts in sorted((name, parts) for of, name, parts in given if of == file):
        assert parts <= compose.placeholders(sqlfiles.statement(file, name)), name


def test_a_name_that_is_computed_is_followed_to_its_texts():
    source = """
def one(session, what="default"):
    for kind, rest in (("looped", 1), ("again", 2)):
        compose.statement(__name__, kind)
    chosen = "yes" if session else "no"
    compose.statement(__name__, chosen)
    return compose.statement(__name__, what)

def other(name):
    one(1, what="by name")
    one(1, name)

other("handed on")
"""
    names = ["again", "by name", "default", "handed on", "looped", "no", "yes"]
    assert sorted(Module("file", source).statements()) == [("file", name) for name in names]


def test_a_name_that_nobody_can_tell_is_an_error():
    with pytest.raises(AssertionError, match=r"line 2: which statement is f'{a}_rows'\?"):
        list(Module("file", "def f(a):\n    compose.statement(__name__, f'{a}_rows')").statements())
