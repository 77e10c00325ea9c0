"""Files in object storage: S3, or what speaks like it. AWS_ variables say where, and the keys.

An object is read by one streamed request: requests of ranges are slow, and could mix two versions
of an object that is replaced meanwhile (`if_match` rules that out).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tidemark.declare import extras
from tidemark.errors import ConfigError, ConnectError
from tidemark.sources.files.stores import CHUNK, File, ReplacedError, Stream

_PATIENCE = "60s"
"""How long one request may take until it answers, and between two pieces of the answer."""

_LONGEST = "1day"
"""How long a request may take until all of its answer was read: an object may be large."""

_RETRIES = 3

_METADATA = re.compile(r"/latest/(?:api/token|meta-data/iam)")
"""What is asked of the machine's own metadata service, where no variable has keys."""


class Bucket:
    """A prefix of a bucket."""

    def __init__(self, url: str, source: str) -> None:
        self.url, self._source = url, source
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3", os.environ.get("AWS_ENDPOINT_URL", ""))
        given: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        try:
            import obstore
            from obstore import exceptions, store
        except ModuleNotFoundError as error:
            raise ConfigError(f"{source}: {extras.lacking('obstore')}.") from error
        self._obstore, self._exceptions = obstore, exceptions
        self._bucket = store.S3Store.from_url(
            url,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": "10s",
                "read_timeout": _PATIENCE,
                "timeout": _LONGEST,
            },
            retry_config={"max_retries": _RETRIES},
            **given,
        )

    def files(self, folder: str, within: str = "") -> Iterator[File]:
        """See `Store.files`. A key that ends with a slash stands for a folder."""
        with self.told("can't be listed"):
            for found in self._obstore.list(self._bucket, folder + within or None):
                for one in found:
                    yield File(one["path"], one["size"], one["last_modified"], one["e_tag"])

    def open(self, file: File) -> Stream:
        """See `Store.open`."""
        with self.told(f"{file.path} can't be read"):
            try:
                result = self._obstore.get(self._bucket, file.path, options={"if_match": file.etag})
            except (FileNotFoundError, self._exceptions.PreconditionError) as error:
                raise ReplacedError(file.path) from error
            return Stream(_told(self, file, iter(result.stream(min_chunk_size=CHUNK))))

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Say what failed without what the server has answered: that may show keys."""
        try:
            yield
        except (self._exceptions.BaseError, OSError) as error:
            found = re.search(r"status code: (\d+ [A-Z][A-Za-z ]*\w)", str(error))
            code = re.search(r"<Code>(\w+)</Code>", str(error))
            said = " ".join(one[1] for one in (found, code) if one) or "no answer"
            todo = "Correct `source.url` in area.yml, or AWS_ENDPOINT_URL."
            theirs = self._exceptions
            if found and found[1][:3] in {"401", "403"}:
                todo = "Let the keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) list and read it."
            if isinstance(error, theirs.InvalidPathError):
                key = re.search(r'Path "(.*?)"', str(error), re.DOTALL)
                said = f"the key {key[1] if key else ''!r} has an empty part or a control character"
                todo = "Give that object another key, or correct `source.url` in area.yml."
            asked_for_keys = _METADATA.search(str(error)) is not None
            if asked_for_keys:
                said = "there are no keys, and this machine has no role of its own"
                todo = (
                    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true "
                    "where everybody may read."
                )
            is_last = asked_for_keys or isinstance(error, theirs.InvalidPathError)
            passes = not is_last and (found is None or found[1].startswith("5"))
            raise ConnectError(
                f"{self._source}: {self.url}: {what}: {said}. {todo}", is_transient=passes
            ) from error


def _told(bucket: Bucket, file: File, parts: Iterator[Any]) -> Iterator[Any]:
    """Yield the parts of an object; say which it was if its bucket breaks off."""
    with bucket.told(f"{file.path} broke off"):
        yield from parts
