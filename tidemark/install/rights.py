"""Roles, owners and grants of a layer: what they have to be, and the statements that restore them.

They get lost when a dump is restored on a server that lacks the roles, by another login, or without
owners and grants.

Schema and name decide which objects are Tidemark's: all in its own schemas and in landing schemas,
and in `public` and the areas' schemas those that the files of `sql/` create or `area.yml` names.
All others belong to somebody else, and are left alone.

The rights on an object come from the default privileges of tidemark_etl, and then from each `grant`
and `revoke` of the files. A `revoke` that was typed by hand lasts until the next migration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from tidemark.declare.config import Area
from tidemark.errors import MigrationError, StatementError
from tidemark.model import QualifiedName, ServerName, is_source
from tidemark.postgres import (
    compose,
    confined,
    db,
    logins,
    sqlfiles,
)
from tidemark.postgres.db import Session

_SCHEMAS: dict[ServerName, tuple[str, ...]] = {
    "mrr": ("tidemark", "landing"),
    "stg": ("tidemark", "landing"),
    "dwh": ("tidemark", "landing", "partitions"),
}
KINDS = {
    "table": "relation",
    "view": "relation",
    "sequence": "relation",
    "function": "routine",
    "procedure": "routine",
    "aggregate": "routine",
    "type": "type",
    "domain": "type",
    "schema": "schema",
}
NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_CREATE = re.compile(
    rf"""create\s+(?:or\s+replace\s+)?(?:unlogged\s+|foreign\s+|recursive\s+|materialized\s+)?
    (?P<kind>{"|".join(KINDS)})\s+(?:if\s+not\s+exists\s+)?
    (?:(?P<schema>{NAME})\s*\.\s*)?(?P<name>{NAME})""",
    re.IGNORECASE | re.VERBOSE,
)
_GRANT = re.compile(r"(grant|revoke)\b.*\bon\b", re.IGNORECASE | re.DOTALL)
_OF_SCHEMA = re.compile(r"\bon\s+all\s+\w+\s+in\s+schema\b", re.IGNORECASE)
_REFUSED = "42501"
_LACKING = {"3F000", "42704"}
"""SQLSTATEs of a schema or a role that is not there, since the login might not make it."""

Named = tuple[str, str, str]
"""Kind (schema, relation, routine, type), schema and name."""

BASIS = ("role", "member", "schema", "database", "public", "default")
"""Kinds of findings on which all others depend. Mending them does not wait for running hops."""
OWNERS = ("owner",)


@dataclass(frozen=True, slots=True)
class Ours:
    """Which objects of a server's database are Tidemark's."""

    server: ServerName
    names: frozenset[Named]
    schemas: frozenset[str]
    """Schemas that `migrate` makes."""
    shown: frozenset[str]
    """Schemas that analysts read."""
    grants: tuple[str, ...]
    """The grants and revokes of the files, in order."""

    def judges(self, found: Amiss) -> bool:
        """Whether a grant or revoke of a file is about the object of a finding."""
        word = re.compile(rf"\b{re.escape(found.name)}\b", re.IGNORECASE)
        return found.kind == "grant" and any(
            _OF_SCHEMA.search(each) or word.search(each) for each in self.grants
        )


@dataclass(frozen=True, slots=True)
class Amiss:
    """One role, owner or grant that is not as it has to be."""

    kind: str
    name: str
    what: str
    statement: str
    """What mends it. The login may lack the right to run it."""


def ours(server: ServerName, texts: Iterable[str], areas: Iterable[Area]) -> Ours:
    """Find what the files of a server, in their order, and the areas name."""
    areas = () if is_source(server) else tuple(areas)
    own = {*_SCHEMAS.get(server, ()), *(area.landing_schema for area in areas)}
    tables = {area.schema_name for area in areas}
    names = {("schema", schema, schema) for schema in own}
    names |= {("relation", *place) for place in _tables(server, areas)}
    grants = []
    for statement in (each for text in texts for each in sqlfiles.split(text)):
        if made := created(statement):
            names.add(made)
        elif _GRANT.match(statement):
            grants.append(statement)
    return Ours(
        server,
        frozenset(names),
        schemas=frozenset((own | tables) - {"public"}),
        shown=frozenset(tables | {"public"} if server == "dwh" else ()),
        grants=tuple(grants),
    )


def created(statement: str) -> Named | None:
    """Return the object that a statement creates, if it is of a kind that has owners."""
    found = _CREATE.match(statement)
    if not found:
        return None
    kind, schema, name = KINDS[found["kind"].lower()], found["schema"], found["name"]
    return kind, plain(schema or "public"), plain(name)


def _tables(server: ServerName, areas: Sequence[Area]) -> Iterator[QualifiedName]:
    for entity in (entity for area in areas for entity in area.entities.values()):
        if (server != "dwh" or entity.dwh) and (server != "mrr" or not entity.is_derived):
            schema, table = entity.table(server)
            yield schema, table
            if server != "dwh":
                yield schema, f"{table}_history"
            elif entity.at_view:
                yield entity.at_view
    for area in areas if server == "dwh" else ():
        yield from ((area.schema_name, name) for name in area.aggregates)


def plain(name: str) -> str:
    """Return a name as the catalog has it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def amiss(session: Session, wanted: Ours) -> list[Amiss]:
    """Find what is not as it has to be, in the order in which to mend it; writes nothing."""
    names = sorted(wanted.names)
    found = session.rows(
        compose.statement(__name__, "amiss"),
        {
            "made": sorted(wanted.schemas),
            "shown": sorted(wanted.shown),
            "kinds": [kind for kind, *_ in names],
            "schemas": [schema for _, schema, _ in names],
            "names": [name for *_, name in names],
        },
    )
    return [Amiss(*row) for row in found]


def lay(session: Session, wanted: Ours, *kinds: str) -> list[str]:
    """Mend roles, owners and the like, in the session's transaction.

    Args:
        session: a session of the login, which needs the rights to do so.
        wanted: what is Tidemark's.
        kinds: which findings to mend, `BASIS` or `OWNERS`.

    Returns:
        The statements that were needed.

    Raises:
        MigrationError: the login may not. The message has the statements for somebody who may.
    """
    found = amiss(session, wanted)
    due = [each for each in found if each.kind in kinds]
    done = [each.statement for each in due if _may(session, each)]
    if due and any(each.kind in kinds for each in amiss(session, wanted)):
        refuse(session, found)
    return done


def lay_grants(session: Session, wanted: Ours) -> list[str]:
    """Grant what the default privileges of tidemark_etl say, and then what the files say.

    Returns:
        The statements that were needed. Grants of the files are not among them: they are always
        run, whether they change something or not.
    """
    found = [each for each in amiss(session, wanted) if each.kind == "grant"]
    for each in found:
        confined.run(session, each.statement)
    for statement in wanted.grants:
        confined.run(session, compose.statement(__name__, "grant", text=db.literal(statement)))
    return [each.statement for each in found if not wanted.judges(each)]


def _may(session: Session, each: Amiss) -> bool:
    """Run the statement of a finding. Returns whether the login has the right to."""
    try:
        with session.savepoint():
            session.run(each.statement)
    except StatementError as error:
        if error.sqlstate not in {_REFUSED, *_LACKING}:
            raise
        return False
    return True


def refuse(session: Session, found: Sequence[Amiss]) -> NoReturn:
    """Say what the login may not mend, and what somebody else has to run.

    Raises:
        MigrationError: always.
    """
    who = logins.current(session)
    needed = [each for each in found if each.kind != "grant"]
    more = f", and {len(needed) - 1} more" if needed[1:] else ""
    raise MigrationError(
        f"{session.server}: {needed[0].what}{more}, and Tidemark's login {who.name} may "
        f"not mend it. {session.server} is as it was. Let {who.owner}, the database's owner, or a "
        f"superuser run `tidemark migrate`, or: {' '.join(each.statement for each in needed)}"
    )
