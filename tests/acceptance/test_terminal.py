"""On a terminal, a table that is too wide is turned on its side and loses nothing."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading

from tests.fix_retail import PATIENCE
from tests.fix_servers import HOME, Warehouse

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


def on_terminal(width: int, *words: str, warehouse: Warehouse) -> list[str]:
    """Run a command on a terminal of so many columns; return the lines that it leaves there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    running = subprocess.Popen(
        [sys.executable, "-m", "tidemark", *words],
        env={**inherited, **warehouse.environment, "TERM": "xterm"},
        cwd=HOME,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    end = threading.Timer(PATIENCE, running.kill)
    end.start()
    said = b""
    try:
        while part := os.read(ours, 65536):
            said += part
    except OSError:
        pass  # The other end was closed: how Linux says it.
    os.close(ours)
    end.cancel()
    assert running.wait(PATIENCE) == 0
    return CONTROL.sub("", said.decode()).splitlines()


def test_a_table_is_upright_where_there_is_room(shop: Warehouse):
    lines = on_terminal(120, "history", "customers", "1", warehouse=shop)
    assert lines[2].split()[:3] == ["customer_key", "segment", "city"]


def test_a_table_is_turned_where_there_is_none(shop: Warehouse):
    lines = on_terminal(60, "history", "customers", "1", "--all", warehouse=shop)
    assert max(map(len, lines)) <= 60
    names = [line.split()[0] for line in lines[2:] if re.match(r" [a-z_]", line)]
    query = "select attname from pg_attribute where attrelid = 'dwh_dim_customers'::regclass "
    columns = [name for (name,) in shop.rows("dwh", query + "and attnum > 0 order by attnum")]
    assert names[: len(columns) + 1] == [*columns, "sales"]


def test_what_was_done_is_said_below_the_progress(warehouse: Warehouse):
    lines = on_terminal(
        80, "seed", *"--customers 20 --products 2 --sales 50".split(), warehouse=warehouse
    )
    assert [line.split() for line in lines[-3:]] == [
        ["customers", "20"],
        ["products", "2"],
        ["sales", "50"],
    ]
