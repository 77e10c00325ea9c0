"""area.yml: what is refused, and the errors."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.declaring import GARDENS, declare, with_
from tidemark.declare.project import load_area
from tidemark.errors import ConfigError

TREES = "entities.trees"
OWN = "is PostgreSQL's or Tidemark's own; name another schema"
IDENTIFIER = "an identifier has 1 to 63 bytes and no NUL"
OWNED = {"table": "owned", "surrogate_key": "owned_key"}
MADE = {
    "from": ["visits"],
    "key": ["tree_id"],
    "touched_by": {"visits": {"columns": {"tree_id": "tree"}}},
    "dimension": OWNED,
}
FILE = "name a .sql file in a folder of the area, such as source/lines.sql"
ROOM = "and 48 leave room for names derived from it, such as <table>_history"
TAKEN = "is a name that layers or embedded servers have; choose another"
REFUSED = [
    ("entitys", {}, "entitys: unknown key. Did you mean 'entities'?"),
    (f"{TREES}.watermrk", "x", f"{TREES}.watermrk: unknown key. Did you mean 'watermark'?"),
    (
        f"{TREES}.dimension.surogate_key",
        "x",
        f"{TREES}.dimension.surogate_key: unknown key. Did you mean 'surrogate_key'?",
    ),
    (
        "entities.visits.fact.event_tme",
        "x",
        "entities.visits.fact.event_tme: unknown key. Did you mean 'event_time'?",
    ),
    (
        "entities.visits.fact.dimensions.tree_key",
        {"entity": "trees", "bye": ["tree"]},
        "entities.visits.fact.dimensions.tree_key.bye: unknown key. Did you mean 'by'?",
    ),
    (
        f"{TREES}.watermark_zone",
        "Europe/Berln",
        f"{TREES}.watermark_zone: 'Europe/Berln' is no time zone; write one such as Europe/Berlin.",
    ),
    (
        "entities.visits.fact.dates",
        {"day_key": "seen at no/where"},
        "entities.visits.fact.dates.day_key.zone: 'no/where' is no time zone; write one such as "
        "Europe/Berlin.",
    ),
    (
        "entities.visits.fact.event_time",
        "seen at Europe",
        "entities.visits.fact.event_time.zone: 'Europe' is no time zone; write one such as "
        "Europe/Rome.",
    ),
    (
        TREES,
        {"source": "trees", "key": ["tree_id"], "extract": "full", "watermark_zone": "UTC"},
        f"{TREES}: `watermark_zone` is of no use without a `watermark`.",
    ),
    (
        "entities.visits",
        {
            "source": "visits",
            "key": ["visit_id"],
            "watermark": "seen",
            "watermark_zone": "UTC",
            "fact": {"table": "dwh_visits", "event_time": "seen at Asia/Tokyo"},
        },
        "entities.visits: 'seen' is read at Asia/Tokyo, and watermark_zone says UTC; leave `at "
        "Asia/Tokyo` out.",
    ),
    ("retention.log", "90d", "retention.log: unknown key. Did you mean 'logs'?"),
    (
        "checks",
        [{"name": "a", "description": "b", "sqls": "c"}],
        "checks.0.sqls: unknown key. Did you mean 'sql'?",
    ),
    (
        "zzz",
        1,
        "zzz: unknown key. Known: area, description, schema, landing_schema, source, "
        "distribution, schedule, dag, monitor, alerts, retention, margin, deletes, entities, "
        "aggregates, checks, answers.",
    ),
    (
        TREES,
        {"sorce": "trees", "key": ["tree_id"], "watermark": "w", "mrr": "m", "stg": "s"},
        f"{TREES}.sorce: unknown key. Did you mean 'source'?",
    ),
    (f"{TREES}.key", None, f"{TREES}.key is missing. Add it."),
    (f"{TREES}.key", "tree_id", f"{TREES}.key: Input should be a list."),
    (f"{TREES}.mrr", 7, f"{TREES}.mrr: Input should be a valid string."),
    (
        f"{TREES}.key",
        [],
        f"{TREES}.key: List should have at least 1 item after validation, not 0.",
    ),
    (f"{TREES}.extract", "some", f"{TREES}.extract: Input should be 'delta' or 'full'."),
    ("margin", "soon", "margin: 'soon' is no duration; write 90s, 15m, 6h or 1d."),
    (f"{TREES}.settle", "15", f"{TREES}.settle: '15' is no duration; write 90s, 15m, 6h or 1d."),
    ("margin", -1, "margin: a duration lasts from 0s to 36500d."),
    (f"{TREES}.lookback", "36501d", f"{TREES}.lookback: a duration lasts from 0s to 36500d."),
    (
        f"{TREES}.lookback",
        "9999999999d",
        f"{TREES}.lookback: '9999999999d' is no duration; write 90s, 15m, 6h or 1d.",
    ),
    (
        f"{TREES}.watermark",
        None,
        f"{TREES}: `watermark` is missing: name the column, or set `extract: full`.",
    ),
    (
        f"{TREES}.dimension.type1",
        ["height"],
        f"{TREES}.dimension: 'height' is both type1 and type2; it can be one of them.",
    ),
    (
        f"{TREES}.dimension.type1",
        ["tree_id"],
        f"{TREES}: 'tree_id' is of the key; it can't be type1 or type2 as well.",
    ),
    (
        f"{TREES}.dimension.type2",
        ["height", "age", "height"],
        f"{TREES}.dimension.type2: 'height' is listed twice.",
    ),
    (f"{TREES}.key", ["a", "a"], f"{TREES}.key: 'a' is listed twice."),
    (
        f"{TREES}.key",
        [f"k{n}" for n in range(32)],
        f"{TREES}.key: List should have at most 31 items after validation, not 32.",
    ),
    (
        f"{TREES}.dimension.surrogate_key",
        "height",
        f"{TREES}: dimension.surrogate_key 'height' is a column of the source as well; the key "
        "that counts versions needs a name of its own.",
    ),
    (
        "entities.visits.fact.dates",
        {"tree_key": "visited_on"},
        "entities.visits.fact: 'tree_key' is in two of rename, dimensions and dates; it can be in "
        "one of them.",
    ),
    (
        f"{TREES}.fact",
        {"table": "t", "event_time": "e"},
        f"{TREES}: an entity is a `dimension` or a `fact`, not both.",
    ),
    (
        "entities.visits.fact.dimensions.tree_key",
        "treez",
        "the file: entities.visits.fact.dimensions.tree_key: 'treez' is no dimension of this area. "
        "Did you mean 'trees'?",
    ),
    (
        "entities.visits.fact.dimensions.tree_key",
        {"entity": "trees", "by": ["a", "b"]},
        "the file: entities.visits.fact.dimensions.tree_key.by: 2 columns for a key of 1.",
    ),
    (
        f"{TREES}.dimension.tie_breaker",
        "height",
        f"{TREES}: `dimension.tie_breaker` is for a derived entity, which shows all observations "
        "of a key; of a source's changes of one instant, the latest counts.",
    ),
    (
        "entities.owned",
        MADE,
        "entities.owned: `dimension.effective` is missing: name the column of the deriving view "
        "with the time of an observation.",
    ),
    (
        "entities.owned",
        {**MADE, "dimension": {**OWNED, "effective": "seen"}},
        "entities.owned: `dimension.effective` is missing: name the column of the deriving view "
        "with the time of an observation.",
    ),
    (
        "entities.owned",
        {**MADE, "dimension": {**OWNED, "effective": "tree_id"}},
        "entities.owned: 'tree_id' is in the key, which is that of the dimension's members; their "
        "observations have the time and the tie breaker beside it.",
    ),
    (
        "entities.owned",
        {**MADE, "dimension": {**OWNED, "effective": "at"}, "deleted_when": "is_gone"},
        "entities.owned: `deleted_when` would take observations away; let the deriving view show "
        "when a key ends, by `is_deleted` of an observation.",
    ),
    (
        "entities.owned",
        {**MADE, "touched_by": {"visits": ["at"]}},
        "entities.owned: touched_by.visits: 'at' is not in the key.",
    ),
    (
        "entities.Trees",
        GARDENS["entities"]["trees"],
        "entities.Trees.[key]: 'Trees': use lowercase letters, digits and underscores, 48 at most.",
    ),
    (f"{TREES}.mrr", "ä" * 24 + "x", f"{TREES}.mrr: {'ä' * 24 + 'x'!r} has 49 bytes, {ROOM}."),
    ("schema", "pg_trees", f"schema: 'pg_trees' {OWN}."),
    ("schema", "landing", f"schema: 'landing' {OWN}."),
    ("landing_schema", "public", f"landing_schema: 'public' {OWN}."),
    ("landing_schema", "tidemark", f"landing_schema: 'tidemark' {OWN}."),
    (
        "schema",
        "s" * 39,
        f"the file: entities.trees: '{'s' * 39}.dwh_trees' has 49 bytes, and 48 leave room for "
        "names derived from it, such as <schema>.<table>_confirmed.",
    ),
    (f"{TREES}.stg", "s" * 49, f"{TREES}.stg: {'s' * 49!r} has 49 bytes, {ROOM}."),
    (
        f"{TREES}.dimension.table",
        "d" * 49,
        f"{TREES}.dimension.table: {'d' * 49!r} has 49 bytes, {ROOM}.",
    ),
    (
        "entities.visits.fact.table",
        "f" * 49,
        f"entities.visits.fact.table: {'f' * 49!r} has 49 bytes, {ROOM}.",
    ),
    (f"{TREES}.source", "park\0.trees", f"{TREES}.source: {IDENTIFIER}."),
    (f"{TREES}.source", "park." + "t" * 64, f"{TREES}.source: {IDENTIFIER}."),
    (f"{TREES}.source", ".trees", f"{TREES}.source: {IDENTIFIER}."),
    (
        f"{TREES}.source",
        {"qurey": "a/b.sql"},
        f"{TREES}.source.qurey: unknown key. Did you mean 'query'?",
    ),
    (f"{TREES}.source", {"query": "../b.sql"}, f"{TREES}.source.query: '../b.sql': {FILE}."),
    (f"{TREES}.source", {"query": "b.sql"}, f"{TREES}.source.query: 'b.sql': {FILE}."),
    (f"{TREES}.source", {"query": "/a/b.sql"}, f"{TREES}.source.query: '/a/b.sql': {FILE}."),
    (f"{TREES}.source", {}, f"{TREES}.source: name a table, or `{{query: source/lines.sql}}`."),
    (
        f"{TREES}.source",
        {"query": "mrr/b.sql"},
        f"the file: {TREES}.source.query: the files of mrr/ are for something else. Put it into "
        "another folder of the area.",
    ),
    (f"{TREES}.dimension.type1", ["a\0"], f"{TREES}.dimension.type1.0: {IDENTIFIER}."),
    (
        "answers",
        {"events/{a}": {"function": "f", "parameters": {"a": "text"}}},
        "answers.events/{a}.[key]: 'events/{a}': /v1/events is the service's own.",
    ),
    (
        "answers",
        {"{a}": {"function": "f"}},
        "answers.{a}.[key]: '{a}': write a path such as assets/{s3_key}, in lowercase letters.",
    ),
    (
        "answers",
        {"trees/{a}": {"function": "f", "parameters": {"a": {"type": "text", "required": False}}}},
        "answers: trees/{a}: {a} is no parameter of it that is required; add it to `parameters`.",
    ),
    (
        "answers",
        {"trees": {"function": "f", "parameters": {"a": "jsonb"}}},
        "answers.trees: parameters.a: an address has no place for jsonb.",
    ),
    (f"{TREES}.watermark", "", f"{TREES}.watermark: {IDENTIFIER}."),
    (
        "source",
        {"lock_timeout": "5s"},
        "source: limits are under a key of their own: write "
        "`source: {limits: {lock_timeout: 5s}}`.",
    ),
    (
        "source",
        {"name": "shop", "lock_timeout": "5s", "statement_timeout": "1h"},
        "source: limits are under a key of their own: write "
        "`source: {limits: {statement_timeout: 1h, lock_timeout: 5s}}`.",
    ),
    (
        "source",
        "shop",
        "source: a source is not a single word: write `source: {name: shop}`.",
    ),
    ("source", {"nmae": "shop"}, "source.nmae: unknown key. Did you mean 'name'?"),
    ("source.kind", "mysql", "source: kind: 'mysql' is none; write postgres or files."),
    (
        "source.name",
        "Shop",
        "source.name: 'Shop': use lowercase letters, digits and underscores, 48 at most.",
    ),
    ("source.name", "dwh", f"source.name: 'dwh' {TAKEN}."),
    ("source.name", "new", f"source.name: 'new' {TAKEN}."),
    ("source.name", "postgres", f"source.name: 'postgres' {TAKEN}."),
    ("area", "parks", "area is 'parks', but the folder is 'gardens'. Give both the same name."),
]


@pytest.mark.parametrize(("place", "value", "said"), REFUSED)
def test_a_wrong_declaration_is_refused_with_its_place(
    tmp_path: Path, place: str, value: Any, said: str
):
    with pytest.raises(ConfigError) as raised:
        load_area(declare(tmp_path, with_(place, value)))
    assert str(raised.value) == f"sql/gardens/area.yml: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("area: [", "not readable as YAML: while parsing a flow node "),
        ("", "the file: Input should be a valid dictionary or instance of Area."),
        ("- area", "the file: Input should be a valid dictionary or instance of Area."),
    ],
)
def test_a_file_that_declares_nothing_is_refused(tmp_path: Path, text: str, said: str):
    with pytest.raises(ConfigError) as raised:
        load_area(declare(tmp_path, text))
    assert str(raised.value).startswith(f"sql/gardens/area.yml: {said}")


@pytest.mark.parametrize("null", ['"', 'N"A', "a,b", "a\nb", "\r"])
def test_a_null_that_no_unquoted_field_can_be_is_refused(tmp_path: Path, null: str):
    source = {"kind": "files", "url": "drops", "null": null}
    declared = with_("source", source)
    with pytest.raises(ConfigError, match="has the delimiter, the quote or a line end in it"):
        load_area(declare(tmp_path, declared))


NAMES = [
    'x"; drop table t; --',
    "x'; drop table t; --",
    "%s",
    "{x}",
    "x.y",
    "x y",
    "x\n",
    "ä",
    "",
    "x" * 49,
]


@pytest.mark.parametrize("name", NAMES)
def test_what_becomes_part_of_other_names_is_plain(tmp_path: Path, name: str):
    trees = GARDENS["entities"]["trees"]
    for number, (place, value) in enumerate([("area", name), ("entities", {name: trees})]):
        with pytest.raises(ConfigError, match="use lowercase letters, digits and underscores"):
            load_area(declare(tmp_path / str(number), with_(place, value)))


SHORT = {
    "area": "gardens",
    "deletes": "detect",
    "entities": {
        "bed": {"key": ["id"], "watermark": "at", "dimension": {}},
        "visit": {
            "key": ["id"],
            "watermark": "at",
            "deletes": "ignore",
            "fact": {
                "event_time": "at",
                "dimensions": ["bed", "crm.people"],
                "dates": ["day", "at at Europe/Oslo"],
            },
        },
        "total": {"from": ["visit"], "key": ["id"], "touched_by": {"visit": ["id"]}},
    },
}


def test_what_follows_from_names_need_not_be_said(tmp_path: Path):
    area = load_area(declare(tmp_path, SHORT))
    bed, total, visit = (area.entities[name] for name in ("bed", "total", "visit"))
    assert (bed.source_name, bed.deletes, visit.deletes) == (("public", "bed"), "detect", "ignore")
    assert (total.source, total.deletes) == (None, "ignore")
    assert bed.dimension
    assert (bed.dimension.table, bed.dimension.surrogate_key) == ("dim_bed", "bed_key")
    assert visit.fact
    assert visit.fact.table == "fact_visit"
    roles = {key: role.entity for key, role in visit.fact.dimensions.items()}
    assert roles == {"bed_key": "bed", "people_key": "crm.people"}
    dates = {key: str(moment) for key, moment in visit.fact.dates.items()}
    assert dates == {"day_key": "day", "at_key": "at at Europe/Oslo"}


def test_a_declaration_says_what_the_sql_cannot(tmp_path: Path):
    declared = with_("entities.trees.lookback", "6h") | {"margin": "90s"}
    area = load_area(declare(tmp_path, declared))
    trees, visits = area.entities.values()
    assert (area.margin, trees.lookback) == (timedelta(seconds=90), timedelta(hours=6))
    assert (trees.source_name, visits.source_name) == (("park", "trees"), ("public", "visits"))
    assert (area.dimensions, area.facts) == ((trees,), (visits,))
    assert [entity.name for entity in (trees, visits)] == ["trees", "visits"]
    assert [entity.dwh for entity in (trees, visits)] == ["dwh_trees", "dwh_visits"]
