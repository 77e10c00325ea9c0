"""Load files of events, a line each: `python events.py FOLDER`.

A file that was not modified since the last run is not read again. Of one event the last file and
line count, which a merge by its id keeps. dlt's own reader of JSON lines fails at a line that is no
JSON, so this one leaves such lines out. The event stays whole: flattening it is a matter of dbt.
"""

import sys
from collections.abc import Iterator
from typing import Any

import dlt
from dlt.common import json
from dlt.sources.filesystem import filesystem

CHUNK = 10_000


@dlt.transformer
def events(files: Any) -> Iterator[Any]:
    """Yield the events of files, some at a time."""
    for file in files:
        with file.open() as lines:
            some = []
            for number, line in enumerate(lines, 1):
                try:
                    event = json.loadb(line)
                except ValueError:
                    continue
                if event_id := event.get("event_id"):
                    some.append(
                        {
                            "event_id": event_id,
                            "event_timestamp": str(event.get("event_timestamp")),
                            "place": f"{file['relative_path']} {number:09}",
                            "event_data": event,
                        }
                    )
            for first in range(0, len(some), CHUNK):
                yield some[first : first + CHUNK]


(folder,) = sys.argv[1:]
found = filesystem(
    bucket_url=folder,
    file_glob="raw-events/**/*.json.gz",
    incremental=dlt.sources.incremental("modification_date"),
)
raw_events = (found | events).with_name("raw_events")
raw_events.apply_hints(
    write_disposition="merge",
    primary_key="event_id",
    columns={
        "place": {"data_type": "text", "dedup_sort": "desc"},
        "event_timestamp": {"data_type": "text"},
        "event_data": {"data_type": "json"},
    },
)
pipeline = dlt.pipeline("events", destination="postgres", dataset_name="raw")
pipeline.run(raw_events, loader_file_format="csv")
