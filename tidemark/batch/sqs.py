"""A queue of Amazon SQS, or of what speaks like it. AWS_ variables say where, and the keys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tidemark.declare import extras
from tidemark.errors import ConfigError, ConnectError, UsageError

MOST = 10
"""The most messages that SQS gives, extends or deletes at once."""

_URL = re.compile(r"sqs://(?:(?P<account>\d{12})/)?(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)")
_OWN_URL = re.compile(
    r"https?://[^/\s@?#]+(?:/[A-Za-z0-9_-]+)*/(?P<name>[A-Za-z0-9_-]+(?:\.fifo)?)"
)
_REGION = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)amazonaws\.com")
_PASSING = re.compile(r"Thrott|TooManyRequests|RequestLimit|SlowDown|Unavailable|InternalError")
_NO_KEYS = {"NoCredentialsError", "PartialCredentialsError"}
_NOT_THERE = re.compile(r"NonExistentQueue|QueueDoesNotExist")
_ANSWER = 15
"""Seconds in which an answer is there, beside those that a receive waits for a message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was received, and is ours until its time is over."""

    message_id: str
    body: str
    handle: str


class Queue:
    """A queue. Every error says whether it may pass (`is_transient`)."""

    def __init__(self, url: str, *, longest_wait: int) -> None:
        """Describe a queue; nothing is asked yet.

        Args:
            url: `sqs://QUEUE`, `sqs://ACCOUNT/QUEUE`, or the queue's own URL with https.
            longest_wait: the most seconds that a receive waits.

        Raises:
            UsageError: the URL is none of a queue.
            ConfigError: no region is set, or boto3 is not installed.
        """
        found = _URL.fullmatch(url) or _OWN_URL.fullmatch(url)
        if not found:
            raise UsageError(
                "consume: this is no URL of a queue. Write sqs://QUEUE, sqs://ACCOUNT/QUEUE (the "
                "account has 12 digits), or the URL that SQS shows of the queue."
            )
        self.name = found["name"]
        parts = found.groupdict()
        self._named = {"QueueName": self.name}
        if parts.get("account"):
            self._named["QueueOwnerAWSAccountId"] = parts["account"]
        self._url = url if url.startswith("http") else ""
        self._client = self._connected(_region(url), longest_wait)

    def _connected(self, region: str | None, longest_wait: int) -> Any:
        try:
            import boto3
            from botocore import exceptions
            from botocore.config import Config
        except ModuleNotFoundError as error:
            raise ConfigError(f"queue {self.name}: {extras.lacking('boto3')}.") from error
        self._exceptions = exceptions
        config = Config(
            connect_timeout=_ANSWER,
            read_timeout=longest_wait + _ANSWER,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        try:
            return boto3.session.Session().client("sqs", region_name=region, config=config)
        except exceptions.NoRegionError as error:
            raise ConfigError(
                f"queue {self.name}: no region is set. Set AWS_REGION, such as eu-central-1."
            ) from error
        except (exceptions.BotoCoreError, ValueError) as error:
            raise ConfigError(
                f"queue {self.name}: no client can be made ({type(error).__name__}). Correct the "
                "AWS_ variables, such as AWS_ENDPOINT_URL and AWS_PROFILE."
            ) from error

    def find(self) -> None:
        """Ask for the queue's URL, where only its name is known."""
        if not self._url:
            with self._told("can't be found"):
                self._url = self._client.get_queue_url(**self._named)["QueueUrl"]

    def receive(self, count: int, *, wait: int, visibility: int) -> list[Message]:
        """Receive messages, which nobody else gets for `visibility` seconds.

        Args:
            count: at most so many.
            wait: how many seconds to wait for the first.
            visibility: seconds.
        """
        with self._told("can't be read"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(count, MOST),
                WaitTimeSeconds=wait,
                VisibilityTimeout=visibility,
            )
        return [
            Message(one["MessageId"], one["Body"], one["ReceiptHandle"])
            for one in answer.get("Messages", ())
        ]

    def extend(self, messages: Sequence[Message], visibility: int) -> int:
        """Keep messages for so many seconds from now; 0 gives them back. Returns how many can't."""
        failed = 0
        for entries in _entries(messages):
            of_each = [{**entry, "VisibilityTimeout": visibility} for entry in entries]
            with self._told("messages can't be kept"):
                answer = self._client.change_message_visibility_batch(
                    QueueUrl=self._url, Entries=of_each
                )
            failed += len(answer.get("Failed", ()))
        return failed

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages, and return those that were not: they come again."""
        left: list[Message] = []
        for entries in _entries(messages):
            with self._told("messages can't be deleted"):
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            failed = {one["Id"] for one in answer.get("Failed", ())}
            handles = {entry["ReceiptHandle"] for entry in entries if entry["Id"] in failed}
            left += [one for one in messages if one.handle in handles]
        return left

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        theirs = self._exceptions
        try:
            yield
        except theirs.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            passes = status >= 500 or status == 429 or bool(_PASSING.search(code))
            todo = "Let the keys read, change and delete messages of it."
            if _NOT_THERE.search(code):
                todo = "Correct its name, AWS_REGION or AWS_ENDPOINT_URL."
            raise self._error(what, code, "" if passes else todo, passes=passes) from error
        except theirs.BotoCoreError as error:
            name = type(error).__name__
            todo = "" if name not in _NO_KEYS else "Set AWS_ACCESS_KEY_ID and its secret."
            raise self._error(what, name, todo, passes=not todo) from error

    def _error(self, what: str, why: str, todo: str, *, passes: bool) -> ConnectError:
        said = f"queue {self.name}: {what}: {why}."
        return ConnectError(f"{said}{todo and ' '}{todo}", is_transient=passes)


def _region(url: str) -> str | None:
    """Find the region of a queue's own URL, or the one that is set for all."""
    found = _REGION.match(url)
    own = (found[1] or found[2]) if found else None
    return own or os.environ.get("AWS_REGION") or None


def _entries(messages: Sequence[Message]) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, len(messages), MOST):
        yield [
            {"Id": str(place), "ReceiptHandle": one.handle}
            for place, one in enumerate(messages[first : first + MOST])
        ]
