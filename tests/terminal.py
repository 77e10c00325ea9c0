"""A terminal in which a command runs: what it shows, and what a person types there."""

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.fix_retail import PATIENCE
from tests.fix_servers import HOME

ESCAPE = "\x1b"


_AS_ITS_OWN = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execv(sys.executable, [sys.executable, "-m", "tidemark", *sys.argv[1:]])
"""
"""The first process of a session makes the terminal that it opens its own: Ctrl-C is then a
signal."""


class Terminal:
    """The person's side of a terminal."""

    def __init__(self, ours: int, running: subprocess.Popen[bytes]) -> None:
        self._ours, self._running = ours, running
        self.shown = ""
        """All that was shown so far."""
        self._seen = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def until(self, text: str) -> str:
        """Wait until a text is shown, and return what is new, up to its end."""
        deadline = time.monotonic() + PATIENCE
        while (at := self.shown.find(text, self._seen)) < 0:
            assert time.monotonic() < deadline, self.shown
            assert self._read(deadline), f"it ended without {text!r}:\n{self.shown}"
        start, self._seen = self._seen, at + len(text)
        return self.shown[start : self._seen]

    def type(self, line: str, *, end: str = "\n") -> None:
        """Type a line."""
        os.write(self._ours, f"{line}{end}".encode())

    def press(self, key: str) -> None:
        """Press a key, once the command waits for one: Ctrl-C may else come just before that."""
        deadline = time.monotonic() + PATIENCE
        state = Path(f"/proc/{self._running.pid}/stat")
        while state.read_text("utf-8").rpartition(") ")[2][0] != "S":
            assert time.monotonic() < deadline, self.shown
            time.sleep(0.01)
        self.type(key, end="")

    def answer(self, prompt: str, line: str) -> str:
        """Wait for a prompt, type a line behind it, and return what was shown until then."""
        shown = self.until(prompt)
        self.type(line)
        return shown

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit code, and what was shown last."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            assert time.monotonic() < deadline, self.shown
        return self._running.wait(PATIENCE), self.shown[self._seen :]

    def _read(self, deadline: float) -> bool:
        """Read what comes; False: the other end is closed."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        part = b""
        with suppress(OSError):  # How Linux says that the other end is closed.
            part = os.read(self._ours, 65536) if ready else b" "
        self.shown += self._decoder.decode(part).replace("\r", "")
        return bool(part)


@contextmanager
def terminal(
    *words: str, env: Mapping[str, str], width: int = 80, lines: int = 24
) -> Iterator[Terminal]:
    """Run a command of Tidemark in a terminal of so many columns, which knows no colour."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, width, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}}
    running = subprocess.Popen(
        [sys.executable, "-c", _AS_ITS_OWN, *words],
        env={**inherited, "TERM": "dumb", "NO_COLOR": "1", **env},
        cwd=HOME,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(ours, running)
    finally:
        running.kill()
        running.wait(PATIENCE)
        os.close(ours)
