"""Run one batch of an area in a process of its own, and print what each hop did as JSON.

A second word names the one hop that is run.
"""

import os
import sys
from typing import cast

from tidemark.batch import pipeline
from tidemark.declare.project import find_project
from tidemark.install import servers
from tidemark.model import Hop
from tidemark.postgres.sessions import Servers
from tidemark.results import as_json


def main() -> None:
    """Use the servers that the environment names."""
    area, *hops = sys.argv[1:]
    project = find_project()
    dsns = servers.configured_dsns(project, os.environ)
    assert dsns.keys() == {*project.servers}, "the benchmarks set the DSNs"
    with Servers(dsns) as opened:
        if hops:
            found = pipeline.run_hop(opened, project.area(area), cast(Hop, hops[0]))
            print(as_json(found))  # noqa: T201
        else:
            print(as_json(pipeline.run(opened, project.area(area))))  # noqa: T201


if __name__ == "__main__":
    main()
