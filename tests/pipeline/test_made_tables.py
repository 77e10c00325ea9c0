"""Tables and views that no file makes: `migrate` makes them, and brings them in step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.declare.project import Project
from tidemark.errors import ContractError, MigrationError
from tidemark.install import migrate
from tidemark.install.migrated import Migrated
from tidemark.model import ServerName
from tidemark.observe import doctor
from tidemark.trust import verify

JAN, FEB = "2025-01-01Z", "2025-02-01Z"
THINGS = Dimension(
    {"id": "int", "v": "text", "updated_at": "timestamptz"}, ("id",), settings={"deletes": "detect"}
)
EVENTS = Fact({"no": "int", "id": "int", "at": "timestamptz"}, ("no",), "at", {"k": "things"})
STAR = ("operational", "dwh")
VIEW = """
create view landing.clean_things as
select id, upper(v) as v, {}updated_at, _batch_id, _seq, _first_batch_id, _extracted_at,
    _deleted_at, array[]::text[] as reject_reasons
from landing.things
"""


MADE = {
    "mrr": ("mrr_things", "mrr_things_history"),
    "stg": ("clean_things", "stg_things", "stg_things_history", "things"),
}


@pytest.fixture
def passing(made: Make) -> Made:
    """An area of which files make the star alone, with a thing and an event."""
    area = made(THINGS, EVENTS, layers=STAR)
    area.put(THINGS, (1, "a", JAN))
    area.put(EVENTS, (1, 1, FEB))
    area.run()
    return area


def migrated(area: Made, *, dry_run: bool = False) -> dict[ServerName, Migrated]:
    return migrate.migrate(Project(area.home), area.servers, dry_run=dry_run)


def write(area: Made, path: str, text: str) -> None:
    file = area.home / "sql" / "made" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def source(area: Made, statement: str) -> None:
    area.warehouse.execute("operational", statement)


def columns(area: Made, layer: ServerName, table: str) -> list[tuple[str, str]]:
    query = """
    select attname::text, format_type(atttypid, atttypmod) from pg_attribute
    where attrelid = %(table)s::regclass and attnum > 0 and not attisdropped and attname !~ '^_'
    order by attname
    """
    return area.warehouse.rows(layer, query, {"table": table})


def test_an_area_that_passes_rows_on_needs_no_file_but_those_of_its_star(passing: Made):
    assert passing.published(THINGS) == [("1", "a")]
    assert passing.warehouse.rows("dwh", "select no, k from fact_events") == [(1, 1)]
    assert passing.differences() == []


def test_a_second_migration_has_nothing_to_do(passing: Made):
    done = migrated(passing)
    assert [one for each in done.values() for one in (*each.files, *each.made)] == []


def test_what_is_made_has_its_grain_for_a_comment_and_the_right_owner(passing: Made):
    query = """
    select c.relname::text, c.relowner::regrole::text
    from pg_class as c
    where
        c.relname = any (%(names)s)
        and obj_description(c.oid, 'pg_class') ~ '^One row'
    order by 1
    """
    found = {
        layer: passing.warehouse.rows(layer, query, {"names": list(names)})
        for layer, names in MADE.items()
    }
    assert found == {
        layer: [(name, "tidemark_etl") for name in names] for layer, names in MADE.items()
    }
    findings = doctor.examine(Project(passing.home), passing.servers)
    assert [one for one in findings if one.severity == "problem"] == []


def test_a_dry_run_prints_every_statement_and_changes_nothing(made: Make):
    area = made(THINGS, layers=STAR)
    area.warehouse.execute("mrr", "drop table mrr_things, mrr_things_history")
    area.warehouse.execute(
        "stg", "drop table stg_things, stg_things_history, landing.things cascade"
    )
    planned = migrated(area, dry_run=True)
    assert [len(planned[layer].made) for layer in ("mrr", "stg", "dwh")] == [1, 4, 0]
    for layer in ("mrr", "stg"):
        assert area.warehouse.rows(layer, "select from pg_class where relname ~ 'things'") == []
    assert migrated(area) == planned


def test_a_new_column_comes_with_a_migration_and_all_of_its_values(passing: Made):
    source(passing, "alter table things add colour text; update things set updated_at = now()")
    passing.change(THINGS, "colour = 'red'")
    passing.run()
    assert ("colour", "text") in columns(passing, "mrr", "mrr_things")
    assert ("colour", "text") not in columns(passing, "stg", "stg_things")
    migrated(passing)
    passing.run()
    assert passing.warehouse.rows("stg", "select id, colour from stg_things") == [(1, "red")]
    assert passing.warehouse.rows("stg", "select * from tidemark.stage_again") == []
    assert passing.differences() == []


def test_a_migration_without_a_run_adds_a_new_column_too(passing: Made):
    source(passing, "alter table things add colour text")
    migrated(passing)
    passing.change(THINGS, "colour = 'red', updated_at = now()")
    passing.run()
    assert passing.warehouse.rows("stg", "select id, colour from stg_things") == [(1, "red")]
    assert passing.differences() == []


def test_a_column_that_a_view_gains_is_added_and_filled(passing: Made):
    write(passing, "stg/views/clean_things.sql", VIEW.format(""))
    migrated(passing)
    text = VIEW.format("length(v) as n, ").replace(
        "create view", "drop view if exists landing.clean_things;\ncreate view"
    )
    write(passing, "stg/views/clean_things.sql", text)
    migrated(passing)
    passing.run()
    assert passing.warehouse.rows("stg", "select id, v, n from stg_things") == [(1, "A", 1)]
    assert passing.published(THINGS) == [("1", "A")]
    assert verify.run(passing.servers, passing.area).is_equal


def test_a_wider_type_flows_into_stg_without_a_file(made: Make):
    things = replace(THINGS, columns={**THINGS.columns, "v": "varchar(2)"})
    area = made(things, layers=STAR)
    source(area, "alter table things alter v type varchar(20)")
    area.put(things, (1, "a longer one", JAN))
    migrated(area)
    for table in ("landing.things", "landing.clean_things", "stg_things", "stg_things_history"):
        assert ("v", "character varying(20)") in columns(area, "stg", table)
    with pytest.raises(ContractError, match="dim_things") as refused:
        area.run()
    write(area, "dwh/02_things.sql", "; ".join(refused.value.statements))
    migrated(area)
    area.run()
    assert area.published(things) == [("1", "a longer one")]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("drop v", "column 'v' (text) of public.mrr_things is gone from public.things"),
        ("alter v type int using null", "column 'v' is integer in public.things and text in"),
    ],
)
def test_a_column_that_is_lost_or_retyped_is_for_a_person_to_decide(
    passing: Made, change: str, said: str
):
    source(passing, f"alter table things {change}")
    for act in (passing.run, lambda: migrated(passing)):
        with pytest.raises(ContractError) as refused:
            act()
        assert said in str(refused.value)
        assert refused.value.statements


def test_a_landing_table_takes_another_type_whatever_lies_there(passing: Made):
    source(passing, "alter table things alter v type int using 7")
    change = "alter table mrr_things{0} alter v type int using 7"
    write(passing, "mrr/02_things.sql", f"{change.format('')}; {change.format('_history')}")
    change = "alter table stg_things{0} alter v type int using 7"
    write(passing, "stg/02_things.sql", f"{change.format('')}; {change.format('_history')}")
    assert passing.warehouse.rows("stg", "select v from landing.things") == [("a",)]
    migrated(passing)
    assert ("v", "integer") in columns(passing, "stg", "landing.things")


@pytest.mark.further
def test_files_that_mend_what_is_made_apply_to_a_new_warehouse(made: Make):
    area = made(THINGS, layers=STAR)
    source(area, "alter table things add w int")
    migrated(area)
    source(area, "alter table things drop w")
    for layer in ("mrr", "stg"):
        with pytest.raises(ContractError) as refused:
            migrated(area)
        write(area, f"{layer}/02_things.sql", "; ".join(refused.value.statements))
    migrated(area)
    for layer in ("mrr", "stg"):
        area.warehouse.execute(
            layer, "drop schema tidemark cascade; drop owned by tidemark_etl cascade"
        )
    migrated(area)
    assert ("v", "text") in columns(area, "stg", "stg_things")


STRANGERS: dict[str, str] = {
    "view public.mine": "create view public.mine as select v from landing.clean_things",
    "materialized view public.mine": (
        "create materialized view public.mine as select v from landing.things"
    ),
    "index landing.mine": "create index mine on landing.things (v)",
}


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("named", STRANGERS)
def test_what_a_person_has_made_is_refused_by_name(passing: Made, named: str):
    passing.warehouse.execute("stg", STRANGERS[named])
    source(passing, "alter table things drop v")
    write(
        passing,
        "mrr/02_things.sql",
        "alter table mrr_things drop v; alter table mrr_things_history drop v",
    )
    with pytest.raises(MigrationError) as refused:
        migrated(passing)
    assert f"{named} stands in the way" in str(refused.value)
    assert ("v", "text") in columns(passing, "stg", "landing.things")


def test_a_mirror_that_was_dropped_is_not_made_empty_again(passing: Made):
    passing.warehouse.execute("mrr", "drop table mrr_things, mrr_things_history")
    with pytest.raises(MigrationError, match="mrr_things is not there, and rows of"):
        migrated(passing)


def test_what_stg_has_lost_is_filled_again(passing: Made):
    passing.warehouse.execute("stg", "drop table stg_things, stg_things_history")
    migrated(passing)
    passing.run()
    assert passing.warehouse.rows("stg", "select id, v from stg_things") == [(1, "a")]
    assert passing.differences() == []


def test_a_source_that_can_not_be_read_yet_is_waited_for(passing: Made):
    source(passing, "alter table things rename to hidden; alter table events rename to more")
    for layer in ("mrr", "stg"):
        passing.warehouse.execute(layer, "drop owned by tidemark_etl cascade")
    write(passing, "stg/views/clean_things.sql", VIEW.format(""))
    done = migrated(passing)
    assert "the table public.events does not exist" in done["mrr"].waiting[0]
    assert len(done["stg"].waiting) == 2
    assert "made/stg/views/clean_things.sql" not in done["stg"].files
    source(passing, "alter table hidden rename to things; alter table more rename to events")
    done = migrated(passing)
    assert (done["mrr"].waiting, done["stg"].waiting) == ([], [])
    assert "made/stg/views/clean_things.sql" in done["stg"].files


def test_left_out_columns_are_never_read(passing: Made):
    source(passing, "alter table things add secret text default 'x', add _batch_id int default 0")
    with pytest.raises(ContractError, match="keeps this name for a column of its own"):
        passing.run()
    path = passing.home / "sql" / "made" / "area.yml"
    path.write_text(
        path.read_text().replace("deletes:", "leave_out: [secret, _batch_id]\n    deletes:")
    )
    area = replace(passing, area=Project(passing.home).area())
    migrated(area)
    area.run()
    assert columns(area, "mrr", "mrr_things") == columns(area, "stg", "stg_things")
    assert ("secret", "text") not in columns(area, "mrr", "mrr_things")
    assert area.differences() == []


@pytest.mark.further
def test_a_column_that_is_left_out_later_is_for_a_person_to_drop(passing: Made):
    source(passing, "alter table things add secret text default 'x'")
    passing.run()
    path = passing.home / "sql" / "made" / "area.yml"
    path.write_text(path.read_text().replace("deletes:", "leave_out: [secret]\n    deletes:"))
    with pytest.raises(ContractError, match="is in `leave_out` of entities"):
        migrated(passing)
