"""The names that `init` proposes, and what names tell it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.proposing import DATE, SHOP, STAMP, TEXT, propose, stars, table
from tidemark.errors import ConfigError, UnknownNameError
from tidemark.install.propose import entities, proposal, tables, text, views, words
from tidemark.install.propose.catalog import Catalog


def test_names_that_a_dimension_has_for_itself_are_changed_in_a_view():
    made = propose(table("rate", name=TEXT, valid_from=DATE, is_current="boolean"))
    (one,) = made.entities
    assert stars(made)["rate"].type2 == ("source_is_current",)
    view = views.all_of(made)[f"stg/views/clean_{one.name}.sql"]
    assert "valid_from as source_valid_from" in view
    assert "source_valid_from date" in tables.star(made)


def test_names_that_need_quotes_get_them_and_others_do_not():
    odd = table("Order", key=("no",), **{"group by": TEXT, "on": TEXT, "O'Neill": TEXT})
    made = propose(odd, keywords=frozenset({"on"}))
    assert [one.name for one in made.entities] == ["order"]
    star = " ".join(tables.star(made).split())
    assert 'identity, no integer, "group by" text, "on" text, "O\'Neill" text' in star
    assert 'type2: ["group by", "on", "O\'Neill"]' in text.area(made)


def test_tables_whose_names_are_words_of_yaml_or_sql():
    made = propose(table("on", name=TEXT), table("select", "on", at=STAMP))
    assert '  "on":\n' in text.area(made)
    assert 'dimensions: {on_key: {entity: "on", by: [on_id]}}' in text.area(made)


def test_long_names_get_keys_that_fit():
    long = table("c" * 50, name=TEXT)
    made = propose(long, table("sale", long.name[1], at=STAMP, **{"d" * 63: DATE}))
    fact = stars(made)["sale"]
    assert [len(key) for key in (*fact.roles, *fact.dates)] == [54, 11, 59]


def test_tables_of_one_name_in_two_schemas_and_long_names_stay_apart():
    long = "a" * 60
    named = [("public", "log"), ("audit", "log"), ("public", long), ("public", f"{long}b")]
    named += [("public", "1٣ Größe")]
    tables = [replace(table("x", name=TEXT), name=name) for name in named]
    names = [*entities.names(tables, 20).values()]
    assert names == ["log", "audit_log", "a" * 20, "a" * 18 + "_2", "t_1_gr_e"]


def test_names_that_derive_from_others_are_not_used_twice():
    tables = [table(name, name=TEXT) for name in ("sale", "sale_history", "clean_sale")]
    assert [*entities.names(tables, 20).values()] == ["sale", "sale_history_2", "clean_sale_2"]


def test_a_misspelt_table_gets_the_nearest_name():
    catalog = Catalog({one.name: one for one in SHOP})
    assert [one.name[1] for one in entities.chosen(catalog, exclude=["s*"])] == [
        "customer",
        "product",
    ]
    with pytest.raises(UnknownNameError, match="'customer'"):
        entities.chosen(catalog, include=["custmer"])


def test_a_table_that_is_added_gets_a_name_that_no_entity_has():
    made = proposal.make(Catalog({}), SHOP[:1], area="shop", source="shop", taken=["customer"])
    assert [one.name for one in made.entities] == ["customer_2"]


def test_an_areas_name_leaves_room_for_its_tables():
    with pytest.raises(ConfigError, match="shorter one with --area"):
        proposal.make(Catalog({}), (), area="a" * 40, source="shop")


@pytest.mark.parametrize(
    "name",
    "updated_at updatedAt last_update LastUpdated modifieddate date_modified changed_at mtime "
    "last_edited_when update_ts post_modified_gmt write_date".split(),
)
def test_a_time_of_change_is_known_by_its_name(name: str):
    assert words.is_change_time(name, "posts")


@pytest.mark.parametrize("name", ["created_at", "ordered_at", "price_changed_by_at", "update_of"])
def test_other_times_are_no_times_of_change(name: str):
    assert not words.is_change_time(name, "posts")


def test_secrets_are_known_by_their_names():
    secret = "password_hash passwordsalt apiKey IBAN card_number CardNumber private_key pin"
    plain = "postcard spinning keyboard secretary card_id creditcardid tokens_id city"
    assert [name for name in secret.split() if not words.is_secret(name)] == []
    assert [name for name in plain.split() if words.is_secret(name)] == []


def test_amounts_are_known_by_their_names():
    amounts = "amount orderqty unitPrice line_total qty scrappedqty"
    others = "number pricing department year discounted"
    assert [name for name in amounts.split() if not words.is_amount(name)] == []
    assert [name for name in others.split() if words.is_amount(name)] == []
