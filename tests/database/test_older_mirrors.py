"""Mirrors that an older Tidemark made are brought up to date with the rows that they have."""

from __future__ import annotations

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows

MADE = """
    create table mrr_trees ("Tree" int, n int, kind text);
    select tidemark.create_mirror('mrr_trees', array['Tree', 'n'])
"""
FILLED = """
    insert into mrr_trees values (1, 1, 'elm', 7, 0, 3, now()), (1, 2, 'oak', 3, 0, 3, now());
    insert into mrr_trees_history values
        (1, 1, 'ash', 3, 0, 3, now(), null, 3),
        (1, 1, 'fir', 3, 1, 3, now(), null, 5),
        (1, 1, 'yew', 5, 0, 3, now(), null, 7),
        (2, 2, 'gum', 4, 0, 4, now(), null, 4);
    insert into tidemark.applied_batch (area, batch_id, marks) values ('a', 7, '{}')
"""
AS_IT_WAS = """
    drop index mrr_trees__first_batch_id_idx, mrr_trees_history__replaced_by_idx;
    drop trigger note_deleted_versions on mrr_trees_history;
    drop trigger note_truncated_versions on mrr_trees_history;
    alter table mrr_trees_history drop column _replaced_by;
    alter table mrr_trees reset (fillfactor);
    create index mrr_trees_batch_id_idx on mrr_trees (_batch_id);
    create index mrr_trees_history_batch_id_idx on mrr_trees_history (_batch_id)
"""
CATALOG = """
    select indexdef from pg_indexes where tablename ~ '^mrr_trees'
    union all select pg_get_triggerdef(oid) from pg_trigger where tgrelid::regclass::text ~ 'trees'
    union all select pg_get_constraintdef(oid) from pg_constraint
    where conrelid::regclass::text ~ 'trees'
    union all select relname || reloptions::text from pg_class where relname ~ '^mrr_trees'
    union all select col_description(attrelid, attnum) || attname from pg_attribute
    where attrelid::regclass::text ~ 'mrr_trees' and not attisdropped
    order by 1
"""
VERSIONS = """
    select "Tree", n, kind, _batch_id, _seq, _replaced_by from mrr_trees_history order by 1, 2, 4, 5
"""
LOST = "select batch_id from tidemark.history_lost"


@pytest.fixture
def older(mrr: Connection) -> Connection:
    execute(mrr, MADE)
    execute(mrr, FILLED)
    execute(mrr, AS_IT_WAS)
    return mrr


def test_an_older_mirror_becomes_as_one_that_is_made_now(older: Connection):
    execute(older, "select tidemark.add_lineage()")
    found = rows(older, CATALOG)
    execute(older, "drop table mrr_trees, mrr_trees_history")
    execute(older, MADE)
    assert found == rows(older, CATALOG)


def test_a_version_is_replaced_by_the_batch_of_the_next_one(older: Connection):
    execute(older, "select tidemark.add_lineage()")
    assert rows(older, VERSIONS) == [
        (1, 1, "ash", 3, 0, 3),
        (1, 1, "fir", 3, 1, 5),
        (1, 1, "yew", 5, 0, 7),
        (2, 2, "gum", 4, 0, 4),
    ]


def test_what_an_older_history_may_have_lost_is_not_relied_on(older: Connection):
    execute(older, "select tidemark.add_lineage()")
    assert rows(older, LOST) == [(7,)]


def test_a_second_time_changes_nothing(older: Connection):
    execute(older, "select tidemark.add_lineage()")
    before = [rows(older, query) for query in (CATALOG, VERSIONS)]
    execute(older, "delete from tidemark.history_lost; alter table mrr_trees set (fillfactor = 70)")
    execute(older, "select tidemark.add_lineage()")
    assert rows(older, VERSIONS) == before[1]
    assert rows(older, LOST) == []
    execute(older, "alter table mrr_trees set (fillfactor = 90)")
    assert rows(older, CATALOG) == before[0]


def test_a_mirror_that_is_made_now_has_lost_nothing(mrr: Connection):
    execute(mrr, "insert into tidemark.applied_batch (area, batch_id, marks) values ('a', 7, '{}')")
    execute(mrr, MADE)
    execute(mrr, "select tidemark.add_lineage()")
    assert rows(mrr, LOST) == []
