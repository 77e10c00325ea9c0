"""Which columns the console hides, and from whom."""

from __future__ import annotations

import pytest

from tests.fix_servers import HOME
from tidemark.console import masking
from tidemark.console.access import Access, Level
from tidemark.declare.project import Project

AREA = Project(HOME).areas["retail"]
COLUMNS = ("customer_id", "name", "customer_name", "email", "phone", "city")


@pytest.mark.parametrize("level", ["monitor", "analyst"])
def test_personal_columns_are_hidden_from_all_but_owners(level: Level):
    hidden = masking.masked(AREA.entities["customers"], Access("anna", level), COLUMNS)
    assert hidden == {"name", "customer_name", "email", "phone"}


def test_nothing_is_hidden_from_owners():
    entity = AREA.entities["customers"]
    assert masking.masked(entity, Access("olga", "owner"), COLUMNS) == frozenset()


def test_a_column_that_a_fact_renames_is_hidden_as_well():
    sales = AREA.entities["sales"].model_copy(update={"personal": ("sale_id",)})
    found = masking.masked(sales, Access("anna", "analyst"), ("original_sale_id", "status"))
    assert found == {"original_sale_id"}
