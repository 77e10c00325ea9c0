"""Which servers a project uses: those that the environment names, and embedded ones."""

from pathlib import Path

import pytest
import yaml

from tidemark.declare.project import Project
from tidemark.errors import ConfigError
from tidemark.install.servers import configured_dsns
from tidemark.model import ServerName, dsn_variable

LAYERS = {
    "TIDEMARK_MRR_DSN": "host=m",
    "TIDEMARK_STG_DSN": "host=s",
    "TIDEMARK_DWH_DSN": "host=d",
}
OPERATIONAL = "TIDEMARK_OPERATIONAL_DSN"
BY_RULE = "TIDEMARK_SOURCE_OPERATIONAL_DSN"
BILLING = "TIDEMARK_SOURCE_BILLING_DSN"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three areas: the first two share a source, the third has one of its own."""
    areas = {"retail": {}, "stock": {"limits": {}}, "invoices": {"name": "billing"}}
    for area, source in areas.items():
        folder = tmp_path / "sql" / area
        folder.mkdir(parents=True)
        declared = {"area": area, "entities": {}, "source": source}
        (folder / "area.yml").write_text(yaml.safe_dump(declared), "utf-8")
    return Project(tmp_path)


def test_areas_that_name_a_source_alike_share_it(project: Project):
    assert project.servers == ("billing", "operational", "mrr", "stg", "dwh")
    assert [area.area for area in project.reading("operational")] == ["retail", "stock"]


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, {}),
        ({OPERATIONAL: "", BILLING: "", **dict.fromkeys(LAYERS, "")}, {}),
        (LAYERS, {"mrr": "host=m", "stg": "host=s", "dwh": "host=d"}),
        ({OPERATIONAL: "host=o"}, {"operational": "host=o"}),
        ({BY_RULE: "host=o"}, {"operational": "host=o"}),
        ({BILLING: "host=b"}, {"billing": "host=b"}),
        ({OPERATIONAL: "host=o", BY_RULE: "host=o"}, {"operational": "host=o"}),
        (
            {**LAYERS, BILLING: "host=b"},
            {"billing": "host=b", "mrr": "host=m", "stg": "host=s", "dwh": "host=d"},
        ),
    ],
)
def test_layers_and_each_source_are_named_for_themselves(
    project: Project, environ: dict[str, str], named: dict[ServerName, str]
):
    assert configured_dsns(project, environ) == named


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"TIDEMARK_MRR_DSN": "host=m", "TIDEMARK_DWH_DSN": "host=d", "TIDEMARK_STG_DSN": ""},
            "environment: TIDEMARK_STG_DSN not set, but TIDEMARK_MRR_DSN, TIDEMARK_DWH_DSN is. "
            "Set all three, or none to use embedded servers.",
        ),
        (
            {OPERATIONAL: "host=o password=p", BY_RULE: "host=b password=p"},
            f"environment: {OPERATIONAL} and {BY_RULE} are both for operational, and differ: "
            "o:5432/ as the current user and b:5432/ as the current user. Unset one of them.",
        ),
        (
            {"TIDEMARK_SOURCE_BILING_DSN": "host=b"},
            "environment: TIDEMARK_SOURCE_BILING_DSN is set, and this project has no such server. "
            f"Did you mean {BILLING}? Its sources are billing, operational (`source.name` in "
            "area.yml). Unset the variable, or give a source that name.",
        ),
        (
            {"TIDEMARK_BILLING_DSN": "host=b"},
            "environment: TIDEMARK_BILLING_DSN is set, and this project has no such server. "
            f"Did you mean {BILLING}? Its sources are billing, operational (`source.name` in "
            "area.yml). Unset the variable, or give a source that name.",
        ),
        (
            {"TIDEMARK_SOURCE_MRR_DSN": "host=m"},
            "environment: TIDEMARK_SOURCE_MRR_DSN is set, and this project has no such server. "
            "Did you mean TIDEMARK_MRR_DSN? Its sources are billing, operational (`source.name` "
            "in area.yml). Unset the variable, or give a source that name.",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it(
    project: Project, environ: dict[str, str], said: str
):
    with pytest.raises(ConfigError) as raised:
        configured_dsns(project, environ)
    assert str(raised.value) == said


def test_the_environment_goes_over_the_env_file(project: Project):
    lines = [f"{variable}=host=file" for variable in (*LAYERS, OPERATIONAL)]
    (project.home / ".env").write_text("\n".join(lines), "utf-8")
    assert configured_dsns(project, {OPERATIONAL: "host=environment"}) == {
        **dict.fromkeys(("mrr", "stg", "dwh"), "host=file"),
        "operational": "host=environment",
    }


def test_a_message_names_the_variable_of_its_place():
    assert [dsn_variable(server) for server in ("mrr", "operational", "billing")] == [
        "TIDEMARK_MRR_DSN",
        OPERATIONAL,
        BILLING,
    ]
