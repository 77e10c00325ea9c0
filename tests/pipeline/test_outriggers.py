"""Dimensions that point at dimensions: the view that says at which versions, at any instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fix_areas import Dimension, Made, Make, write
from tidemark.declare.project import Project
from tidemark.errors import ContractError, MigrationError
from tidemark.install import migrate, reset
from tidemark.install.migrated import Migrated
from tidemark.observe import plan

TEAMS = Dimension(
    {"site": "text", "no": "int", "name": "text", "updated_at": "timestamptz"},
    ("site", "no"),
    entity="teams",
    source=("public", "teams"),
    mrr="mrr_teams",
    stg="stg_teams",
    table="dim_teams",
    surrogate="team_key",
    settings={"deletes": "detect", "max_delete_ratio": 1.0, "extract": "full"},
)
STAFF = Dimension(
    {
        "id": "int",
        "boss": "int",
        "site": "text",
        "team": "int",
        "title": "text",
        "updated_at": "timestamptz",
    },
    ("id",),
    entity="staff",
    source=("public", "staff"),
    mrr="mrr_staff",
    stg="stg_staff",
    table="dim_staff",
    surrogate="staff_key",
    references={
        "boss_key": {"entity": "staff", "by": ["boss"]},
        "team_key": {"entity": "teams", "by": ["site", "team"]},
    },
    settings={"deletes": "detect", "max_delete_ratio": 1.0, "extract": "full"},
)
JAN = datetime(2025, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
Version = Mapping[str, Any]


def day(number: int) -> datetime:
    return JAN + timedelta(days=number)


@pytest.fixture
def firm(made: Make) -> Made:
    """A firm whose people, bosses and teams change on different days, and are deleted."""
    firm = made(STAFF, TEAMS)
    firm.put(TEAMS, ("b", 1, "core", day(0)), ("b", 2, "web", day(5)))
    firm.put(
        STAFF,
        (1, None, "b", 1, "head", day(0)),
        (2, 1, "b", 2, "dev", day(3)),
        (3, 2, None, 2, "dev", day(4)),
        (4, 9, "b", 7, "dev", day(6)),
    )
    firm.run()
    for number, (entity, to, where) in enumerate(CHANGES, 10):
        firm.change(entity, f"{to}, updated_at = %s", [day(number)], where=where)
        firm.run()
    firm.delete(TEAMS, "no = %s", [2])
    firm.delete(STAFF, "id = %s", [1])
    firm.run()
    firm.put(STAFF, (1, 3, "b", 1, "back", datetime(2099, 1, 1, tzinfo=UTC)))
    firm.run()
    return firm


CHANGES = [
    (TEAMS, "name = 'kernel'", "no = 1"),
    (STAFF, "title = 'chief'", "id = 1"),
    (STAFF, "boss = 3, title = 'lead'", "id = 2"),
    (STAFF, "boss = 1, site = 'b'", "id = 3"),
    (TEAMS, "name = 'mobile'", "no = 2"),
    (STAFF, "boss = 4", "id = 4"),
]


def versions(firm: Made, entity: Dimension) -> list[Version]:
    names = [entity.surrogate, *entity.key, "valid_from", "is_deleted"]
    names += [] if entity is TEAMS else ["boss", "site", "team"]
    rows = firm.warehouse.rows("dwh", f"select {', '.join(names)} from {entity.table}")
    return [dict(zip(names, row, strict=True)) for row in rows]


def of_instant(some: Sequence[Version], key: Mapping[str, Any], at: datetime) -> Version | None:
    """Return the version that a fact of an instant points at."""
    of_key = [one for one in some if key.items() <= one.items() and None not in key.values()]
    begun = [one for one in of_key if one["valid_from"] <= at]
    if begun:
        return max(begun, key=lambda one: one["valid_from"])
    return min(of_key, key=lambda one: one["valid_from"], default=None)


def test_each_version_points_where_a_fact_of_the_instant_would(firm: Made):
    staff, teams = versions(firm, STAFF), versions(firm, TEAMS)
    assert len(staff) > 8
    assert any(one["is_deleted"] for one in staff)
    shown = (
        "select staff_key, boss_key, team_key from dim_staff_at where at_from <= %s and %s < at_to"
    )
    instants = [one["valid_from"] for one in (*staff, *teams)]
    near = [at + timedelta(seconds=shift) for at in instants for shift in (-1, 0, 1)]
    for at in {FIRST, *near, LAST - timedelta(days=1)}:
        expected = {(0, 0, 0)}
        for number in (1, 2, 3, 4):
            one = of_instant(staff, {"id": number}, at)
            assert one is not None
            boss = of_instant(staff, {"id": one["boss"]}, at)
            team = of_instant(teams, {"site": one["site"], "no": one["team"]}, at)
            keys = boss["staff_key"] if boss else 0, team["team_key"] if team else 0
            expected.add((one["staff_key"], *keys))
        found = firm.warehouse.rows("dwh", shown, [at, at])
        assert (set(found), len(found)) == (expected, 5), at


def test_spans_leave_no_gap_and_do_not_meet(firm: Made):
    broken = """
        select staff_key, at_to, next_from from (
            select x.staff_key, x.at_to, lead(x.at_from, 1, '9999-12-31Z') over of_key as next_from
            from dim_staff_at as x inner join dim_staff as d using (staff_key)
            window of_key as (partition by d.id order by x.at_from)
        ) as spans where at_to <> next_from
    """
    assert firm.warehouse.rows("dwh", broken) == []
    ends = "select min(at_from), max(at_to), bool_and(at_from < at_to) from dim_staff_at"
    assert firm.warehouse.rows("dwh", ends) == [(FIRST, LAST, True)]


def migrated(firm: Made) -> Migrated:
    return migrate.migrate(Project(firm.home), firm.servers)["dwh"]


def declare(firm: Made, **references: Any) -> None:
    path = firm.home / "sql" / "made" / "area.yml"
    declared = yaml.safe_load(path.read_text("utf-8"))
    declared["entities"]["staff"]["dimension"]["references"] = references
    path.write_text(yaml.safe_dump(declared), "utf-8")


@pytest.fixture
def empty(made: Make) -> Made:
    return made(STAFF, TEAMS)


def test_migrate_makes_the_view_once_and_again_when_it_is_declared_otherwise(empty: Made):
    may = """
        select has_table_privilege('tidemark_analyst', 'dim_staff_at', 'select'),
            pg_get_userbyid(relowner) from pg_class where relname = 'dim_staff_at'
    """
    assert empty.warehouse.rows("dwh", may) == [(True, "tidemark_etl")]
    assert migrated(empty).made == []
    views = empty.home / "sql" / "made" / "dwh" / "views"
    views.mkdir()
    (views / "bosses.sql").write_text("create or replace view bosses as select * from dim_staff_at")
    migrated(empty)
    declare(empty, team_key=STAFF.references["team_key"])
    assert any("create view" in statement for statement in migrated(empty).made)
    columns = "select column_name from information_schema.columns where table_name = 'bosses'"
    assert {name for (name,) in empty.warehouse.rows("dwh", columns)} == {
        "staff_key", "team_key", "at_from", "at_to",
    }  # fmt: skip
    assert migrated(empty).made == []
    empty.warehouse.execute("dwh", "create view theirs as select * from dim_staff_at")
    declare(empty, **STAFF.references)
    with pytest.raises(MigrationError, match=r"view public\.theirs stands in the way"):
        migrated(empty)


def test_a_file_that_makes_the_view_wins_and_reset_takes_the_made_one(empty: Made):
    project = Project(empty.home)
    gone = {one.name for one in reset.find(empty.servers, project, empty.area, "dwh")}
    assert "public.dim_staff_at" in gone
    empty.warehouse.execute("dwh", "drop view dim_staff_at")
    path = empty.home / "sql" / "made" / "dwh" / "02_mine.sql"
    path.write_text("create view dim_staff_at as select 1 as mine")
    assert migrated(empty).made == []
    assert empty.warehouse.rows("dwh", "select mine from dim_staff_at") == [(1,)]


def test_columns_that_can_not_name_a_row_are_told(empty: Made):
    declare(
        empty,
        a={"entity": "staff", "by": ["bos"]},
        b={"entity": "teams", "by": ["title", "site"]},
    )
    stops = plan.make(empty.servers, Project(empty.home).area("made")).stops
    assert any("no column 'bos', but entities.staff.dimension.references.a" in one for one in stops)
    assert any("the key 'no' is integer, which can't hold every" in one for one in stops)
    assert any("dim_staff_at waits for tables" in one for one in migrated(empty).waiting)


def test_a_dimension_of_another_area_may_be_pointed_at(made: Make, tmp_path: Path):
    write(tmp_path, TEAMS, area="zone", schema="zone", landing_schema=None)
    by = {"entity": "zone.teams", "by": ["site", "team"]}
    firm = made(replace(STAFF, references={"team_key": by}))
    firm.put(STAFF, (1, None, "b", 1, "head", day(0)))
    zone = Made(firm.warehouse, firm.servers, Project(tmp_path).area("zone"), tmp_path)
    zone.put(TEAMS, ("b", 1, "core", day(0)))
    zone.run()
    firm.area = Project(tmp_path).area("made")
    firm.run()
    shown = """
        select name from dim_staff_at inner join zone.dim_teams using (team_key)
        where staff_key > 0
    """
    assert firm.warehouse.rows("dwh", shown) == [("core",)]
    project = Project(tmp_path)
    with pytest.raises(MigrationError, match="view dim_staff_at, which depends on it"):
        reset.run(zone.servers, project, zone.area, ("dwh",))
    firm.warehouse.execute("dwh", "alter table zone.dim_teams rename column no to number")
    with pytest.raises(ContractError, match=r"zone\.dim_teams has no column 'no'"):
        firm.run()
