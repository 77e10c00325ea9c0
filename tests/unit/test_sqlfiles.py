from pathlib import Path
from typing import get_args

import pytest

import tidemark
from tidemark.layers import mirror
from tidemark.postgres import sqlfiles
from tidemark.postgres.sqlfiles import statement, statements
from tidemark.sources import window
from tidemark.star import scd2


def test_a_statement_is_what_stands_below_its_name():
    assert (
        statement("tidemark.layers.mirror", "is_empty")
        == "select not exists (select from {mirror})"
    )


def test_a_statement_has_no_comments_that_could_hide_what_follows():
    found = [
        text for module in (mirror, scd2, window) for text in statements(module.__name__).values()
    ]
    assert [text for text in found if "--" in text] == []


def test_a_file_gives_its_statements_in_order():
    assert list(statements("tidemark.batch.publish")) == ["defer", "succeed", "land_surplus"]


def test_a_statement_that_a_file_lacks_is_an_error():
    with pytest.raises(KeyError, match="upsert"):
        statement("tidemark.layers.mirror", "upsert")


def test_a_file_that_does_not_exist_is_an_error():
    with pytest.raises(FileNotFoundError):
        sqlfiles.statements("tidemark.star.merge")


def test_a_file_says_where_its_own_columns_meet_those_of_a_user():
    assert "_differs" in sqlfiles.reserved("payload") - sqlfiles.reserved("fact")
    assert "_effective" in sqlfiles.reserved("dimension") & sqlfiles.reserved("fact")


def test_what_files_say_of_their_columns_is_asked_for():
    files = Path(tidemark.__file__).parent.rglob("*.sql")
    heads = [file.read_text("utf-8").partition("\n")[0] for file in files]
    said = [head.removeprefix("-- reserved in: ") for head in heads if "reserved in" in head]
    assert {use for uses in said for use in uses.split(", ")} == {*get_args(sqlfiles.Use)}
