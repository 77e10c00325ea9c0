"""Embedded servers that root starts: they run as another user, who gets no rights of root's."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.fix_retail import PATIENCE
from tests.fix_servers import SERVERS
from tests.pipeline.test_embedded import ONE, ask, start_one
from tidemark.errors import EmbeddedError
from tidemark.install import embedded
from tidemark.install.embedded import postmaster, site, user
from tidemark.install.embedded.user import User

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="another user's servers are for root to start"
)

SECRET = "this is root's own\n"


@pytest.fixture(scope="module")
def used() -> Iterator[Path]:
    """A folder of root's in which one cluster was made."""
    made = Path(tempfile.mkdtemp(prefix="tidemark-root-"))
    made.chmod(0o711)
    start_one(made)
    yield made
    embedded.stop(made)
    shutil.rmtree(made)


@pytest.fixture
def folder(used: Path) -> Path:
    """The same, with its server stopped."""
    embedded.stop(used)
    return used


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Files that only root may read, change or own; their folder has a cluster's pid file."""
    path = tmp_path / "secret"
    path.mkdir(mode=0o700)
    for name in ("secret", "postmaster.pid", "PG_VERSION"):
        (path / name).write_text(SECRET)
        (path / name).chmod(0o600)
    return path


def intact(secret: Path) -> bool:
    files = [(path.read_text(), path.stat()) for path in sorted(secret.iterdir())]
    owners = {(text, found.st_uid, stat.S_IMODE(found.st_mode)) for text, found in files}
    return len(files) == 3 and owners == {(SECRET, 0, 0o600)} and secret.stat().st_uid == 0


def servers_user(folder: Path) -> User:
    return user.find(site.clusters(folder / "data"))


def plant(folder: Path, name: str, target: Path) -> None:
    """Replace a file by a link, as the servers' user."""
    path = str(folder / "data" / name)
    command = 'rm -rf "$1" && ln -s "$2" "$1"'
    user.must_run(servers_user(folder), "sh", "-c", command, "sh", path, target)


def as_an_earlier_tidemark(folder: Path) -> None:
    """Give the data folder to the servers' user, whose it once was."""
    who = servers_user(folder)
    os.chown(folder / "data", who.uid or 0, who.gid or 0)
    (folder / "data").chmod(0o700)


def test_the_servers_user_can_change_its_clusters_alone(folder: Path):
    who, data = servers_user(folder), folder / "data"
    assert who.uid not in (None, 0)
    others = f"! -path {data}/dwh ! -path {data}/dwh/*"
    assert user.run(who, "find", folder, "-writable", *others.split()).stdout == ""
    assert not user.can(who, "cat", data / "dwh.log")
    assert {path.lstat().st_uid for path in data.rglob("dwh/*")} == {who.uid}


@pytest.mark.parametrize("what", ["secret", "."])
def test_a_link_in_a_cluster_is_not_followed(folder: Path, secret: Path, what: str):
    plant(folder, "dwh/postmaster.pid", secret / what)
    plant(folder, "dwh/postgresql.conf", secret / what)
    with pytest.raises(EmbeddedError, match="tee failed") as refused:
        start_one(folder)
    assert SECRET.strip() not in str(refused.value)
    assert (embedded.stop(folder), intact(secret)) == ([], True)
    (folder / "data" / "dwh" / "postgresql.conf").unlink()
    ask(start_one(folder), "select 1")


@pytest.mark.further
def test_a_link_in_an_earlier_data_folder_is_not_followed(folder: Path, secret: Path):
    as_an_earlier_tidemark(folder)
    user.must_run(servers_user(folder), "mkdir", folder / "data" / "new")
    for name in ("new/stg", "programs-new", "postgresql-new", "dwh/postmaster.pid"):
        plant(folder, name, secret)
    plant(folder, "dwh.log", secret / "secret")
    embedded.start(folder, ("stg", "dwh"), settings={"fsync": "off"})
    copy = site._copy_of(site.installed(), site.find(folder))
    shutil.rmtree(folder / "data" / copy.relative_to(folder / "data").parts[0])
    assert sorted(embedded.stop(folder)) == ["dwh", "stg"]
    assert intact(secret)
    assert (folder / "data").stat().st_uid == 0


def test_a_link_for_a_cluster_is_refused(folder: Path, secret: Path):
    as_an_earlier_tidemark(folder)
    plant(folder, "mrr", secret)
    for command in (partial(embedded.start, names=SERVERS), embedded.stop):
        with pytest.raises(EmbeddedError, match=r"mrr: it is no folder that .* Remove it"):
            command(folder)
    assert intact(secret)
    (folder / "data" / "mrr").unlink()


def test_an_earlier_data_folder_is_taken_over_with_what_runs_in_it(folder: Path):
    url = start_one(folder)
    as_an_earlier_tidemark(folder)
    ask(url, "create table kept as select 1 as a")
    assert embedded.running(folder, ONE) is None
    assert (start_one(folder), ask(url, "select a from kept")) == (url, [(1,)])
    assert ((folder / "data").stat().st_uid, embedded.stop(folder)) == (0, ["dwh"])


def test_a_hard_link_to_a_log_is_not_written_to(folder: Path, secret: Path):
    log = folder / "data" / "dwh.log"
    log.unlink()
    log.hardlink_to(secret / "secret")
    start_one(folder)
    assert (intact(secret), log.stat().st_nlink) == (True, 1)


def test_a_pid_file_can_not_name_a_process_of_root(folder: Path):
    cluster = folder / "data" / "dwh"
    with subprocess.Popen(["sh", "-c", "sleep 100; :", str(cluster)]) as mine:
        lines = [str(mine.pid), str(cluster), "0", "5432", "", "127.0.0.1", "0", "ready"]
        who = servers_user(folder)
        user.must_run(who, "tee", cluster / "postmaster.pid", text="\n".join(lines))
        assert (postmaster.find(cluster), embedded.stop(folder)) == (None, [])
        assert mine.poll() is None
        mine.kill()


def test_a_pipe_for_a_pid_file_is_not_waited_for(folder: Path):
    who, path = servers_user(folder), folder / "data" / "dwh" / "postmaster.pid"
    user.must_run(who, "sh", "-c", 'rm -f "$1" && mkfifo "$1"', "sh", path)
    assert embedded.stop(folder) == []
    ask(start_one(folder), "select 1")


def test_the_binaries_of_a_closed_folder_are_copied_where_root_alone_writes(folder: Path):
    place = site.find(folder)
    before = os.umask(0o077)
    try:
        copy = site._copy_of(site.installed(), place)
    finally:
        os.umask(before)
    assert user.can(place.user, copy / "postgres", "--version")
    found = [path.lstat() for path in (copy, *copy.rglob("*"))]
    assert {one.st_uid for one in found} == {0}
    assert not any(one.st_mode & 0o022 for one in found if not stat.S_ISLNK(one.st_mode))


def test_a_folder_that_others_can_exchange_is_not_touched(tmp_path: Path):
    project = tmp_path / "theirs"
    project.mkdir()
    os.chown(project, 65534, 65534)
    folder = project / ".tidemark"
    far = site.home(folder)
    try:
        ask(start_one(folder), "create table kept as select 1 as a")
        assert (embedded.stop(folder), list(project.iterdir())) == (["dwh"], [])
        assert ask(start_one(folder), "select a from kept") == [(1,)]
    finally:
        embedded.stop(folder)
        shutil.rmtree(far)


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_servers_in_a_folder_that_others_can_exchange_are_refused(tmp_path: Path, mode: int):
    (tmp_path / ".tidemark").mkdir()
    os.chown(tmp_path, 0, 65534)
    tmp_path.chmod(mode)
    start, running = (partial(each, names=ONE) for each in (embedded.start, embedded.running))
    for command in (start, running, embedded.stop):
        with pytest.raises(EmbeddedError, match=r"root keeps no servers there.* can change /tmp/"):
            command(tmp_path / ".tidemark")
    assert list((tmp_path / ".tidemark").iterdir()) == []


def test_the_servers_run_without_the_terminal_of_root(folder: Path):
    session = ["sh", "-c", 'read -r line </proc/$$/stat && echo "${line#*) }"']
    said = user.run(servers_user(folder), *session).stdout.split()
    assert int(said[3]) != os.getsid(0)


NAMED = """
import sys, pathlib
from tidemark.install import embedded
from tidemark.install.embedded import site, user
folder = pathlib.Path(sys.argv[1])
embedded.start(folder, ("dwh",), settings={"fsync": "off"})
print(user.find(site.clusters(folder / "data")))
embedded.stop(folder)
"""


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("name", ["tidemark", "postgres", "nobody"])
def test_the_most_dedicated_user_that_there_is_is_taken(tmp_path: Path, name: str):
    known = ("tidemark", "postgres", "nobody")
    lines = [f"{one}:x:6123{n}:6123{n}::/:/bin/false" for n, one in enumerate(known)]
    names = tmp_path / "passwd"
    names.write_text("\n".join(["root:x:0:0::/root:/bin/sh", *lines[known.index(name) :], ""]))
    # In a mount namespace of its own: this machine gets no user by a test.
    command = f'mount --bind "{names}" /etc/passwd && exec "$@"'
    made = Path(tempfile.mkdtemp(prefix="tidemark-named-"))
    made.chmod(0o711)
    program = ["unshare", "-m", "sh", "-c", command, "sh", sys.executable, "-c", NAMED, str(made)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=PATIENCE)
    shutil.rmtree(made)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr}")
    uid = 61230 + known.index(name)
    assert (done.stdout, done.stderr) == (f"User(uid={uid}, gid={uid})\n", "")
