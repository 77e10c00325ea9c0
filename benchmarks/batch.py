"""Run one batch of retail in a process of its own, and print what each hop did as JSON."""

import os

from tidemark.batch import pipeline
from tidemark.declare.project import find_project
from tidemark.install import servers
from tidemark.postgres.sessions import Servers
from tidemark.results import as_json


def main() -> None:
    """Use the servers that the environment names."""
    project = find_project()
    dsns = servers.configured_dsns(project, os.environ)
    assert dsns.keys() == {*project.servers}, "benchmarks.spine sets the DSNs"
    with Servers(dsns) as opened:
        result = pipeline.run(opened, project.area("retail"))
    print(as_json(result))  # noqa: T201


if __name__ == "__main__":
    main()
