"""Debian's pgbouncer before a server of the suite."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fix_retail import PATIENCE, wait_until
from tidemark.postgres import pooling

_SETTINGS = """
[databases]
* = host=127.0.0.1 port={port} user={user} password={password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = any
logfile = {log}
"""


@contextmanager
def pooled(dsn: str, mode: str, **settings: object) -> Iterator[str]:
    """Put a pooler before a server for the block; lend the URL that leads through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        pytest.skip("pgbouncer is not installed")
    folder = Path(tempfile.mkdtemp(prefix="tidemark-pooler-"))
    folder.chmod(0o711)
    log, url, own = folder / "log", urlsplit(dsn), _free_port()
    log.touch()
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if os.geteuid() == 0:  # It refuses to run as root.
        nobody = pwd.getpwnam("nobody")
        options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(log, nobody.pw_uid, nobody.pw_gid)
    text = _SETTINGS.format(
        port=url.port, user=url.username, password=url.password, own=own, log=log
    )
    given = {"pool_mode": mode, **settings}
    lines = "".join(f"{name} = {value}\n" for name, value in given.items())
    (folder / "pgbouncer.ini").write_text(text + lines, "utf-8")
    through = url._replace(netloc=f"{url.username}@127.0.0.1:{own}").geturl()
    with subprocess.Popen([program, folder / "pgbouncer.ini"], **options) as running:
        try:
            wait_until(lambda: _listens(own))
            pooling._through.pop(through, None)  # A pooler of another test may have had the port.
            yield through
        finally:
            running.terminate()
            running.wait(PATIENCE)
            shutil.rmtree(folder)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
