"""Whether a batch of an area would have something to move, found out cheaply: for sensors."""

from __future__ import annotations

from tidemark import sources
from tidemark.declare.config import Area
from tidemark.errors import ConfigError
from tidemark.layers import ledger, positions
from tidemark.model import LAYERS
from tidemark.postgres import question
from tidemark.postgres.sessions import Servers
from tidemark.sources import Watchable


def has_new_files(servers: Servers, area: Area) -> bool:
    """Whether there is a file that no batch has taken, and that the next one would.

    Raises:
        ConfigError: its source has no files.
        ConnectError: MRR or the source can't be reached.
    """
    source = sources.of(servers, area)
    if not isinstance(source, Watchable):
        raise ConfigError(f"{area.area}: {area.source.name} is a database, and no files come there")
    with servers.session("mrr", f"wait {area.area}") as mrr:
        found = question.ask(mrr, positions.at_hand(area.sourced))
    return source.has_new(area.sourced, found)


def is_behind(servers: Servers, area: Area) -> bool:
    """Whether a layer lacks a batch that MRR has applied: a hop has failed, or was not run."""
    applied = []
    for layer in LAYERS:
        with servers.session(layer, f"wait {area.area}") as session:
            applied.append(ledger.last_applied(session, area.area))
    return any(one < applied[0] for one in applied)
