"""Real PostgreSQL for the tests: one server per layer, a migrated database for each test."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from psycopg2.extensions import connection

from tests import fix_citus
from tests.queries import execute
from tidemark.declare.project import Project
from tidemark.install import embedded
from tidemark.install.migrate import migrate
from tidemark.model import DEFAULT_SOURCE, LAYERS, ServerName, dsn_variable
from tidemark.postgres import worktable
from tidemark.postgres.sessions import Servers

HOME = Path(__file__).parent.parent

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "128MB",
    "plpgsql.extra_errors": "all",
    "statement_timeout": "200s",
    "idle_in_transaction_session_timeout": "200s",
    "scram_iterations": "1",
    "io_method": "sync",
}
"""Nothing here outlives the session, so nothing needs to reach the disk. A test that fails may
leave a lock behind, and somebody who waits for it: both come to an end. The files are in memory
(`memory`), where to read one takes less than to let a worker do it."""

SERVERS: tuple[ServerName, ...] = (DEFAULT_SOURCE, *LAYERS)
"""The servers of a project with one source, in the way of the data."""

TEMPLATE = "tidemark_template"
CLONED = f"template {TEMPLATE} strategy file_copy"
PLATFORM = "tidemark_platform"
ROLLED_BACK = "tidemark_rolled_back"


class Warehouse:
    """Four migrated databases of one test; what is written in them is really committed."""

    home = HOME

    def __init__(self, dsn: Mapping[ServerName, str]) -> None:
        self.dsn = dict(dsn)
        self._connections: dict[ServerName, connection] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process of its own to these databases."""
        dsns = {dsn_variable(server): dsn for server, dsn in self.dsn.items()}
        return {**dsns, "TIDEMARK_HOME": str(self.home)}

    def connect(self, layer: ServerName) -> connection:
        """Open a connection of its own, in autocommit."""
        return connect(self.dsn[layer])

    def rows(self, layer: ServerName, query: str, params: Any = None) -> list[tuple[Any, ...]]:
        """Run a query and return all its rows."""
        with self._connection(layer).cursor() as cursor:
            cursor.execute(query, params)
            return cursor.fetchall()

    def execute(self, layer: ServerName, query: str, params: Any = None) -> int:
        """Run a statement and return the number of rows that it touched."""
        with self._connection(layer).cursor() as cursor:
            cursor.execute(query, params)
            return cursor.rowcount

    def close(self) -> None:
        """Close what `rows` and `execute` used; their next call opens it again."""
        while self._connections:
            self._connections.popitem()[1].close()

    def _connection(self, layer: ServerName) -> connection:
        if layer not in self._connections or self._connections[layer].closed:
            self._connections[layer] = self.connect(layer)
        return self._connections[layer]


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[ServerName, str]]:
    """Name -> libpq URL (superuser) of its server; the database there is empty."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-tests-", dir=memory()))
    folder.chmod(0o711)  # as root, the servers run as a user that has to get in
    try:
        own = [one for one in SERVERS if one != "dwh" or not fix_citus.COORDINATOR]
        urls = embedded.start(folder, own, settings=SETTINGS)
        ease_logins(urls)
        yield urls if "dwh" in own else {**urls, "dwh": fix_citus.COORDINATOR}
    finally:
        while _kept:
            _kept.popitem()[1].close()
        embedded.stop(folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def templates(servers: dict[ServerName, str]) -> dict[ServerName, str]:
    """Name -> libpq URL of its server, which has a migrated TEMPLATE and a copy, ROLLED_BACK."""
    make_templates(servers)
    everywhere(servers, f"create database {ROLLED_BACK} {CLONED}")
    return servers


@pytest.fixture(scope="session")
def platforms(
    servers: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[ServerName, str]:
    """Name -> libpq URL of its server; those of layers have PLATFORM, migrated without any area."""
    home = tmp_path_factory.mktemp("platform")
    (home / "sql").mkdir()
    (home / "sql" / "platform").symlink_to(HOME / "sql" / "platform")
    layers: dict[ServerName, str] = {layer: servers[layer] for layer in LAYERS}
    everywhere(layers, f"create database {PLATFORM}")
    with Servers({layer: database(layers[layer], PLATFORM) for layer in LAYERS}) as targets:
        migrate(Project(home), targets)
    return servers


@contextmanager
def new_databases(
    platforms: Mapping[ServerName, str], name: str, *, source: str = "", model: str = ""
) -> Iterator[dict[ServerName, str]]:
    """Make a database of a name on each server, and drop it behind the block.

    Args:
        platforms: what the fixture gives.
        name: the name.
        source: options of the source's database, which is empty. The layers have the platform.
        model: the databases to copy instead.

    Yields:
        Name of the server -> libpq URL of the database.
    """
    create_databases(platforms, name, source=source, model=model)
    try:
        yield {server: database(dsn, name) for server, dsn in platforms.items()}
    finally:
        everywhere(platforms, f"drop database {name} with (force)")


def create_databases(
    platforms: Mapping[ServerName, str], name: str, *, source: str = "", model: str = ""
) -> None:
    """Make databases as `new_databases` does, which stay."""
    for server, dsn in platforms.items():
        copied = model or (PLATFORM if server in LAYERS else "")
        options = f"template {copied} strategy file_copy" if copied else source
        lay(dsn, f"create database {name} {options}")
    lay_what_is_not_cloned(platforms, name)


@pytest.fixture
def warehouse(templates: dict[ServerName, str]) -> Iterator[Warehouse]:
    """Four migrated databases of this test's own."""
    everywhere(templates, f"create database tidemark_test {CLONED}")
    lay_what_is_not_cloned(templates, "tidemark_test")
    made = Warehouse({layer: database(templates[layer], "tidemark_test") for layer in SERVERS})
    yield made
    made.close()
    everywhere(templates, "drop database tidemark_test with (force)")


@pytest.fixture
def operational(templates: dict[ServerName, str]) -> Iterator[connection]:
    """A migrated source, in a transaction that is rolled back."""
    yield from _rolled_back(templates["operational"])


@pytest.fixture
def mrr(templates: dict[ServerName, str]) -> Iterator[connection]:
    """A migrated MRR, in a transaction that is rolled back."""
    yield from _rolled_back(templates["mrr"])


@pytest.fixture
def stg(templates: dict[ServerName, str]) -> Iterator[connection]:
    """A migrated STG, in a transaction that is rolled back."""
    yield from _rolled_back(templates["stg"])


@pytest.fixture
def dwh(templates: dict[ServerName, str]) -> Iterator[connection]:
    """A migrated DWH, in a transaction that is rolled back."""
    yield from _rolled_back(templates["dwh"])


def make_templates(servers: Mapping[ServerName, str]) -> None:
    """Make a migrated TEMPLATE on each server."""
    everywhere(servers, f"create database {TEMPLATE}")
    with Servers({layer: database(servers[layer], TEMPLATE) for layer in SERVERS}) as targets:
        migrate(Project(HOME), targets)
        if fix_citus.COORDINATOR:
            fix_citus.distribute(Project(HOME), targets.dsns["dwh"])


def lay_what_is_not_cloned(servers: Mapping[ServerName, str], name: str) -> None:
    """Lay what a migration lays and a copy of its database lacks."""
    execute(
        kept(servers["dwh"]),
        f"revoke temporary on database {name} from public; "
        f"grant temporary on database {name} to tidemark_etl",
    )


def everywhere(servers: Mapping[ServerName, str], statement: str) -> None:
    """Execute a statement on several servers at once."""
    with ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(lambda dsn: lay(dsn, statement), servers.values()))


def lay(dsn: str, statement: str) -> None:
    """Execute a statement on a server, one that makes databases on each node of it."""
    if fix_citus.is_on(dsn) and fix_citus.makes_databases(statement):
        fix_citus.on_every_node(statement)
    else:
        execute(kept(dsn), statement)


def connect(dsn: str) -> connection:
    """Open a connection in autocommit."""
    opened = psycopg2.connect(dsn)
    opened.autocommit = True
    return opened


_kept: dict[str, connection] = {}


def kept(dsn: str) -> connection:
    """Return a session in autocommit that is kept from call to call, or a new one if it is dead."""
    with suppress(KeyError, psycopg2.Error):
        execute(_kept[dsn], "select 1")
        return _kept[dsn]
    _kept[dsn] = connect(dsn)
    return _kept[dsn]


def administer(dsn: str, statement: str) -> None:
    """Run a statement in a session of its own."""
    with closing(connect(dsn)) as opened, opened.cursor() as cursor:
        cursor.execute(statement)


def ease_logins(urls: Mapping[ServerName, str]) -> None:
    """Store the password anew with `scram_iterations` of now, which are most of a login's time."""
    for dsn in urls.values():
        administer(dsn, f"alter role postgres password '{urlsplit(dsn).password}'")


def database(dsn: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()


def memory() -> Path | None:
    """Find a file system in memory: a database is a thousand small files, and every test has four.

    Where there is none, or it is as small as a container's, None: the usual temporary folder.
    """
    shared = Path("/dev/shm")
    is_roomy = os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 4 << 30
    return shared if is_roomy else None


def _rolled_back(dsn: str) -> Iterator[connection]:
    with closing(psycopg2.connect(database(dsn, ROLLED_BACK))) as opened:
        if fix_citus.is_on(dsn):  # What a test writes and then reads goes by one session to each.
            execute(opened, "set citus.multi_shard_modify_mode = 'sequential'")
            opened.commit()
        yield opened
        opened.rollback()


@pytest.fixture
def no_rows_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches of the test take the ways that are meant for many rows."""
    monkeypatch.setattr(worktable, "FEW", -1)
