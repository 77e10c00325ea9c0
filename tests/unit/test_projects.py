"""The areas of a project beside each other, and how a project and what is in it are found."""

from pathlib import Path
from typing import Any

import pytest

from tests.declaring import GARDENS, declare, with_
from tidemark.declare.project import Project, find_project, load_area
from tidemark.errors import ConfigError, UnknownNameError


def test_two_areas_may_not_share_a_table(tmp_path: Path):
    declare(tmp_path, GARDENS)
    parks = with_("area", "parks")
    parks["entities"] = {"oaks": parks["entities"]["trees"] | {"stg": "stg_oaks"}}
    declare(tmp_path, parks, area="parks")
    with pytest.raises(ConfigError) as raised:
        Project(tmp_path).area("parks")
    assert str(raised.value) == (
        "sql/parks/area.yml: mrr 'mrr_trees' of parks.oaks is already that of gardens.trees. "
        "Give one of them another name."
    )


PARKS = {"area": "parks", "schema": "parks"}


def two_areas(home: Path, **parks: Any) -> Project:
    """Declare the gardens, and a second area with the same entities and tables."""
    declare(home, GARDENS)
    declare(home, {**GARDENS, **parks}, area="parks")
    return Project(home)


def test_two_areas_may_have_the_same_names_in_two_schemas(tmp_path: Path):
    areas = two_areas(tmp_path, **PARKS).areas
    assert [area.entity("trees").table("mrr") for area in areas.values()] == [
        ("public", "mrr_trees"),
        ("parks", "mrr_trees"),
    ]
    assert [area.entity("trees").view for area in areas.values()] == [
        ("landing_gardens", "clean_trees"),
        ("landing_parks", "clean_trees"),
    ]


@pytest.mark.parametrize(
    ("parks", "said"),
    [
        ({"area": "parks"}, "mrr 'mrr_trees' of parks.trees is already that of gardens.trees"),
        (
            {**PARKS, "landing_schema": "landing_gardens"},
            "landing 'landing_gardens.trees' of parks.trees is already that of gardens.trees",
        ),
        (
            {**PARKS, "schema": "landing_gardens"},
            "landing_schema 'landing_gardens' of gardens is the schema of parks",
        ),
    ],
)
def test_two_areas_may_not_share_a_schema_and_a_name_in_it(
    tmp_path: Path, parks: dict[str, str], said: str
):
    project = two_areas(tmp_path, **parks)
    with pytest.raises(ConfigError, match=rf"^sql/\w+/area.yml: {said}. Give one of them another"):
        _ = project.areas


def test_two_areas_that_land_in_one_schema_may_not_share_a_mirrors_work_table(tmp_path: Path):
    """Entities of other names do, if their tables bear one name in two schemas."""
    entities = {"oaks": GARDENS["entities"]["trees"]}
    settings = {"landing_schema": "landing_gardens", "entities": entities}
    project = two_areas(tmp_path, **PARKS, **settings)
    said = "work table of mrr 'landing_gardens.mrr_trees' of parks.oaks is already that of gardens"
    with pytest.raises(ConfigError, match=said):
        _ = project.areas


def test_a_dot_in_a_name_makes_no_two_tables_of_the_dwh_one(tmp_path: Path):
    """Both would be `a.b` in `high_water_mark`."""
    fact = {**GARDENS["entities"]["visits"]["fact"], "table": "parks.dwh_trees"}
    declare(tmp_path, with_("entities.visits.fact", fact))
    declare(tmp_path, {**GARDENS, **PARKS}, area="parks")
    with pytest.raises(ConfigError, match=r"dwh 'parks.dwh_trees' of parks.trees is already that"):
        _ = Project(tmp_path).areas


def test_a_table_may_not_have_the_name_of_what_is_made_beside_another(tmp_path: Path):
    trees = GARDENS["entities"]["trees"]
    declared: dict[str, Any] = {
        "area": "gardens",
        "entities": {"trees": trees, "clean_trees": {**trees}},
    }
    declared["entities"]["clean_trees"] |= {"mrr": "m", "stg": "s"}
    for number, (found, said) in enumerate(
        [
            (
                declared,
                "landing 'landing_gardens.clean_trees' of gardens.trees is already that of g",
            ),
            (with_("entities.visits.mrr", "mrr_trees_history"), "mrr 'mrr_trees_history' of gard"),
        ]
    ):
        declare(tmp_path / str(number), found)
        with pytest.raises(ConfigError, match=f"^sql/gardens/area.yml: {said}"):
            _ = Project(tmp_path / str(number)).areas


def test_an_unknown_area_is_told_with_the_nearest(tmp_path: Path):
    declare(tmp_path, GARDENS)
    with pytest.raises(UnknownNameError) as raised:
        Project(tmp_path).area("garden")
    assert str(raised.value) == (
        "area 'garden': there is none of this name. Did you mean 'gardens'? Known: gardens."
    )


def test_an_unknown_entity_is_told_with_the_nearest(tmp_path: Path):
    area = load_area(declare(tmp_path, GARDENS))
    with pytest.raises(UnknownNameError) as raised:
        area.entity("tree")
    assert str(raised.value) == (
        "entity of gardens 'tree': there is none of this name. Did you mean 'trees'? "
        "Known: trees, visits."
    )


def test_the_only_area_needs_no_name(tmp_path: Path):
    declare(tmp_path, GARDENS)
    assert Project(tmp_path).area().area == "gardens"


def test_one_of_two_areas_needs_its_name(tmp_path: Path):
    declare(tmp_path, GARDENS)
    declare(tmp_path, {"area": "parks", "entities": {}}, area="parks")
    with pytest.raises(ConfigError) as raised:
        Project(tmp_path).area()
    assert str(raised.value) == (
        "area: none is given, and there are several. Name one of gardens, parks."
    )


def test_a_project_is_found_from_any_folder_inside(tmp_path: Path):
    path = declare(tmp_path, GARDENS)
    assert find_project(path.parent).home == tmp_path


def test_tidemark_home_is_not_searched_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = declare(tmp_path, GARDENS)
    monkeypatch.setenv("TIDEMARK_HOME", str(path.parent))
    with pytest.raises(ConfigError) as raised:
        find_project(tmp_path)
    assert str(raised.value) == (
        f"{path.parent}: no folder here or above has sql/<area>/area.yml. "
        "Change into a Tidemark project, or set TIDEMARK_HOME."
    )
