"""`sql/project.yml`: what holds for all areas."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fix_areas import Dimension, write
from tidemark.declare.project import Project
from tidemark.errors import ConfigError

THINGS = Dimension({"id": "integer", "updated_at": "timestamptz"}, key=("id",))
OTHERS = Dimension(
    {"id": "integer", "updated_at": "timestamptz"},
    key=("id",),
    entity="others",
    mrr="mrr_others",
    stg="stg_others",
    table="dim_others",
)


def declared(folder: Path, text: str | None) -> Project:
    """Write two areas, and what they share."""
    write(folder, THINGS, area="one")
    write(folder, OTHERS, area="two")
    if text is not None:
        (folder / "sql" / "project.yml").write_text(text, "utf-8")
    return Project(folder)


@pytest.mark.parametrize(
    ("text", "country"), [(None, "US"), ("", "US"), ("calendar: {holidays: DE}", "DE")]
)
def test_all_areas_have_the_calendar_of_the_project(
    tmp_path: Path, text: str | None, country: str
) -> None:
    areas = declared(tmp_path, text).areas
    assert {name: area.calendar.holidays for name, area in areas.items()} == {
        "one": country,
        "two": country,
    }
    assert areas["one"].model_copy(update={"description": "x"}).calendar.holidays == country


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("calender: {}", "calender: unknown key. Did you mean 'calendar'?"),
        (
            "calendar: {holiday: DE}",
            "calendar.holiday: unknown key. Did you mean 'holidays'?",
        ),
        ("calendar: {holidays: 7}", "calendar.holidays: Input should be a valid string."),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _ = declared(tmp_path, text).areas
    assert str(raised.value) == f"sql/project.yml: {said}"


def test_a_calendar_of_an_area_is_sent_to_the_project(tmp_path: Path) -> None:
    write(tmp_path, THINGS, area="one", calendar={"holidays": "DE"})
    with pytest.raises(ConfigError) as raised:
        Project(tmp_path).area()
    assert str(raised.value) == (
        "sql/one/area.yml: calendar: it is one for all areas, as the date dimension is. "
        "Move it to sql/project.yml."
    )


def test_a_command_means_the_default_area_where_none_is_named(tmp_path: Path) -> None:
    project = declared(tmp_path, "default_area: two")
    write(tmp_path, replace(THINGS, mrr="a", stg="b", table="c"), area="two", landing_schema=None)
    assert project.area().area == "two"
    assert project.area("one").area == "one"
    assert project.scope(None)[0].area == "two"
    assert [found[0].area for found in (project.entity("things"), project.dimension("things"))] == [
        "two",
        "two",
    ]
    assert project.entity("things", area="one")[0].area == "one"
    assert project.dimension("one.things")[0].area == "one"
    assert project.dimension("dim_things")[0].area == "one"


def test_a_default_area_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        _ = declared(tmp_path, "default_area: too").areas
    assert str(raised.value) == (
        "sql/project.yml: default_area: area 'too': there is none of this name. "
        "Did you mean 'two'? Known: one, two."
    )
