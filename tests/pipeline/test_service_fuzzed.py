"""The service does what its description says, whatever is sent: schemathesis makes that up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.commands import run
from tests.fix_service import Serve
from tests.further import tries
from tidemark.api.service import Settings

EXAMPLES = tries(40, usually=6)
"""Requests of each kind that are made up for a route."""

pytestmark = pytest.mark.timeout(900)


def test_no_request_breaks_the_service_or_its_description(serve: Serve, tmp_path: Path):
    made = serve(Settings(rate=0))
    key = made.client.headers["authorization"]
    done = run(
        [
            Path(sys.executable).parent / "schemathesis",
            "run",
            f"{made.url}/openapi.json",
            *("--header", f"Authorization: {key}"),
            *("--checks", "all"),
            *("--max-examples", str(EXAMPLES)),
            *("--seed", "1"),
            *("--generation-database", "none"),
            # No schema of a `jsonb` says that no text in it has a NUL; other tests send some.
            *("--generation-allow-x00", "false"),
            "--no-color",
        ],
        cwd=tmp_path,
        seconds=800,
    )
    assert done.code == 0, done.out
    failed = [line for line in made.client.get("/metrics").text.splitlines() if 'status="5' in line]
    assert failed == []
