"""Columns that `area.yml` calls personal: they have to be there, in whatever layer."""

from __future__ import annotations

import pytest

from tests.fix_retail import Retail
from tidemark.batch import agreement
from tidemark.errors import ContractError


def problems(retail: Retail, *personal: str, entity: str = "customers") -> list[str]:
    """Return what is wrong where these columns of an entity are personal."""
    area = retail.area.model_copy(update=retail.entity(entity, personal=personal))
    return [str(error) for error in agreement.problems(retail.servers, area)]


def test_a_column_may_have_the_name_of_any_layer(retail: Retail):
    assert problems(retail, "name", "customer_name", "is_deleted") == []
    assert problems(retail, "original_sale_id", entity="sales") == []


def test_a_column_that_no_layer_has_is_refused(retail: Retail):
    assert problems(retail, "emial") == [
        "stg: no layer has a column 'emial' of customers, but entities.customers.personal of "
        "sql/retail/area.yml names it. Did you mean 'email'?"
    ]


def test_a_batch_stops_before_anything_moves(retail: Retail):
    with pytest.raises(ContractError, match="no layer has a column 'emial'"):
        retail.run(**retail.entity("customers", personal=("emial",)))
    assert retail.warehouse.rows("mrr", "select from mrr_dim_customers") == []
