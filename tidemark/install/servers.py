"""Which servers a project uses: those that the environment names, and embedded ones."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark.declare import channels, environment
from tidemark.declare.project import Project
from tidemark.errors import ConfigError, ConnectError, did_you_mean
from tidemark.install import embedded
from tidemark.model import (
    ETL_ROLE,
    LAYERS,
    MONITOR_ROLE,
    Channels,
    ServerName,
    dsn_variable,
    is_source,
    url_variable,
)
from tidemark.postgres import driver_errors, sessions, settings

if TYPE_CHECKING:
    import sqlalchemy


def embedded_folder(project: Project) -> Path:
    """The folder of the project's embedded servers."""
    return project.home / ".tidemark"


def resolve(project: Project, needed: Sequence[ServerName] | None = None) -> sessions.Servers:
    """Return the project's servers. Embedded servers that do not run are started.

    Args:
        project: says which servers there are.
        needed: of these; by default all. Who reads no source needs the layers alone.

    Raises:
        ConfigError: see `configured_dsns` and `configured_channels`; or the URL of a source is set
            that there is not.
        EmbeddedError: an embedded server can't be started.
    """
    found = configured_channels(project, os.environ)
    dsns = configured_dsns(project, os.environ)
    names = project.servers if needed is None else needed
    folder, own = embedded_folder(project), _without(dsns, names)
    if own:
        dsns |= embedded.running(folder, own) or embedded.start(folder, own)
    return _named(project, {name: dsns[name] for name in names}, own, found)


def running(project: Project) -> sessions.Servers | None:
    """Return the project's servers as `resolve` does, and start none; None: one is not running."""
    dsns = configured_dsns(project, os.environ)
    folder, own = embedded_folder(project), _without(dsns, project.servers)
    there = embedded.running(folder, own) if own else {}
    if there is None:
        return None
    dsns |= there
    named = {server: dsns[server] for server in project.servers}
    return _named(project, named, own, configured_channels(project, os.environ))


def _named(
    project: Project,
    dsns: Mapping[ServerName, str],
    own: Collection[ServerName],
    found: Channels | None,
) -> sessions.Servers:
    return sessions.Servers(
        dsns,
        embedded=own,
        urls=configured_urls(project, os.environ),
        channels=found,
    )


def watched(project: Project) -> sessions.Servers:
    """Return the layers that are configured, as who only watches needs them: at least the DWH.

    Sessions have the rights of tidemark_etl if the login has them, else those of tidemark_monitor.

    Raises:
        ConfigError, EmbeddedError: see `resolve`.
    """
    dsns = configured_dsns(project, os.environ, needed=("dwh",))
    own = () if "dwh" in dsns else LAYERS
    if own:
        folder = embedded_folder(project)
        dsns |= embedded.running(folder, own) or embedded.start(folder, own)
    named: dict[ServerName, str] = {layer: dsns[layer] for layer in LAYERS if layer in dsns}
    return sessions.Servers(named, embedded=own, roles=(ETL_ROLE, MONITOR_ROLE))


@contextmanager
def explaining(project: Project) -> Iterator[None]:
    """If a connection of the block breaks since an embedded server has ended, say that instead.

    Raises:
        EmbeddedError: names the server, and shows the end of its log.
    """
    try:
        yield
    except ConnectError:
        if own := embedded_names(project):
            embedded.check(embedded_folder(project), own)
        raise


def embedded_names(project: Project) -> tuple[ServerName, ...]:
    """Return the names of the servers that are embedded, since no DSN is set for them."""
    return _without(configured_dsns(project, os.environ), project.servers)


def _without(dsns: Mapping[ServerName, str], names: Iterable[ServerName]) -> tuple[ServerName, ...]:
    return tuple(name for name in names if name not in dsns)


def engine(
    dsn: str, server: ServerName, *, values: Mapping[str, str] = settings.VALUES
) -> sqlalchemy.Engine:
    """Make an SQLAlchemy engine on a server, pooled and pre-pinged: for applications, notebooks.

    Each connection sets `values` first.
    """
    import sqlalchemy

    def creator() -> Any:
        return sessions.pinned(dsn, server, f"tidemark engine {server}", values)

    return sqlalchemy.create_engine("postgresql+psycopg2://", creator=creator, pool_pre_ping=True)


def configured_dsns(
    project: Project, environ: Mapping[str, str], *, needed: Collection[ServerName] = LAYERS
) -> dict[ServerName, str]:
    """Read the DSNs from the environment and `.env` (the environment wins).

    Returns:
        Name -> DSN. The layers that are needed are all there, or no layer is; each source is there
        or not.

    Raises:
        ConfigError: only some layers have one, a source has two that differ, or one is of no server
            of the project.
    """
    values = environment.values(project.home, environ)
    found = {
        variable: values[variable]
        for variable in sorted(values)
        if re.fullmatch("TIDEMARK_[A-Z0-9_]+_DSN", variable) and values[variable]
    }
    known = [variable for server in project.servers for variable in _variables(server)]
    _refuse_unknown(found, project, known)
    dsns = {}
    for server in project.servers:
        named = {variable: found[variable] for variable in _variables(server) if variable in found}
        if len(set(named.values())) > 1:
            raise ConfigError(
                f"environment: {' and '.join(named)} are both for {server}, and differ: "
                f"{' and '.join(map(driver_errors.redacted, named.values()))}. Unset one of them."
            )
        if named:
            dsns[server] = next(iter(named.values()))
    _refuse_some_layers(dsns, needed)
    return dsns


def configured_urls(project: Project, environ: Mapping[str, str]) -> dict[str, str]:
    """Read from the environment and `.env` where the files of sources are: source -> url."""
    values = environment.values(project.home, environ)
    sources = {
        url_variable(area.source.name): area.source.name
        for area in project.areas.values()
        if area.has_files
    }
    found = [name for name in values if re.fullmatch("TIDEMARK_SOURCE_[A-Z0-9_]+_URL", name)]
    _refuse_unknown(found, project, sources)
    return {sources[variable]: values[variable] for variable in found if values[variable]}


def configured_channels(project: Project, environ: Mapping[str, str]) -> Channels | None:
    """Read from the environment and `.env` where alerts go; see `channels.configured`."""
    values = environment.values(project.home, environ)
    return channels.configured(project.home, values.get(channels.VARIABLE, ""))


def _variables(server: ServerName) -> tuple[str, ...]:
    """Return the variables that may hold a server's DSN: `operational` has a short one as well."""
    by_rule = (f"TIDEMARK_SOURCE_{server.upper()}_DSN",) if is_source(server) else ()
    return tuple(dict.fromkeys((dsn_variable(server), *by_rule)))


def _refuse_unknown(found: Iterable[str], project: Project, known: Collection[str]) -> None:
    sources = dict.fromkeys(area.source.name for area in project.areas.values())
    for variable in found:
        if variable not in known:
            hint = did_you_mean(variable, known).replace("'", "")
            raise ConfigError(
                f"environment: {variable} is set, and this project has no such server."
                f"{hint and ' '}{hint} Its sources are {', '.join(sources)} (`source.name` "
                "in area.yml). Unset the variable, or give a source that name."
            )


def _refuse_some_layers(dsns: Mapping[ServerName, str], needed: Collection[ServerName]) -> None:
    present = [dsn_variable(layer) for layer in LAYERS if layer in dsns]
    missing = [dsn_variable(layer) for layer in LAYERS if layer in needed and layer not in dsns]
    if present and missing:
        all_of_them = "all three" if len(needed) > 1 else "it as well"
        raise ConfigError(
            f"environment: {', '.join(missing)} not set, but {', '.join(present)} is. "
            f"Set {all_of_them}, or none to use embedded servers."
        )
