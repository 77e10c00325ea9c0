"""Areas beside retail that need statements which it does not."""

from tests.fix_areas import Dimension, Fact

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
