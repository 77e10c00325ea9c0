"""One statement of a file, without the semicolon behind it."""

import pytest

from tidemark.postgres import sqlfiles

ALONE = {
    "select 1": "select 1",
    "select 1 ; -- one;": "select 1 ",
    "/* a; /* b; */ c; */ select ';', \";\" -- ;": "/* a; /* b; */ c; */ select ';', \";\" -- ;",
    "select e'it\\'s;', 'it''s;', $$;)$$, $a$;$$)$a$;": "select e'it\\'s;', 'it''s;', $$;)$$, "
    "$a$;$$)$a$",
    "select (1), ')' as e;\n\n/* ; */": "select (1), ')' as e",
    "$$;$$": "$$;$$",
}
NOT_ALONE = ("", " ; ", "-- select 1", "select 1; select 2", ";select 1", "select 1)", "select (1")
WRAPPED = ("select 1) as a, (select 2", "select 1; $$ $$")


@pytest.mark.parametrize("text", ALONE)
def test_a_statement_is_returned_as_it_is(text: str):
    assert sqlfiles.alone(text) == ALONE[text]


@pytest.mark.parametrize("text", [*NOT_ALONE, *WRAPPED])
def test_anything_else_is_no_statement(text: str):
    assert sqlfiles.alone(text) is None
