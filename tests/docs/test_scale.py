"""docs/scale.md, and the containers of a DWH on Citus."""

import subprocess

import pytest
import yaml

from tests.fix_servers import HOME

FILES = ("docker-compose.yml", "docker-compose.citus.yml")


def test_the_override_of_compose_names_what_it_overrides() -> None:
    plain, citus = (yaml.safe_load((HOME / name).read_text("utf-8"))["services"] for name in FILES)
    assert {"dwh-db", "tidemark-init"} == plain.keys() & citus.keys()
    assert citus.keys() - plain.keys() == {"dwh-worker-1", "dwh-worker-2", "dwh-workers"}


@pytest.mark.compose  # It needs Docker, as those of the folder of that name.
def test_compose_can_put_both_files_together() -> None:
    options = [part for name in FILES for part in ("-f", name)]
    done = subprocess.run(
        ["docker", "compose", *options, "config", "--quiet"],
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
