"""The login with which the console reads the layers."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

from tidemark.declare.project import Project
from tidemark.errors import ConfigError
from tidemark.install import servers
from tidemark.model import CONSOLE_ROLE, LAYERS, ServerName
from tidemark.postgres import compose, db, sessions


def dsns(project: Project) -> dict[ServerName, str]:
    """Return where the console reads: the layers that the environment names, with that login.

    Embedded servers, whose login is a superuser, get a login for it. They are started if need be.

    Raises:
        ConfigError, EmbeddedError: see `servers.resolve`; or the layers were not migrated yet.
    """
    with servers.resolve(project, LAYERS) as found:
        return {
            layer: let_in(found.dsns[layer], layer)
            if layer in found.embedded
            else found.dsns[layer]
            for layer in LAYERS
        }


def let_in(dsn: str, layer: ServerName) -> str:
    """Let the console's role log in, by a superuser's DSN; returns the DSN with which it does.

    Raises:
        ConfigError: there is no such role.
    """
    parts = urlsplit(dsn)
    # Two consoles of one project have the same login, so it has the same password each time.
    password = _derived(parts.password or "", CONSOLE_ROLE)
    with closing(sessions.connect(dsn, layer, purpose="console login", as_etl=False)) as session:
        if not session.value(compose.statement(__name__, "is_there"), {"role": CONSOLE_ROLE}):
            raise ConfigError(f"{layer}: there is no role {CONSOLE_ROLE}. Run `tidemark migrate`.")
        session.run(
            compose.statement(
                __name__, "let_in", role=db.name(CONSOLE_ROLE), password=db.literal(password)
            )
        )
    place = f"{CONSOLE_ROLE}:{password}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=place))


def _derived(secret: str, use: str) -> str:
    return hmac.new(secret.encode(), use.encode(), hashlib.sha256).hexdigest()
