"""Do what `sqlmesh run` does on a later day: `python run.py 2025-02-20`. The command can't be told.

A model runs once in each interval of its cron, of which five minutes is the shortest.
"""

import sys

from sqlmesh import Context

Context(paths=".").run(end=sys.argv[1], execution_time=sys.argv[1])
