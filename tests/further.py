"""Further members of a kind: left out and counted, unless `scripts/test --all` runs all there is.

`@pytest.mark.further` leaves out a test, `@pytest.mark.further(one_in=4)` all of its variants but
the first, the fifth and so on, `@pytest.mark.further(but=["mrr"])` all but those of these ids. What
is named with `::` runs in any case.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

ALL = "TIDEMARK_ALL" in os.environ
"""What `scripts/test --all` sets. It lets budgets be larger, too."""


def tries(most: int, *, usually: int) -> int:
    """Return how many a law is tried with: the further ones are for `--all` as well."""
    return most if ALL else usually


LEFT_OUT = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line("markers", "further: a further member of a kind (tests/further.py)")


@pytest.hookimpl(trylast=True)  # what -m and -k have left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the further members."""
    if ALL or any("::" in argument for argument in config.args):
        return
    seen = Counter[str]()
    further = [item for item in items if _is_further(item, seen)]
    if further:
        config.stash[LEFT_OUT] = len(further)
        config.hook.pytest_deselected(items=further)
        items[:] = [item for item in items if item not in further]


def _is_further(item: pytest.Item, seen: Counter[str]) -> bool:
    mark = item.get_closest_marker("further")
    if not mark:
        return False
    name, _, variant = item.nodeid.partition("[")
    seen[name] += 1
    if "one_in" in mark.kwargs:
        return bool(seen[name] % mark.kwargs["one_in"] != 1)
    return variant.removesuffix("]") not in mark.kwargs.get("but", ())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a process of `-n` tell how many it left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of `-n` tells: all collect the same."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left out", 0)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show how many were left out."""
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"{count} further tests were left out: `scripts/test --all` runs them"
        )
