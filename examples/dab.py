"""A digital asset bank that tells the warehouse what its users do: as they do it, each thing once.

    dab.py upload sample-asset-123.jpg "Sunset over the bay" generic
    dab.py purchase sample-asset-123.jpg user456 100

DAB_EVENTS says where the events go: the address of the service (`http://127.0.0.1:8000`, with a key
in DAB_KEY) or the URL of a queue (`https://sqs.eu-central-1.amazonaws.com/123/events`).
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

ATTEMPTS = 8


class Events(Protocol):
    """Where the bank's events go."""

    def send(self, path: str, kind: str, event_id: str, payload: Mapping[str, Any]) -> None:
        """Return once the event is safe; an id that was sent before is no new event."""


class Service:
    """The service of `tidemark serve`."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address.rstrip("/"), key

    def send(self, path: str, kind: str, event_id: str, payload: Mapping[str, Any]) -> None:
        """Post an event, and again while the service can't take it: the id makes that harmless."""
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": event_id,
        }
        body = json.dumps(payload).encode()
        request = urllib.request.Request(f"{self._address}/v1/{path}", body, headers)
        for attempt in range(ATTEMPTS):
            try:
                with urllib.request.urlopen(request, timeout=30):
                    return
            except urllib.error.HTTPError as error:
                if error.code not in {429, 503}:
                    raise RuntimeError(f"{kind}: {error.read().decode()}") from None
                wait = float(error.headers.get("Retry-After", 1))
            except OSError:  # Nobody answered: it is not known whether the event was taken.
                wait = min(2.0**attempt, 30)
            time.sleep(wait)
        raise RuntimeError(f"{kind}: the service did not take event {event_id}")


class Queue:
    """A queue of SQS, which `tidemark consume` empties."""

    def __init__(self, url: str) -> None:
        import boto3

        self._url, self._client = url, boto3.client("sqs")

    def send(self, path: str, kind: str, event_id: str, payload: Mapping[str, Any]) -> None:
        """Send an event; boto3 tries again by itself."""
        event = {"area": "assets", "kind": kind, "event_id": event_id, "payload": payload}
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps(event))


def events() -> Events:
    """Return where the events go, as the environment says it."""
    where = os.environ.get("DAB_EVENTS", "http://127.0.0.1:8000")
    key = os.environ.get("DAB_KEY")
    return Service(where, key) if key else Queue(where)


def upload_asset(to: Events, s3_key: str, name: str, type_name: str) -> None:
    """Take a file into the bank. Whoever uploads it does not own it."""
    uploaded = {
        "s3_key": s3_key,
        "asset_name": name,
        "asset_type_name": type_name,
        "upload_timestamp": _now(),
    }
    to.send("assets/uploads", "asset_uploaded", f"upload-{uuid4()}", uploaded)


def purchase_asset(to: Events, s3_key: str, user: str, credits_spent: int) -> None:
    """Sell an asset to a user."""
    bought = {
        "s3_key": s3_key,
        "user_nk": user,
        "credits_spent": credits_spent,
        "transaction_timestamp": _now(),
    }
    to.send("assets/purchases", "asset_purchased", f"purchase-{uuid4()}", bought)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def main(words: list[str]) -> None:
    """Do what the command says."""
    match words:
        case ["upload", s3_key, name, type_name]:
            upload_asset(events(), s3_key, name, type_name)
        case ["purchase", s3_key, user, credits_spent]:
            purchase_asset(events(), s3_key, user, int(credits_spent))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
