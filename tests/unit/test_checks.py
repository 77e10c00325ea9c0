"""What .ci/run checks beside the suite."""

import fnmatch
import tomllib
from pathlib import Path

from tests import checkout
from tests.fix_servers import HOME

MYPY = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]


def is_python(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".py" or file.readline().endswith(b"python3\n")


def test_mypy_checks_all_python():
    checked = [pattern for each in MYPY["files"] for pattern in (each, f"{each}/*")]
    found = [name for name in checkout.names() if is_python(HOME / name)]
    assert [n for n in found if not any(fnmatch.fnmatch(n, each) for each in checked)] == []
    assert MYPY["strict"] is True
