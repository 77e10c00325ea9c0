"""Where alerts go: the URLs of TIDEMARK_ALERT_URLS, which the library apprise knows to reach."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tidemark.declare import extras
from tidemark.errors import ConfigError
from tidemark.model import Channels

if TYPE_CHECKING:
    from apprise import NotifyBase

VARIABLE = "TIDEMARK_ALERT_URLS"
_SECONDS = {"cto": "5", "rto": "5"}
"""How long a channel may take to connect, and to answer, unless its URL says otherwise."""
_APART = re.compile(r"[\s,]+(?=[\w+.-]+://)|\s+")


def configured(home: Path, text: str) -> Channels | None:
    """Read the channels of a project; None: it has none.

    The library takes half a second to import. So that a run need not, what was found good is noted
    in the project's state folder.

    Args:
        home: the project's folder.
        text: what the variable says: URLs with blanks, commas or line ends between them.

    Raises:
        ConfigError: a URL is none that the library knows, or the library is not installed.
    """
    urls = tuple(dict.fromkeys(filter(None, _APART.split(text.strip(" \t\r\n,")))))
    if not urls:
        return None
    if not find_spec("apprise"):
        raise ConfigError(f"environment: {VARIABLE} is set, and {extras.lacking('apprise')}.")
    good = hashlib.sha256(" ".join([_version(), *urls]).encode()).hexdigest()
    with suppress(OSError, ValueError):
        stamp = state_folder(home) / "alert-urls.checked"
        if stamp.read_text("ascii") == good:
            return Channels(home, urls)
    for place, url in enumerate(urls, 1):
        opened(url, place)
    with suppress(OSError):
        stamp = state_folder(home) / "alert-urls.checked"
        stamp.touch(0o600)
        stamp.write_text(good, "ascii")
    return Channels(home, urls)


def opened(url: str, place: int) -> NotifyBase:
    """Return what sends messages to a URL.

    Args:
        url: one of the variable.
        place: which of them, from 1; an error names it so.

    Raises:
        ConfigError: the library does not know such a URL.
    """
    from apprise import Apprise

    known = urlsplit(url).query.split("&")
    more = [f"{k}={v}" for k, v in _SECONDS.items() if not any(k in one for one in known)]
    joint = "&" if "?" in url else "?"
    channel = Apprise.instantiate(f"{url}{joint}{'&'.join(more)}" if more else url)
    if channel is None:
        kind = url.partition("://")[0] if "://" in url else "nothing"
        raise ConfigError(
            f"environment: {VARIABLE}: its URL {place}, of kind {kind!r}, is none that the library "
            "apprise knows, or lacks a part. Correct it as docs/alerts.md says; "
            "`tidemark alert --test` tries it."
        )
    return channel


def send(channel: NotifyBase, title: str, body: str, *, is_over: bool) -> bool:
    """Send a message, and return whether the channel took it. Raises nothing."""
    from apprise import Apprise, NotifyFormat, NotifyType

    one = Apprise()
    one.add(channel)
    kind = NotifyType.SUCCESS if is_over else NotifyType.FAILURE
    return bool(one.notify(body, title=title, notify_type=kind, body_format=NotifyFormat.TEXT))


def name(channel: NotifyBase) -> str:
    """Return the URL of a channel with its passwords and tokens masked, without its options."""
    masked: str = channel.url(privacy=True)  # type: ignore[no-untyped-call]
    return masked.partition("?")[0]


def digest(url: str) -> str:
    """Return what the DWH calls a channel: its URL may have a password, and changes with it."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def state_folder(home: Path) -> Path:
    """Return a folder that this process can write to, for what it knows of a project's alerts.

    It is `.tidemark` of the project, where embedded servers are as well; else one among the
    temporary files that is this user's own.

    Raises:
        OSError: neither can be written.
    """
    import tempfile

    own = home / ".tidemark"
    with suppress(OSError):
        own.mkdir(exist_ok=True)
        if os.access(own, os.W_OK | os.X_OK):
            return own
    beside = Path(tempfile.gettempdir()) / f"tidemark-{os.getuid()}-{digest(str(home))}"
    beside.mkdir(mode=0o700, exist_ok=True)
    if beside.lstat().st_uid != os.getuid():
        raise PermissionError(f"{beside} is another user's.")
    return beside


def _version() -> str:
    from importlib.metadata import version

    return version("apprise")
