"""Variables of the environment and of `.env`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemark.declare import environment


@pytest.mark.parametrize(
    ("mode", "refuses"), [("", False), ("demo", False), ("production", True), ("prod", True)]
)
def test_production_is_what_is_not_the_demo(tmp_path: Path, mode: str, refuses: bool):
    assert environment.refuses_demo(tmp_path, {"TIDEMARK_ENV": mode}) == refuses
    assert not environment.refuses_demo(tmp_path, {})
    (tmp_path / ".env").write_text(f"TIDEMARK_ENV={mode}\n")
    assert environment.refuses_demo(tmp_path, {}) == refuses
