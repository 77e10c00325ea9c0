import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.fix_retail import PATIENCE, wait_until
from tests.fix_servers import SERVERS, SETTINGS, connect
from tidemark.errors import EmbeddedError
from tidemark.install import embedded
from tidemark.install.embedded import postmaster, site
from tidemark.model import ServerName

ONE: tuple[ServerName, ...] = ("dwh",)


@pytest.fixture
def empty() -> Iterator[Path]:
    """A folder in which no server was started yet."""
    yield from _folder()


@pytest.fixture(scope="module")
def used() -> Iterator[Path]:
    yield from _folder()


@pytest.fixture
def folder(used: Path) -> Path:
    """A folder whose servers are stopped, at most; whether one was made already is all the same."""
    embedded.stop(used)
    return used


def _folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tidemark-embedded-"))
    made.chmod(0o711)  # as root, the servers run as a user that has to get in
    yield made
    embedded.stop(made)
    data = site.data_folder(made)
    shutil.rmtree(data.parent if data.is_relative_to(site.FAR) else data, ignore_errors=True)
    shutil.rmtree(made)


def start_one(folder: Path, **settings: str) -> str:
    return embedded.start(folder, ONE, settings={**SETTINGS, **settings})["dwh"]


def ask(url: str, query: str) -> Any:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall() if cursor.description else None


def pid(folder: Path) -> int:
    server = postmaster.find(site.data_folder(folder) / "dwh")
    assert server
    return server.pid


def kill(folder: Path) -> None:
    os.kill(pid(folder), signal.SIGKILL)
    wait_until(lambda: postmaster.find(site.data_folder(folder) / "dwh") is None)


def test_each_layer_has_a_server_with_a_database_of_its_name(empty: Path) -> None:
    urls = embedded.start(empty, SERVERS, settings=SETTINGS)
    query = "select current_database(), current_setting('TimeZone'), initcap('élan ÖSTER')"
    assert {layer: ask(url, query) for layer, url in urls.items()} == {
        layer: [(layer, "UTC", "Élan Öster")] for layer in ("operational", "mrr", "stg", "dwh")
    }


@pytest.mark.further
def test_only_the_source_takes_prepared_transactions_and_replicas(folder: Path) -> None:
    urls = embedded.start(folder, ("operational", "dwh"), settings=SETTINGS)
    query = "select current_setting('wal_level'), current_setting('max_prepared_transactions')"
    assert {layer: ask(url, query) for layer, url in urls.items()} == {
        "operational": [("replica", "5")],
        "dwh": [("minimal", "0")],
    }


def test_a_second_start_leaves_the_server_as_it_is(folder: Path) -> None:
    first = start_one(folder), pid(folder)
    assert (start_one(folder), pid(folder)) == first


def test_running_tells_the_servers_that_run(folder: Path) -> None:
    before = embedded.running(folder, ONE)
    url = start_one(folder)
    during = embedded.running(folder, ONE), embedded.running(folder, SERVERS)
    embedded.stop(folder)
    after = embedded.running(folder, ONE)
    assert (before, during, after) == (None, ({"dwh": url}, None), None)


def test_two_processes_that_start_at_once_get_the_same_server(empty: Path) -> None:
    program = (
        "import sys, pathlib; from tidemark.install import embedded; "
        "print(embedded.start(pathlib.Path(sys.argv[1]), ('dwh',))['dwh'])"
    )
    command = [sys.executable, "-c", program, str(empty)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE)[0].strip() for process in processes]
    assert said == [start_one(empty)] * 2


def test_a_killed_server_comes_back_with_what_was_committed(folder: Path) -> None:
    url = start_one(folder, fsync="on", synchronous_commit="on")
    ask(url, "drop table if exists kept; create table kept as select 1 as a")
    kill(folder)
    assert ask(start_one(folder), "select a from kept") == [(1,)]


def test_a_server_that_was_killed_while_a_table_was_made_starts_at_once(empty: Path) -> None:
    url = start_one(empty, fsync="on", synchronous_commit="on")
    with closing(psycopg2.connect(url)) as making, making.cursor() as cursor:
        cursor.execute("create unlogged table made_in_vain (a integer)")
        ask(url, "create table kept as select 1 as a")  # its commit brings the log to disk
        kill(empty)
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("select pg_sleep(60)")  # ends when its process has, which rolled back
    assert ask(start_one(empty), "select a from kept") == [(1,)]
    assert "File exists" in (site.data_folder(empty) / "dwh.log").read_text("utf-8")


def test_stop_stops_only_the_servers_of_its_folder(empty: Path) -> None:
    other = empty / "other"
    other.mkdir(mode=0o711)
    url = start_one(other)
    start_one(empty)
    try:
        assert (embedded.stop(empty), embedded.stop(empty)) == (["dwh"], [])
        assert ask(url, "select 1") == [(1,)]
    finally:
        embedded.stop(other)


def test_a_server_keeps_its_port(folder: Path) -> None:
    url = start_one(folder)
    embedded.stop(folder)
    assert start_one(folder) == url


def test_a_server_whose_port_was_taken_meanwhile_gets_another(folder: Path) -> None:
    port = int(start_one(folder).rsplit(":", 1)[1].split("/")[0])
    embedded.stop(folder)
    with socket.create_server(("127.0.0.1", port)):
        url = start_one(folder)
        assert f":{port}/" not in url
        assert ask(url, "select 1") == [(1,)]


def test_the_pid_of_a_stale_file_may_be_another_processes(folder: Path) -> None:
    url = start_one(folder)
    cluster = site.data_folder(folder) / "dwh"
    stale = (cluster / "postmaster.pid").read_text()
    embedded.stop(folder)
    (cluster / "postmaster.pid").write_text(stale.replace(stale.split()[0], str(os.getpid()), 1))
    assert embedded.stop(folder) == []
    assert embedded.running(folder, ONE) is None
    assert ask(start_one(folder), "select 1") == ask(url, "select 1")


@pytest.mark.further
def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    start_one(folder)
    data = site.data_folder(folder)
    (data / "new").mkdir()
    shutil.copy(data / "dwh" / "PG_VERSION", data / "new")
    urls = embedded.start(folder, ("stg",), settings=SETTINGS)
    assert ask(urls["stg"], "select current_database()") == [("stg",)]
    assert not (data / "new").exists()


def test_a_lost_password_is_replaced_and_the_data_stays(folder: Path) -> None:
    old = start_one(folder)
    ask(old, "drop table if exists kept; create table kept as select 1 as a")
    (folder / "servers.json").unlink()
    new = start_one(folder)
    assert ask(new, "select a from kept") == [(1,)]
    with pytest.raises(psycopg2.OperationalError):
        connect(old)


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    "state",
    [
        '{"password": "PASSWORD", "ports": {"dwh": 99999999999999999999}}',
        '{"password": "PASSWORD", "ports": {"dwh": -1, "attic": 7}}',
        """{"password": "x'; drop database dwh; --", "ports": {}}""",
        '{"password": ["PASSWORD"], "ports": "none"}',
        "[1, 2",
    ],
)
def test_a_damaged_state_is_made_anew(folder: Path, state: str) -> None:
    password = start_one(folder).split(":")[2].partition("@")[0]
    embedded.stop(folder)
    (folder / "servers.json").write_text(state.replace("PASSWORD", password))
    assert ask(start_one(folder), "select current_database()") == [("dwh",)]


def test_a_login_hashes_the_random_password_once(folder: Path) -> None:
    verifier = "select left(rolpassword, 16) from pg_authid where rolname = 'postgres'"
    assert ask(start_one(folder), verifier) == [("SCRAM-SHA-256$1:",)]


def test_nobody_gets_in_without_the_password(folder: Path) -> None:
    url = start_one(folder)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(url.replace("postgres:", "postgres:x"))
    assert (folder / "servers.json").stat().st_mode & 0o777 == 0o600


def test_a_server_that_cannot_start_shows_the_end_of_its_log(folder: Path) -> None:
    with pytest.raises(EmbeddedError, match=r'(?s)^dwh server: .*invalid value .* "work_mem"'):
        start_one(folder, work_mem="much")


@pytest.mark.further
@pytest.mark.skipif(os.geteuid() != 0, reason="another user's servers are for root to start")
def test_root_keeps_the_data_elsewhere_when_the_folder_is_closed_to_others(empty: Path) -> None:
    empty.chmod(0o700)
    ask(start_one(empty), "create table gone as select 1 as a")
    far = (empty / "data").resolve()
    assert (far.parent.parent, far.stat().st_mode & 0o777) == (site.FAR, 0o711)
    assert empty.stat().st_mode & 0o777 == 0o700
    (empty / "data").unlink()
    assert ask(start_one(empty), "select to_regclass('gone')") == [(None,)]


@pytest.mark.further
@pytest.mark.skipif(os.geteuid() != 0, reason="another user's servers are for root to start")
def test_a_copied_folder_leaves_the_servers_of_the_original_alone(empty: Path) -> None:
    empty.chmod(0o700)
    url = start_one(empty)
    copy = empty / "copy"
    copy.mkdir()
    shutil.copy(empty / "servers.json", copy)
    (copy / "data").symlink_to((empty / "data").resolve())
    assert (embedded.running(copy, ONE), embedded.stop(copy)) == (None, [])
    assert ask(url, "select 1") == [(1,)]
