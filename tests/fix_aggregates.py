"""A shop of sales and things, with aggregates whose grains use both."""

from __future__ import annotations

from typing import Any

import yaml

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.declare.project import Project
from tidemark.install import migrate

THINGS = Dimension(
    {"id": "int", "kind": "text", "name": "text", "maker": "text", "updated_at": "timestamptz"},
    ("id",),
    type1=("name", "maker"),
    settings={"extract": "full", "deletes": "detect", "max_delete_ratio": 1},
)
EVENTS = Fact(
    {"no": "int", "thing": "int", "amount": "int", "at": "timestamptz"},
    ("no",),
    "at",
    dimensions={"thing_key": {"entity": "things", "by": ["thing"]}},
    settings={"deletes": "detect", "max_delete_ratio": 1},
)
DAY = "(events.at at time zone 'UTC')::date"
BY_DAY = """
select g.day, count(*) as sold, sum(e.amount) as amount
from {touched} as g
inner join fact_events as e on (e.at at time zone 'UTC')::date = g.day
group by g.day;
"""
BY_KIND = """
select g.kind, g.maker, count(*) as sold, sum(e.amount) as amount
from {touched} as g
inner join dim_things as t on (t.kind, t.maker) is not distinct from (g.kind, g.maker)
inner join fact_events as e on t.thing_key = e.thing_key
group by g.kind, g.maker
"""
BY_THING = """
select g.id, max(now_.name) as name, count(distinct e.no) as sold, max(e.at) as last
from {touched} as g
inner join dim_things as t on g.id is not distinct from t.id
inner join fact_events as e on t.thing_key = e.thing_key
left join dim_things as now_ on g.id = now_.id and now_.is_current
group by g.id
"""
DECLARED: dict[str, Any] = {
    "by_day": {"grain": {"events": {"day": DAY}}},
    "by_kind": {"grain": {"events": {"kind": "thing_key.kind", "maker": "thing_key.maker"}}},
    "by_thing": {"grain": {"events": {"id": "thing_key.id"}}},
}
SELECTS = {"by_day": BY_DAY, "by_kind": BY_KIND, "by_thing": BY_THING}


def shop(make: Make, *, declared: Any = None, **selects: str) -> Made:
    """Make the shop, with all aggregates or those that are given."""
    area = make(THINGS, EVENTS)
    return declare(area, declared or DECLARED, selects or SELECTS)


def declare(area: Made, declared: Any, selects: dict[str, str]) -> Made:
    """Give an area aggregates, and migrate it."""
    folder = area.home / "sql" / area.area.area
    path = folder / "area.yml"
    said = {**yaml.safe_load(path.read_text("utf-8")), "aggregates": declared}
    path.write_text(yaml.safe_dump(said, sort_keys=False), "utf-8")
    for name, select in selects.items():
        file = folder / "dwh" / "aggregates" / f"{name}.sql"
        file.parent.mkdir(exist_ok=True)
        file.write_text(select, "utf-8")
    project = Project(area.home)
    migrate.migrate(project, area.servers)
    return Made(area.warehouse, area.servers, project.area(area.area.area), area.home)
