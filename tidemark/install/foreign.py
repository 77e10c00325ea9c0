"""Whether a source's database is the sample's own, or that of somebody's application.

It is the sample's if `migrate --sample` has made its tables, which it does only in a database
without other tables. Embedded servers are Tidemark's own, and are not examined.
"""

from __future__ import annotations

import re

from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.errors import ConfigError
from tidemark.install import files, migrate
from tidemark.model import ServerName, dsn_variable
from tidemark.postgres import compose, db, driver_errors, sessions

_CREATED = re.compile(
    r"""\bcreate\s+(?:unlogged\s+|foreign\s+|materialized\s+)?(?:table|view)\s+
        (?:if\s+not\s+exists\s+)?(?:("[^"]+"|[\w$]+)\s*\.\s*)?("[^"]+"|[\w$]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_NAMED = 3


def refuse_migration(project: Project, opened: sessions.Servers, server: ServerName) -> None:
    """Refuse to make the sample's tables in a database that has others.

    Raises:
        ConfigError: the database has tables, and `migrate --sample` has made none of them.
    """
    samples = [area for area in project.reading(server) if _files(project, area)]
    if server in opened.embedded or not samples:
        return
    with opened.session(server, "sample") as session:
        if any(_is_made(project, session, area) for area in samples):
            return
        tables = _tables(session)
    if tables:
        raise ConfigError(
            f"migrate --sample: {_holds(opened, server, tables)}. Leave `--sample` out, or let "
            f"{dsn_variable(server)} name an empty database for the sample."
        )


def refuse_unmade(project: Project, opened: sessions.Servers, area: Area) -> None:
    """Refuse tables that `migrate --sample` has not made, although they have the sample's names.

    Raises:
        ConfigError: the area has files for them, and `migrate --sample` has applied none here.
    """
    server = area.source.name
    if server in opened.embedded or not _files(project, area):
        return
    with opened.session(server, "sample") as session:
        if _is_made(project, session, area):
            return
    where = driver_errors.redacted(opened.dsns[server])
    raise ConfigError(
        f"seed: {server}: {where}: `tidemark migrate --sample` has not made the tables of "
        f"{area.area} there, so they would be somebody else's; nothing was written. Run it, with "
        f"{dsn_variable(server)} naming a database for the sample alone."
    )


def refuse_others(project: Project, opened: sessions.Servers, server: ServerName) -> None:
    """Refuse a database that has got other tables since the sample was made.

    Raises:
        ConfigError: it has tables that no file of the sample's makes.
    """
    if server in opened.embedded:
        return
    texts = [file.text for file in files.of(project, server)]
    created = [found for text in texts for found in _CREATED.findall(text)]
    made = {(_folded(schema or "public"), _folded(table)) for schema, table in created}
    if not made:
        return
    with opened.session(server, "sample") as session:
        tables = [each for each in _tables(session) if each not in made]
    if tables:
        raise ConfigError(
            f"seed: {_holds(opened, server, tables)}. Let {dsn_variable(server)} name a database "
            f"for the sample alone, or drop them; tables that a file of sql/*/{server} makes are "
            "none."
        )


def _files(project: Project, area: Area) -> list[str]:
    """List the files that make the sample's tables of an area, once."""
    found = files.of(project, area.source.name)
    folder = f"{area.area}/{area.source.name}"
    return [file.path for file in found if (file.folder, file.lifetime) == (folder, "once")]


def _is_made(project: Project, session: db.Session, area: Area) -> bool:
    return not set(_files(project, area)) <= set(migrate.unapplied(project, session))


def _tables(session: db.Session) -> list[db.Row]:
    """List the tables that are neither PostgreSQL's, nor an extension's, nor Tidemark's."""
    return session.rows(compose.statement(__name__, "tables"))


def _folded(name: str) -> str:
    return name.strip('"') if name.startswith('"') else name.lower()


def _holds(opened: sessions.Servers, server: ServerName, tables: list[db.Row]) -> str:
    where = driver_errors.redacted(opened.dsns[server])
    names = ", ".join(f"{schema}.{table}" for schema, table in tables[:_NAMED])
    more = f" and {len(tables) - _NAMED} more" if len(tables) > _NAMED else ""
    return (
        f"{server}: {where} holds tables that are not the sample's ({names}{more}), so it is "
        "somebody's application; nothing was changed"
    )
