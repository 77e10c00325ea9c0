"""No wait of the suite is without an end: what hangs is a failure, and says where."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
WAITS = {"result", "exception", "wait", "join", "communicate", "get", "acquire"}
"""Methods that wait for ever when they are called without an argument."""
PROGRAMS = {"run", "check_output", "check_call", "call"}
"""Functions of `subprocess`, which take a timeout."""


def endless(source: str) -> Iterator[str]:
    """Yield the calls that may wait for ever, and the loops that only somebody else ends."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=[], keywords=[]) if name in WAITS:
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(ast.Name("subprocess"), name)) if name in PROGRAMS:
                if all(keyword.arg != "timeout" for keyword in node.keywords):
                    yield ast.unparse(node)
            case ast.While(test=test, body=body) if sleeps(body) and "time" not in names(body):
                yield f"while {ast.unparse(test)}"


def sleeps(body: list[ast.stmt]) -> bool:
    return any(ast.unparse(each).startswith("time.sleep(") for each in body)


def names(body: list[ast.stmt]) -> set[str]:
    """Return what the asserts of a loop speak of."""
    asserts = [each.test for each in body if isinstance(each, ast.Assert)]
    return {n.id for test in asserts for n in ast.walk(test) if isinstance(n, ast.Name)}


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.stem)
def test_every_wait_has_an_end(path: Path):
    assert list(endless(path.read_text("utf-8"))) == []


def test_a_wait_without_an_end_is_found():
    source = """
running.result(); running.result(9); ", ".join(names); thread.join()
subprocess.run(["sleep", "9"]); subprocess.run(["sleep", "9"], timeout=10)
while not ready:
    time.sleep(0.1)
while not ready:
    assert time.monotonic() < deadline
    time.sleep(0.1)
"""
    assert sorted(endless(source)) == [
        "running.result()",
        "subprocess.run(['sleep', '9'])",
        "thread.join()",
        "while not ready",
    ]
