"""The statements of all modules as they are composed, compared with the files in tests/snapshots/.

After a change that is meant, then read the diff:
`TIDEMARK_REWRITE_GOLDEN=1 scripts/test tests/pipeline/test_snapshots.py`.
"""

import os
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml

from tests import composed, fix_areas
from tests.fix_areas import Dimension, Fact, Made
from tests.fix_memory import MemorySource
from tests.fix_retail import Retail
from tests.fix_servers import HOME
from tidemark.batch import extract, pipeline, stage
from tidemark.declare.moments import Moment
from tidemark.declare.project import Project
from tidemark.declare.settings import Retention
from tidemark.errors import ContractError, RefusedRowError
from tidemark.install import migrate, reset
from tidemark.install.propose import catalog
from tidemark.model import Column, Overrides
from tidemark.observe import history, plan, status
from tidemark.postgres import worktable
from tidemark.trust import rebuild, verify

SNAPSHOTS = HOME / "tests" / "snapshots"
JAN, FEB = "2025-01-01Z", "2025-02-01Z"
Refused = (ContractError, RefusedRowError)

TAGS = Dimension(
    {
        "tag": "text",
        "part": "integer",
        "v": "text",
        "sizes": "integer[]",
        "at": "timestamp",
        "updated_at": "timestamptz",
    },
    ("tag", "part"),
    effective="at at Europe/Berlin",
    cleansed={
        "tag": "lower(btrim(tag))",
        "part": "part::bigint",
        "v": """unnest(
            case v
                when 'a,b' then '{a,b}'
                when 'not one' then array[v::integer::text]
                else array[v]
            end
        )""",
    },
    stored={"part": "bigint"},
    refused="case when v = 'bad' then '{v is bad}'::text[] else '{}' end",
    settings={"deletes": "detect", "max_delete_ratio": 1, "deleted_when": "v = 'gone'"},
)
"""Keys that cleansing changes, and that have another type behind it; plans; lists; a zone."""

CLOCKS = Dimension(
    {"id": "integer", "v": "text", "updated_at": "timestamp"},
    ("id",),
    source=("zoned", "things"),
    settings={"watermark_zone": "Europe/Berlin"},
)
DAYS = Fact(
    {"no": "integer", "id": "integer", "day": "date"},
    ("no",),
    "day",
    {"thing_key": "things"},
    source=("zoned", "events"),
)
"""Times of a clock on a wall, and days."""


DERIVED = {
    "sizes": "select id, unnest(sizes) as size from landing_sold.live_items",
    "counts": "select id, count(*) as sizes from landing_sold.live_sizes group by id",
}


def test_the_composed_statements_are_those_that_were_reviewed(
    retail: Retail, monkeypatch: pytest.MonkeyPatch
):
    with composed.watched() as seen:
        with monkeypatch.context() as patch:
            patch.setattr(worktable, "FEW", -1)
            load(retail)
        change(retail)
        ask(retail)
        damage_and_mend(retail)
        tags = beside(retail, TAGS)
        show_in_order(tags)
        let_keys_change(tags)
        refuse(tags)
        derive(retail)
        read_in_zones(beside(retail, CLOCKS, DAYS, area="zoned"))
        let_tables_follow(retail)
    files = seen.files()
    if os.environ.get("TIDEMARK_REWRITE_GOLDEN"):
        for path in SNAPSHOTS.glob("*.sql"):
            path.unlink()
        for file, text in files.items():
            (SNAPSHOTS / f"{file}.sql").write_text(text, "utf-8")

    assert files == {path.stem: path.read_text("utf-8") for path in SNAPSHOTS.glob("*.sql")}
    assert seen.lacking() == []


def load(retail: Retail) -> None:
    """Load the shop as if it had many rows."""
    changed = retail.entity("customers", max_delete_ratio=1)
    retail.area = retail.area.model_copy(update=changed)
    retail.add("customers", 4)
    retail.run()


def change(retail: Retail) -> None:
    """Change the shop, with a sale of a customer who is refused, and derive its layers again."""
    retail.add("customers", 6, name=None)
    retail.add("sales", 6, customer_id=6)
    retail.change("customers", 1, city="Oslo")
    retail.change("sales", 2, quantity=7)
    retail.delete("customers", "customer_id = 3")
    plan.make(retail.servers, retail.area)
    retail.run()
    verify.run(retail.servers, retail.area)
    rebuild.run(retail.servers, retail.area)


def ask(retail: Retail) -> None:
    """Ask what the next batch would bring, and what is there."""
    retail.change("customers", 4, customer_id=5)
    plan.make(retail.servers, retail.area)
    verify.run(retail.servers, retail.area)
    status.layer_rows(retail.servers, retail.area)
    status.source_rows(retail.servers, retail.area)
    customers = retail.area.entities["customers"]
    history.read(retail.servers, retail.area, customers, ["1"])
    history.most_changed(retail.servers, customers)
    with retail.servers.session("operational", "init") as source:
        catalog.read(source)


def damage_and_mend(retail: Retail) -> None:
    """Follow the source's columns, refresh, repair what was damaged, and let go of what is old."""
    retail.add("sales", 9, quantity=0)
    for alter in ("add column vip varchar(9)", "alter column vip type varchar(20)"):
        retail.warehouse.execute("operational", f"alter table customers {alter}")
        retail.run(**retail.entity("products", extract="full"))
    retail.run(overrides=Overrides(refresh=frozenset(["customers"])))
    retail.warehouse.execute("mrr", "update mrr_dim_customers set city = 'Bonn'")
    retail.warehouse.execute("stg", "update stg_fact_sales set sale_id = 99 where sale_id = 2")
    retail.warehouse.execute(
        "dwh", "update dwh_dim_customers set customer_id = 98 where customer_id = 1"
    )
    repair(retail)
    for layer in ("mrr", "stg"):
        old = "update tidemark.applied_batch set applied_at = '2020-01-01Z'"
        retail.warehouse.execute(layer, old)
    retail.run(retention=Retention(history=timedelta(days=90)))
    fact: Any = retail.area.entities["sales"].fact
    renamed = {**fact.rename, "transaction_timestamp": "seen"}
    seen = fact.model_copy(update={"event_time": Moment(column="seen"), "rename": renamed})
    retail.run(**retail.entity("sales", fact=seen))


def repair(shop: Retail | Made) -> None:
    found = verify.run(shop.servers, shop.area)
    pipeline.run(shop.servers, shop.area, overrides=Overrides(repair=found.repair()))


def beside(retail: Retail, *entities: Dimension | Fact, area: str = "made") -> Made:
    """Make another area in the warehouse of the shop."""
    places: dict[str, Any] = {} if area == "made" else {"schema": area, "landing_schema": None}
    fix_areas.write(retail.home, *entities, area=area, **places)
    project = Project(retail.home)
    migrate.migrate(project, retail.servers)
    return Made(retail.warehouse, retail.servers, project.area(area), retail.home)


def read_in_zones(zoned: Made) -> None:
    """Let facts of days find versions by a clock on a wall, and move to later ones."""
    zoned.put(CLOCKS, (1, "a", "2025-01-01"))
    zoned.put(DAYS, (1, 1, "2099-01-01"))
    zoned.run()
    zoned.change(CLOCKS, "v = 'b', updated_at = now() at time zone 'Europe/Berlin'")
    zoned.run()


def derive(retail: Retail) -> None:
    """Make rows of lists in other rows, and rows of these; make all of them anew."""
    items = Dimension(
        {"id": "int", "sizes": "integer[]", "updated_at": "timestamptz"}, ("id",), entity="items",
        source=("sold", "items"), mrr="mrr_items", stg="stg_items", table="dim_items",
    )  # fmt: skip
    by_query = {"columns": ["id"], "query": "select id from changed"}
    declared: Any = {
        "sizes": {"from": ["items"], "key": ["id", "size"], "touched_by": {"items": ["id"]}},
        "counts": {"from": ["sizes"], "key": ["id"], "touched_by": {"sizes": by_query}},
    }
    place: Any = {"area": "sold", "schema": "sold", "landing_schema": None}
    fix_areas.write(retail.home, items, layers=("operational", "dwh"), **place)
    path = retail.home / "sql" / "sold" / "area.yml"
    area = yaml.safe_load(path.read_text("utf-8"))
    area["entities"] |= declared
    path.write_text(yaml.safe_dump(area), "utf-8")
    views = path.parent / "stg" / "views"
    views.mkdir(parents=True)
    for name, query in DERIVED.items():
        text = f"create view landing_sold.derive_{name} as {query}"
        (views / f"derive_{name}.sql").write_text(text, "utf-8")
    project = Project(retail.home)
    migrate.migrate(project, retail.servers)
    sold = Made(retail.warehouse, retail.servers, project.area("sold"), retail.home)
    for number in (1, 2):
        sold.put(items, (number, [7, 8], "now"))
        sold.run()
    rebuild.run(sold.servers, sold.area)
    reset.run(sold.servers, project, sold.area, ("dwh", "stg", "mrr"))
    shutil.rmtree(path.parent)


def let_tables_follow(retail: Retail) -> None:
    """Make the tables that no file makes, and let them follow a source that changes."""
    passed = replace(
        TAGS, entity="passed", source=("passed", "things"), mrr="mrr_passed", stg="stg_passed",
        table="dim_passed", cleansed={}, stored={}, refused="",
    )  # fmt: skip
    places: Any = {"area": "passed", "schema": "passed", "landing_schema": None}
    fix_areas.write(retail.home, passed, layers=("operational", "dwh"), **places)
    project = Project(retail.home)
    migrate.migrate(project, retail.servers)
    changes = "alter table passed.mrr_passed{0} drop v, alter at type varchar(3) using null"
    for table in ("", "_history"):
        retail.warehouse.execute("mrr", changes.format(table))
    retail.warehouse.execute(
        "operational", "alter table passed.things drop v, alter at type varchar(3) using null"
    )
    with pytest.raises(ContractError):
        migrate.migrate(project, retail.servers)


def let_keys_change(tags: Made) -> None:
    """Let rows hold a key, wait for it and take it over; and forget who does."""
    rows = (("foo ", "a"), ("Foo", "b"), ("two", "a,b"))
    tags.put(TAGS, *((key, 1, v, [1], JAN, "now") for key, v in rows))
    tags.run()
    tags.delete(TAGS, "tag = %s", ["Foo"])
    tags.run()
    tags.put(TAGS, *((key, 1, "bad", [], FEB, "now") for key in ("Foo", "bar")))
    tags.run()
    tags.warehouse.execute("stg", "insert into tidemark.claims_unknown values ('made')")
    tags.warehouse.execute(
        "stg", "update stg_rejects set key = key || '{\"part\": 9}' where area = 'made'"
    )
    tags.warehouse.execute("dwh", "update dim_things set v = 'damaged'")
    repair(tags)


def show_in_order(tags: Made) -> None:
    """Show keys several times in a batch, with deletes; later some that cleansing changes."""
    zones = {"timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone"}
    columns = (Column(name, zones.get(type_, type_)) for name, type_ in TAGS.columns.items())
    source = MemorySource(tuple(columns))
    said = {"at": JAN, "updated_at": JAN}
    for keys in (["one"], ["one", "two"], ["one", " one"]):
        for key in keys:
            for v in ("good", "bad", "better"):
                source.say((key, "1"), v=v, **said)
            source.say((key, "1"))
        batch = pipeline.begin(tags.servers, tags.area)
        extract.run(tags.servers, tags.area, batch, source)
        stage.run(tags.servers, tags.area, batch)


def refuse(tags: Made) -> None:
    """Let each server refuse a row, so that it is looked for."""
    tags.warehouse.execute("operational", "create table more () inherits (things)")
    steps = (("twice", "a", "set"), ("null", None, "set"), ("raises", "not one", "drop"))
    for key, v, rule in steps:
        tags.warehouse.execute("stg", f"alter table stg_things alter column v {rule} not null")
        tags.put(TAGS, (key, 1, v, [], "now", "now"))
        twice = "insert into more select * from things where tag = 'twice'"
        tags.warehouse.execute("operational", twice)
        with pytest.raises(Refused):
            tags.run()
        tags.delete(TAGS, "tag = %s", [key])
    computed = """
        alter table things drop column v;
        alter table things add column v text generated always as ((1 / part)::text) virtual;
        insert into things (tag, part, updated_at) values ('zero', 0, now())
    """
    tags.warehouse.execute("operational", computed)
    with pytest.raises(Refused):
        tags.run()
