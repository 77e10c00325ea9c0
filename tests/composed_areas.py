"""Areas beside retail that need statements which it does not."""

from tests import fix_aggregates
from tests.fix_areas import Dimension, Fact, Made
from tests.fix_retail import Retail
from tidemark.declare.project import Project

TAGS = Dimension(
    {
        "tag": "text",
        "part": "integer",
        "v": "text",
        "sizes": "integer[]",
        "at": "timestamp",
        "updated_at": "timestamptz",
    },
    ("tag", "part"),
    effective="at at Europe/Berlin",
    cleansed={
        "tag": "lower(btrim(tag))",
        "part": "part::bigint",
        "v": """unnest(
            case v
                when 'a,b' then '{a,b}'
                when 'not one' then array[v::integer::text]
                else array[v]
            end
        )""",
    },
    stored={"part": "bigint"},
    refused="case when v = 'bad' then '{v is bad}'::text[] else '{}' end",
    settings={"deletes": "detect", "max_delete_ratio": 1, "deleted_when": "v = 'gone'"},
)
"""Keys that cleansing changes, and that have another type behind it; plans; lists; a zone."""

CLOCKS = Dimension(
    {"id": "integer", "v": "text", "updated_at": "timestamp"},
    ("id",),
    source=("zoned", "things"),
    settings={"watermark_zone": "Europe/Berlin"},
)
DAYS = Fact(
    {"no": "integer", "id": "integer", "day": "date"},
    ("no",),
    "day",
    {"thing_key": "things"},
    source=("zoned", "events"),
)
"""Times of a clock on a wall, and days."""


def sum_up(retail: Retail) -> None:
    """Let an aggregate that no file makes follow all versions of a member, and take one out."""
    zoned = Project(retail.home).area("zoned")
    select = (
        "select g.id, count(*) as days from {touched} as g inner join zoned.dim_things as t "
        "on g.id = t.id inner join zoned.fact_events as e using (thing_key) group by g.id"
    )
    computed = "is_late boolean generated always as (no > 5) stored"
    retail.warehouse.execute("dwh", f"alter table zoned.fact_events add column {computed}")
    by_lateness = (
        "select g.is_late, count(*) as days from {touched} as g inner join zoned.fact_events as e "
        "on g.is_late = e.is_late group by g.is_late"
    )
    grains = {
        "by_thing": {"grain": {"events": {"id": "thing_key.id"}}},
        "by_lateness": {"grain": {"events": {"is_late": "events.is_late"}}},
    }
    area = Made(retail.warehouse, retail.servers, zoned, retail.home)
    selects = {"by_thing": select, "by_lateness": by_lateness}
    summed = fix_aggregates.declare(area, grains, selects)
    summed.run()
    summed.put(DAYS, (9, 1, "2025-01-02"))
    summed.change(CLOCKS, "v = 'c', updated_at = now() at time zone 'Europe/Berlin'")
    summed.run()
    fix_aggregates.declare(area, {"by_thing": grains["by_thing"]}, {})
