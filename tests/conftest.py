"""Fixtures by theme: see tests/README.md."""

import gc
import logging
from collections.abc import Generator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tidemark import logs
from tidemark.install import embedded

pytest_plugins = [
    "tests.further",
    "tests.fix_citus",
    "tests.fix_dimension",
    "tests.fix_servers",
    "tests.fix_airflow",
    "tests.fix_areas",
    "tests.fix_compose",
    "tests.fix_browser",
    "tests.fix_retail",
    "tests.fix_machines",
    "tests.fix_faults",
    "tests.fix_files",
    "tests.fix_shop",
    "tests.fix_silence",
    "tests.fix_star",
    "tests.fix_strangers",
    "tests.fix_tls",
    "tests.fix_visits",
    "tests.fix_marketing",
    "tests.fix_events",
    "tests.fix_order",
    "tests.fix_posted",
    "tests.fix_assets",
    "tests.fix_service",
    "tests.fix_buckets",
    "tests.fix_queues",
    "tests.fix_alerts",
    "tests.fix_console",
]


def pytest_report_header() -> str:
    """Name the server that the suite runs against."""
    return f"server: {embedded.version()}, embedded, one per layer"


LONG = ("compose", "faults")
"""Parts with minutes in a single unit of work: they begin, so that no process is left with one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its part of the suite, so that `-m unit` selects it; LONG ones begin."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)
    for item in items:
        if item.path.parent.name != "tests":
            item.add_marker(item.path.parent.name)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage once behind the collection, and never again in what it has left.

    Modules and tests stay to the end, and there are many of them to visit again and again. What a
    test leaves behind is looked for less often than usual: it took a fifth of this process's time.
    """
    gc.disable()
    result = yield
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Let no test leave a level at the package's logger: what others see in a log depends on it."""
    yield
    level = logging.getLogger(logs.ROOT).level
    assert level == logging.NOTSET, f"the logger {logs.ROOT} is left at {level}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Distribute the tests of `-n` (scripts/test) in units that share an expensive fixture."""
    return _Scheduling(config, log)


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        folder, _, file = nodeid.partition("::")[0].rpartition("/")
        if folder.endswith(("compose", "dags")):
            return folder  # one stack of containers, one Airflow
        if folder.endswith("faults"):
            return nodeid  # minutes in a single file
        return file
