"""A row that a server refuses: the error says of which entity and column, where, and what to do.

No value of a row is in it: each row here is Jane's.
"""

import traceback

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.errors import RefusedRowError
from tidemark.model import ServerName
from tidemark.trust import rebuild

COLUMNS = {
    "id": "int",
    "part": "text",
    "name": "text",
    "mood": "public.mood",
    "size": "public.size",
    "updated_at": "timestamptz",
}
THINGS = Dimension(COLUMNS, ("id", "part"))
TYPES = """
    create type public.mood as enum ('fine');
    create domain public.size as int constraint is_small check (value < 10)
"""
JANE = (7, "p", "Jane", "fine", 1, "2025-01-01")

SENT = "Correct the row there, or the view that computes it."
LANDED = (
    "Let the type there take what the layer before has, in a new file of sql/, and run "
    "`tidemark migrate`; or correct the row at the source."
)
CLEANSED = (
    "Let the cleansing view give such a row a reason in reject_reasons instead "
    "(docs/cleansing.md), and run `tidemark migrate`."
)
STORED = (
    "Let the cleansing view give such a row a reason in reject_reasons, or let the table take it, "
    "in a new file of sql/, and run `tidemark migrate`."
)


@pytest.fixture
def area(made: Make) -> Made:
    return made(THINGS, first=TYPES)


def refused(area: Made) -> str:
    """Run a batch that a row stops, and return why; the log says the same, and nothing moved."""
    with pytest.raises(RefusedRowError) as raised:
        area.run()
    said = str(raised.value)
    [(logged,)] = area.warehouse.rows(
        "dwh", "select error_message from etl_logs where error_message is not null"
    )
    assert (logged, raised.value.entity) == (said, "things")
    assert "Jane" not in "".join(traceback.format_exception(raised.value))
    for layer, table in (("mrr", "mrr_things"), ("stg", "stg_things"), ("dwh", "dim_things")):
        applied = area.warehouse.rows(layer, "select * from tidemark.applied_batch")
        if not applied:
            found = area.warehouse.rows(layer, f"select id from {table} where id is not null")
            assert found == []
    return said


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("widened", "column", "value", "what"),
    [
        ("alter type mood add value 'Jane'", "mood", "Jane", "invalid input value for enum mood"),
        (
            "alter domain size drop constraint is_small",
            "size",
            99,
            "the type size forbids it (is_small)",
        ),
    ],
)
@pytest.mark.parametrize("layer", ["stg", "dwh"])
def test_a_value_that_the_next_type_lacks(
    area: Made, layer: ServerName, widened: str, column: str, value: object, what: str
):
    """Each layer before has the wider type. MRR keeps such a row (test_rows_that_mrr_refuses)."""
    layers: list[ServerName] = ["operational", "mrr", "stg"]
    for before in layers[: ["mrr", "stg", "dwh"].index(layer) + 1]:
        area.warehouse.execute(before, widened)
    area.put(THINGS, JANE, (8, "p", *JANE[2:]))
    area.change(THINGS, f"{column} = %s", [value], "id = 8")
    said = f"things: {layer} refused a row: {what}, in column '{column}'. {LANDED}"
    assert refused(area) == said


def test_bytes_that_are_no_text(made: Make):
    area = made(THINGS, first=TYPES, source="encoding 'SQL_ASCII' locale 'C' template template0")
    area.put(THINGS, JANE)
    area.change(THINGS, "name = E'Jane \\xff'")
    assert refused(area) == (
        "things: operational refused a row: bytes that are no text in its encoding, in column "
        "'name'. Text has to be UTF-8, also where a database is SQL_ASCII and checks none: correct "
        "the row there."
    )


def test_a_column_that_the_source_can_not_compute(area: Made):
    area.warehouse.execute(
        "operational",
        """
        alter table things drop column name;
        alter table things add column name text generated always as ((1 / (id - 7))::text) virtual;
        insert into things (id, part, updated_at) values (7, 'p', '2025-01-01')
        """,
    )
    said = f"division by zero, in column 'name'. {SENT}"
    assert refused(area) == f"things: operational refused a row: {said}"


VIEW = """
    create or replace view landing.clean_things as
    select id, part, {name} as name, mood, size, updated_at,
        _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at,
        {reasons}::text[] as reject_reasons
    from landing.things
"""
RAISES = """
    create function public.checked(name text) returns text language plpgsql immutable as
    $$ begin raise exception 'bad: %', name using errcode = '22023'; end; $$;
"""
RAISES_PLAINLY = RAISES.replace("using errcode = '22023'", "")
ASSERTS = RAISES.replace(
    "raise exception 'bad: %', name using errcode = '22023'", "assert false, name"
)
RAISED = "a function or trigger there raised an exception"


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize(
    ("first", "name", "reasons", "what"),
    [
        ("", "name::int::text", "'{}'", "invalid input syntax for type integer, in column 'name'"),
        ("", "(99999999999 / id)::int::text", "'{}'", "integer out of range, in column 'name'"),
        ("", "name::date::text", "'{}'", "invalid input syntax for type date, in column 'name'"),
        (RAISES, "public.checked(name)", "'{}'", "invalid parameter value, in column 'name'"),
        (RAISES_PLAINLY, "public.checked(name)", "'{}'", f"{RAISED}, in column 'name'"),
        (ASSERTS, "public.checked(name)", "'{}'", f"{RAISED}, in column 'name'"),
        ("", "name::regclass::text", "'{}'", "relation … does not exist, in column 'name'"),
        ("", "name", "array[name::int]", None),
    ],
)
def test_a_cleansing_view_that_can_not_be_computed(
    area: Made, first: str, name: str, reasons: str, what: str | None
):
    area.warehouse.execute("stg", first + VIEW.format(name=name, reasons=reasons))
    area.put(THINGS, JANE)
    what = what or "invalid input syntax for type integer, in column 'reject_reasons'"
    assert refused(area) == f"things: stg refused a row: {what}. {CLEANSED}"


def test_a_column_that_the_table_of_stg_needs(area: Made):
    area.warehouse.execute("stg", "alter table stg_things alter column name set not null")
    for key in (9, 8):
        area.put(THINGS, (key, "p", None, *JANE[3:]))
    area.put(THINGS, JANE)
    assert refused(area) == (
        "things: stg refused a row: null, where stg_things takes none (2 rows), in column 'name'. "
        f"{STORED}"
    )


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("check (name <> 'Jane')", "no_jane of dim_things forbids it (check violation)"),
        ("unique (name)", "no_jane of dim_things forbids it (unique violation)"),
        ("not null name", "null, where dim_things takes none, in column 'name'"),
    ],
)
def test_a_rule_of_the_star(area: Made, rule: str, what: str):
    area.warehouse.execute("dwh", "update dim_things set name = 'unknown'")
    area.warehouse.execute("dwh", f"alter table dim_things add constraint no_jane {rule}")
    null = None if "null" in rule else "Jane"
    for key in (7, 8):
        area.put(THINGS, (key, "p", null, *JANE[3:]))
    assert refused(area) == f"things: dwh refused a row: {what}. {STORED}"
    with pytest.raises(RefusedRowError) as raised:
        rebuild.run(area.servers, area.area)
    rebuilt = str(raised.value).replace("things.rebuilt", "dim_things")
    assert rebuilt == f"things: dwh refused a row: {what}. {STORED}"


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("", RAISED),
        ("using errcode = 'OWN01'", "error OWN01"),
        ("using errcode = '22ZZZ'", "error 22ZZZ"),
        ("x", RAISED),
    ],
)
def test_a_trigger_that_refuses_a_row_in_its_own_words(area: Made, code: str, what: str):
    says = f"raise exception 'no %', new.name {code}" if code != "x" else "assert false, new.name"
    area.warehouse.execute(
        "dwh",
        f"""
        create function refuse() returns trigger language plpgsql as $$ begin {says}; end; $$;
        create trigger refuse before insert on dim_things for each row execute function refuse()
        """,
    )
    area.put(THINGS, JANE)
    assert refused(area) == f"things: dwh refused a row: {what}. {STORED}"


SALES = Fact(
    {"id": "int", "part_id": "int", "part": "text", "note": "text", "at": "timestamptz"},
    ("id",),
    "at",
    dimensions={"thing_key": {"entity": "things", "by": ["part_id", "part"]}},
    entity="things_sold",
)


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("rule", "of", "what"),
    [
        (
            "alter table fact_events add constraint no_jane check (note <> 'Jane')",
            "things_sold",
            "no_jane of fact_events_2025_01 forbids it (check violation)",
        ),
        (
            "alter table fact_events alter column part_id set not null",
            "things_sold",
            "null, where fact_events_2025_01 takes none, in column 'part_id'",
        ),
        (
            "update dim_things set name = ''; alter table dim_things alter name set not null",
            "things",
            "null, where dim_things takes none, in column 'name'",
        ),
    ],
    ids=["check", "null", "inferred"],
)
def test_a_fact_that_the_star_refuses(made: Make, rule: str, of: str, what: str):
    """In the end the dimension refuses the member that the fact would make there."""
    area = made(THINGS, SALES, first=TYPES)
    area.warehouse.execute("dwh", rule)
    area.put(SALES, (1, None if "part_id" in rule else 7, "p", "Jane", "2025-01-05"))
    with pytest.raises(RefusedRowError) as raised:
        area.run()
    assert str(raised.value) == f"{of}: dwh refused a row: {what}. {STORED}"


def test_a_deferred_constraint_is_told_of_the_area(made: Make):
    """It is checked when the whole batch is there."""
    area = made(THINGS, SALES, first=TYPES)
    area.warehouse.execute(
        "dwh",
        """
        create table notes (note text primary key);
        alter table fact_events add constraint noted foreign key (note) references notes
        deferrable initially deferred
        """,
    )
    area.put(SALES, (1, 7, "p", "Jane", "2025-01-05"))
    for command in (area.run, lambda: rebuild.run(area.servers, area.area)):
        with pytest.raises(RefusedRowError) as raised:
            command()
        assert str(raised.value) == (
            "made: dwh refused a row: noted of fact_events_2025_01 forbids it "
            f"(foreign key violation). {STORED}"
        )


def test_what_is_mended_is_loaded_by_the_next_batch(area: Made):
    for layer in ("operational", "mrr"):
        area.warehouse.execute(layer, "alter type mood add value 'Jane'")
    area.put(THINGS, (7, "p", "Jane", "Jane", 1, "2025-01-01"))
    refused(area)
    area.warehouse.execute("stg", "alter type mood add value 'Jane'")
    area.warehouse.execute("dwh", "alter type mood add value 'Jane'")
    area.run()
    assert area.mirrored(THINGS) == area.sent(THINGS)
    assert area.differences() == []
