"""Object storage: moto's server, which speaks S3 over HTTP, and one that answers as a test says."""

from __future__ import annotations

import json
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from tests.fix_retail import PATIENCE

_LISTED = """<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>{}
</ListBucketResult>"""
_MORE = "true</IsTruncated><NextContinuationToken>more</NextContinuationToken>"
_OBJECT = """<Contents><Key>{}</Key><Size>{}</Size><ETag>"1"</ETag>
<LastModified>2025-01-01T00:00:00.000Z</LastModified></Contents>"""
_ERROR = "<Error><Code>{}</Code><Message>of not-to-be-shown</Message></Error>"


@dataclass(frozen=True)
class Partner:
    """One who fills a bucket."""

    store: S3Store

    def put(self, path: str, content: bytes | str) -> str | None:
        """Put an object, and return its etag."""
        data = content.encode() if isinstance(content, str) else content
        return obstore.put(self.store, path, data)["e_tag"]


def partner(endpoint: str, bucket: str) -> Partner:
    """Make a bucket."""
    made = urllib.request.Request(f"{endpoint}/{bucket}", method="PUT")
    urllib.request.urlopen(made, timeout=PATIENCE).close()
    store = S3Store(
        bucket,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id="partner",
        secret_access_key="any",
        client_options={"allow_http": True},
    )
    return Partner(store)


def put_at_once(bucket: str, path: str) -> None:
    """Put an empty object without a request: faster, and of any path."""
    from moto.s3.models import s3_backends

    s3_backends["123456789012"]["aws"].put_object(bucket, path, b"")


@contextmanager
def asked_by(server: str) -> Iterator[list[str]]:
    """Note what moto's server is asked in a block: the URLs, once the block has ended."""
    from moto.moto_api import recorder

    asked: list[str] = []
    with tempfile.NamedTemporaryFile() as notes:
        elsewhere, recorder._location = recorder._location, notes.name
        recorder.start_recording()
        try:
            yield asked
        finally:
            recorder.stop_recording()
            recorder._location = elsewhere
        lines = Path(notes.name).read_text("utf-8").splitlines()
        asked += [url for line in lines if (url := json.loads(line)["url"]).startswith(server)]


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of a server of object storage, without any bucket."""
    from moto.server import ThreadedMotoServer  # It takes seconds, which few tests need.

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass
class Answering:
    """A server of object storage that answers as a test says, and notes what it was asked."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    fault: str = ""
    """`500` and `403`: the status of its answers; `breaks`: it closes in the middle of a body;
    `second page`: a listing has a second page, which is answered by 500."""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    """Path, and the headers."""


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Answer requests, in threads of this process."""
    told = Answering()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, dict(self.headers)))
            path = self.path.partition("?")[0].strip("/").partition("/")[2]
            if told.fault == "second page" and "continuation-token" in self.path:
                self._say(500, _ERROR.format("InternalError").encode())
            elif told.fault.isdigit():
                code = "AccessDenied" if told.fault == "403" else "InternalError"
                self._say(int(told.fault), _ERROR.format(code).encode())
            elif path in told.objects:
                body = told.objects[path]
                self._say(200, body, sent=len(body) // 2 if told.fault == "breaks" else None)
            else:
                some = (_OBJECT.format(key, len(body)) for key, body in told.objects.items())
                listed = _LISTED.format("".join(some))
                if told.fault == "second page":
                    listed = listed.replace("false</IsTruncated>", _MORE)
                self._say(200, listed.encode())

        def _say(self, status: int, body: bytes, sent: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
            self.end_headers()
            self.wfile.write(body[:sent])
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE)
