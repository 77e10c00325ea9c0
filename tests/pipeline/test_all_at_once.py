"""Everything that is wrong with an area's tables is told at once, before anything moves."""

from __future__ import annotations

import pytest
import yaml

from tests import counting
from tests.commands import tidemark
from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.declare.project import Project
from tidemark.errors import ContractError
from tidemark.observe import doctor, plan

JAN = "2025-01-01Z"
THINGS = Dimension(
    {
        "id": "int",
        "name": "text",
        "size": "int",
        "told": "timestamptz",
        "updated_at": "timestamptz",
    },
    ("id",),
    effective="told",
)
EVENTS = Fact({"no": "int", "id": "int", "at": "timestamptz"}, ("no",), "at", {"k": "things"})
FILE = "sql/made/area.yml"

WRONG = """
operational: no unique index of public.events lies within the key (no), so two of its rows could \
be one row here. Correct `key`, or create the unique index.
stg: column 'id' is bigint in landing.clean_events, and integer in public.stg_events can't hold \
every value of it. Put `alter table if exists "stg_events" alter column "id" type bigint; alter \
table if exists "stg_events_history" alter column "id" type bigint;` into a new file of \
sql/made/stg/ and run `tidemark migrate`, or cast it in the view.
dwh: public.fact_events has no column '_batch_id', which says what batch wrote a fact. Put `alter \
table if exists "fact_events" add column "_batch_id" bigint not null;` into a new file of \
sql/made/dwh/ and run `tidemark migrate`.
dwh: column 'k' is text in public.fact_events, and the key 'thing_key' of public.dim_things is \
bigint. Put `alter table if exists "fact_events" alter column "k" type bigint using \
"k"::bigint;` into a new file of sql/made/dwh/ and run `tidemark migrate`.
dwh: nothing feeds public.fact_events.price: STG has no such column. Add it to STG, rename it, or \
give it a default.
operational and mrr: column 'size' is bigint in public.things and integer in public.mrr_things. \
Put `alter table if exists "mrr_things" alter column "size" type bigint; alter table if exists \
"mrr_things_history" alter column "size" type bigint;` into a new file of sql/made/mrr/ and run \
`tidemark migrate`.
dwh: public.dim_things has no column 'nmae', but entities.things.dimension of sql/made/area.yml \
names it. Did you mean 'name'?
stg: stg_things has no column 'tol', but entities.things.dimension of sql/made/area.yml names it. \
Did you mean 'told'?
""".strip()
"""What is wrong with the spoilt area: entity by entity, each from its source to its star."""

SPOILT = {
    "operational": "alter table events drop constraint events_pkey; "
    "alter table things alter size type bigint",
    "stg": "set role tidemark_etl; drop view landing.clean_events; "
    "create view landing.clean_events as select no, id::bigint as id, at, _batch_id, _seq, "
    "_first_batch_id, _extracted_at, _deleted_at, array[]::text[] as reject_reasons "
    "from landing.events; reset role",
    "dwh": "alter table fact_events drop column _batch_id, add column price numeric, "
    "drop column k, add column k text",
}


@pytest.fixture
def spoilt(made: Make) -> Made:
    """An area with a row of each entity to move, and something wrong in each layer."""
    area = made(THINGS, EVENTS)
    area.put(THINGS, (1, "a", 1, JAN, JAN))
    area.put(EVENTS, (1, 1, JAN))
    for layer, statement in SPOILT.items():
        area.warehouse.execute(layer, statement)
    file = area.home / FILE
    declared = yaml.safe_load(file.read_text("utf-8"))
    star = declared["entities"]["things"]["dimension"]
    star |= {"type2": ["nmae", "size"], "effective": "tol"}
    file.write_text(yaml.safe_dump(declared), "utf-8")
    area.area = Project(area.home).area()
    return area


def test_a_run_tells_all_that_is_wrong_and_moves_nothing(spoilt: Made):
    with pytest.raises(ContractError) as raised:
        spoilt.run()
    assert str(raised.value) == WRONG
    assert [str(problem) for problem in raised.value.problems] == WRONG.split("\n")
    assert spoilt.mirrored(THINGS) == []
    logged = "select error_message from public.etl_batches"
    assert spoilt.warehouse.rows("dwh", logged) == [(f"extract: {WRONG}",)]


def test_plan_doctor_and_migrate_tell_the_same(spoilt: Made):
    assert plan.make(spoilt.servers, spoilt.area).stops == WRONG.split("\n")
    found = doctor.examine(Project(spoilt.home), spoilt.servers)
    assert [each.what for each in found if each.severity == "problem"] == WRONG.split("\n")

    planned = tidemark("plan", "--json", env=spoilt.environment)
    assert planned.json["stops"] == WRONG.split("\n")
    migrated = tidemark("migrate", env=spoilt.environment)
    assert (migrated.code, migrated.err) == (5, f"error: {WRONG}\n")


STAR = [
    ("drop column name", "dwh: public.dim_things has no column 'name' (text), which STG sends"),
    ("rename name to label", "It has 'label', which STG lacks: it was renamed, it seems"),
]


@pytest.mark.parametrize(("change", "said"), STAR)
def test_a_star_that_takes_not_all_stops_the_batch_before_mrr(made: Make, change: str, said: str):
    """One problem of a column is one line, though more follows from it."""
    area = made(THINGS)
    area.put(THINGS, (1, "a", 1, JAN, JAN))
    area.warehouse.execute("dwh", f"alter table dim_things {change}")
    with pytest.raises(ContractError) as raised:
        area.run()
    assert (said in str(raised.value), len(raised.value.problems)) == (True, 1)
    assert area.warehouse.rows("mrr", "select from tidemark.applied_batch") == []


def test_only_a_batch_that_finds_rows_looks_behind_mrr(made: Make):
    area = made(THINGS)
    area.put(THINGS, (1, "a", 1, JAN, JAN))
    area.run()
    area.change(THINGS, "name = 'b', updated_at = now()")
    found = counting.run(area.servers, area.area).by_server("extract")
    idle = counting.run(area.servers, area.area).by_server("extract")
    assert (found["stg"] - idle["stg"], found["dwh"] - idle["dwh"]) == (1, 1)
