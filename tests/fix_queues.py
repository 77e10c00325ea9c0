"""Queues: moto's server, which speaks SQS over HTTP, and an area that is fed by one."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import boto3
import pytest

from tests.fix_posted import Post, Posting
from tests.fix_retail import PATIENCE
from tidemark.batch.consuming import Consumed, Consumer, Manner
from tidemark.batch.sqs import Queue
from tidemark.batch.stopping import Stopping
from tidemark.declare.envelope import Reader
from tidemark.postgres.sessions import Servers

ACCOUNT = "123456789012"
SOLD = {
    "source": {
        "event": "sale_made",
        "fields": {"item": "text", "price": {"type": "numeric(10, 2)", "at_least": 0}},
    }
}
_names = count(1)


@dataclass
class Fed:
    """An area of sales that a queue feeds. A test sends messages, and consumes them."""

    made: Posting
    name: str
    url: str
    client: Any
    aws: Mapping[str, str]
    manner: Manner = field(default_factory=lambda: Manner(wait=0, until="empty"))

    @property
    def environment(self) -> dict[str, str]:
        return {**self.made.environment, **self.aws}

    def send(self, *bodies: Any) -> list[str]:
        """Send messages, as JSON if they are no texts, and return their ids."""
        texts = [one if isinstance(one, str) else json.dumps(one) for one in bodies]
        ids: list[str] = []
        for first in range(0, len(texts), 10):
            entries = [
                {"Id": str(place), "MessageBody": text}
                for place, text in enumerate(texts[first : first + 10])
            ]
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            told = {one["Id"]: one["MessageId"] for one in answer["Successful"]}
            ids += [told[entry["Id"]] for entry in entries]
        return ids

    def consumer(
        self, servers: Servers | None = None, stopping: Stopping | None = None
    ) -> Consumer:
        reader = Reader([self.made.area], self.made.area.area)
        queue = Queue(f"sqs://{self.name}", longest_wait=self.manner.wait)
        return Consumer(
            servers or self.made.servers, reader, queue, self.manner, stopping or Stopping()
        )

    def consume(self) -> Consumed:
        return self.consumer().run()

    def started(self, *words: str, before: str = "") -> subprocess.Popen[str]:
        """Start the command in a process of its own, behind some Python that changes it."""
        program = f"{textwrap.dedent(before)}\nfrom tidemark.cli import main\nmain()"
        return subprocess.Popen(
            [sys.executable, "-c", program, "consume", f"sqs://{self.name}", "--json", *words],
            env={"PATH": "", **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def left(self) -> tuple[int, int]:
        """How many messages wait, and how many somebody has in hand."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        waiting, held = (int(told["Attributes"][name]) for name in names)
        return waiting, held

    def inbox(self) -> list[str]:
        """The ids of the events in the inbox, in their order."""
        found = self.made.rows("mrr", "select event_id from tidemark.inbox order by event_id")
        return [event_id for (event_id,) in found]

    def refused(self) -> list[tuple[Any, ...]]:
        """Entity, event id and reasons of what is refused now."""
        query = """
            select entity, event_id, reasons from tidemark.refused
            where ended_by is null order by refused_id
        """
        return self.made.rows("mrr", query)


def sale(event_id: str | None = None, **payload: Any) -> dict[str, Any]:
    """Return an event of a sale, with what differs from a usual one."""
    event = {"kind": "sale_made", "payload": {"item": "ball", "price": "10.00", **payload}}
    return event if event_id is None else {"event_id": event_id, **event}


def warned(running: subprocess.Popen[str]) -> bool:
    """Wait for the first warning of a command; it stays for `said` to read."""
    assert running.stderr is not None, "a pipe was asked for"
    return bool(select.select([running.stderr], [], [], PATIENCE)[0])


def said(running: subprocess.Popen[str], seconds: float = PATIENCE) -> tuple[int, Any, str]:
    """Wait for the end of a command, and return its code, its JSON and its stderr."""
    out, err = running.communicate(timeout=seconds)
    return running.returncode, json.loads(out) if out else None, err


Feed = Callable[[Posting], Fed]


@pytest.fixture
def feed(s3: str, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """Make a queue for an area, that nobody has sent anything to."""
    aws = {
        "AWS_ENDPOINT_URL": s3,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    for name, value in aws.items():
        monkeypatch.setenv(name, value)

    def make(made: Posting) -> Fed:
        client = boto3.client("sqs", region_name=aws["AWS_REGION"])
        name = f"{made.area.area}-{next(_names)}"
        url = client.create_queue(QueueName=name)["QueueUrl"]
        return Fed(made, name, url, client, aws)

    return make


@pytest.fixture
def fed(posting: Post, feed: Feed) -> Fed:
    """An area of sales, and a queue that nobody has sent anything to."""
    return feed(posting({"sales": SOLD}))


def ids(first: int, last: int) -> Sequence[str]:
    """Return ids of events, in the order of texts."""
    return [f"e{number:04}" for number in range(first, last + 1)]
