"""An entity is named by AREA.ENTITY, and by ENTITY where one area is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tidemark.declare.project import Project
from tidemark.errors import AmbiguousNameError, ConfigError, UnknownNameError


def entity(name: str, **dwh: Any) -> dict[str, Any]:
    tables = {"source": name, "key": ["id"], "watermark": "at", "mrr": f"m_{name}"}
    return {**tables, "stg": f"s_{name}", **dwh}


def dimension(name: str) -> dict[str, Any]:
    return entity(name, dimension={"table": f"dim_{name}", "surrogate_key": "k"})


AREAS: dict[str, dict[str, Any]] = {
    "shop": {"entities": {"people": dimension("people"), "orders": entity("orders")}},
    "billing": {
        "schema": "billing",
        "entities": {"people": dimension("people"), "payers": dimension("payers")},
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for area, declared in AREAS.items():
        path = tmp_path / "sql" / area / "area.yml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump({"area": area, **declared}), "utf-8")
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("name", "beside", "meant"),
    [
        ("orders", None, "shop.orders"),
        ("shop.people", None, "shop.people"),
        ("billing.people", None, "billing.people"),
        ("people", "billing", "billing.people"),
        ("orders", "billing", "shop.orders"),
        ("shop.people", "billing", "shop.people"),
    ],
)
def test_an_entity_is_found_by_what_a_person_means(
    project: Project, name: str, beside: str | None, meant: str
):
    area, found = project.entity(name, area=beside)
    assert f"{area.area}.{found.name}" == meant


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("payers", "billing.payers"),
        ("shop.people", "shop.people"),
        ("billing.people", "billing.people"),
        ("billing.dim_people", "billing.people"),
        ("dim_people", "shop.people"),  # public's
        ("dim_payers", "billing.payers"),
    ],
)
def test_a_dimension_is_found_by_its_table_as_well(project: Project, name: str, meant: str):
    area, found = project.dimension(name)
    assert f"{area.area}.{found.name}" == meant


def test_a_name_that_two_areas_have_is_told_with_both(project: Project):
    for find in (project.entity, project.dimension):
        with pytest.raises(AmbiguousNameError) as raised:
            find("people")
        assert str(raised.value).endswith(
            " 'people': 2 have this name. Write billing.people or shop.people."
        )
        assert raised.value.candidates == ["billing.people", "shop.people"]


def test_a_name_that_none_has_is_told_with_the_nearest(project: Project):
    with pytest.raises(UnknownNameError, match=r"'shop.order': .* Did you mean 'shop.orders'"):
        project.entity("shop.order")


@pytest.mark.parametrize(
    ("area", "entities", "meant"),
    [
        ("shop", ["people", "shop.orders"], ("shop", ["people", "orders"])),
        (None, ["billing.people", "payers"], ("billing", ["people", "payers"])),
        (None, ["orders", "people"], ("shop", ["orders", "people"])),
        ("billing", [], ("billing", [])),
    ],
)
def test_a_command_is_about_the_area_of_its_entities(
    project: Project, area: str | None, entities: list[str], meant: tuple[str, list[str]]
):
    found, named = project.scope(area, entities)
    assert (found.area, [one.name for one in named]) == meant


@pytest.mark.parametrize(
    ("area", "entities", "said"),
    [
        ("shop", ["billing.people"], "entity of shop 'billing.people': there is none"),
        (None, ["shop.people", "billing.people"], "entity of shop 'billing.people': there is none"),
        (None, ["people", "orders"], "entity 'people': 2 have this name"),
        (None, [], "area: none is given, and there are several"),
    ],
)
def test_a_command_is_about_one_area(
    project: Project, area: str | None, entities: list[str], said: str
):
    with pytest.raises(ConfigError, match=f"^{said}"):
        project.scope(area, entities)
