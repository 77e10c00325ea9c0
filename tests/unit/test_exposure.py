"""Where the console may listen, under which names, and how often one may try to log in."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidemark.console import attempts, exposure
from tidemark.errors import UsageError

CERTIFICATE, KEY = Path("cert.pem"), Path("key.pem")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_on_the_loopback_nothing_more_has_to_be_said(host: str):
    where = exposure.of(host)
    assert (where.host, where.hosts, where.tls) == (host, LOOPBACK, None)


@pytest.mark.parametrize(
    ("host", "given", "said"),
    [
        ("0.0.0.0", {}, "in the clear"),
        ("::", {"names": ["a.example"]}, "in the clear"),
        ("console.example", {"names": ["a.example"]}, "in the clear"),
        ("0.0.0.0", {"is_behind_proxy": True}, "--name"),
        ("0.0.0.0", {"certificate": CERTIFICATE, "key": KEY}, "--name"),
        ("127.0.0.1", {"certificate": CERTIFICATE}, "or neither"),
        ("127.0.0.1", {"key": KEY}, "or neither"),
    ],
)
def test_elsewhere_it_is_encrypted_and_has_a_name(host: str, given: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        exposure.of(host, **given)


def test_elsewhere_it_answers_to_the_names_that_it_was_told():
    told = exposure.of("0.0.0.0", names=["a.example"], certificate=CERTIFICATE, key=KEY)
    assert (told.hosts, told.tls) == ((*LOOPBACK, "a.example"), (CERTIFICATE, KEY))
    assert exposure.of("0.0.0.0", names=["a.example"], is_behind_proxy=True).tls is None


@pytest.mark.parametrize(("same", "burst", "pause"), [("name", 5, 12), ("address", 20, 3)])
def test_attempts_of_a_name_and_of_an_address_are_counted(
    same: str, burst: int, pause: int, monkeypatch: pytest.MonkeyPatch
):
    now, made = 0.0, attempts.Attempts()
    monkeypatch.setattr(attempts, "time", SimpleNamespace(monotonic=lambda: now))

    def tried(number: int) -> bool:
        who = {"name": f"n{number}", "address": f"a{number}", same: "same"}
        return made.take(name=who["name"], address=who["address"])

    assert [tried(number) for number in range(burst + 1)] == [True] * burst + [False]
    now += pause
    assert [tried(number) for number in range(100, 102)] == [True, False]


def test_names_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attempts, "_MOST", 100)
    made = attempts.Attempts()
    for number in range(500):
        made.take(name=f"n{number}", address=f"a{number}")
    assert len(made._buckets) == 100
