"""Two areas with the same entities and tables, each in schemas of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands import tidemark
from tests.fix_areas import LINEAGE, Dimension, Fact, Made, Make, write
from tidemark import tasks
from tidemark.declare.project import Project
from tidemark.errors import AmbiguousNameError, ContractError, MigrationError
from tidemark.install import migrate
from tidemark.layers import rejects
from tidemark.model import Layer, ServerName
from tidemark.observe import doctor, history, status
from tidemark.trust import rebuild

JAN, FEB, APR = "2025-01-01Z", "2025-02-01Z", "2025-04-01Z"
THINGS = Dimension(
    {"id": "int", "v": "text", "updated_at": "timestamptz"},
    ("id",),
    refused="array_remove(array[case when v = 'bad' then 'v is bad' end], null)",
)
EVENTS = Fact({"no": "int", "id": "int", "at": "timestamptz"}, ("no",), "at", {"k": "things"})
BILLED = replace(THINGS, source=("billing", "things"))
BILLS = replace(EVENTS, source=("billing", "events"))


@pytest.fixture
def both(made: Make, tmp_path: Path) -> tuple[Made, Made]:
    """Make an area in schema public, and one in schema billing."""
    write(tmp_path, BILLED, BILLS, area="billing", schema="billing", landing_schema=None)
    public = made(THINGS, EVENTS)
    billing = Project(tmp_path).area("billing")
    return public, Made(public.warehouse, public.servers, billing, tmp_path)


@pytest.fixture
def filled(both: tuple[Made, Made]) -> tuple[Made, Made]:
    """Both areas, with other versions of the same keys."""
    public, billing = both
    public.put(THINGS, (1, "a", JAN), (2, "bad", JAN))
    public.put(EVENTS, (1, 1, FEB))
    billing.put(BILLED, (1, "x", JAN), (2, "y", JAN), (3, "bad", JAN))
    billing.put(BILLS, (1, 2, FEB), (2, 1, APR), (3, 9, APR))
    for area in both:
        area.run()
    billing.change(BILLED, "v = 'z', updated_at = now()", where="id = 1")
    for area in both:
        area.run()
    return both


def versions(area: Made) -> list[tuple[Any, ...]]:
    schema = area.area.schema_name
    query = f"select thing_key, id, v, is_current from {schema}.dim_things order by 1"
    return area.warehouse.rows("dwh", query)


def facts(area: Made) -> list[tuple[Any, ...]]:
    schema = area.area.schema_name
    return area.warehouse.rows("dwh", f"select no, k from {schema}.fact_events order by 1")


def test_each_has_its_own_surrogate_keys_facts_and_partitions(filled: tuple[Made, Made]):
    public, billing = filled
    assert versions(public) == [(0, None, None, True), (1, 1, "a", True)]
    assert facts(public) == [(1, 1)]
    assert versions(billing) == [
        (0, None, None, True),
        (1, 1, "x", False),
        (2, 2, "y", True),
        (3, 9, None, True),
        (4, 1, "z", True),
    ]
    assert facts(billing) == [(1, 2), (2, 1), (3, 3)]
    partitions = "select relname from pg_class where relnamespace = 'partitions'::regnamespace"
    assert billing.warehouse.rows("dwh", f"{partitions} and relkind = 'r' order by 1") == [
        ("billing.fact_events_2025_02",),
        ("billing.fact_events_2025_04",),
        ("fact_events_2025_02",),
    ]


def test_each_is_verified_and_rebuilt_for_itself(filled: tuple[Made, Made]):
    public, billing = filled
    before = versions(public), versions(billing), facts(public), facts(billing)
    assert [area.differences() for area in filled] == [[], []]
    rebuild.run(billing.servers, billing.area)
    assert (versions(public), versions(billing), facts(public), facts(billing)) == before
    billing.warehouse.execute("dwh", "update billing.dim_things set v = 'w' where thing_key = 4")
    assert public.differences() == []
    said = [(change.table, change.changed) for change in rebuild.run(billing.servers, billing.area)]
    assert ("billing.dim_things", 1) in said
    assert versions(billing) == before[1]


def test_each_has_its_own_marks_history_and_rejects(filled: tuple[Made, Made]):
    marks, rows, shown, refused = [], [], [], []
    for area in filled:
        marks.append([mark.table for mark in status.read(area.servers, area.area).marks])
        counted = status.layer_rows(area.servers, area.area)
        rows.append([(each.mrr, each.stg, each.rejected, each.dwh) for each in counted])
        things = area.area.entity("things")
        found = history.read(area.servers, area.area, things, ["1"])
        shown.append((found.table, len(found.versions)))
        with area.servers.session("stg", "rejects") as stg:
            listed = rejects.listing(stg, area.area, entity="things", resolved=False, limit=9)
        refused.append([reject.key for reject in listed])
    assert marks == [["dim_things", "fact_events"], ["billing.dim_things", "billing.fact_events"]]
    assert rows == [[(1, 1, 0, 1), (2, 1, 1, 2)], [(3, 3, 0, 3), (3, 2, 1, 5)]]
    assert shown == [("dim_things", 1), ("billing.dim_things", 2)]
    assert refused == [[{"id": 2}], [{"id": 3}]]


CONFIRMED = """
    select 'public', id, confirmed_at from tidemark.dim_things_confirmed
    union all select 'billing', id, confirmed_at from tidemark."billing.dim_things_confirmed"
    order by 1, 2
"""


@pytest.mark.further
def test_each_has_its_own_confirmations(filled: tuple[Made, Made]):
    public, billing = filled
    public.change(THINGS, "updated_at = now()", where="id = 1")
    billing.change(BILLED, "updated_at = now()", where="id = 2")
    for area in filled:
        area.run()
    found = public.warehouse.rows("dwh", CONFIRMED)
    assert [(schema, key) for schema, key, _ in found] == [("billing", 2), ("public", 1)]


@pytest.mark.further
def test_each_has_its_own_added_columns(filled: tuple[Made, Made]):
    """A column of one name is known since another batch."""
    for area, entity in zip(filled, (THINGS, BILLED), strict=True):
        for layer, statements in _widening(area).items():
            area.warehouse.execute(layer, statements)
        area.change(entity, "later = 'l', updated_at = now()", where="id = 1")
        _declare_later(area)
        area.run()
    added = """
        select dimension, column_name, since_batch from tidemark.added_column
        where since_batch > 0 order by 1
    """
    assert filled[0].warehouse.rows("dwh", added) == [
        ("billing.dim_things", "later", 4),
        ("dim_things", "later", 3),
    ]


def _widening(area: Made) -> dict[ServerName, str]:
    """Give an area's things a column in every layer."""
    schema, landing = area.area.schema_name, area.area.landing_schema
    add = "add column later text"
    mirrors = (
        f"alter table {schema}.{{0}}_things {add}; alter table {schema}.{{0}}_things_history {add};"
    )
    view = f"""
        alter table {landing}.things {add};
        create or replace view {landing}.clean_things as
        select id, v, updated_at, {", ".join(LINEAGE)},
            array_remove(array[case when v = 'bad' then 'v is bad' end], null) as reject_reasons,
            later
        from {landing}.things;
    """
    return {
        "operational": f"alter table {schema}.things {add}",
        "mrr": mirrors.format("mrr"),
        "stg": mirrors.format("stg") + view,
        "dwh": f"alter table {schema}.dim_things {add}",
    }


def _declare_later(area: Made) -> None:
    things = area.area.entity("things")
    assert things.dimension is not None
    wider = things.dimension.model_copy(update={"type2": ("v", "later")})
    entities = {**area.area.entities, "things": things.model_copy(update={"dimension": wider})}
    area.area = area.area.model_copy(update={"entities": entities})


def test_migrate_makes_the_schemas_and_lets_analysts_read_the_star_alone(
    both: tuple[Made, Made],
):
    warehouse = both[1].warehouse
    owned = """
        select nspname, nspowner::regrole::text from pg_namespace
        where nspname ~ 'billing' order by 1
    """
    for layer in ("mrr", "stg", "dwh"):
        assert warehouse.rows(layer, owned) == [
            ("billing", "tidemark_etl"),
            ("landing_billing", "tidemark_etl"),
        ]
    assert warehouse.rows("dwh", _MAY) == [(True, True, False, True)]
    assert warehouse.rows("stg", _MAY_LOOK) == [(False, False)]


_MAY = """
    select
        has_schema_privilege('tidemark_analyst', 'billing', 'usage'),
        has_table_privilege('tidemark_analyst', 'billing.dim_things', 'select'),
        has_schema_privilege('tidemark_analyst', 'landing_billing', 'usage'),
        (
            select array_agg(defaclobjtype::text order by defaclobjtype) = '{f,r}'
            from pg_default_acl
            where defaclnamespace = 'billing'::regnamespace
        )
"""
_MAY_LOOK = """
    select
        has_schema_privilege('tidemark_analyst', 'billing', 'usage'),
        has_schema_privilege('tidemark_analyst', 'landing_billing', 'usage')
"""


LOST: Sequence[tuple[Layer, str]] = (
    ("dwh", "revoke usage on schema billing from tidemark_analyst"),
    ("dwh", "revoke select on billing.dim_things from tidemark_analyst"),
    ("dwh", "alter table billing.dim_things owner to postgres"),
    ("stg", "alter schema billing owner to postgres"),
    ("stg", "alter view landing_billing.clean_things owner to postgres"),
    ("stg", 'create table landing_billing."things.work" ()'),  # whoever's; no reader may read it
    (
        "dwh",
        "alter default privileges for role tidemark_etl in schema billing "
        "revoke execute on routines from tidemark_analyst",
    ),
)


@pytest.mark.further
def test_what_a_restore_has_lost_of_them_is_laid_again(both: tuple[Made, Made]):
    _, billing = both
    for layer, statement in LOST:
        billing.warehouse.execute(layer, statement)
    found = doctor.examine(Project(billing.home), billing.servers)
    problems = [one.what for one in found if one.severity == "problem"]
    assert any("schema billing belongs to postgres" in problem for problem in problems)
    assert any("may not look into schema billing" in problem for problem in problems)
    project = Project(billing.home)
    mended = migrate.migrate(project, billing.servers, only=("stg", "dwh"))
    assert [len(mended[layer].mended) for layer in ("stg", "dwh")] == [4, 4]
    assert billing.warehouse.rows("dwh", _MAY) == [(True, True, False, True)]
    again = migrate.migrate(project, billing.servers, only=("stg", "dwh"))
    assert [again[layer].mended for layer in ("stg", "dwh")] == [[], []]


@pytest.mark.further
def test_what_is_not_there_any_more_is_made_again_or_told(both: tuple[Made, Made]):
    _, billing = both
    project = Project(billing.home)
    billing.warehouse.execute("stg", "drop view landing_billing.clean_things")
    migrate.migrate(project, billing.servers)
    assert billing.warehouse.rows("stg", "select from landing_billing.clean_things") == []
    billing.warehouse.execute("dwh", "drop table billing.fact_events")
    with pytest.raises(
        MigrationError, match=r"^dwh: billing\.fact_events is not there, and sql/bil"
    ):
        migrate.migrate(project, billing.servers)


@pytest.mark.further
def test_what_others_have_in_an_areas_schema_stays_theirs(made: Make, tmp_path: Path):
    """The schema as well, if it was theirs before."""
    public = made(THINGS, EVENTS)
    public.warehouse.execute("mrr", "create schema billing; create table billing.theirs ()")
    write(tmp_path, BILLED, BILLS, area="billing", schema="billing", landing_schema=None)
    project = Project(tmp_path)
    for _ in range(2):
        migrate.migrate(project, public.servers)
    owners = """
        select nspname, nspowner::regrole::text from pg_namespace where nspname ~ 'billing'
        union all select relname, relowner::regrole::text from pg_class where relname = 'theirs'
    """
    assert sorted(public.warehouse.rows("mrr", owners)) == [
        ("billing", "postgres"),
        ("landing_billing", "tidemark_etl"),
        ("theirs", "postgres"),
    ]
    billing = Made(public.warehouse, public.servers, project.area("billing"), tmp_path)
    billing.put(BILLED, (1, "x", JAN))
    billing.run()
    assert billing.published(BILLED) == [("1", "x")]


def test_a_foreign_key_is_judged_in_its_areas_schema(both: tuple[Made, Made]):
    public, billing = both
    billing.warehouse.execute(
        "dwh", "alter table billing.fact_events add foreign key (k) references billing.dim_things"
    )
    public.run()
    with pytest.raises(ContractError, match=r"of billing.fact_events is not deferrable"):
        billing.run()


def test_a_project_of_before_is_told_to_name_its_landing_schema(both: tuple[Made, Made]):
    public, _ = both
    path = public.home / "sql" / "made" / "area.yml"
    declared = yaml.safe_load(path.read_text("utf-8"))
    del declared["landing_schema"]
    path.write_text(yaml.safe_dump(declared), "utf-8")
    project = Project(public.home)
    migrate.migrate(project, public.servers)
    public.area = project.area("made")
    public.put(THINGS, (1, "a", JAN))
    with pytest.raises(ContractError) as raised:
        public.run()
    assert str(raised.value) == "\n".join(
        f"stg: the table landing_made.{name} does not exist, and landing.{name} does. If made "
        "lands there, set `landing_schema: landing` in sql/made/area.yml; else make the table and "
        "its cleansing view in landing_made, in files of sql/made/stg/."
        for name in ("events", "things")
    )


def test_commands_take_an_entity_with_its_area(filled: tuple[Made, Made]):
    env = filled[0].environment
    both_have = "entity 'things': 2 have this name. Write billing.things or made.things."
    for words in (["run", "--full-refresh"], ["rejects", "--entity"], ["rebuild", "--entity"]):
        done = tidemark(*words, "things", env=env)
        assert (done.code, done.err) == (3, f"error: {both_have}\n")
    extracted = tidemark("run", "--full-refresh", "billing.things", "--json", env=env).json[0]
    assert extracted["area"] == "billing"
    assert extracted["entities"]["things"]["processed"] == 3
    refused = tidemark("rejects", "--entity", "billing.things", "--json", env=env).json
    assert [reject["key"] for reject in refused] == [{"id": 3}]
    rebuilt = tidemark("rebuild", "billing", "--entity", "billing.things", "--json", env=env).json
    assert [change["table"] for change in rebuilt][1:] == [
        "billing.dim_things",
        "billing.fact_events",
    ]
    for name, count in {"billing.things": 2, "billing.dim_things": 2, "dim_things": 1}.items():
        assert len(tidemark("history", name, "1", "--json", env=env).json) == count


@pytest.mark.further
def test_a_task_refreshes_the_entity_that_is_meant(
    filled: tuple[Made, Made], monkeypatch: pytest.MonkeyPatch
):
    for name, value in filled[0].environment.items():
        monkeypatch.setenv(name, value)
    project = Project(filled[0].home)

    def refreshed(refresh: str, only: str | None = None) -> list[int]:
        done = [
            tasks.run_hop(project, area, "extract", refresh=refresh, only=only)
            for area in ("made", "billing")
        ]
        return [one["entities"]["things"]["processed"] for one in done]

    assert refreshed("billing.things") == [0, 3]
    assert refreshed("things", "made") == [2, 0]
    with pytest.raises(AmbiguousNameError):
        refreshed("things")
