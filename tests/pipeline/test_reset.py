"""`tidemark reset`: an area is taken out of the warehouse, and can begin anew."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing

import pytest

from tests.commands import tidemark
from tests.fix_areas import Dimension, Fact, Made, Make
from tests.fix_retail import PATIENCE, wait_until
from tests.queries import execute
from tidemark.declare.project import Project
from tidemark.errors import MigrationError
from tidemark.install import migrate, reset
from tidemark.model import LAYERS, Layer

JAN = "2025-01-01Z"
COLUMNS = {"id": "int", "v": "text", "updated_at": "timestamptz"}
THINGS = Dimension(COLUMNS, ("id",))
EVENTS = Fact({"no": "int", "id": "int", "at": "timestamptz"}, ("no",), "at", {"k": "things"})
ALL: tuple[Layer, ...] = ("dwh", "stg", "mrr")
LEFT = """
select format('%I.%I', n.nspname, c.relname)
from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid
where c.relkind in ('r', 'p', 'v', 'm', 'S') and c.oid >= 16384
order by 1
"""


@pytest.fixture
def loaded(made: Make) -> Made:
    """An area with rows in every layer, next to what a new warehouse has."""
    area = made(THINGS, EVENTS)
    area.put(THINGS, (1, "a", JAN), (2, "b", JAN))
    area.put(EVENTS, (1, 1, JAN), (2, 3, JAN))
    area.run()
    area.change(THINGS, "v = 'c', updated_at = now()")
    area.run()
    return area


def objects(area: Made) -> dict[str, set[str]]:
    return {layer: {name for (name,) in area.warehouse.rows(layer, LEFT)} for layer in LAYERS}


def test_an_area_that_was_reset_leaves_nothing_and_loads_anew(loaded: Made):
    project, before = Project(loaded.home), objects(loaded)
    done = tidemark("reset", "made", "--yes", "made", env=loaded.environment)
    assert (done.code, done.err) == (0, "")
    left = {
        layer: [n for n in names if "things" in n or "events" in n]
        for layer, names in objects(loaded).items()
    }
    assert left == {layer: [] for layer in LAYERS}
    for layer in LAYERS:
        assert loaded.warehouse.rows(layer, "select from tidemark.applied_batch") == []

    reset.run(loaded.servers, project, loaded.area, ALL)  # A second one finds nothing to do.
    migrate.migrate(project, loaded.servers)
    loaded.run()

    assert loaded.published(THINGS) == [("1", "c"), ("2", "c"), ("3", None)]
    assert loaded.differences() == []
    assert objects(loaded)["mrr"] <= before["mrr"]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(("layer", "how"), [("dwh", "killed"), ("stg", "ended"), ("mrr", "killed")])
def test_a_reset_that_dies_in_a_layer_is_finished_by_the_next(made: Make, layer: Layer, how: str):
    area = made(THINGS)
    area.put(THINGS, (1, "a", JAN))
    area.run()
    before, expected = objects(area), area.published(THINGS)
    die(area, layer, how)
    reached = ALL[: ALL.index(layer)]
    assert {one for one, names in objects(area).items() if names != before[one]} == {*reached}
    again = tidemark("reset", "made", "--yes", "made", "--json", env=area.environment)
    assert (again.code, {one["layer"] for one in again.json}) == (0, {*ALL} - {*reached})
    assert [n for names in objects(area).values() for n in names if "things" in n] == []
    migrate.migrate(Project(area.home), area.servers)
    area.run()
    assert (area.published(THINGS), area.differences()) == (expected, [])


def die(area: Made, layer: Layer, how: str) -> None:
    """Begin a reset; end its process, or its connection, when it has dropped a layer's tables."""
    with closing(area.warehouse.connect(layer)) as holder:
        execute(holder, "begin; lock table tidemark.applied_batch in share mode")
        words = [sys.executable, "-m", "tidemark", "reset", "made", "--yes", "made"]
        process = subprocess.Popen(words, env={**os.environ, **area.environment})
        wait_until(lambda: area.warehouse.rows(layer, WAITING) != [])
        if how == "killed":
            process.kill()
        else:
            area.warehouse.rows(layer, f"select pg_terminate_backend(pid) from ({WAITING}) as w")
        process.wait(PATIENCE)
    wait_until(lambda: area.warehouse.rows(layer, OPEN) == [])


WAITING = "select pid from pg_stat_activity where wait_event_type = 'Lock'"
OPEN = "select from pg_stat_activity where application_name like '%reset made%'"


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("layers", [("dwh",), ("dwh", "stg")])
def test_layers_that_were_reset_are_filled_from_those_before(
    loaded: Made, layers: tuple[Layer, ...]
):
    before = loaded.published(THINGS)
    reset.run(loaded.servers, Project(loaded.home), loaded.area, layers)
    migrate.migrate(Project(loaded.home), loaded.servers)
    loaded.run()
    assert loaded.published(THINGS) == before
    assert loaded.differences() == []


THEIRS = {
    "dwh": ("create view seen as select v from dim_things", "view seen"),
    "stg": ("create table more (id int references stg_things)", "table more"),
    "mrr": ("create function f(mrr_things) returns int return 1", "function f(mrr_things)"),
}


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("layer", LAYERS)
def test_what_a_person_made_is_refused_by_name(loaded: Made, layer: Layer):
    statement, what = THEIRS[layer]
    loaded.warehouse.execute(layer, statement)
    before = objects(loaded)
    with pytest.raises(MigrationError) as raised:
        reset.run(loaded.servers, Project(loaded.home), loaded.area, (layer,))
    assert f"made can't be reset: {what}, which depends on it" in str(raised.value)
    assert objects(loaded) == before


def test_a_wrong_name_or_a_gap_between_layers_drops_nothing(loaded: Made):
    before = objects(loaded)
    wrong = tidemark("reset", "made", "--yes", "mad", env=loaded.environment)
    assert (wrong.code, "'mad' is not 'made'" in wrong.err) == (2, True)
    gap = tidemark("reset", "made", "--layers", "mrr", "--yes", "made", env=loaded.environment)
    assert (gap.code, "--layers mrr,stg,dwh" in gap.err) == (2, True)
    assert objects(loaded) == before


def test_types_of_files_go_as_well(made: Make):
    area = made(THINGS)
    types = (
        "create type mood as enum ('glad'); create domain length as int; create table t (m mood)"
    )
    for layer in LAYERS:
        file = area.home / "sql" / "made" / layer / "05_types.sql"
        file.write_text(types, "utf-8")
    project = Project(area.home)
    migrate.migrate(project, area.servers)
    reset.run(area.servers, project, area.area, ALL)
    for layer in LAYERS:
        left = "select from pg_type where typname in ('mood', 'length', '_mood')"
        assert area.warehouse.rows(layer, left) == []
    migrate.migrate(project, area.servers)


def test_an_edited_file_of_an_area_without_a_batch_names_the_reset(made: Make):
    area = made(THINGS, EVENTS)
    file = area.home / "sql" / "made" / "dwh" / "01_create_schema.sql"
    file.write_text(file.read_text("utf-8") + "\n-- edited", "utf-8")
    project = Project(area.home)
    with pytest.raises(MigrationError, match="or, since no batch of it is here yet, run `tidemark"):
        migrate.migrate(project, area.servers)
    reset.run(area.servers, project, area.area, ALL)
    migrate.migrate(project, area.servers)
    area.run()
    file.write_text(file.read_text("utf-8") + "\n-- again", "utf-8")
    with pytest.raises(MigrationError, match=r"with a higher number\.$"):
        migrate.migrate(project, area.servers)
