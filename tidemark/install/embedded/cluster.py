"""Make and start the cluster of a server."""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from tidemark.errors import EmbeddedError
from tidemark.install.embedded import custody, logs, postmaster
from tidemark.install.embedded.postmaster import Postmaster
from tidemark.install.embedded.site import DRAFT, Site, clusters
from tidemark.install.embedded.user import TIMEOUT, must_run, run
from tidemark.model import ServerName, is_source

SETTINGS = MappingProxyType(
    {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "50",
        "reserved_connections": "10",
        "shared_buffers": "256MB",
        "work_mem": "64MB",
        "maintenance_work_mem": "512MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        "log_checkpoints": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)
"""Settings of every embedded server that differ from PostgreSQL's defaults."""

SOURCE_SETTINGS = MappingProxyType({"max_prepared_transactions": "5"})
WAREHOUSE_SETTINGS = MappingProxyType({"wal_level": "minimal", "max_wal_senders": "0"})

_ATTEMPTS = 20
_UNEXPLAINED = 2
"""Attempts that may fail without a known reason: a server that was killed may start again."""
_SMALL_SHARED_MEMORY = 1 << 30


def create(site: Site, names: Sequence[ServerName], password: str) -> None:
    """Make the clusters that are missing: one by initdb, the others as copies of it."""
    missing = [name for name in names if not (site.data / name).exists()]
    if not missing:
        return
    draft = site.data / DRAFT
    # A draft that exists was left by a process that ended before the renaming below.
    custody.discard(draft)
    custody.make(draft)
    first, *others = (draft / name for name in missing)
    for cluster in (first, *others):
        custody.make_private(cluster, site.user)
    _initdb(site, first)
    with ThreadPoolExecutor() as pool:
        copied = f"{first}/."
        list(pool.map(lambda cluster: must_run(site.user, "cp", "-R", copied, cluster), others))
        list(pool.map(lambda cluster: _name(site, cluster, password), (first, *others)))
    for name in missing:
        (draft / name).rename(site.data / name)
    draft.rmdir()


def _initdb(site: Site, cluster: Path) -> None:
    """Make a cluster that lets nobody in without a password; it has none yet."""
    initdb = site.programs / "initdb"
    if "--builtin-locale" in run(site.user, initdb, "--help").stdout:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:  # before PostgreSQL 17
        locale = ["--locale=C.UTF-8"]
    options = ("--username=postgres", "--encoding=UTF8", "--auth=reject", "--no-sync", *locale)
    must_run(site.user, initdb, "--pgdata", cluster, *options)
    rule = "host all all 127.0.0.1/32 scram-sha-256\n"
    must_run(site.user, "tee", cluster / "pg_hba.conf", text=rule)


def _name(site: Site, cluster: Path, password: str) -> None:
    """Give a new cluster its password and its database, and bring it safely to disk."""
    _single_user(site, cluster, _new_password(password), f'create database "{cluster.name}"\n')
    must_run(site.user, site.programs / "initdb", "--sync-only", "--pgdata", cluster)


def reset_passwords(site: Site, password: str) -> None:
    """Let the clusters take a new password; the one they had went with servers.json."""
    made = clusters(site.data)
    postmaster.stop_all(made, site.user)
    for cluster in made:
        postmaster.drop_stale_pid_file(cluster, site.user)
        _single_user(site, cluster, _new_password(password))


def _new_password(password: str) -> str:
    # Hashing it many times would only make a password hard to guess that a person has chosen. This
    # one is random, and a client would hash as often at each login: 2 ms, half of what it takes.
    return f"set scram_iterations = 1\nalter role postgres password '{password}'\n"


def _single_user(site: Site, cluster: Path, *statements: str) -> None:
    """Run statements, a line each, in a stopped cluster that has no way in yet."""
    postgres = site.programs / "postgres"
    must_run(site.user, postgres, "--single", "-D", cluster, "postgres", text="".join(statements))


def free_ports(
    names: Sequence[ServerName], wanted: Mapping[ServerName, int]
) -> dict[ServerName, int]:
    """Choose a port for each server: the one it had if that is free, else any."""
    with ExitStack() as sockets:
        return {name: _free_port(sockets, wanted.get(name, 0)) for name in names}


def _free_port(sockets: ExitStack, wanted: int = 0) -> int:
    """Return a port that is free while `sockets` is open."""
    probe = sockets.enter_context(socket.socket())
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", wanted))
    except (OSError, OverflowError):  # taken, or none at all
        probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])


def launch(site: Site, name: ServerName, port: int, settings: Mapping[str, str]) -> Postmaster:
    """Start one server, or wait for one that is starting; take another port if need be."""
    cluster, lines, unexplained = site.data / name, list[str](), 0
    for _ in range(_ATTEMPTS):
        if server := postmaster.await_ready(cluster):
            return server
        if unexplained == _UNEXPLAINED:
            break
        postmaster.drop_stale_pid_file(cluster, site.user)
        must_run(site.user, "tee", cluster / "postgresql.conf", text=_conf(name, port, settings))
        lines = _start(site, name)
        said = "\n".join(lines)
        if postmaster.find(cluster):
            continue
        if "Address already in use" in said:
            with ExitStack() as sockets:
                port = _free_port(sockets)
        elif "is still in use" in said:
            time.sleep(0.25)  # the children of a killed server are on their way out
        # "File exists": an unlogged table was rolled back. Gone at the next start (bug 17731).
        elif "File exists" not in said:
            unexplained += 1
    raise EmbeddedError(
        f"{name} server: it did not start. {logs.quoted(_log(site, name), lines)}\n"
        "Mend what it says, and run the command again."
    )


def _start(site: Site, name: ServerName) -> list[str]:
    """Start a server, which need not succeed, and return the end of what was said about it."""
    pg_ctl = (site.programs / "pg_ctl", "start", "--silent", "--wait", f"--timeout={TIMEOUT}")
    with logs.opened(_log(site, name)) as log:
        before = log.seek(0, os.SEEK_END)
        result = run(site.user, *pg_ctl, "--pgdata", site.data / name, output=log)
        return logs.end(log, before) or result.stderr.splitlines()


def _log(site: Site, name: ServerName) -> Path:
    return site.data / f"{name}.log"


def _conf(name: ServerName, port: int, settings: Mapping[str, str]) -> str:
    """Write out postgresql.conf."""
    own = SOURCE_SETTINGS if is_source(name) else WAREHOUSE_SETTINGS
    chosen = {**SETTINGS, **own, **_shared_memory(), **settings, "port": str(port)}
    quoted = ((name, value.replace("'", "''")) for name, value in chosen.items())
    head = "# Written by Tidemark at each start. `alter system set` overrides it.\n"
    return head + "".join(f"{name} = '{value}'\n" for name, value in quoted)


def _shared_memory() -> dict[str, str]:
    """Keep parallel queries out of a /dev/shm that is too small, as in most containers."""
    try:
        found = os.statvfs("/dev/shm")
    except OSError:
        return {}
    small = found.f_frsize * found.f_blocks < _SMALL_SHARED_MEMORY
    return {"dynamic_shared_memory_type": "mmap"} if small else {}
