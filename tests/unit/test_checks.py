"""What scripts/check checks."""

import fnmatch
import sys
import tomllib
from pathlib import Path

import yaml

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


def test_no_hook_fetches_a_program():
    """What pre-commit fetches itself is at a version of its own, and needs a host to come from."""
    config = yaml.safe_load((HOME / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    (hooks,) = (repo["hooks"] for repo in config["repos"])
    assert {hook["language"] for hook in hooks} == {"system"}
    programs = [Path(hook["entry"].split()[0]) for hook in hooks]
    assert {str(program.parent) for program in programs} == {".venv/bin"}
    here = Path(sys.executable).parent
    assert [program.name for program in programs if not (here / program.name).exists()] == []
