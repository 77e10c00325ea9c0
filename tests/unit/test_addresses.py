"""Addresses of pages of the console, and who says where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemark.declare import addresses

HERE = "https://console.example.com"


def test_a_key_is_quoted_and_has_a_value_for_each_column():
    found = addresses.key(HERE, "shop", "order_lines", ["a&b=c d/é", "7"])
    assert found == (f"{HERE}/areas/shop/entities/order_lines/keys?key=a%26b%3Dc+d%2F%C3%A9&key=7")


def test_the_environment_or_a_file_says_where_the_console_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(addresses.VARIABLE, raising=False)
    assert addresses.console(tmp_path) == ""
    (tmp_path / ".env").write_text(f"{addresses.VARIABLE}={HERE}/\n")
    assert addresses.console(tmp_path) == HERE
    monkeypatch.setenv(addresses.VARIABLE, "http://127.0.0.1:8081")
    assert addresses.console(tmp_path) == "http://127.0.0.1:8081"
