"""Areas whose facts point at dimensions of other areas."""

from pathlib import Path
from typing import Any

import pytest

from tests.declaring import declare
from tidemark.declare import sharing
from tidemark.declare.project import Project
from tidemark.errors import ConfigError


def entity(name: str, **star: Any) -> dict[str, Any]:
    own = {"mrr": f"mrr_{name}", "stg": f"stg_{name}"}
    return {"source": name, "key": ["id"], "watermark": "updated_at", **own, **star}


def dimension(name: str) -> dict[str, Any]:
    return entity(name, dimension={"table": f"dim_{name}", "surrogate_key": "their_key"})


def fact(name: str, **dimensions: Any) -> dict[str, Any]:
    declared = {"table": f"fact_{name}", "event_time": "at", "dimensions": dimensions}
    return entity(name, fact=declared)


def project(home: Path, **areas: dict[str, Any]) -> Project:
    """Declare areas of these entities, each in a schema of its name."""
    for name, entities in areas.items():
        declare(home, {"area": name, "schema": name, "entities": entities}, area=name)
    return Project(home)


def shop(home: Path, **dimensions: Any) -> Project:
    return project(
        home,
        billing={"bills": fact("bills", **dimensions), "customers": dimension("customers")},
        crm={"customers": dimension("customers"), "visits": fact("visits")},
        web={"clicks": fact("clicks", a="crm.customers")},
    )


def test_areas_that_share_know_each_other(tmp_path: Path):
    found = shop(tmp_path, a="crm.customers", b="billing.customers", c="customers").areas
    assert {name: sharing.beside(area) for name, area in found.items()} == {
        "crm": ("billing", "web"),
        "billing": ("crm",),
        "web": ("crm",),
    }
    assert sharing.written(found["crm"]) == ("billing.bills", "web.clicks")
    assert sharing.written(found["billing"]) == ("crm.customers",)
    roles = found["billing"].entities["bills"].fact.dimensions  # type: ignore[union-attr]
    tables = [found["billing"].dimension_of(role).table("dwh") for role in roles.values()]
    assert tables == [(area, "dim_customers") for area in ("crm", "billing", "billing")]


def test_areas_come_behind_those_whose_dimensions_they_use(tmp_path: Path):
    assert list(shop(tmp_path, a="crm.customers").areas) == ["crm", "billing", "web"]
    assert list(shop(tmp_path / "other").areas) == ["billing", "crm", "web"]


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("cmr.customers", "'cmr.customers' is of no area. Did you mean 'crm'?"),
        ("zzz.customers", "'zzz.customers' is of no area. There are billing, crm, web."),
        (
            "crm.customer",
            "'crm.customer' is no dimension of crm. Did you mean 'crm.customers'?",
        ),
        ("crm.visits", "'crm.visits' is no dimension of crm. Did you mean 'crm.customers'?"),
        ("web.zzz", "'web.zzz' is no dimension of web. It has none."),
        ("CRM.customers", "'CRM': use lowercase letters, digits and underscores, 48 at most"),
    ],
)
def test_what_is_no_dimension_of_another_area_is_told(tmp_path: Path, role: str, said: str):
    with pytest.raises(ConfigError) as raised:
        shop(tmp_path, a=role).areas  # noqa: B018
    where = "sql/billing/area.yml: entities.bills.fact.dimensions.a"
    assert str(raised.value).startswith(where)
    assert said in str(raised.value)


def test_columns_have_to_name_the_whole_key_of_another_areas_dimension(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"dimensions\.a\.by: 2 columns for a key of 1$"):
        shop(tmp_path, a={"entity": "crm.customers", "by": ["x", "y"]}).areas  # noqa: B018


def test_areas_may_not_use_each_others_dimensions(tmp_path: Path):
    both = {
        "one": {"us": dimension("us"), "did": fact("did", a="two.us")},
        "two": {"us": dimension("us"), "did": fact("did", a="one.us")},
    }
    with pytest.raises(ConfigError, match=r"^sql/one/area\.yml: one and two use each other's dim"):
        project(tmp_path, **both).areas  # noqa: B018


SELF = {"entity": "customers", "by": ["parent_id"]}


def with_references(home: Path, **references: Any) -> Project:
    declared = dimension("customers")
    declared["dimension"]["references"] = references
    areas = {"crm": {"customers": declared}, "web": {"pages": dimension("pages")}}
    return project(home, **areas)


def test_a_dimension_may_point_at_itself_and_at_others(tmp_path: Path):
    page = {"entity": "web.pages", "by": ["page_id"]}
    crm = with_references(tmp_path, parent_key=SELF, page_key=page).area("crm")
    assert crm.entities["customers"].at_view == ("crm", "dim_customers_at")
    roles = crm.entities["customers"].roles
    assert {crm.dimension_of(role).name for role in roles.values()} == {"customers", "pages"}
    assert sharing.beside(crm) == ()


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ({"a": "zzz"}, "'zzz' is no dimension of this area. One of another area is called AREA.E"),
        ({"a": "customer"}, "references.a: 'customer' is no dimension of this area. Did you"),
        ({"a": "web.page"}, "references.a: 'web.page' is no dimension of web. Did you mean 'web.p"),
        ({"a": "customers"}, "references.a: each row would point at itself; name the columns"),
        ({"a": {**SELF, "by": ["id"]}}, "references.a: each row would point at itself; name"),
        ({"a": {**SELF, "by": ["x", "y"]}}, "references.a.by: 2 columns for a key of 1"),
        ({"their_key": SELF}, "references: 'their_key' is another column of dim_customers_at"),
        ({"at_to": SELF}, "references: 'at_to' is another column of dim_customers_at"),
    ],
)
def test_a_reference_that_can_not_be_is_told(tmp_path: Path, references: dict[str, Any], said: str):
    with pytest.raises(ConfigError) as raised:
        with_references(tmp_path, **references).areas  # noqa: B018
    assert said in str(raised.value)


def test_a_view_of_references_has_its_name_alone(tmp_path: Path):
    declared, taken = dimension("customers"), dimension("others")
    declared["dimension"]["references"] = {"a": SELF}
    taken["dimension"]["table"] = "dim_customers_at"
    with pytest.raises(ConfigError, match=r"dwh 'crm\.dim_customers_at' of crm\.others is already"):
        project(tmp_path, crm={"customers": declared, "others": taken}).areas  # noqa: B018
