"""Why an attempt to connect failed, as one of our errors: what is wrong, and what to do.

The driver gives no SQLSTATE here, so the text of the message has to tell. libpq's own texts are
always English. A server's are in the language of its `lc_messages`. A text that is not known is
judged by who wrote it: in front of a server's message, libpq prints its severity and two blanks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import psycopg2

from tidemark.errors import ConnectError
from tidemark.model import ServerName, dsn_variable
from tidemark.postgres.driver_errors import parsed, redacted


class _Kind(NamedTuple):
    """A kind of failure.

    `{dsn}` stands for the name of the variable, `{name}` for a group of the pattern.
    """

    pattern: str
    what: str
    todo: str
    passes: bool = False
    """Whether it ends by itself, so that the same login works later."""
    says_all: bool = False
    """Whether `what` says all, so that the original message is left out."""


_TLS = "docs/operations.md#tls"
_ROOT = f"`sslrootcert=/path/to/ca.crt` in {{dsn}} ({_TLS})"
_CA = f"Name the file of the CA that signed it: {_ROOT}."
_OWN_CERT = (
    f"Name a certificate that the server's CA signed for this login and that is in force, and its "
    f"key, as `sslcert=…&sslkey=…` in {{dsn}} ({_TLS})."
)
_UNVERIFIED = "the server's certificate is refused"
_KINDS = [
    # The login.
    _Kind(
        "(?<!certificate )authentication failed for user|no password supplied|no such user",
        "the login is refused",
        "Put the right user and password into {dsn}.",
        says_all=True,
    ),
    _Kind(
        'role ".*" (is not permitted to log in|does not exist)',
        "the login is refused",
        "Run `create role … login` or `alter role … login` there, or name another user in {dsn}.",
    ),
    _Kind(
        'database ".*" does not exist|no such database',
        "there is no such database",
        "Run `create database …` there, or correct {dsn}.",
    ),
    _Kind(
        "permission denied for database",
        "the login may not enter the database",
        "Run `grant connect on database … to …` there.",
    ),
    _Kind(
        "too many c|connection slots are reserved|no more connections allowed",
        "the server has no connection left",
        "Close some, or raise the limit of the role, the database or the server.",
    ),
    # Encryption.
    _Kind(
        "does not support SSL",
        "it does not encrypt, and the DSN asks for it",
        f"Set `ssl = on` there ({_TLS}), or take sslmode out of {{dsn}}.",
    ),
    _Kind(
        "SSL (encryption|on)",
        "no line of its pg_hba.conf lets this login in",
        "Add one there, and run `select pg_reload_conf()`.",
    ),
    _Kind(
        "no encryption|SSL (off|required)",
        "no line of its pg_hba.conf lets this login in without encryption",
        f"Encrypt, by `sslmode=verify-full` and {_ROOT}, or add a line "
        "there, and run `select pg_reload_conf()`.",
    ),
    _Kind(
        'root certificate file "(?P<file>.*)" does not exist',
        "there is no file {file}, so the server's certificate can't be verified",
        _CA,
        says_all=True,
    ),
    _Kind(
        'could not read root certificate file "(?P<file>[^"]*)"',
        "{file} can't be read as a CA's certificate",
        _CA,
    ),
    _Kind(
        "certificate verify failed",
        _UNVERIFIED,
        f"Give the server one that is in force, or name the CA that signed it: {_ROOT}.",
    ),
    _Kind(
        r'certificate for "(?P<named>.*)" (\(and .*\) )?does not match host name "(?P<host>.*)"',
        "the server's certificate is one of {named}, and not of {host}",
        "Name the host in {dsn} as the certificate does, and its address by `hostaddr` if need be; "
        "or give the server a certificate of its own name.",
        says_all=True,
    ),
    _Kind(
        'private key file "(?P<file>.*)" has group or world access',
        "others may read the key of the client's certificate, {file}",
        "Run `chmod 600 {file}`.",
        says_all=True,
    ),
    _Kind(
        "(certificate|private key) file|could not load private key",
        "the client's certificate or its key can't be used",
        _OWN_CERT,
    ),
    _Kind(
        "valid client certificate|certificate authentication failed|certificate required"
        "|alert (unknown ca|decrypt error|(bad |unsupported )?certificate)",
        "the client's certificate is missing, or refused",
        _OWN_CERT,
    ),
    _Kind(
        "channel binding|authentication method requirement",
        "it does not offer the authentication that the DSN asks for",
        f"Correct channel_binding or require_auth in {{dsn}} ({_TLS}).",
    ),
    _Kind("sslmode|sslrootcert|sslnegotiation", "the DSN contradicts itself", "Correct {dsn}."),
    _Kind("SSL error", "it can't be encrypted", f"Its log may say more ({_TLS})."),
    # The place.
    _Kind(
        "is starting up|shutting down|recovery mode|not (yet )?accepting connections",
        "the server does not take connections now",
        "Run the command again in a moment.",
        passes=True,
    ),
    _Kind(
        "No space left on device",
        "its disk is full",
        "Enlarge the disk, or delete from it what is not PostgreSQL's.",
    ),
    _Kind(
        "session is (not )?read-only|server is (not )?in hot standby",
        "no host is what target_session_attrs asks for",
        "Correct the hosts or target_session_attrs in {dsn}.",
    ),
    _Kind(
        "could not translate host name",
        "its name is not known here",
        "Correct the host in {dsn}, or what resolves names.",
    ),
    # A pooler.
    _Kind(
        "unsupported startup parameter",
        "the pooler refuses what the DSN sets",
        "Take `options` out of {dsn}, or let it name the server's own port.",
    ),
    _Kind(
        "query_wait_timeout",
        "the pool had no connection left to lend",
        "Raise its pool_size, or let {dsn} name the server's own port.",
    ),
]
_OF_THE_USER = _KINDS[:4]
_ANSWERED = re.compile(r"(^|failed: )[^\s:]+:  ")
_PLACE = re.compile(r'^connection to server at "[^"]*"( \([^)]*\))?, port \d+ failed: ')


def is_answer(error: psycopg2.Error) -> bool:
    """Whether the error is the answer of a server or a pooler. If not, nobody was reached."""
    return error.pgcode is not None or _ANSWERED.search(str(error).strip()) is not None


def is_refusal(error: psycopg2.Error) -> bool:
    """Whether the server answers that this user, with this password, may not log in."""
    first = next((kind for kind in _KINDS if re.search(kind.pattern, str(error))), None)
    return is_answer(error) and (first is None or first in _OF_THE_USER)


def of(error: psycopg2.Error, dsn: str, server: ServerName, *, has_answered: bool) -> ConnectError:
    """Turn the driver's error into one of ours.

    A server that has answered this process before may come back. Then the error is transient,
    unless it is of a known kind that does not end by itself.
    """
    text, name = str(error).strip(), dsn_variable(server)
    subject, reason = f"{server}: {redacted(dsn)}", " ".join(text.split()).rstrip(".")
    for kind in _KINDS:
        if found := re.search(kind.pattern, text):
            what = kind.what.format(**found.groupdict())
            if kind.what == _UNVERIFIED:
                # Imported late: it takes longer than a hop that finds nothing.
                from tidemark.postgres import certificates

                reason += certificates.why_refused(text, parsed(dsn) or {})
            told = "" if kind.says_all else f": {_PLACE.sub('', reason)}"
            todo = kind.todo.format(dsn=name, **found.groupdict())
            if kind is _KINDS[0] and "sslcert" in (parsed(dsn) or {}):
                todo += f" The server may ask for a certificate of this user, too ({_TLS})."
            return ConnectError(f"{subject}: {what}{told}. {todo}", is_transient=kind.passes)
    if is_answer(error):
        what, todo = ": the server refuses", f"Correct {name}, or what the server allows."
    else:
        what, todo = " can't be reached", f"Start the server, or correct {name}."
    return ConnectError(f"{subject}{what}: {reason}. {todo}", is_transient=has_answered)
