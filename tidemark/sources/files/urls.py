"""Which store a URL names."""

from __future__ import annotations

from pathlib import Path

from tidemark.errors import ConfigError
from tidemark.sources.files.folders import Folder
from tidemark.sources.files.stores import Store


def store(url: str, *, home: Path, source: str) -> Store:
    """Return the store at a URL.

    Args:
        url: a folder, relative to the project; `file://…`; or `s3://bucket/prefix`.
        home: the folder of the project.
        source: the name of the source.

    Raises:
        ConfigError: it is a URL of another kind, or an extra of Tidemark is missing.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        path = Path(url).expanduser()
        return Folder((home / path).resolve(), source, is_own=not path.is_absolute())
    if scheme == "file":
        return Folder(Path("/" + rest.lstrip("/")).resolve(), source)
    if scheme == "s3":
        from tidemark.sources.files.buckets import Bucket

        return Bucket(url, source)
    raise ConfigError(
        f"{source}: its url {scheme}://… is of a kind that Tidemark can't read. Name a folder, "
        "file:///… or s3://bucket/prefix."
    )
