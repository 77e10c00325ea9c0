"""Posted events that need statements which neither tables nor files do."""

from contextlib import closing

from tests import fix_posted
from tests.fix_retail import Retail
from tidemark.api import answers
from tidemark.api.pool import Pool
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.layers import inbox
from tidemark.layers.inbox import Posted
from tidemark.model import ANALYST_ROLE, LAYERS, Column, Overrides, Repair
from tidemark.postgres import transfer
from tidemark.postgres.transfer import Landing, Task
from tidemark.sources.inbox import InboxSource
from tidemark.trust import verify

FIELDS = {"id": "integer", "said": {"type": "jsonb", "required": False}}
ENTITIES = {
    "posted": {"source": {"fields": FIELDS}},
    "keyed": {"source": {"fields": FIELDS}, "key": ["id"]},
}
ANSWERS = {
    "things/{id}": {"function": "fn_thing", "parameters": {"id": "integer"}},
}
THING = """
create or replace function fn_thing(id integer) returns jsonb
language sql stable
set search_path = pg_catalog
return to_jsonb(id);
"""


def take_events(retail: Retail) -> None:
    """Take events of which one lacks a field and one has a wrong one; then send one again."""
    sql = {"dwh/routines/thing.sql": THING}
    fix_posted.declare(retail.home, ENTITIES, area="posted", sql=sql, settings={"answers": ANSWERS})
    project = Project(retail.home)
    migrate.migrate(project, retail.servers)
    area = project.area("posted")
    payloads = ('{"id": 1}', '{"id": 2, "said": [1]}', '{"id": "x"}', '{"id": null}')
    for kind in ("posted", "keyed"):
        events = [Posted(f"{kind}{n}", kind, payload) for n, payload in enumerate(payloads)]
        with retail.servers.session("mrr", "post") as mrr:
            inbox.post(mrr, "posted", events)
    pipeline.run(retail.servers, area)
    clock = verify.run(retail.servers, area).clock
    resent = {"posted": [("posted0",)], "keyed": [("1",)]}
    repair = Repair(clock, resent, {layer: {} for layer in LAYERS}, {})
    pipeline.run(retail.servers, area, overrides=Overrides(repair=repair))
    with retail.servers.session("mrr", "post") as mrr:
        inbox.post(mrr, "posted", [Posted("later", "keyed", '{"id": 2}')])
    pipeline.run(retail.servers, area)
    keys = Landing(("landing_posted", "keys"), (Column("id", "integer"),))
    with (
        InboxSource(retail.servers).open(area.sourced, {}) as delta,
        retail.servers.session("mrr", "take") as mrr,
    ):
        mrr.run(keys.emptied)
        transfer.land(mrr, Task(keys, lambda out: delta.send_keys("keyed", out)))
    (question,) = answers.questions([area])
    dwh = retail.servers.dsns["dwh"]
    with closing(Pool(dwh, "dwh", size=1, roles=(ANALYST_ROLE,), is_reading=True)) as pool:
        assert question.ask(pool, [("id", "1")]) == "1"
