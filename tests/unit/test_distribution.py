"""What `distribution: citus` means for the tables of areas."""

from pathlib import Path
from typing import Any

import pytest

from tests.declaring import declare, with_
from tidemark.declare.project import Project
from tidemark.errors import ConfigError
from tidemark.star.distribution import Placed, wanted

CLICKS = {
    "source": "clicks",
    "key": ["no"],
    "watermark": "changed",
    "fact": {"event_time": "at", "dimensions": {"tree_key": "gardens.trees"}},
}


def project(home: Path, *areas: dict[str, Any]) -> Project:
    for area in areas:
        declare(home, area, area=area["area"])
    return Project(home)


def test_facts_lie_by_their_keys_and_what_they_point_at_everywhere(tmp_path: Path):
    gardens = with_("entities.visits.fact.rename", {"no": "visit_id"})
    gardens |= {"distribution": "citus"}
    clicks = {**CLICKS, "fact": {"event_time": "at"}}
    plain = {"area": "web", "schema": "web", "entities": {"clicks": clicks}}

    assert list(wanted(project(tmp_path, gardens, plain).areas.values())) == [
        Placed(("public", "dwh_dim_date"), None),
        Placed(("public", "dwh_trees"), None),
        Placed(("public", "dwh_visits"), "no"),
    ]


def test_without_the_key_all_tables_lie_on_one_server(tmp_path: Path):
    assert list(wanted(project(tmp_path, with_("description", "x")).areas.values())) == []


def test_a_fact_is_distributed_by_a_column_of_its_key(tmp_path: Path):
    declared = with_("entities.visits.fact.distribute_by", "tree_key")
    with pytest.raises(ConfigError) as caught:
        _ = project(tmp_path, declared).areas

    assert str(caught.value) == (
        "sql/gardens/area.yml: the file: entities.visits.fact.distribute_by: 'tree_key' is no "
        "column of its key, and a row never moves to another worker. Take one of visit_id."
    )


@pytest.mark.parametrize(("gardens", "web"), [("none", "citus"), ("citus", "none")])
def test_areas_that_share_a_dimension_lie_together(tmp_path: Path, gardens: str, web: str):
    clicks = {"area": "web", "schema": "web", "distribution": web, "entities": {"clicks": CLICKS}}
    with pytest.raises(ConfigError) as caught:
        _ = project(tmp_path, with_("distribution", gardens), clicks).areas

    assert str(caught.value) == (
        "sql/web/area.yml: entities.clicks.fact.dimensions.tree_key: facts and the dimensions at "
        f"which they point lie together, and of `distribution` gardens says {gardens} and web says "
        f"{web}. Write the same in both area.yml."
    )
