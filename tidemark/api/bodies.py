"""Bodies of requests: read within a size and a time, and taken as strict JSON in UTF-8."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from tidemark.api.problems import Problem
from tidemark.declare import payload

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
"""What gives the next message of a request (ASGI)."""

PATIENCE = 30.0
"""Seconds that a client may take to send a body."""

_JSON = re.compile(r"application/json\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)


async def read(receive: Receive, headers: Mapping[str, str], most: int) -> bytes:
    """Read the body of a request.

    Args:
        receive: gives its messages.
        headers: of the request, whose names are read in any case.
        most: bytes that it may have, also where its length is not said before.

    Raises:
        Problem: it is of another type, too large or too slow, or the client is gone.
    """
    if not _JSON.fullmatch(headers.get("content-type", "").strip()):
        raise Problem(415, "Send `Content-Type: application/json`, in UTF-8.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "Send the body as it is, without a Content-Encoding.")
    too_large = Problem(413, f"A body may have {most} bytes.", headers={"Connection": "close"})
    said = headers.get("content-length", "0")
    if len(said) > 18 or int(said) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in _chunks(receive):
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise Problem(408, f"The body did not come within {PATIENCE:g} seconds.") from None
    return bytes(body)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "The request ended before its body.")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def parsed(body: bytes) -> Any:
    """Return the value of a body.

    Raises:
        Problem: it is no JSON.
    """
    try:
        return payload.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Problem(400, "The body is no UTF-8.") from None
    except RecursionError:
        raise Problem(400, "The body is nested too deeply.") from None
    except ValueError:
        raise Problem(
            400, "The body is no JSON, has a number of too many digits, or one name twice."
        ) from None
