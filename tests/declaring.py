"""An area.yml to change, for tests of what it may say."""

from pathlib import Path
from typing import Any

import yaml

GARDENS: dict[str, Any] = {
    "area": "gardens",
    "entities": {
        "trees": {
            "source": "park.trees",
            "key": ["tree_id"],
            "watermark": "changed",
            "mrr": "mrr_trees",
            "stg": "stg_trees",
            "dimension": {"table": "dwh_trees", "surrogate_key": "tree_key", "type2": ["height"]},
        },
        "visits": {
            "source": "visits",
            "key": ["visit_id"],
            "watermark": "changed",
            "mrr": "mrr_visits",
            "stg": "stg_visits",
            "fact": {
                "table": "dwh_visits",
                "event_time": "visited_at",
                "dimensions": {"tree_key": "trees"},
            },
        },
    },
}


def declare(home: Path, declared: Any, area: str = "gardens") -> Path:
    """Write an area.yml, and return where."""
    path = home / "sql" / area / "area.yml"
    path.parent.mkdir(parents=True)
    path.write_text(declared if isinstance(declared, str) else yaml.safe_dump(declared), "utf-8")
    return path


def with_(place: str, value: Any) -> dict[str, Any]:
    """Return GARDENS with another value at a place; None removes the value."""
    changed: dict[str, Any] = yaml.safe_load(yaml.safe_dump(GARDENS))
    *path, last = place.split(".")
    target = changed
    for step in path:
        target = target.setdefault(step, {})
    if value is None:
        del target[last]
    else:
        target[last] = value
    return changed
