"""What `init` proposes, from catalogs as values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proposing import DATE, INT, SHOP, STAMP, TEXT, propose, stars, table
from tidemark.install.propose import proposal, remarks, tables, text, words
from tidemark.install.propose.catalog import Catalog, Index, Reference, SourceTable
from tidemark.install.propose.draft import Dimension, Fact, Proposal, Role
from tidemark.model import Column
from tidemark.star.scd2 import VERSIONING


def test_what_is_referred_to_is_a_dimension_and_what_refers_to_several_is_a_fact():
    found = stars(propose(*SHOP))
    assert isinstance(found["customer"], Dimension)
    assert (found["customer"].type2, found["customer"].type1) == (("city",), ("name", "email"))
    sale = found["sale"]
    assert isinstance(sale, Fact)
    assert {key: role.entity for key, role in sale.roles.items()} == {
        "customer_key": "customer",
        "product_key": "product",
    }
    assert (sale.event_time.value, sale.dates) == (
        "ordered_at",
        {"ordered_date_key": "ordered_at", "due_date_key": "due_on"},
    )


def test_a_dimension_that_refers_to_others_keeps_their_keys():
    shop = (*SHOP, table("branch", "customer", "product", name=TEXT, opened_at=STAMP))
    found = stars(propose(*shop, table("visit", "branch", at=STAMP)))
    assert found["branch"].type2 == ("customer_id", "product_id")
    assert [*found["visit"].roles] == ["branch_key"]


def test_pairs_of_keys_are_facts_without_amounts():
    pairs = table("customer_product", "customer", "product", key=("customer_id", "product_id"))
    fact = stars(propose(*SHOP[:2], pairs))["customer_product"]
    assert (len(fact.roles), fact.event_time.value, fact.seen) == (2, "seen", "seen_at")
    numbered = stars(propose(*SHOP[:2], table("favourite", "customer", "product")))
    assert len(numbered["favourite"].roles) == 2


def test_what_has_no_time_counts_as_of_when_it_was_seen():
    bare = [replace(one, columns=one.columns[:-1]) for one in SHOP[:2]]
    line = table("line", "customer", "product", seen_at=STAMP + "?", seen=INT, price="numeric")
    made = propose(*bare, replace(line, lacking=frozenset(["seen_at"])))
    assert text.area(made).count("effective: seen") == 2
    assert "rename: {seen_at_2: seen}" in text.area(made)
    assert "leave_out: [seen]" in text.area(made)


def test_two_references_to_one_table_are_two_roles_of_it():
    route = table("flight", "airport", flown_at=STAMP, to_id=INT)
    there = Reference(("to_id",), ("public", "airport"), ("id",))
    route = replace(route, references=(*route.references, there))
    roles = stars(propose(table("airport", name=TEXT), route))["flight"].roles
    assert {name: role.by for name, role in roles.items()} == {
        "airport_key": ("airport_id",),
        "to_key": ("to_id",),
    }


LINE = table("line", "sale", "product", amount="numeric")


def joined(made: Proposal) -> dict[str, tuple[str, ...]]:
    """Return what is made of lines and headers: entity -> its roles, then its event time."""
    return {
        one.name: (*one.star.roles, one.star.event_time.value)
        for one in made.entities
        if one.entity.join and isinstance(one.star, Fact)
    }


def test_dimensions_point_at_dimensions_and_at_themselves():
    boss = Reference(("boss_id",), ("public", "employee"), ("id",))
    employee = table("employee", "office", boss_id=INT, office_code=TEXT, name=TEXT)
    by_code = Reference(("office_code",), ("public", "office"), ("code",))
    employee = replace(employee, references=(*employee.references, boss, by_code))
    office_at = table("office_at", "office", name=TEXT)
    office = table("office", "office_at", code=TEXT, name=TEXT)
    found = stars(propose(employee, office, office_at, table("sale", "employee", at=STAMP)))
    assert found["employee"].references == {
        "office_key": Role("office", ("office_id",)),
        "boss_key": Role("employee", ("boss_id",)),
    }
    assert found["office"].references == {}  # Its view would have the name of dim_office_at.
    assert found["office_at"].references == {"office_key": Role("office", ("office_id",))}


def test_lines_get_the_time_and_the_dimensions_of_their_header():
    made = propose(*SHOP, LINE)
    found = stars(made)
    assert (found["line"], [*found["sale"].roles]) == (None, ["customer_key", "product_key"])
    fact = found["line_with_sale"]
    assert {column: role.by for column, role in fact.roles.items()} == {
        "product_key": ("product_id",),
        "customer_key": ("customer_id",),
        "sale_product_key": ("sale_product_id",),
    }
    assert [c.name for c in fact.columns] == ["id", "sale_id", "amount", "ordered_at", "due_on"]
    assert {*fact.dates.values()} == {"ordered_at", "due_on"}
    assert "create table shop.fact_line (" in tables.star(made)


def test_a_header_without_amounts_goes_with_its_lines_if_they_are_all_that_refer_to_it():
    order = table("order", "customer", ordered_at=STAMP, status=TEXT)
    line = table("line", "order", "product", qty=INT, status=TEXT)
    found = stars(propose(*SHOP[:2], order, line))
    assert found["order"] is None
    assert [c.name for c in found["line_with_order"].columns][-3:] == [
        "status",
        "ordered_at",
        "order_status",
    ]
    sold = replace(line, name=("public", "sold"))
    paid = table("payment", "order", paid_at=STAMP, amount="numeric")
    assert isinstance(stars(propose(*SHOP[:2], order, sold, paid))["order"], Dimension)


def test_a_document_with_lines_may_have_a_name():
    order = table("sale_order", "customer", name=TEXT, ordered_at=STAMP)
    line = table("sale_order_line", "sale_order", name=TEXT, qty=INT)
    paid = table("payment", "sale_order", paid_at=STAMP, amount="numeric")
    found = joined(propose(SHOP[0], order, line, paid))
    assert found == {"sale_order_line_with_sale_order": ("customer_key", "ordered_at")}
    kept = table("stock", "sale_order", qty=INT)
    assert joined(propose(SHOP[0], order, kept)) == {}


@pytest.mark.parametrize(
    ("lines", "header"),
    [("order_details", "orders"), ("salesorderdetail", "SalesOrderHeader"), ("billRow", "bill")],
)
def test_lines_are_known_by_their_names(lines: str, header: str):
    assert words.are_lines(lines, header)
    assert not words.are_lines(lines, "product")


def test_lines_of_lines_get_what_both_say():
    tax = table("tax", "line", tax="numeric")
    assert joined(propose(*SHOP, LINE, tax)) == {
        "line_with_sale": ("product_key", "customer_key", "sale_product_key", "ordered_at"),
        "tax_with_line": ("product_key", "customer_key", "sale_product_key", "ordered_at"),
    }


def test_a_line_names_its_header_by_a_part_of_its_key_or_by_a_query():
    inside = replace(LINE, indexes=(Index(("sale_id", "id"), is_unique=True, is_primary=True),))
    assert "sale:\n        columns: {sale_id: id}" in text.area(propose(*SHOP, inside))
    assert "on l.sale_id = c.id\n" in text.area(propose(*SHOP, LINE))


@pytest.mark.parametrize(
    "line",
    [
        table("line", "sale", amount="numeric", sold_at=STAMP),
        table("line", "sale", note=TEXT),
        table("line", "sale", amount="numeric", sale_id="integer?"),
        table("line", "sale", amount="numeric", sale_id="numeric"),
        table("line", "sale", "other", amount="numeric"),
    ],
    ids=["a time", "no amount", "may be null", "another type", "two headers"],
)
def test_what_is_no_line_keeps_the_columns_by_which_it_refers_to_a_fact(line: SourceTable):
    other = replace(SHOP[2], name=("public", "other"))
    assert joined(propose(*SHOP, other, line)) == {}


def test_a_line_that_is_added_keeps_the_key_of_its_header_and_a_person_hears_of_it():
    before = {one.entity.table.name: one for one in propose(*SHOP).entities}
    made = proposal.make(Catalog({}), [LINE], area="shop", source="shop", known=before)
    assert [*stars(made)["line"].roles] == ["product_key"]
    said = "\n".join(remarks.unknown(made, Catalog({})))
    assert "line: sale_id names a row of public.sale, which is a fact too" in said


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"indexes": ()}, "it has no primary key"),
        ({"kind": "v"}, "it is a view"),
        ({"may_read": False}, "the login may not read it"),
        ({"hides_rows": True}, "a policy hides rows"),
        ({"part_of": ("public", "archive")}, "its rows come with public.archive"),
        ({"indexes": (Index(("password",), is_unique=True),)}, "is called like a secret"),
    ],
)
def test_what_cannot_be_followed_is_left_out_with_the_reason(changed: dict[str, Any], why: str):
    customer = table("customer", password=TEXT, name=TEXT)
    made = propose(*SHOP[1:], replace(customer, **changed))
    assert "customer" not in stars(made)
    assert why in "\n".join(remarks.left_out(made))


def test_partitions_are_not_left_out_where_their_table_is_there():
    part = replace(SHOP[2], name=("public", "sale_1"), part_of=("public", "sale"))
    made = propose(*SHOP, part)
    assert ([*stars(made)], made.left_out) == (["customer", "product", "sale"], {})


def test_a_unique_index_is_a_key_if_its_columns_are_never_null():
    either = table("thing", code="text?", no=INT, name=TEXT)
    either = replace(either, indexes=(Index(("code",), is_unique=True), Index(("no",), True)))
    (one,) = propose(either).entities
    assert (one.entity.key_columns, one.entity.key.why != "") == (("no",), True)


def test_times_without_a_zone_are_read_in_that_of_the_database():
    naive = "timestamp(3) without time zone"
    log = table("log", "customer", at=naive, sent_at=STAMP, day=DATE)
    stamped = table("visit", "customer", at=STAMP, on=DATE)
    stamped = replace(
        stamped, columns=(*stamped.columns[:-1], Column("updated_at", naive, not_null=True))
    )
    said = text.area(propose(SHOP[0], log, stamped, zone="Europe/Berlin"))
    assert '      event_time: "at at Europe/Berlin"\n' in said
    assert "{at_date_key: at, day_date_key: day}" in said
    assert "    watermark_zone: Europe/Berlin  # guess: that of the database's sessions\n" in said
    assert '{at_date_key: "at at Europe/Berlin", on_date_key: "on"}' in said


def test_what_the_source_lacks_is_said_as_statements():
    late = replace(SHOP[0], indexes=(*SHOP[0].indexes, Index(("updated_at",))))
    hidden = replace(SHOP[1], may_use=False, may_read=False)
    catalog = Catalog({}, login="reader", sees_all_sessions=False)
    made = propose(late, *SHOP[2:], hidden)
    assert [*remarks.lacking(made, catalog, [late, hidden, *SHOP[2:]])] == [
        'grant pg_read_all_stats to "reader";',
        'grant usage on schema "public" to "reader";',
        'grant select on "public"."product" to "reader";',
        'create index concurrently on "public"."sale" ("updated_at");',
    ]


def test_date_keys_say_once_that_they_are_dates():
    event = table("visit", day=DATE, orderdate=DATE, due_date=DATE, seen_on=DATE)
    fact = stars(propose(event))["visit"]
    assert {*fact.dates} == {
        "day_date_key",
        "orderdate_key",
        "due_date_key",
        "seen_date_key",
    }


def test_what_holds_for_several_tables_is_said_once():
    naive = [replace(one, is_stamped=False) for one in SHOP]
    said = [*remarks.unknown(propose(*naive), Catalog({}))]
    moved = "updated_at has to move with each update, and no trigger sees to that"
    assert said == [f"customer, product, sale: {moved}"]


def test_what_comes_later_elsewhere_may_be_what_a_table_is_about():
    assert words.comes_later("delivered_at", "orders")
    assert words.comes_later("duedate", "orders")
    assert not words.comes_later("delivered_at", "deliveries")
    assert not words.comes_later("ordered_at", "orders")


NAMES = st.one_of(
    st.sampled_from(
        "id name password valid_from is_current seen_at updated_at modifiedDate Select 1st _seq "
        "reject_reasons order_id ordered_at amount seen on true".split()
    ),
    st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20),
)


TYPES = st.sampled_from([INT, "bigint", TEXT, STAMP, DATE, "timestamp without time zone", "jsonb"])


@st.composite
def catalogs(draw: st.DrawFn) -> list[SourceTable]:
    """Draw tables with any names, keys and references."""
    names = draw(st.lists(st.tuples(st.sampled_from(["public", "a b"]), NAMES), unique=True))
    tables: list[SourceTable] = []
    for name in names:
        columns = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
        made = tuple(Column(c, draw(TYPES), not_null=draw(st.booleans())) for c in columns)
        key = draw(st.lists(st.sampled_from(columns), max_size=2, unique=True))
        others = draw(st.lists(st.sampled_from(tables), max_size=2)) if tables else []
        refers = [
            Reference((draw(st.sampled_from(columns)),), one.name, (one.columns[0].name,))
            for one in others
        ]
        indexes = (Index(tuple(key), is_unique=True),) if key else ()
        tables.append(SourceTable(name, made, indexes=indexes, references=tuple(refers)))
    return tables


@settings(max_examples=50)
@given(catalogs())
def test_whatever_a_database_holds_is_an_area_or_left_out_with_a_reason(tables: list[SourceTable]):
    made = propose(*tables)
    placed = [one.entity.table.name for one in made.entities if not one.entity.join]
    assert sorted([*placed, *made.left_out]) == sorted(one.name for one in tables)
    assert all(made.left_out.values())
    assert len({one.name for one in made.entities}) == len(made.entities)
    for one in made.entities:
        columns = [c.name for c in one.entity.columns]
        assert {*one.entity.key_columns} <= {*columns}
        if isinstance(one.star, Fact):
            own = [*one.star.roles, *one.star.dates, *(c.name for c in one.star.columns)]
            assert len(own) == len({*own})
        elif one.star:
            shown = [*one.entity.key_columns, *one.star.type1, *one.star.type2]
            assert len(shown) == len({*shown} - {*VERSIONING, one.star.surrogate_key})
