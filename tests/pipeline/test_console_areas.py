"""The pages of an area and of an entity: what flows, and where columns come from."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree

import httpx
import pytest

from tests.declaring import GARDENS
from tests.fix_console import Served, serving_console
from tests.fix_retail import Retail
from tests.fix_servers import HOME, Warehouse
from tidemark.console import drawing
from tidemark.declare.config import Area
from tidemark.declare.project import Project


def text(part: str) -> str:
    """Return the text of a part of a page."""
    parts = re.sub(r"</?(div|td|th|p)\b[^>]*>", " ", part)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", parts)).split())


def rows(page: httpx.Response) -> dict[str, list[str]]:
    """Return the rows of a page that have an id: the text of each cell."""
    found = re.findall(r'<tr id="([^"]+)">(.*?)</tr>', page.text, re.DOTALL)
    cell = r"<t[hd][^>]*>(.*?)</t[hd]>"
    return {
        html.unescape(name): [text(one) for one in re.findall(cell, row, re.DOTALL)]
        for name, row in found
    }


def cells(page: httpx.Response, name: str, *places: int) -> list[str]:
    """Return some cells of the row with an id."""
    return [rows(page)[name][place] for place in places]


def picture(page: httpx.Response) -> ElementTree.Element:
    """Return the drawing of a page."""
    found = re.search(r"<svg.*?</svg>", page.text, re.DOTALL)
    assert found, page.text
    return ElementTree.fromstring(found[0])


def test_the_rows_of_the_last_batch_stand_at_each_hop(console: Served, retail: Retail):
    first = retail.run().batch_id
    retail.change("customers", 1, city="Rome")
    last = retail.run().batch_id
    page = console.get("/areas/retail", "mona")
    counts = {name: cells(page, f"entity-{name}", 3, 5, 7) for name in retail.area.entities}
    assert counts == {
        "customers": ["1", "1", "1"],
        "products": ["0", "0", "0"],
        "sales": ["0", "0", "0"],
    }
    assert cells(page, "entity-customers", 9)[0].startswith(f"batch {last}, ")
    assert cells(page, "entity-sales", 9)[0].startswith(f"batch {first}, ")
    assert f"batch {last}, ✓ SUCCESS" in text(page.text)


def test_a_hop_that_has_not_ended_has_moved_nothing_yet(console: Served, retail: Retail):
    batch = retail.begin()
    retail.hop("extract", batch)
    page = console.get("/areas/retail", "mona")
    assert cells(page, "entity-customers", 3, 5, 7) == ["3", "-", "-"]
    assert [one.text for one in picture(page).iter() if one.text in ("4", "…")] == ["4", "…", "…"]


def test_an_area_without_a_batch_says_how_to_run_one(console: Served):
    page = console.get("/areas/retail", "mona")
    assert "There has been no batch yet. tidemark run retail runs one." in text(page.text)
    assert cells(page, "entity-sales", 3, 9) == ["-", "none in 30 batches"]


def test_the_picture_is_of_the_chosen_entity_and_one_hop_each_way(console: Served):
    drawn = picture(console.get("/areas/retail?entity=customers&zone=Asia/Tokyo", "mona"))
    texts = ["".join(one.itertext()).strip() for one in drawn if one.tag in ("a", "text")]
    assert texts[4:8] == ["public.customers", "mrr_dim_customers", "stg_dim_customers"] + [
        "dwh_dim_customers"
    ]
    assert [one.get("href") for one in drawn.iter("a")] == [
        "/areas/retail/entities/customers?zone=Asia%2FTokyo",
        "/areas/retail/entities/sales?zone=Asia%2FTokyo",
    ]
    assert drawn.findtext("title", "").startswith("customers of retail on its way to the star")


def many(entities: int) -> Area:
    """Declare an area in which a fact points at all dimensions."""
    dimension = GARDENS["entities"]["trees"]
    names = [f"trees_{number}" for number in range(entities - 1)]
    of = {
        name: {
            **{key: dimension[key] for key in ("key", "watermark")},
            "dimension": {"type2": dimension["dimension"]["type2"]},
        }
        for name in names
    }
    fact = {"event_time": "at", "dimensions": names}
    visits = {"key": ["visit_id"], "watermark": "at", "fact": fact}
    return Area.model_validate({"area": "gardens", "entities": {**of, "visits": visits}})


def test_300_entities_have_a_picture_of_30_elements_and_a_table_of_all(retail: Retail):
    with serving_console({"gardens": many(300)}, retail.warehouse.dsn) as served:
        page = served.get("/areas/gardens", "mona")
    drawn = picture(page)
    assert len([*drawn.iter()]) <= drawing.MOST
    assert "and 293 more, which the pages of the entities name" in [*drawn.itertext()]
    assert len(rows(page)) == 300


COLUMNS = {
    "dwh-customer_key": [
        "bigint",
        "surrogate key",
        "Tidemark counts the versions; 0 is the unknown member",
        "",
    ],
    "dwh-customer_name": [
        "text",
        "type 1, personal",
        "MRR mrr_dim_customers.name",
        "landing.clean_customers.customer_name: tidemark.proper_case(c.name) "
        "landing.customers_trimmed.name: tidemark.clean_text(name)",
    ],
    "dwh-country": [
        "text",
        "type 2",
        "STG tidemark.ref_countries.country rows chosen by: MRR mrr_dim_customers.country, STG "
        "tidemark.ref_countries.country_code, STG tidemark.ref_country_aliases.alias, STG "
        "tidemark.ref_country_aliases.country_code",
        "",
    ],
    "dwh-changed_at": [
        "timestamp with time zone",
        "version",
        "the time of its change MRR mrr_dim_customers.updated_at",
        "",
    ],
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_of_a_dimension_says_where_it_comes_from(console: Served, column: str):
    page = console.get("/areas/retail/entities/customers", "mona")
    assert cells(page, column, 1, 2, 3, 4) == COLUMNS[column]


def test_a_column_of_a_fact_says_where_it_comes_from(console: Served):
    page = console.get("/areas/retail/entities/sales", "mona")
    assert cells(page, "dwh-original_sale_id", 2, 3) == ["key", "MRR mrr_fact_sales.sale_id"]
    assert cells(page, "dwh-customer_key", 2, 3) == [
        "dimension key of customers",
        "the version of customers that was in force at transaction_timestamp, found by "
        "customer_id; 0: the fact names none MRR mrr_fact_sales.customer_id",
    ]
    assert cells(page, "dwh-date_key", 2)[0] == "date key"
    assert cells(page, "dwh-sale_key", 3)[0] == "PostgreSQL fills it: it counts up"
    assert cells(page, "dwh-_batch_id", 3)[0] == "the batch that wrote it last"
    assert cells(page, "mrr-updated_at", 2)[0] == "watermark"


def test_sizes_are_those_of_postgresql(console: Served, retail: Retail):
    retail.run()
    retail.warehouse.execute("dwh", "analyze dwh_fact_sales")
    page = console.get("/areas/retail/entities/sales", "mona")
    ((size,),) = retail.warehouse.rows(
        "dwh",
        "select pg_size_pretty(sum(pg_total_relation_size(relid))) "
        "from pg_partition_tree('dwh_fact_sales')",
    )
    assert f"DWH dwh_fact_sales 4 {size} One row per sale." in text(page.text)


def test_no_page_of_these_shows_a_value_of_a_row(console: Served, retail: Retail):
    retail.run()
    for name in ("", "/entities/customers", "/entities/sales", "/entities/products"):
        page = console.get(f"/areas/retail{name}", "mona").text
        for value in ("Ada Byron", "Bea Potter", "ada@example.com", "Paris", "Lamp"):
            assert value not in page


def test_hostile_names_and_comments_are_text(console: Served, retail: Retail):
    hostile = '"><script>alert(1)</script>\u202e🙈'
    quoted = hostile.replace('"', '""')
    retail.warehouse.execute("dwh", f'alter table dwh_dim_products add "{quoted[:40]}" text')
    retail.warehouse.execute("dwh", "comment on table dwh_dim_products is %s", [hostile])
    page = console.get("/areas/retail/entities/products", "mona").text
    assert hostile in html.unescape(page)
    assert "<script>alert" not in page


def test_a_view_that_cant_be_read_is_shown_all_the_same(console: Served, retail: Retail):
    ((made,),) = retail.warehouse.rows(
        "stg", "select rtrim(pg_get_viewdef('landing.clean_products'::regclass), ';')"
    )
    odd = "json_table('[1]'::jsonb, '$[*]' columns (n int path '$'))"
    retail.warehouse.execute(
        "stg",
        f"create or replace view landing.clean_products as select q.* from ({made}) as q, {odd}",
    )
    page = console.get("/areas/retail/entities/products", "mona")
    shown = cells(page, "dwh-product_name", 3)[0]
    assert "may also depend on: MRR mrr_dim_products._batch_id, " in shown
    assert ", MRR mrr_dim_products.name, " in shown
    assert shown.endswith("! not all of landing.clean_products could be read")


@pytest.mark.parametrize(
    "path", ["/areas/retial", "/areas/retail/entities/custs", "/areas/retail?entity=custs"]
)
def test_what_is_not_there_is_not_found(console: Served, path: str):
    assert console.get(path, "mona").status_code == 404


@pytest.mark.parametrize("area", ["assets", "commerce", "events", "marketing", "retail"])
def test_each_column_of_each_star_has_a_source_or_a_reason(warehouse: Warehouse, area: str):
    found, unexplained, seen = Project(HOME).areas[area], [], 0
    with serving_console({area: found}, warehouse.dsn) as served:
        for name in found.entities:
            page = served.get(f"/areas/{area}/entities/{name}", "mona")
            star = {one: row[3] for one, row in rows(page).items() if one.startswith("dwh-")}
            bad = re.compile("^$|nothing feeds it|may also depend on|could be read")
            unexplained += [f"{name}.{one}" for one, fed in star.items() if bad.search(fed)]
            seen += len(star)
    assert seen > 20
    assert unexplained == []


def test_each_area_has_a_picture_of_each_entity(warehouse: Warehouse):
    areas = Project(HOME).areas
    with serving_console(areas, warehouse.dsn) as served:
        for name, area in areas.items():
            for entity in area.entities:
                page = served.get(f"/areas/{name}?entity={entity}", "mona")
                assert len([*picture(page).iter()]) <= drawing.MOST
                assert len(rows(page)) == len(area.entities)
