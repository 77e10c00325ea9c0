"""Statements of the console's pages, as a person with all rights reads them."""

from tests.fix_retail import Retail
from tests.fix_servers import administer
from tidemark.console import fact, key
from tidemark.console.access import Access
from tidemark.console.page import Asked
from tidemark.install import console_login
from tidemark.model import CONSOLE_ROLE
from tidemark.postgres.sessions import Reading, Servers

OLGA = Access("olga", "owner")


def look(retail: Retail) -> None:
    """Look at a member, at what was known of it after a batch, and at a sale."""
    dsns = {layer: retail.warehouse.dsn[layer] for layer in OLGA.roles}
    own = {layer: console_login.let_in(dsn, layer) for layer, dsn in dsns.items()}
    reading = Reading(OLGA.roles, "10s")
    with Servers(own, roles=(CONSOLE_ROLE,), purpose="look", reading=reading) as servers:

        def asked(entity: str, **query: list[str]) -> Asked:
            path = {"area": retail.area.area, "entity": entity}
            return Asked({retail.area.area: retail.area}, servers, OLGA, path, query)

        for query in ({"key": ["1"]}, {"key": ["1"], "batch": ["1"]}, {"surrogate": ["1"]}):
            key.show(asked("customers", **query))
        fact.show(asked("sales", key=["1"]))
    for dsn in dsns.values():
        administer(dsn, f"alter role {CONSOLE_ROLE} nologin")
