"""Run one batch of an area in a process of its own, and print what each hop did as JSON.

`megabytes` is the most memory that the process had.

A second word names the one hop that is run.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import cast

from tidemark.batch import pipeline
from tidemark.declare.project import find_project
from tidemark.install import servers
from tidemark.model import Hop
from tidemark.postgres.sessions import Servers
from tidemark.results import BatchResult, HopResult, as_json


def main() -> None:
    """Use the servers that the environment names."""
    area, *hops = sys.argv[1:]
    project = find_project()
    dsns = servers.configured_dsns(project, os.environ)
    assert dsns.keys() == {*project.servers}, "the benchmarks set the DSNs"
    with Servers(dsns) as opened:
        found: BatchResult | HopResult
        if hops:
            found = pipeline.run_hop(opened, project.area(area), cast(Hop, hops[0]))
        else:
            found = pipeline.run(opened, project.area(area))
    print(json.dumps({**json.loads(as_json(found)), "megabytes": _megabytes()}))  # noqa: T201


def _megabytes() -> float:
    """Return the most memory that this process had, without that of the one that started it."""
    (told,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return int(told) / 1024


if __name__ == "__main__":
    main()
