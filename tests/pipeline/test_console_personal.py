"""What area.yml calls personal: on no page of a monitor or an analyst, and on an owner's."""

from __future__ import annotations

import pytest

from tests.fix_console import Served
from tests.fix_retail import Retail
from tidemark.console.app import PAGES

NAME, EMAIL = "Augusta Ada King", "augusta.ada@lovelace.example"
OTHERS = ("Byron with no mail", "+44 20 7946 0958")


@pytest.fixture
def filled(retail: Retail) -> Retail:
    """A customer, one whom cleansing refuses, a sale, and a batch that changed the customer."""
    retail.add("customers", 50, name=NAME, email=EMAIL, phone=OTHERS[1])
    retail.add("customers", 51, name=OTHERS[0], country="Nowhere at all", segment="None such")
    retail.add("sales", 50, customer_id=50)
    retail.run()
    retail.change("customers", 50, city="Oslo")
    retail.run()
    return retail


def pages(batch: int) -> list[str]:
    """Return an address of each page, and of those that take a key or a filter some more."""
    names = {"area": "retail", "entity": "customers", "batch": str(batch)}
    plain = [path.format(**names) for path, *_ in PAGES]
    keys = "/areas/retail/entities/customers/keys?key=50"
    facts = "/areas/retail/entities/sales/facts?key=50"
    filtered = [f"/rejects?area=retail&entity={entity}" for entity in ("customers", "sales")]
    return [*plain, keys, f"{keys}&batch={batch}", facts, "/checks?area=retail", *filtered]


@pytest.mark.parametrize("name", ["mona", "anna"])
def test_no_page_of_others_has_a_personal_value(filled: Retail, console: Served, name: str):
    ((batch,),) = filled.warehouse.rows("dwh", "select max(batch_id) from etl_batches")
    for path in pages(batch):
        answer = console.get(path, name)
        assert answer.status_code in {200, 403, 404}, path
        found = [one for one in (NAME, EMAIL, *OTHERS) if one in answer.text]
        assert found == [], (path, found)


def test_an_owner_sees_them(filled: Retail, console: Served):
    page = console.get("/areas/retail/entities/customers/keys?key=50")
    assert [one in page.text for one in (NAME, EMAIL)] == [True, True]
    assert filled.area.entities["customers"].personal


def test_an_analyst_sees_what_is_not_personal(filled: Retail, console: Served):
    page = console.get("/areas/retail/entities/customers/keys?key=50", "anna")
    assert "Oslo" in page.text
    assert "•••" in page.text
    assert filled.area.area == "retail"
